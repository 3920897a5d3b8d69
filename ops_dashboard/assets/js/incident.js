// The page of an incident: it follows the push, and asks for the rest whenever something became of it.
import { showBar, tellResult, watchKeys } from './incident/incident_deeds.js';
import { showGroups, showMembers, showNotices, showProvider, showSimilar, showTimeline } from './incident/incident_parts.js';
import { showReach } from './incident/reach_chart.js';
import { byId, make, renew } from './parts/dom.js';
import { groupOf, lostMinutes } from './incident/incident_state.js';
import { openLink } from './parts/link.js';
import { reader, readJson } from './parts/loading.js';
import { isKey } from './parts/keys.js';
import { isPast, kept } from './parts/moment.js';
import { watchStaleness } from './parts/staleness.js';
import { readPiece } from './parts/svg.js';
import { duration, language, number, say, toField } from './parts/words.js';

const MINUTE_US = 60e6;
const REACH_US = 10e6; // the chart moves on so often while nothing changes

class IncidentDesk {
  constructor(asked) {
    this.asked = asked;
    this.page = null;
    this.rename = () => {};
    this.nowUs = Date.now() * 1000;
    this.seen = null;
    this.load = reader(() => this.read());
    this.loadCharts = reader(() => this.readCharts());
    watchKeys(this);
    document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && isKey(event)) leave(); });
  }

  async read() {
    const address = `/api/incidents/${encodeURIComponent(this.asked)}`;
    try {
      const [page, { notices }] = await Promise.all([readJson(address, language), readJson(`${address}/notices`, language)]);
      this.page = page;
      this.notices = notices;
    } catch (error) {
      // A wrong address is answered in a sentence; a server that is away is asked again by the next push.
      if (error.status !== 404 && error.status !== 422) throw error;
      byId('incident-name').textContent = say('nav.incidents');
      byId('incident-missing').hidden = false;
      byId('incident-missing').textContent = say(isPast() ? 'rewind.not_then' : 'error.unknown_incident');
      byId('deed-bar').hidden = byId('incident-parts').hidden = true;
      return;
    }
    this.show();
  }

  /** Return whether a change of these incidents concerns the page. */
  isAbout(ids) {
    const own = this.page ? [this.page.incident.incident_id, ...this.page.aliases, this.asked] : [this.asked];
    return ids.length === 0 || ids.some((id) => own.includes(id));
  }

  hear(message) {
    if (message.kind === 'hello') this.load();
    if (message.kind === 'incidents' && this.isAbout(message.ids)) this.load();
    if (message.kind === 'notice' && this.isAbout([message.incident_id])) this.load();
    if (message.kind !== 'snapshot') return;
    this.nowUs = message.at_us;
    const seen = `${message.alerts_version}/${message.open.muted}`; // what is read anew, what begins or ends to be muted
    if (this.seen !== null && this.seen !== seen) this.load();
    this.seen = seen;
    if (this.page) { this.showFigures(); this.followCharts(); }
  }

  /** Read the charts anew once a minute, and whenever the alerts that they may show are others. */
  followCharts() {
    const drawn = JSON.stringify([Math.floor(this.nowUs / MINUTE_US), this.page.members.map((one) => [one.alert.alert_id, one.left_at_us])]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.loadCharts();
  }

  async readCharts() {
    const made = await readPiece(`/api/charts/incident/${encodeURIComponent(this.asked)}`);
    const box = byId('worst');
    if (!box.firstElementChild?.isEqualNode(made)) renew(box, this.drawn, () => [made]);
  }

  show() {
    const { incident, story, aliases, events, members, places } = this.page;
    this.rename(`P${incident.priority} ${incident.words.name}`);
    const alias = byId('alias');
    alias.hidden = this.asked === incident.incident_id;
    if (!alias.hidden) renew(alias, incident.incident_id, () => [`${say('incident.alias')} `, make('a', { href: `/incidents/${incident.incident_id}`, textContent: say('incident.survivor') })]);
    renew(byId('incident-name'), [incident.priority, incident.state, incident.words.name, incident.silenced], () => [
      make('span', { className: incident.state === 'open' && !incident.silenced ? 'badge waiting' : 'badge', dataset: { priority: String(incident.priority) }, textContent: `P${incident.priority}` }),
      make('span', { textContent: incident.words.name }),
      make('span', { className: 'state-word', textContent: say(`incident.group_${groupOf(incident)}`) })]);
    renew(byId('said'), [story.said, places], () => [
      ...story.said.map((text, n) => make('p', { className: n ? '' : 'lead', textContent: text })),
      make('p', { className: 'way' }, ...places.flatMap(({ name, address }, n) => [n ? ' · ' : '', make('a', { href: address, textContent: name, dataset: { key: address } })]), ...(isPast() ? [] : [places.length ? ' · ' : '', beginningOf(incident)]))]);
    renew(byId('advice'), story, () => [
      story.advice ? make('p', { textContent: story.advice }) : make('p', { className: 'soft', textContent: say('incident.no_advice') }),
      story.why ? make('p', { className: 'soft', textContent: story.why }) : null,
      aliases.length ? make('p', { className: 'soft', textContent: say('incident.aliases', { n: number(aliases.length) }) }) : null].filter(Boolean));
    showProvider(byId('provider'), this.page.provider);
    byId('incident-parts').hidden = false;
    byId('incident-missing').hidden = true;
    showBar(this);
    tellResult(events);
    showTimeline(byId('timeline'), events, this.nowUs);
    showNotices(byId('notices'), this.notices, this.nowUs);
    byId('members-note').textContent = say('incident.members_note', { n: number(incident.alerts), of: number(incident.all_alerts) });
    showGroups(byId('member-groups'), this.page.groups);
    showMembers(byId('members'), members);
    const file = `/api/incidents/${incident.incident_id}/members.csv?lang=${language}`;
    renew(byId('members-file'), file, () => [['csv', ''], ['excel', '&form=excel']].map(([word, form]) => make('a', {
      href: `${file}${form}`, textContent: say(`sheet.${word}`), dataset: { key: `file-${word}` },
      'aria-label': `${say('sheet.download', { table: say('incident.members') })} (${say(`sheet.${word}`)})` })));
    showSimilar(byId('similar'), this.page.similar);
    this.showFigures();
    this.followCharts();
  }

  showFigures() {
    const { incident } = this.page;
    const isOver = incident.ended_at_us !== null;
    const untilUs = isOver ? (incident.quiet_at_us ?? incident.ended_at_us) : this.nowUs;
    showReach(byId('reach'), this.page.reach, Math.floor(untilUs / REACH_US) * REACH_US);
    const figures = [
      ...(incident.cause.kind === 'system' ? [] : [
        ['schools', number(incident.schools), say('incident.most', { n: number(incident.most_schools) })],
        ['pupils', incident.words.pupils, say('incident.most', { n: incident.words.most_pupils })],
        ['lost', number(lostMinutes(incident, this.nowUs)), say('incident.lost_unit')]]),
      ['lasted', duration((untilUs - incident.opened_at_us) / 1e6), ''],
    ];
    renew(byId('figures'), figures, () => figures.map(([name, value, more]) => make('div', { className: 'figure', dataset: { figure: name } },
      make('dt', { textContent: say(`incident.figure_${name}`) }),
      make('dd', { className: 'figure-value', textContent: value }),
      ...(more ? [make('dd', { className: 'figure-more', textContent: more })] : []))));
  }
}

/** Return the link to the wall as it was when an incident began. */
function beginningOf(incident) {
  const us = Math.floor(incident.opened_at_us / 60e6) * 60e6;
  return make('a', { href: `/?at=${toField(us)}`, textContent: say('rewind.from'), dataset: { key: 'rewind' } });
}

/** Go back to the list as it was left, or to the list. */
function leave() {
  const before = document.referrer && new URL(document.referrer);
  if (before && before.origin === window.location.origin && before.pathname === '/incidents') window.history.back();
  else window.location.assign(kept('/incidents'));
}

/** Start the page. */
export function start() {
  const desk = new IncidentDesk(decodeURIComponent(window.location.pathname.split('/').pop()));
  let staleness = null;
  const hear = (message) => {
    desk.hear(message);
    if (message.kind === 'snapshot') staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ alerts: true, hear }));
  desk.rename = staleness.rename;
}
