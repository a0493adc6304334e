#include "lathe/evaluate/checklist/html_assets.h"

namespace lathe::evaluate::checklist {

const char* const kPageStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --panel: #ffffff; --line: #e3e3df; --ink: #1d2126; --muted: #5d636a;
  --accent: #2f6db5; --pass: #3a9a78; --fail: #c24a2c; --filter: #b9bcbf; --heat: 194, 74, 44;
  --old: #fbe3dc; --new: #d8efe5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --panel: #1b1f23; --line: #30363c; --ink: #e6e8ea; --muted: #9aa3ab;
    --accent: #74aef0; --pass: #54b591; --fail: #ef8a69; --filter: #565d64; --heat: 224, 104, 74;
    --old: #532c21; --new: #1d4636;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 48px 32px 72px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 44px 0 12px; font-size: 19px; line-height: 1.3; font-weight: 650; }
.subtitle, .hint { margin: 8px 0 0; color: var(--muted); overflow-wrap: anywhere; }
.hint { font-size: 13px; }
kbd { font: 12px ui-monospace, monospace; border: 1px solid var(--line); border-radius: 4px; padding: 1px 5px; background: var(--panel); }
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 28px 0 0; }
.headline div { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.headline dt { color: var(--muted); font-size: 13px; }
.headline dd { margin: 2px 0 0; font-size: 23px; line-height: 1.25; font-weight: 620; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 14px; text-align: left; vertical-align: middle; }
th { color: var(--muted); font-weight: 550; font-size: 13px; white-space: nowrap; }
tbody tr { border-top: 1px solid var(--line); }
tbody th { color: var(--ink); font-size: 14px; }
button, input, select { font: inherit; color: inherit; }
button { background: none; border: 0; padding: 0; cursor: pointer; text-align: left; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.matrix td { padding: 4px; width: 25%; }
.matrix button { width: 100%; padding: 8px 12px; border-radius: 6px; background: rgba(var(--heat), var(--share)); }
.matrix button[aria-pressed="true"] { box-shadow: inset 0 0 0 2px var(--accent); }
.matrix small { display: block; color: var(--muted); }
.matrix button small { color: inherit; opacity: 0.8; }
.tools { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; margin: 0 0 12px; }
.tools input, .tools select, .tools button { padding: 6px 10px; border: 1px solid var(--line); border-radius: 7px; background: var(--panel); }
.tools input { flex: 1 1 220px; min-width: 0; }
.tools select { max-width: 220px; }
.count { color: var(--muted); font-size: 13px; }
.tests td:first-child { width: 36%; min-width: 200px; }
.tests .name { width: 100%; font-weight: 560; overflow-wrap: anywhere; }
.tests .name::before { content: "▸"; display: inline-block; width: 1.2em; color: var(--muted); }
.tests .name[aria-expanded="true"]::before { content: "▾"; }
.number { text-align: right; white-space: nowrap; }
.bar { display: flex; min-width: 110px; height: 12px; border-radius: 4px; overflow: hidden; background: var(--line); }
.bar .failed { background: var(--fail); } .bar .passed { background: var(--pass); } .bar .filtered { background: var(--filter); }
.rate { position: relative; height: 8px; margin-top: 5px; min-width: 110px; border-bottom: 1px solid var(--line); }
.rate span { position: absolute; top: 3px; height: 3px; border-radius: 2px; background: var(--muted); }
.panel { padding: 4px 0 14px 1.2em; }
.panel .description { margin: 0 0 10px; color: var(--muted); max-width: 80ch; }
.example { border: 1px solid var(--line); border-left: 4px solid var(--filter); border-radius: 8px; padding: 8px 12px; margin: 0 0 8px; background: var(--page); }
.example.f { border-left-color: var(--fail); } .example.p { border-left-color: var(--pass); }
.example .verdict { color: var(--muted); font-size: 13px; }
.input { display: flex; flex-wrap: wrap; gap: 2px 14px; justify-content: space-between; align-items: baseline; padding: 3px 0; }
.input + .input { border-top: 1px dashed var(--line); }
.input .text { flex: 1 1 380px; min-width: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
.input .field { color: var(--muted); font-size: 12px; margin-right: 6px; }
.input .answer { white-space: nowrap; font-size: 13px; }
.chances { display: inline-block; vertical-align: middle; width: 60px; height: 7px; margin-left: 6px; border-radius: 3px; background: var(--line); overflow: hidden; }
.chances i { display: block; height: 100%; background: var(--accent); }
del { background: var(--old); text-decoration: line-through; border-radius: 3px; padding: 0 2px; }
ins { background: var(--new); text-decoration: none; border-radius: 3px; padding: 0 2px; }
.meta { color: var(--muted); font-size: 12px; overflow-wrap: anywhere; }
.more { padding: 6px 12px; border: 1px solid var(--line); border-radius: 7px; background: var(--panel); }
.warning { color: var(--fail); }
@media (max-width: 640px) {
  main { padding: 28px 14px 48px; }
  th, td { padding: 6px 9px; }
  .panel { padding-left: 0; }
  .tests tr:not(.detail) > :is(:nth-child(2), :nth-child(3), :nth-child(4)) { display: none; }
  .tests td:first-child { min-width: 110px; }
  .bar, .rate { min-width: 60px; }
  .tests th:last-child { white-space: normal; }
  .input .answer { white-space: normal; }
}
)css";

}  // namespace lathe::evaluate::checklist
