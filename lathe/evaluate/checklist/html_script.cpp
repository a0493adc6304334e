#include "lathe/evaluate/checklist/html_assets.h"

namespace lathe::evaluate::checklist {

const char* const kPageScript = R"js(
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const types = ['MFT', 'INV', 'DIR'];
const typeNames = {MFT: 'minimum functionality', INV: 'invariance', DIR: 'directional'};
const pageSize = 20;
const state = {cell: null, name: '', open: null};

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}
const percent = (thousandths) => thousandths === null ? '–' : (thousandths / 10).toFixed(1) + ' %';
const plural = (n, word) => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`;
const cases = (test) => test.passed + test.failed + test.filtered;

// Where each case begins among the test's examples.
function begins(test) {
  if (!test.begins) {
    let at = 0;
    test.begins = test.sizes.map((size) => (at += size) - size);
  }
  return test.begins;
}

// ---- head ----

function head() {
  const ran = data.tests.filter((test) => test.rate !== null);
  const failed = ran.reduce((sum, test) => sum + test.failed, 0);
  const all = ran.reduce((sum, test) => sum + test.passed + test.failed, 0);
  const numbers = [['Tests', data.tests.length], ['Cases', data.tests.reduce((sum, test) => sum + cases(test), 0)],
                   ['Tests with failures', ran.filter((test) => test.failed > 0).length],
                   ['Failing cases', all === 0 ? '–' : percent(1000 * failed / all)]];
  const missing = data.tests.length - ran.length;
  if (missing > 0) numbers.push(['Tests without a rate', missing]);
  return [
    element('h1', {text: data.name}),
    element('p', {class: 'subtitle', text: [data.model, data.description].filter(Boolean).join(' · ')}),
    element('dl', {class: 'headline'}, ...numbers.map(([name, value]) =>
      element('div', {}, element('dt', {text: name}), element('dd', {text: value.toLocaleString('en')})))),
  ];
}

// ---- matrix ----

function matrix() {
  const body = element('tbody');
  for (const capability of data.capabilities) {
    const row = element('tr', {}, element('th', {scope: 'row', text: capability}));
    for (const type of types) row.append(element('td', {}, cell(capability, type)));
    body.append(row);
  }
  return element('div', {class: 'scroll'}, element('table', {class: 'matrix', 'aria-label': 'Failure rates by capability and type of test'},
    element('thead', {}, element('tr', {}, element('th', {scope: 'col', text: 'Capability'}),
      ...types.map((type) => element('th', {scope: 'col', text: type, title: typeNames[type]})))), body));
}

function cell(capability, type) {
  const tests = data.tests.filter((test) => test.capability === capability && test.type === type);
  if (tests.length === 0) return '';
  const rates = tests.map((test) => test.rate).filter((rate) => rate !== null);
  const low = Math.min(...rates), high = Math.max(...rates);
  const range = rates.length === 0 ? 'no rate' : low === high ? percent(low) : `${percent(low).replace(' %', '')} – ${percent(high)}`;
  return element('button', {
    'aria-pressed': 'false', 'data-capability': capability, 'data-type': type,
    style: `--share: ${rates.length === 0 ? 0 : 0.04 + 0.66 * high / 1000}`,
    'aria-label': `${capability}, ${typeNames[type]}: ${plural(tests.length, 'test')}, failure rate ${range}`,
    onclick: () => chooseCell(capability, type),
  }, range, element('small', {text: plural(tests.length, 'test')}));
}

function chooseCell(capability, type) {
  const same = state.cell && state.cell.capability === capability && state.cell.type === type;
  state.cell = same ? null : {capability, type};
  for (const button of document.querySelectorAll('.matrix button'))
    button.setAttribute('aria-pressed', String(!same && button.dataset.capability === capability && button.dataset.type === type));
  drawTests();
}

// ---- tests ----

function shownTests() {
  const words = state.name.toLowerCase();
  return data.capabilities.flatMap((capability) => data.tests.filter((test) => test.capability === capability)).filter((test) =>
    (!state.cell || (test.capability === state.cell.capability && test.type === state.cell.type)) &&
    `${test.capability} ${test.type} ${test.name} ${test.description}`.toLowerCase().includes(words));
}

function drawTests() {
  const body = document.querySelector('.tests tbody');
  body.replaceChildren();
  const tests = shownTests();
  for (const test of tests) body.append(testRow(test));
  if (!tests.includes(state.open)) state.open = null;
  if (state.open) openTest(state.open);
  document.getElementById('shown').textContent = plural(tests.length, 'test') +
    (state.cell ? ` of ${state.cell.capability}, ${state.cell.type}` : '');
}

function testRow(test) {
  const total = Math.max(1, cases(test));
  const part = (kind) => element('span', {class: kind, style: `width:${100 * test[kind] / total}%`});
  const ran = test.rate !== null;
  const row = element('tr', {},
    element('td', {}, element('button', {class: 'name', 'aria-expanded': 'false', text: test.name,
                                         onclick: () => state.open === test ? closeTest() : openTest(test)})),
    element('td', {text: test.capability}), element('td', {text: test.type, title: typeNames[test.type]}),
    element('td', {class: 'number', text: cases(test).toLocaleString('en')}),
    element('td', {class: ran ? 'number' : 'number warning', text: ran ? percent(test.rate) : test.notRun ? 'not run' : 'filtered'}),
    element('td', {}, element('div', {class: 'bar', role: 'img', title: `${test.failed} failed, ${test.passed} passed, ${test.filtered} filtered`,
                                      'aria-label': `${test.failed} failed, ${test.passed} passed, ${test.filtered} filtered`},
                              part('failed'), part('passed'), part('filtered')),
      element('div', {class: 'rate', role: 'img', 'aria-label': ran ? `95 % interval ${percent(test.low)} to ${percent(test.high)}` : 'no rate',
                      title: ran ? `95 % interval ${percent(test.low)} – ${percent(test.high)}` : 'not run'},
        ran ? element('span', {style: `left:${test.low / 10}%;width:${Math.max(1, (test.high - test.low) / 10)}%`}) : null)));
  row.test = test;
  return row;
}

const rowOf = (test) => [...document.querySelectorAll('.tests tbody tr')].find((row) => row.test === test);

function openTest(test) {
  if (state.open && state.open !== test) closeTest();
  const row = rowOf(test);
  if (row.nextSibling && !row.nextSibling.test) row.nextSibling.remove();
  state.open = test;
  row.querySelector('.name').setAttribute('aria-expanded', 'true');
  row.after(element('tr', {class: 'detail'}, element('td', {colspan: '6'}, panel(test))));
  drawExamples(test);
}

function closeTest() {
  const row = state.open && rowOf(state.open);
  state.open = null;
  if (!row) return;
  row.nextSibling.remove();
  const button = row.querySelector('.name');
  button.setAttribute('aria-expanded', 'false');
  button.focus();
}

// ---- examples of a test ----

function panel(test) {
  test.view ??= {status: test.failed > 0 ? 'f' : '', search: '', tag: '', shown: pageSize};
  const view = test.view;
  const redraw = () => { view.shown = pageSize; drawExamples(test); };
  const statuses = [['', 'all cases'], ['f', 'failed'], ['p', 'passed'], ['x', 'filtered']];
  const status = element('select', {'aria-label': 'Which cases', onchange: (event) => { view.status = event.target.value; redraw(); }},
    ...statuses.map(([value, text]) => element('option', {value, text, selected: view.status === value ? '' : null})));
  const search = element('input', {type: 'search', placeholder: 'Search texts', 'aria-label': 'Search texts', value: view.search,
                                   oninput: (event) => { view.search = event.target.value; redraw(); }});
  const tags = (test.tags ?? []).flatMap((tag, t) => tag.values.map((value, v) => [`${t}:${v}`, `${tag.name} = ${value}`]));
  const tag = tags.length === 0 ? null : element('select', {'aria-label': 'Which tag', onchange: (event) => { view.tag = event.target.value; redraw(); }},
    element('option', {value: '', text: 'any tag'}), ...tags.map(([value, text]) => element('option', {value, text, selected: view.tag === value ? '' : null})));
  return element('div', {class: 'panel', role: 'region', 'aria-label': `Examples of ${test.name}`},
    element('p', {class: 'description', text: test.notRun ? `Not run: ${test.notRun}` : `${test.description}${test.description ? ' ' : ''}Expects ${test.expect}.`}),
    test.notRun ? null : element('div', {class: 'tools'}, search, status, tag, element('span', {class: 'count', role: 'status', 'aria-live': 'polite'})),
    element('div', {class: 'examples'}));
}

// The cases that the filters leave, those that fail worst first.
function shownCases(test) {
  const {status, search, tag} = test.view, words = search.toLowerCase(), fields = data.fields.length, first = begins(test);
  const [wantedTag, wantedValue] = tag.split(':').map(Number);
  const numTags = (test.tags ?? []).length, list = [];
  for (let c = 0; c < test.sizes.length; ++c) {
    if (status && test.status[c] !== status) continue;
    if (tag && test.meta[c * numTags + wantedTag] !== wantedValue) continue;
    if (words && !test.texts.slice(first[c] * fields, (first[c] + test.sizes[c]) * fields).some((text) => text.toLowerCase().includes(words))) continue;
    list.push(c);
  }
  return list.sort((a, b) => (test.worst[a] ?? 2000) - (test.worst[b] ?? 2000) || a - b);
}

function drawExamples(test) {
  const place = rowOf(test).nextSibling, examples = place.querySelector('.examples');
  if (test.notRun) return;
  const list = shownCases(test), shown = list.slice(0, test.view.shown);
  place.querySelector('.count').textContent = plural(list.length, 'case');
  examples.replaceChildren(...shown.map((c) => example(test, c)));
  if (list.length > shown.length)
    examples.append(element('button', {class: 'more', text: `Show ${Math.min(pageSize, list.length - shown.length)} more of ${list.length - shown.length}`,
      onclick: () => { const at = shown.length; test.view.shown += pageSize; drawExamples(test); examples.children[at]?.focus(); }}));
}

const verdicts = {p: 'passed', f: 'failed', x: 'does not apply'};

function example(test, c) {
  const begin = begins(test)[c], size = test.sizes[c], node = element('article', {class: `example ${test.status[c]}`, tabindex: '-1'});
  const worst = test.worst[c];
  node.append(element('div', {class: 'verdict', text: verdicts[test.status[c]] + (test.status[c] === 'f' && worst !== null && test.confidence[begin].length > 0 ? ` by ${(Math.abs(worst) / 1000).toFixed(3)}` : '')}));
  for (let e = begin; e < begin + size; ++e) node.append(input(test, e, begin));
  const numTags = (test.tags ?? []).length;
  const meta = (test.tags ?? []).map((tag, t) => [tag.name, tag.values[test.meta[c * numTags + t]]]).filter(([, value]) => value !== undefined);
  if (meta.length > 0) node.append(element('div', {class: 'meta', text: meta.map(([name, value]) => `${name}: ${value}`).join(' · ')}));
  return node;
}

function input(test, e, original) {
  const fields = data.fields.length, text = element('div', {class: 'text'});
  for (let f = 0; f < fields; ++f) {
    if (fields > 1) text.append(element('span', {class: 'field', text: data.fields[f]}));
    const now = test.texts[e * fields + f], before = test.texts[original * fields + f];
    text.append(...(e > original && now !== before ? difference(before, now) : [now]));
    if (f + 1 < fields) text.append(element('br'));
  }
  return element('div', {class: 'input'}, text, answer(test, e));
}

const className = (label) => typeof label === 'number' ? data.classes[label] : `“${label}”`;

function answer(test, e) {
  const label = test.answers[e], chances = test.confidence[e];
  const p = chances.length === 0 ? null : chances.length === 1 ? chances[0] : chances[label];
  const all = chances.length > 1 ? chances.map((chance, k) => `${data.classes[k]} ${(chance / 1000).toFixed(3)}`).join(', ') : '';
  const expected = test.labels ? test.labels[e] : undefined;
  return element('span', {class: 'answer', title: all},
    '→ ', element('strong', {text: className(label)}), p === null ? '' : ` ${(p / 1000).toFixed(2)}`,
    p === null ? '' : element('span', {class: 'chances', 'aria-hidden': 'true'}, element('i', {style: `width:${p / 10}%`})),
    expected === undefined || test.type !== 'MFT' ? '' : element('span', {class: 'meta', text: ` expected ${className(expected)}`}));
}

// Words that went and came, by their longest common subsequence.
function difference(before, now) {
  const split = (text) => text.match(/\s+|[\p{L}\p{N}\p{M}]+|[^\s\p{L}\p{N}\p{M}]+/gu) ?? [];
  const a = split(before), b = split(now);
  if (a.length * b.length > 250000) return [now];
  const common = Array.from({length: a.length + 1}, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; --i)
    for (let j = b.length - 1; j >= 0; --j)
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const parts = [];
  const add = (kind, word) => {
    if (parts.length > 0 && parts.at(-1).kind === kind) parts.at(-1).text += word;
    else parts.push({kind, text: word});
  };
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { add('', a[i]); ++i; ++j; }
    else if (i < a.length && (j === b.length || common[i + 1][j] >= common[i][j + 1])) add('del', a[i++]);
    else add('ins', b[j++]);
  }
  return parts.map(({kind, text}) => kind ? element(kind, {text}) : document.createTextNode(text));
}

// ---- keys ----

function move(list, step) {
  const at = list.indexOf(document.activeElement);
  if (at < 0) return false;
  list[Math.min(list.length - 1, Math.max(0, at + step))].focus();
  return true;
}

function moveInMatrix(key) {
  const button = document.activeElement.closest?.('.matrix button');
  if (!button) return false;
  const rows = [...document.querySelectorAll('.matrix tbody tr')], row = button.closest('tr');
  const column = [...row.children].indexOf(button.parentNode);
  const step = key === 'ArrowDown' || key === 'ArrowRight' ? 1 : -1;
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    for (let r = rows.indexOf(row) + step; r >= 0 && r < rows.length; r += step) {
      const next = rows[r].children[column].querySelector('button');
      if (next) { next.focus(); break; }
    }
  } else {
    for (let c = column + step; c > 0 && c < row.children.length; c += step) {
      const next = row.children[c].querySelector('button');
      if (next) { next.focus(); break; }
    }
  }
  return true;
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches('input, select');
  if (event.key === '/' && !typing) {
    (document.querySelector('.panel input') ?? document.getElementById('find')).focus();
    event.preventDefault();
  } else if (event.key === 'Escape') {
    if (event.target.matches('input') && event.target.value) {
      event.target.value = '';
      event.target.dispatchEvent(new Event('input', {bubbles: true}));
    } else if (state.open) {
      closeTest();
    } else if (state.cell) {
      chooseCell(state.cell.capability, state.cell.type);
    }
    event.preventDefault();
  } else if (event.key.startsWith('Arrow') && !event.target.matches('select')) {
    if (typing && event.key !== 'ArrowDown') return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (typing && event.target.closest('.panel')) {
      event.target.closest('.panel').querySelector('.example')?.focus();
      event.preventDefault();
    } else if (typing) {
      document.querySelector('.tests .name')?.focus();
      event.preventDefault();
    } else if (moveInMatrix(event.key) || (step !== 0 && move([...document.querySelectorAll('.tests .name, .example, .more')], step))) {
      event.preventDefault();
    }
  }
});

document.getElementById('page').replaceChildren(
  ...head(),
  element('h2', {text: 'Capabilities and types of tests'}), matrix(),
  element('p', {class: 'hint'}, 'A cell shows the range of its tests’ failure rates and chooses them below. Keys: ', element('kbd', {text: '←↑→↓'}), ' move, ',
    element('kbd', {text: 'Enter'}), ' opens, ', element('kbd', {text: '/'}), ' searches, ', element('kbd', {text: 'Esc'}), ' goes back.'),
  element('h2', {text: 'Tests'}),
  element('div', {class: 'tools'}, element('input', {id: 'find', type: 'search', placeholder: 'Find tests', 'aria-label': 'Find tests',
    oninput: (event) => { state.name = event.target.value; drawTests(); }}), element('span', {class: 'count', id: 'shown', role: 'status', 'aria-live': 'polite'})),
  element('div', {class: 'scroll'}, element('table', {class: 'tests', 'aria-label': 'Tests'},
    element('thead', {}, element('tr', {}, ...['Test', 'Capability', 'Type', 'Cases', 'Failure rate', 'Failed, passed, filtered; 95 % interval'].map((text, k) =>
      element('th', {scope: 'col', class: k === 3 || k === 4 ? 'number' : null, text})))), element('tbody'))));
drawTests();
document.documentElement.dataset.drawn = data.tests.length;
)js";

}  // namespace lathe::evaluate::checklist
