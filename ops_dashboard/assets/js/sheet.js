// A sheet: tables of a provider, an area, a system or the data itself. What is chosen stands in the address; it is
// read anew when the push says that something changed, and once a minute, for its figures are no finer.
import { fromAddress, intoAddress } from './parts/address_state.js';
import { byId, make, renew, setText } from './parts/dom.js';
import { openLink } from './parts/link.js';
import { reader } from './parts/loading.js';
import { inMoment } from './parts/moment.js';
import { sortHead } from './parts/sort_head.js';
import { watchStaleness } from './parts/staleness.js';
import { keysOf, language, number, say, since } from './parts/words.js';

const CHOICES = ['q', 'state', 'sort', 'rows'];
const PAUSE_MS = 5000; // a storm of changes is one look
const MINUTE_US = 60e6;

class SheetPage {
  constructor(page, beside) {
    this.beside = beside;
    ({ source: this.source, states: this.order } = page.dataset);
    this.panels = new Map();
    this.main = document.getElementById('sheet-main') ?? byId('sheet-tables');
    this.stacks = (this.main.id === 'sheet-main' ? [0] : [0, 1]).map(() => ({ rows: 0, box: make('div', { className: 'sheet-stack' }) }));
    byId('sheet-tables').append(...this.stacks.map(({ box }) => box));
    this.choice = fromAddress(CHOICES);
    this.nowUs = 0;
    this.askedMs = 0;
    this.rename = () => {};
    this.load = reader(() => this.read());
  }

  query(more = {}) {
    const chosen = Object.entries({ ...this.choice, ...more, lang: language }).filter(([, value]) => value);
    return new URLSearchParams(chosen);
  }

  async read() {
    this.askedMs = performance.now();
    const answer = await fetch(inMoment(`${this.source}?${this.query()}`), { headers: { Accept: 'application/json' } });
    if (answer.status === 404) { byId('sheet-missing').hidden = false; return; }
    if (!answer.ok) throw new Error(`${this.source} answered ${answer.status}`);
    this.sheet = await answer.json();
    this.show();
    this.beside();
  }

  /** Read anew, a while after the last time. */
  soon() {
    if (this.waits) return;
    this.waits = true;
    window.setTimeout(() => { this.waits = false; this.load(); }, Math.max(0, this.askedMs + PAUSE_MS - performance.now()));
  }

  hear(message) {
    if (message.kind === 'hello') this.load();
    if (['changes', 'incidents', 'silences'].includes(message.kind)) this.soon();
    if (message.kind !== 'snapshot') return;
    this.nowUs = message.at_us;
    this.states = message.states;
    const minute = Math.floor(this.nowUs / MINUTE_US);
    const seen = `${minute}/${message.alerts_version}/${this.own().join('')}`;
    if (this.sheet && this.seen !== undefined && this.seen !== seen) this.soon();
    this.seen = seen;
    if (this.sheet) { this.showStates(); this.showAges(); }
  }

  own() { return (this.sheet?.schools ?? []).map((position) => this.states[position]); }

  show() {
    const { title, about, way, tables, verdict } = this.sheet;
    this.rename(title);
    setText(byId('sheet-title'), title);
    setText(byId('sheet-about'), about);
    renew(byId('sheet-way'), way, () => way.flatMap((step, i) => [i ? ' › ' : '', step.href ? make('a', { href: step.href, textContent: step.text, dataset: { key: step.href } }) : make('span', { 'aria-current': 'page', textContent: step.text })]));
    byId('sheet-verdict').hidden = !verdict;
    if (verdict) this.showVerdict();
    for (const table of tables) this.panelOf(table).show(table);
    if (this.states) this.showStates();
    this.showAges();
  }

  /** Say how one school is, with its state as the push tells it. */
  showVerdict() {
    const { verdict } = this.sheet, [state] = this.states ? this.own() : [];
    renew(byId('sheet-verdict'), [verdict, state], () => [
      '123'.includes(state) ? stateOf(state) : null,
      make('p', { className: 'sheet-said' }, verdict.href ? make('a', { href: verdict.href, textContent: verdict.text, dataset: { key: verdict.href } }) : verdict.text),
      verdict.note ? make('p', { className: 'soft', textContent: verdict.note }) : null].filter(Boolean));
  }

  panelOf(table) {
    if (!this.panels.has(table.name)) this.panels.set(table.name, new TablePanel(this, table, this.boxFor(table)));
    return this.panels.get(table.name);
  }

  /** Return where a table's panel goes: over the whole width, or on the lower of two stacks. */
  boxFor({ is_main: isMain, columns, rows }) {
    if (isMain || columns.length > 5 && this.sheet.tables.length === 1) return this.main;
    const lower = this.stacks.reduce((best, one) => (one.rows < best.rows ? one : best));
    lower.rows += rows.length + 3;
    return lower.box;
  }

  /** Count the schools by state, the most urgent first. */
  showStates() {
    if (this.sheet.verdict) { this.showVerdict(); return; }
    const list = byId('sheet-states'), own = this.own();
    list.hidden = own.length === 0;
    const counts = [...this.order].map((state) => [state, own.filter((one) => one === state).length]).filter(([, n]) => n > 0);
    const known = own.filter((state) => state !== 'u').length;
    renew(list, [counts, known], () => [
      ...counts.map(([state, n]) => make('li', {}, stateOf(state), make('b', { textContent: number(n) }))),
      make('li', { className: 'soft', textContent: say('sheet.known', { n: number(known), of: number(own.length) }) })]);
  }

  showAges() {
    const nowUs = this.nowUs || this.sheet.at_us;
    for (const place of document.querySelectorAll('.sheet-tables [data-at]')) {
      setText(place, since((nowUs - Number(place.dataset.at)) / 1e6));
    }
  }

