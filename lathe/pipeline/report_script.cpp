#include "lathe/pipeline/report_assets.h"

namespace lathe::pipeline {

const char* const kReportScript = R"js(
const specifications = JSON.parse(document.getElementById('charts').textContent);
const figures = [...document.querySelectorAll('figure.chart')];
const views = new Map();

// The page's colours and sizes, as Vega's defaults for everything that a specification leaves open.
function theme(width) {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  const list = (name) => value(name).split(/\s+/);
  const font = getComputedStyle(document.body).fontFamily;
  const text = {labelFont: font, titleFont: font, labelFontSize: 11, titleFontSize: 12, titleFontWeight: 500,
                labelColor: value('--muted'), titleColor: value('--ink'), labelLimit: Math.min(130, 0.22 * width)};
  return {
    background: null,
    axis: {...text, domainColor: value('--line'), tickColor: value('--line'), gridColor: value('--line'),
           gridOpacity: 0.8, titlePadding: 8},
    legend: {...text, labelColor: value('--ink'), labelFontSize: 12, labelLimit: width - 60, symbolStrokeWidth: 2, rowPadding: 4},
    range: {category: list('--series'), ramp: list('--ramp')},
    rect: {fill: list('--series')[0]},
    text: {fill: value('--ink'), font, fontSize: 11},
  };
}

function fail(figure, message) {
  const note = document.createElement('p');
  note.className = 'failure';
  note.setAttribute('role', 'alert');
  note.textContent = message;
  figure.querySelector('.drawing').replaceChildren(note);
  console.error(`${figure.querySelector('figcaption').textContent}: ${message}`);
}

async function draw(figure, index) {
  const drawing = figure.querySelector('.drawing');
  const specification = specifications[index];
  try {
    views.get(figure)?.finalize();
    const width = Math.min(specification.width, drawing.clientWidth);
    const view = new vega.View(vega.parse({...specification, width}, theme(width)),
                               {renderer: 'svg', container: drawing, hover: true});
    views.set(figure, view);
    await view.runAsync();
  } catch (error) {
    fail(figure, `This chart could not be drawn: ${error.message}`);
    return;
  }
  const expected = Number(figure.dataset.marks);
  const drawn = figure.querySelectorAll('g.data > *').length;
  if (drawn !== expected) fail(figure, `This chart could not be drawn: ${drawn} of its ${expected} marks appeared.`);
}

async function drawAll() {
  await Promise.all(figures.map(draw));
  document.documentElement.dataset.drawn = figures.length;
}

// Widths, not heights: drawing changes the height.
const widths = new Map(figures.map((figure) => [figure, figure.clientWidth]));
const observer = new ResizeObserver((entries) => {
  for (const {target} of entries) {
    if (target.clientWidth === widths.get(target)) continue;
    widths.set(target, target.clientWidth);
    draw(target, figures.indexOf(target));
  }
});
drawAll();
figures.forEach((figure) => observer.observe(figure));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
)js";

}  // namespace lathe::pipeline
