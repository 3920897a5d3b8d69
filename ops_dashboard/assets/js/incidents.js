// The list of incidents: filters stand in the address, and every change comes by the push.
import { fromAddress, intoAddress } from './parts/address_state.js';
import { byId, make, renew, setText } from './parts/dom.js';
import { doByKey, isDeedKey, result, tellResult, waits } from './incident/incident_deeds.js';
import { trendMark } from './parts/mark.js';
import { groupOf } from './incident/incident_state.js';
import { isKey, watchSwitch } from './parts/keys.js';
import { openLink } from './parts/link.js';
import { reader, readJson } from './parts/loading.js';
import { isPast } from './parts/moment.js';
import { SavedViews } from './parts/saved_views.js';
import { sortHead } from './parts/sort_head.js';
import { watchStaleness } from './parts/staleness.js';
import { clock, duration, language, number, plainName, say, whenOf } from './parts/words.js';

const FILTERS = ['state', 'priority', 'cluster', 'isp'];
const CHOICES = [...FILTERS, 'sort'];
const GROUPS = ['open', 'acknowledged', 'silenced', 'chronic', 'resolved'];
const RESOLVED_MAX = 50; // the last ones; older ones are found by their address
const isOver = (incident) => incident.ended_at_us !== null;
/** What each column sorts by. */
const COLUMNS = {
  priority: (one) => one.priority,
  name: (one) => plainName(one.words.name),
  reach: (one) => (isOver(one) ? one.most_schools : one.schools),
  pupils: (one) => (isOver(one) ? one.most_pupils : one.pupils),
  since: (one) => one.opened_at_us,
  who: (one) => plainName(one.words.who),
  todo: (one) => plainName(one.words.todo),
};

class IncidentList {
  constructor() {
    this.incidents = [];
    this.nowUs = Date.now() * 1000;
    this.seen = null;
    this.minute = null;
    this.acted = null;
    this.load = reader(async () => {
      this.incidents = (await readJson('/api/incidents', language)).incidents.filter((one) => one.state !== 'merged');
      this.loaded = true;
      this.show();
      this.goToLine();
    });
    this.follow = reader(async () => tellResult((await readJson(`/api/incidents/${this.acted}`, language)).events));
    this.takeAddress();
    this.views = new SavedViews(byId('views'), 'incidents', CHOICES);
    watchSwitch();
    document.addEventListener('keydown', (event) => this.takeKey(event));
    byId('incidents').addEventListener('focusin', ({ target }) => {
      if (target.matches('.incident-link')) intoAddress({ line: target.dataset.key });
    });
  }

  /** Let the address choose filters, order and line, and keep it in step with them. */
  takeAddress() {
    const asked = fromAddress([...CHOICES, 'line']);
    for (const name of CHOICES) byId(`filter-${name}`).value = asked[name];
    this.line = asked.line;
    intoAddress(this.chosen());
    byId('filters').addEventListener('submit', (event) => event.preventDefault());
    byId('filters').addEventListener('input', () => this.choose({}));
  }

  chosen() { return Object.fromEntries(CHOICES.map((name) => [name, byId(`filter-${name}`).value])); }

  choose(more) {
    for (const [name, value] of Object.entries(more)) byId(`filter-${name}`).value = value;
    intoAddress(this.chosen());
    this.views.show();
    this.show();
  }

  /** Stand on the line that the address names, once: who comes back goes on from there. */
  goToLine() {
    if (this.line) byId('incidents').querySelector(`[data-key="${CSS.escape(this.line)}"]`)?.focus();
    this.line = '';
  }

  hear(message) {
    if (message.kind === 'hello' || message.kind === 'incidents') this.load();
    if (message.kind === 'incidents' && waits()) this.follow();
    if (message.kind !== 'snapshot') return;
    this.nowUs = message.at_us;
    const seen = `${message.alerts_version}/${message.open.muted}`;
    if (this.seen !== null && this.seen !== seen) this.load();
    this.seen = seen;
    const minute = Math.floor(this.nowUs / 60e6);
    if (this.loaded && minute !== this.minute) this.show();
    this.minute = minute;
  }

  passes(incident) {
    const { state, priority, cluster, isp } = this.chosen();
    return (!state || groupOf(incident) === state) && (!priority || incident.priority === Number(priority))
      && (!cluster || incident.words.cluster === cluster) && (!isp || incident.words.isp === isp);
  }

  show() {
    const { sort } = this.chosen();
    const shown = this.incidents.filter((one) => this.passes(one)).sort(compare);
    const open = shown.filter((one) => groupOf(one) !== 'resolved');
    setText(byId('incidents-count'), say('incident.count', { n: number(open.length) }));
    byId('incidents-none').hidden = shown.length > 0;
    setText(byId('incidents-none'), say(FILTERS.some((name) => byId(`filter-${name}`).value) ? 'incident.none' : 'incident.none_at_all'));
    const table = byId('incidents');
    table.hidden = shown.length === 0;
    renew(table.tHead.rows[0], sort, () => Object.keys(COLUMNS).map((name) => sortHead({ name, title: say(`incident.${name}`) }, sort, (next) => this.choose({ sort: next }))));
    const held = lineOf(document.activeElement);
    this.bodies ??= GROUPS.map(() => table.appendChild(make('tbody')));
    GROUPS.forEach((group, place) => {
      const own = inOrder(shown.filter((one) => groupOf(one) === group).slice(0, RESOLVED_MAX), sort);
      this.bodies[place].hidden = own.length === 0;
      renew(this.bodies[place], [own, Math.floor(this.nowUs / 60e6)], () => [
        make('tr', { className: 'group' }, make('th', { colSpan: 7, scope: 'rowgroup', textContent: `${say(`incident.group_${group}`)} · ${number(own.length)}` })),
        ...own.map((one) => row(one, group, this.nowUs))]);
    });
    if (held !== null && lineOf(document.activeElement) !== held) this.stayWith(held);
  }

