// The engineers' page: the table follows the push, and so every screen changes together.
import { compareRows, makeRow, passes, rowsBehind } from './alert/alert_rows.js';
import { hideDetails, showDetails } from './alert/alert_details.js';
import { fromAddress, intoAddress } from './parts/address_state.js';
import { byId, make, setText } from './parts/dom.js';
import { loadFleetPatiently } from './parts/fleet.js';
import { openLink } from './parts/link.js';
import { inMoment } from './parts/moment.js';
import { watchStaleness } from './parts/staleness.js';
import { duration, fullDay, number, plainName, say } from './parts/words.js';

const FILTERS = ['state', 'priority', 'rule', 'cluster', 'isp'];
const ORDER = 'order,priority,-since'; // as the table comes; the address names any other
const RELOAD_MS = 3000; // a flood of changes loads the open details once in this
const CARDS_MAX = 100; // a phone scrolls no further; the filters find the rest

class AlertDesk {
  constructor(fleet, grid) {
    this.fleet = fleet;
    this.grid = grid;
    this.rows = new Map();
    this.silenced = {};
    this.muted = null;
    this.behind = new Set();
    this.filters = {};
    this.chosen = null;
    this.events = [];
    this.explanation = null;
    this.nowUs = Date.now() * 1000;
    this.version = null;
    grid.setGridOption('isExternalFilterPresent', () => true);
    grid.setGridOption('doesExternalFilterPass', (node) => this.shows(node.data));
    grid.setGridOption('tabToNextCell', () => false); // arrows go from cell to cell, Tab goes on
    grid.addEventListener('rowSelected', (event) => { if (event.node.isSelected()) this.choose(event.data.id); });
    grid.addEventListener('cellKeyDown', ({ event, node }) => { if (event.key === 'Enter') node.setSelected(true, true); });
    this.makeFilters();
    this.asked = askedAlert();
    this.takeOrder();
    window.addEventListener('popstate', () => this.choose(askedAlert()));
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.chosen && !event.target.closest?.('dialog')) this.close();
    });
  }

  /** Let the address choose the order of the table, and keep it in step with it. */
  takeOrder() {
    const asked = fromAddress(['sort']).sort || ORDER;
    const state = asked.split(',').map((name, sortIndex) => ({ colId: name.replace('-', ''), sort: name.startsWith('-') ? 'desc' : 'asc', sortIndex }));
    this.grid.applyColumnState({ state, defaultState: { sort: null } });
    this.grid.addEventListener('sortChanged', () => {
      const sorted = this.grid.getColumnState().filter(({ sort }) => sort).sort((a, b) => a.sortIndex - b.sortIndex);
      const sort = sorted.map(({ colId, sort: way }) => `${way === 'desc' ? '-' : ''}${colId}`).join(',');
      intoAddress({ sort: sort === ORDER ? '' : sort });
    });
  }

  /** Hear what time it is at the center; another day than the rows were made on writes them anew. */
  tell(nowUs) {
    const isNewDay = fullDay(nowUs) !== fullDay(this.nowUs);
    this.nowUs = nowUs;
    if (isNewDay) this.load();
  }

  /** Hear how many alerts are silenced: which ones, and until when, is asked for if that is another number. */
  tellMuted(muted) {
    if (this.muted !== null && this.muted !== muted) this.loadSoon();
    this.muted = muted;
  }

  /** Load all alerts anew within the pause, however much changes meanwhile. */
  loadSoon() {
    this.due ??= window.setTimeout(() => { this.due = null; this.load(); }, RELOAD_MS);
  }

  /** Load all alerts anew; called at the start and whenever the server says that it read them anew. */
  async load() {
    const answer = await fetch(inMoment('/api/alerts'));
    if (!answer.ok) return;
    const { alerts, silenced } = await answer.json();
    this.silenced = silenced;
    this.rows = new Map();
    for (const alert of alerts) this.put(alert);
    this.behind = rowsBehind(this.rows.values());
    this.grid.setGridOption('rowData', [...this.rows.values()]);
    this.refresh();
    if (this.asked && this.rows.has(this.asked)) this.choose(this.asked);
    this.asked = null;
    if (this.chosen) await this.loadEvents();
  }

  put(alert) {
    const row = makeRow(alert, this.fleet, this.nowUs, this.silenced[alert.alert_id]);
    if (row) this.rows.set(row.id, row);
    return row;
  }

  /** Fold changes from the push into the table. */
  apply(changes) {
    const add = [], update = [];
    for (const { alert } of changes) {
      const known = this.rows.has(alert.alert_id);
      const row = this.put(alert);
      if (row) (known ? update : add).push(row);
    }
    this.behind = rowsBehind(this.rows.values());
    // The last row of an id counts: two changes may have come together.
    const last = (rows) => [...new Map(rows.map((row) => [row.id, row])).values()];
    const added = new Map(last(add).map((row) => [row.id, row]));
    for (const row of update) if (added.has(row.id)) added.set(row.id, row);
    this.grid.applyTransaction({ add: [...added.values()], update: last(update).filter((row) => !added.has(row.id)) });
    this.grid.onFilterChanged();
    this.refresh();
    if (changes.some(({ alert }) => alert.alert_id === this.chosen)) this.loadEvents();
    else if (changes.some(({ alert }) => this.bearsOnChosen(alert))) this.loadEventsSoon();
  }

  /** Return whether an alert may change the explanation of the chosen one: same rule, or same school. */
  bearsOnChosen(alert) {
    const chosen = this.rows.get(this.chosen)?.alert;
    return chosen !== undefined && (alert.rule === chosen.rule || alert.school_id === chosen.school_id);
  }

  /** Load the chosen alert once within the pause, however many alerts change meanwhile. */
  loadEventsSoon() {
    this.soon ??= window.setTimeout(() => { this.soon = null; if (this.chosen) this.loadEvents(); }, RELOAD_MS);
  }

  shows(row) {
    return passes(row, this.filters) && !this.behind.has(row.id);
  }

  refresh() {
    const shown = [...this.rows.values()].filter((row) => this.shows(row)).sort(compareRows);
    setText(byId('alerts-count'), say('alerts.count', { n: number(shown.length) }));
    byId('alerts-none').hidden = shown.length > 0;
    setText(byId('alerts-none'), say(Object.values(this.filters).some(Boolean) ? 'alerts.none' : 'alerts.none_at_all'));
    byId('cards').replaceChildren(...shown.slice(0, CARDS_MAX).map((row) => this.makeCard(row)));
  }

  makeCard(row) {
    const card = make('button', { type: 'button', className: 'card', dataset: { alert: row.id } },
      make('span', { className: row.state === 'open' && !row.silence ? 'badge waiting' : 'badge', dataset: { priority: String(row.priority) }, textContent: `P${row.priority}` }),
      make('span', {}, make('span', { className: 'card-name', textContent: row.school }), make('br'),
        make('span', { className: 'card-what', textContent: [row.text.rule, row.ward, row.isp, row.text.silence].filter(Boolean).join(' · ') })),
      make('span', { className: 'card-when', textContent: duration((this.nowUs - row.since) / 1e6) }));
    card.onclick = () => this.choose(row.id);
    return make('li', {}, card);
  }

  /** Show an alert, or none; the address names it, and the way back closes it again. */
  choose(id) {
    if (this.chosen !== id) { this.events = []; this.explanation = null; }
    this.chosen = id;
    if (askedAlert() !== id) {
      const address = new URL(window.location.href);
      const isFirst = !address.searchParams.has('alert');
      address.searchParams.set('alert', id);
      if (isFirst) window.history.pushState({ chosen: true }, '', address);
      else window.history.replaceState(window.history.state, '', address);
    }
    if (id === null) { this.grid.deselectAll(); hideDetails(); return; }
    this.showChosen();
    this.loadEvents();
  }

  async loadEvents() {
    const id = this.chosen;
    const answer = await fetch(inMoment(`/api/alerts/${encodeURIComponent(id)}`));
    if (!answer.ok || this.chosen !== id) return;
    const { alert, events, explanation } = await answer.json();
    this.put(alert);
    this.events = events;
    this.explanation = explanation;
    this.showChosen();
  }

  showChosen() {
    const row = this.rows.get(this.chosen);
    if (row) showDetails(row, this.events, this.nowUs, { explanation: this.explanation, onClose: () => this.close() });
  }

  close() {
    if (window.history.state?.chosen) { window.history.back(); return; } // where `choose` came from
    intoAddress({ alert: '' });
    this.choose(null);
  }

  makeFilters() {
    const text = make('input', { type: 'search', id: 'filter-text', className: 'control', placeholder: say('alerts.search_hint') });
    byId('filter-text-place').replaceChildren(make('label', { htmlFor: 'filter-text', textContent: say('alerts.search') }), text);
    const asked = fromAddress([...FILTERS, 'text']);
    for (const name of FILTERS) byId(`filter-${name}`).value = asked[name];
    text.value = asked.text;
    const take = () => {
      const chosen = Object.fromEntries(FILTERS.map((name) => [name, byId(`filter-${name}`).value]));
      this.filters = { ...chosen, text: plainName(text.value) };
      intoAddress({ ...chosen, text: text.value.trim() });
    };
    const read = () => {
      take();
      this.grid.onFilterChanged();
      this.refresh();
    };
    take();
    byId('filters').addEventListener('input', read);
    byId('filters').addEventListener('submit', (event) => event.preventDefault());
  }
}

const askedAlert = () => fromAddress(['alert']).alert || null;

/** Start the page. */
export async function start() {
  const [fleet, grid] = await Promise.all([loadFleetPatiently(), gridOf('alert-grid')]);
  const desk = new AlertDesk(fleet, grid);
  let staleness = null;
  const hear = (message) => {
    if (message.kind === 'hello') desk.load();
    if (message.kind === 'changes') desk.apply(message.changes);
    if (message.kind === 'silences') desk.loadSoon();
    if (message.kind !== 'snapshot') return;
    desk.tell(message.at_us);
    if (desk.version !== null && desk.version !== message.alerts_version) desk.load();
    desk.version = message.alerts_version;
    desk.tellMuted(message.open.muted);
    staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ alerts: true, hear }));
}

/** Wait for AG Grid, which Dash mounts in its own time. */
async function gridOf(identity) {
  while (!window.dash_ag_grid?.getApiAsync) await new Promise((resolve) => window.setTimeout(resolve, 30));
  return window.dash_ag_grid.getApiAsync(identity);
}