  /** Choose rows: the address says which, so that a link and the way back lead to the same. */
  choose(more) {
    Object.assign(this.choice, more);
    intoAddress(this.choice);
    this.load();
  }
}

class TablePanel {
  constructor(page, { name, title, is_main: isMain }, box) {
    this.page = page;
    this.name = name;
    this.note = make('span', { className: 'panel-note', role: isMain ? 'status' : null });
    this.about = make('p', { className: 'soft' });
    this.downloads = make('span', { className: 'sheet-downloads' });
    this.nothing = make('p', { className: 'soft' });
    this.table = make('table', { className: 'table sheet-table', 'aria-label': title, dataset: { table: name } });
    this.more = make('p');
    const head = make('div', { className: 'sheet-panel-head' }, make('h3', { className: 'panel-title', textContent: title }), this.note, this.downloads);
    box.append(make('section', { className: `panel sheet-panel sheet-${name}` }, head, this.about, isMain ? this.filters() : null, this.nothing, this.table, this.more));
  }

  filters() {
    const { page } = this;
    const text = make('input', { type: 'search', id: 'sheet-q', className: 'control', value: page.choice.q, autocomplete: 'off' });
    const state = make('select', { id: 'sheet-state', className: 'control' }, make('option', { value: '', textContent: say('alerts.all') }),
      ...[...page.order].map((one) => make('option', { value: one, textContent: wordOf(one) })));
    state.value = page.choice.state;
    text.addEventListener('input', () => page.choose({ q: text.value.trim() }));
    state.addEventListener('input', () => page.choose({ state: state.value }));
    const form = make('form', { className: 'filters' },
      make('div', { className: 'filter filter-wide' }, make('label', { htmlFor: 'sheet-q', textContent: say('sheet.filter') }), text),
      make('div', { className: 'filter' }, make('label', { htmlFor: 'sheet-state', textContent: say('sheet.head_state') }), state));
    form.addEventListener('submit', (event) => event.preventDefault());
    return form;
  }

  show(table) {
    const { rows, count, is_main: isMain } = table;
    const shown = rows.length < count ? say('sheet.rows_of', { n: number(rows.length), of: number(count) }) : say('sheet.rows', { n: number(count) });
    setText(this.note, shown);
    setText(this.about, table.about);
    const isChosen = isMain && (this.page.choice.q || this.page.choice.state);
    setText(this.nothing, rows.length ? '' : isChosen ? say('sheet.chosen_none') : table.nothing);
    this.table.hidden = rows.length === 0;
    renew(this.table, [table, this.page.choice.sort], () => [
      make('thead', {}, make('tr', {}, ...table.columns.map((column) => this.head(column, isMain)))),
      make('tbody', {}, ...rows.map((row) => make('tr', { dataset: { state: row.state ?? '' } }, ...row.cells.map((cell, i) => cellOf(cell, table.columns[i])))))]);
    const own = isMain ? {} : { q: '', state: '', sort: '' };
    renew(this.downloads, this.page.choice, () => [['csv', ''], ['excel', 'excel']].map(([word, form]) => make('a', {
      href: `${this.page.source}/${this.name}.csv?${this.page.query({ ...own, rows: '', form })}`, textContent: say(`sheet.${word}`),
      'aria-label': `${say('sheet.download', { table: table.title })} (${say(`sheet.${word}`)})`, dataset: { key: `${this.name}-${word}` } })));
    renew(this.more, [rows.length < count, count], () => (rows.length < count ? [this.allButton(count)] : []));
  }

  allButton(count) {
    const button = make('button', { type: 'button', className: 'button', textContent: say('sheet.all_rows', { n: number(count) }) });
    button.addEventListener('click', () => this.page.choose({ rows: 'all' }));
    return button;
  }

  /** Return the head of a column; of the main table it sorts, first up, then down, then as it was. */
  head(column, isMain) {
    const { name, title, is_number: isNumber } = column;
    if (!isMain) return make('th', { scope: 'col', className: isNumber ? 'number' : '', textContent: title });
    return sortHead({ name, title, isNumber }, this.page.choice.sort, (sort) => this.page.choose({ sort }));
  }
}

const STATES = keysOf('state');
const wordOf = (state) => say(STATES.includes(`state.p${state}`) ? `state.p${state}` : `state.${state}`);

/** Return a state as its badge, or its word. */
function stateOf(state) {
  const isAlerted = '123'.includes(state);
  return make('span', isAlerted ? { className: 'badge', dataset: { priority: state }, textContent: wordOf(state) } : { className: 'soft', textContent: wordOf(state) });
}

function cellOf(cell, column) {
  const main = cell.priority ? make('span', { className: 'badge', dataset: { priority: String(cell.priority) }, textContent: cell.text })
    : cell.href ? make('a', { href: cell.href, textContent: cell.text, dataset: { key: cell.href } })
      : make('span', { textContent: cell.text });
  return make('td', { className: `cell-${column.name}${column.is_number ? ' number' : ''}${cell.is_bad ? ' sheet-bad' : ''}`, dataset: { name: column.title } },
    main,
    cell.note ? make('span', { className: 'small', textContent: cell.note }) : null,
    cell.at_us ? make('span', { className: 'small', dataset: { at: String(cell.at_us) } }) : null);
}

/** Start the page; `beside` is called whenever its tables were read anew. */
export function start(beside = () => {}) {
  const page = new SheetPage(document.querySelector('[data-page]'), beside);
  let staleness = null;
  const hear = (message) => {
    page.hear(message);
    if (message.kind === 'snapshot') staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ alerts: true, hear }));
  page.rename = staleness.rename;
}