  /** Stay with a line that went to another part of the list; with none if it is gone: a key must not hit another. */
  stayWith(held) {
    const link = byId('incidents').querySelector(`[data-key="${CSS.escape(held)}"]`);
    if (link) link.focus();
    else { document.activeElement.blur(); intoAddress({ line: '' }); }
  }

  /** Let j and k go from line to line, as Tab does; a and s act on the line, Escape lets it go. */
  takeKey(event) {
    if (!isKey(event)) return;
    const { activeElement: own } = document;
    const step = { j: 1, k: -1 }[event.key];
    if (step) {
      const links = [...document.querySelectorAll('.incident-link')].filter((link) => link.checkVisibility());
      links[Math.max(0, Math.min(links.length - 1, links.indexOf(own) + step))]?.focus();
    } else if (event.key === 'Escape' && own.matches('.incident-link')) {
      own.blur();
      intoAddress({ line: '' });
    } else if (isDeedKey(event.key) && LINE_KEYS.includes(event.key) && !isPast()) {
      event.preventDefault();
      if (own.matches('.incident-link')) this.act(own.dataset.key, event.key);
      else result(say('incident.choose_line'), 'refused');
    }
  }

  /** Do what a key does with the incident of a line. */
  async act(incidentId, key) {
    try {
      const page = await readJson(`/api/incidents/${incidentId}`, language);
      this.acted = page.incident.incident_id;
      doByKey({ page, nowUs: this.nowUs }, key);
    } catch (error) {
      result(error.sentence ?? say('error.database_unavailable'), 'refused');
      return;
    }
    // The line may have been drawn anew meanwhile: the dialog cannot give the keyboard back to it.
    document.querySelector('dialog[open]')?.addEventListener('close', () => byId('incidents').querySelector(`[data-key="${incidentId}"]`)?.focus());
  }
}

const LINE_KEYS = ['a', 's'];

/** Return the incident of the line that an element is the link of, null of any other. */
const lineOf = (element) => (element?.matches('.incident-link') ? element.dataset.key : null);

/** Return incidents by a column, or as they come; equal ones stay as they come. */
function inOrder(incidents, sort) {
  const by = COLUMNS[sort.replace('-', '')];
  if (!by) return incidents;
  const sign = sort.startsWith('-') ? -1 : 1;
  return [...incidents].sort((a, b) => sign * (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
}

/** Return -1, 0 or 1: by priority, then the newest; what is over by its end. */
function compare(a, b) {
  if (isOver(a) && isOver(b)) return b.ended_at_us - a.ended_at_us;
  return a.priority - b.priority || b.last_opened_at_us - a.last_opened_at_us || (a.incident_id < b.incident_id ? -1 : 1);
}

function row(incident, group, nowUs) {
  const { words } = incident;
  const own = incident.cause.kind === 'system';
  const when = whenOf(incident.opened_at_us, nowUs);
  const endUs = isOver(incident) ? (incident.quiet_at_us ?? incident.ended_at_us) : nowUs;
  const waiting = group === 'open';
  const cell = (name, ...parts) => make('td', { className: `cell-${name}`, dataset: { name: say(`incident.${name}`) } }, ...parts);
  const small = (text) => make('span', { className: 'small', textContent: text });
  return make('tr', { className: 'incident', dataset: { priority: String(incident.priority), group } },
    cell('priority', make('span', { className: waiting ? 'badge waiting' : 'badge', dataset: { priority: isOver(incident) ? '' : String(incident.priority) }, textContent: `P${incident.priority}` })),
    cell('name',
      make('a', { className: 'incident-link', href: `/incidents/${incident.incident_id}`, textContent: words.name, dataset: { key: incident.incident_id } }),
      small(words.what)),
    cell('reach', isOver(incident) ? null : trendMark(incident.trend), make('span', { className: 'reach', textContent: own ? '–' : number(incident.schools) }), own ? null : small(`/ ${number(incident.most_schools)}`)),
    cell('pupils', make('span', { textContent: isOver(incident) ? words.most_pupils : words.pupils })),
    cell('since', make('span', { textContent: when }), small(duration((endUs - incident.opened_at_us) / 1e6))),
    cell('who', make('span', { className: waiting ? 'nobody' : '', textContent: isOver(incident) ? say('incident.over', { at: clock(endUs) }) : words.who }),
      incident.silenced ? small(say('wall.silenced')) : null),
    cell('todo', words.todo));
}

/** Start the page. */
export function start() {
  const list = new IncidentList();
  let staleness = null;
  const hear = (message) => {
    list.hear(message);
    if (message.kind === 'snapshot') staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ alerts: true, hear }));
}
