// The list of incidents: filters stand in the address, and every change comes by the push.
import { fromAddress, intoAddress } from './address_state.js';
import { byId, make, renew, setText } from './dom.js';
import { trendMark } from './mark.js';
import { groupOf } from './incident_state.js';
import { isKey, watchSwitch } from './keys.js';
import { openLink } from './link.js';
import { reader, readJson } from './loading.js';
import { watchStaleness } from './staleness.js';
import { clock, duration, language, number, say, whenOf } from './words.js';

const FILTERS = ['state', 'priority', 'cluster', 'isp'];
const GROUPS = ['open', 'acknowledged', 'silenced', 'chronic', 'resolved'];
const RESOLVED_MAX = 50; // the last ones; older ones are found by their address

class IncidentList {
  constructor() {
    this.incidents = [];
    this.nowUs = Date.now() * 1000;
    this.seen = null;
    this.minute = null;
    this.load = reader(async () => {
      this.incidents = (await readJson('/api/incidents', language)).incidents.filter((one) => one.state !== 'merged');
      this.loaded = true;
      this.show();
    });
    this.takeAddress();
    watchSwitch();
    document.addEventListener('keydown', (event) => this.move(event));
  }

  /** Let the address choose the filters, and keep it in step with them. */
  takeAddress() {
    const asked = fromAddress(FILTERS);
    for (const name of FILTERS) byId(`filter-${name}`).value = asked[name];
    intoAddress(asked);
    byId('filters').addEventListener('submit', (event) => event.preventDefault());
    byId('filters').addEventListener('input', () => {
      intoAddress(Object.fromEntries(FILTERS.map((name) => [name, byId(`filter-${name}`).value])));
      this.show();
    });
  }

  hear(message) {
    if (message.kind === 'hello' || message.kind === 'incidents') this.load();
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
    const [state, priority, cluster, isp] = FILTERS.map((name) => byId(`filter-${name}`).value);
    return (!state || groupOf(incident) === state) && (!priority || incident.priority === Number(priority))
      && (!cluster || incident.words.cluster === cluster) && (!isp || incident.words.isp === isp);
  }

  show() {
    const shown = this.incidents.filter((one) => this.passes(one)).sort(compare);
    const open = shown.filter((one) => groupOf(one) !== 'resolved');
    setText(byId('incidents-count'), say('incident.count', { n: number(open.length) }));
    byId('incidents-none').hidden = shown.length > 0;
    setText(byId('incidents-none'), say(FILTERS.some((name) => byId(`filter-${name}`).value) ? 'incident.none' : 'incident.none_at_all'));
    const table = byId('incidents');
    table.hidden = shown.length === 0;
    this.bodies ??= GROUPS.map(() => table.appendChild(make('tbody')));
    GROUPS.forEach((group, place) => {
      const own = shown.filter((one) => groupOf(one) === group).slice(0, RESOLVED_MAX);
      this.bodies[place].hidden = own.length === 0;
      renew(this.bodies[place], [own, Math.floor(this.nowUs / 60e6)], () => [
        make('tr', { className: 'group' }, make('th', { colSpan: 7, scope: 'rowgroup', textContent: `${say(`incident.group_${group}`)} · ${number(own.length)}` })),
        ...own.map((one) => row(one, group, this.nowUs))]);
    });
  }

  /** Let j and k go from line to line, as Tab does. */
  move(event) {
    if (!isKey(event)) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const links = [...document.querySelectorAll('.incident-link')];
    links[Math.max(0, Math.min(links.length - 1, links.indexOf(document.activeElement) + step))]?.focus();
  }
}

/** Return -1, 0 or 1: by priority, then the newest; what is over by its end. */
function compare(a, b) {
  if (a.ended_at_us !== null && b.ended_at_us !== null) return b.ended_at_us - a.ended_at_us;
  return a.priority - b.priority || b.last_opened_at_us - a.last_opened_at_us || (a.incident_id < b.incident_id ? -1 : 1);
}

function row(incident, group, nowUs) {
  const { words } = incident;
  const isOver = group === 'resolved';
  const own = incident.cause.kind === 'system';
  const when = whenOf(incident.opened_at_us, nowUs);
  const endUs = isOver ? (incident.quiet_at_us ?? incident.ended_at_us) : nowUs;
  const waiting = group === 'open';
  const cell = (name, ...parts) => make('td', { className: `cell-${name}`, dataset: { name: say(`incident.${name}`) } }, ...parts);
  const small = (text) => make('span', { className: 'small', textContent: text });
  return make('tr', { className: 'incident', dataset: { priority: String(incident.priority), group } },
    cell('priority', make('span', { className: waiting ? 'badge waiting' : 'badge', dataset: { priority: isOver ? '' : String(incident.priority) }, textContent: `P${incident.priority}` })),
    cell('name',
      make('a', { className: 'incident-link', href: `/incidents/${incident.incident_id}`, textContent: words.name, dataset: { key: incident.incident_id } }),
      small(words.what)),
    cell('reach', isOver ? null : trendMark(incident.trend), make('span', { className: 'reach', textContent: own ? '–' : number(incident.schools) }), own ? null : small(`/ ${number(incident.most_schools)}`)),
    cell('pupils', make('span', { textContent: isOver ? words.most_pupils : words.pupils })),
    cell('since', make('span', { textContent: when }), small(duration((endUs - incident.opened_at_us) / 1e6))),
    cell('who', make('span', { className: waiting ? 'nobody' : '', textContent: isOver ? say('incident.over', { at: clock(endUs) }) : words.who }),
      incident.silenced ? small(say('wall.silenced')) : null),
    cell('todo', isOver ? '' : words.todo));
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
