#include "lathe/pipeline/report_assets.h"

namespace lathe::pipeline {

const char* const kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #fbfbfa;
  --panel: #ffffff;
  --line: #e3e3df;
  --ink: #1d2126;
  --muted: #62686f;
  --accent: #2f6db5;
  --warning: #a4401f;
  --series: #2f6db5 #d97f2c #3a9a78 #b8476c #7a66b3 #8a7448 #2f9bb8 #a3a02f #6b7480 #d0605e;
  --ramp: #f1f5fa #c3d7ed #8bb3dc #4f88c2 #225f9f #123a68;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a;
    --panel: #1b1f23;
    --line: #30363c;
    --ink: #e6e8ea;
    --muted: #9aa3ab;
    --accent: #74aef0;
    --warning: #f0936c;
    --series: #74aef0 #f0a35c #62c7a1 #ec82a6 #ad9bea #c4ab76 #62c6e0 #d0cd5e #a3adb8 #f08e8c;
    --ramp: #20262d #1f3d5c #23588a #3579bb #69a5e3 #b7d8fb;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0;
  background: var(--page);
  color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 48px 32px 72px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 0 0 12px; font-size: 19px; line-height: 1.3; font-weight: 650; letter-spacing: -0.005em; }
.subtitle { margin: 8px 0 0; color: var(--muted); overflow-wrap: anywhere; }
p { margin: 0 0 12px; max-width: 72ch; }
section { margin-top: 44px; }
main section > * + * { margin-top: 18px; }
.headline {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
  gap: 12px;
  margin: 28px 0 0;
}
.headline div { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.headline dt { color: var(--muted); font-size: 13px; }
.headline dd { margin: 2px 0 0; font-size: 23px; line-height: 1.25; font-weight: 620; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
nav { margin-top: 26px; font-size: 14px; }
nav ol { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0; padding: 0; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.table { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; max-width: 100%; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 16px; text-align: left; vertical-align: baseline; }
td:first-child { min-width: 8em; }
th { color: var(--muted); font-weight: 550; font-size: 13px; white-space: nowrap; }
thead:has(th:first-child:empty) { display: none; }
tbody tr { border-top: 1px solid var(--line); }
thead:has(th:first-child:empty) + tbody tr:first-child { border-top: 0; }
.number { text-align: right; white-space: nowrap; }
.blocks { display: flex; flex-wrap: wrap; gap: 18px; align-items: flex-start; }
figure {
  flex: 0 1 auto;
  width: calc(var(--width) * 1px + 34px);
  max-width: 100%;
  margin: 0;
  padding: 14px 16px 12px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 10px;
}
figcaption { font-size: 14px; font-weight: 600; margin-bottom: 8px; overflow-wrap: anywhere; }
.drawing svg { display: block; max-width: 100%; height: auto; }
.note { margin: 0; color: var(--muted); font-size: 14px; }
.failure { margin: 0; color: var(--warning); font-size: 14px; font-weight: 550; }
pre {
  margin: 0;
  padding: 14px 16px;
  overflow-x: auto;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 10px;
  font: 13px/1.5 ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace;
}
@media (max-width: 600px) {
  main { padding: 28px 16px 48px; }
  h1 { font-size: 25px; }
  section { margin-top: 34px; }
  .headline { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .headline dd { font-size: 19px; }
  th, td { padding: 7px 12px; }
}
@media print {
  main { max-width: none; padding: 0; }
  figure, .table, pre { break-inside: avoid; }
}
)css";

}  // namespace lathe::pipeline
