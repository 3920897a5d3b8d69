// The conditions of a silence, a line each: label, comparison, value.
import { loadFleet } from '../parts/fleet.js';
import { byId, make } from '../parts/dom.js';
import { say } from '../parts/words.js';

const LABELS = ['isp', 'school', 'ward', 'cluster', 'rule', 'system', 'priority', 'level', 'device'];
const SIGNS = { '=': [false, true], '!=': [false, false], '=~': [true, true], '!~': [true, false] };
const signOf = ({ is_regex: isRegex, is_equal: isEqual }) => Object.keys(SIGNS).find((sign) => SIGNS[sign][0] === isRegex && SIGNS[sign][1] === isEqual);

/** Return a group of lines; `read()` gives the conditions that are filled in. */
export function makeConditions(matchers, onChange) {
  const lines = make('div', { className: 'conditions' });
  const add = make('button', { type: 'button', className: 'button', textContent: say('silences.add_condition') });
  const box = make('fieldset', { className: 'reasons' },
    make('legend', { textContent: say('silences.conditions') }), lines, add);
  const count = () => {
    [...lines.children].forEach((line, n) => line.querySelector('button').setAttribute('aria-label', say('silences.remove_condition', { n: n + 1 })));
    onChange();
  };
  const put = (matcher) => { lines.append(makeLine(matcher, count)); count(); };
  add.onclick = () => { put({}); lines.lastElementChild.querySelector('select').focus(); };
  (matchers.length ? matchers : [{}]).forEach(put);
  lines.addEventListener('input', onChange);
  return { box, read: () => [...lines.children].map(readLine).filter(({ value }) => value) };
}

function makeLine({ name = 'isp', value = '', is_regex: isRegex = false, is_equal: isEqual = true }, count) {
  const names = LABELS.includes(name) ? LABELS : [...LABELS, name];
  const label = make('select', { className: 'control condition-label', 'aria-label': say('silences.label') },
    ...names.map((one) => make('option', { value: one, textContent: LABELS.includes(one) ? say(`silences.label_${one}`) : one, selected: one === name })));
  const sign = make('select', { className: 'control condition-sign', 'aria-label': say('silences.sign') },
    ...Object.keys(SIGNS).map((one) => make('option', { value: one, textContent: one, selected: one === signOf({ is_regex: isRegex, is_equal: isEqual }) })));
  const field = make('input', { className: 'control condition-value', value, maxLength: 256, autocomplete: 'off', 'aria-label': say('silences.value') });
  const suggest = () => {
    field.setAttribute('list', `known-${label.value}`);
    if (label.value === 'school') suggestSchools();
  };
  const away = make('button', { type: 'button', className: 'button condition-away', textContent: '✕' });
  const line = make('div', { className: 'condition' }, label, sign, field, away);
  away.onclick = () => { if (line.parentElement.children.length > 1) line.remove(); else field.value = ''; count(); };
  label.addEventListener('change', suggest);
  suggest();
  return line;
}

function readLine(line) {
  const [is_regex, is_equal] = SIGNS[line.querySelector('.condition-sign').value];
  return { name: line.querySelector('.condition-label').value, value: line.querySelector('.condition-value').value.trim(), is_regex, is_equal };
}

/** Suggest every school's name; they are loaded once, and without them a name is typed. */
async function suggestSchools() {
  if (byId('known-school')) return;
  const list = make('datalist', { id: 'known-school' });
  document.body.append(list);
  try {
    const fleet = await loadFleet();
    for (let n = 0; n < fleet.count; n += 1) {
      const { code, name } = fleet.school(n);
      list.append(make('option', { value: name, label: code }));
    }
  } catch (error) {
    list.remove();
    console.warn('schools are not suggested', error);
  }
}
