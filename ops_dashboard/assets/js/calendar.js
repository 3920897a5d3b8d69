// Days for the school calendar: what history proposes, and what was decided; both are read anew with each link.
import { DateField, written } from './parts/date_field.js';
import { askDeed, labelled, post } from './parts/deed_dialog.js';
import { byId, make, renew, setText } from './parts/dom.js';
import { openLink } from './parts/link.js';
import { reader, readJson } from './parts/loading.js';
import { watchStaleness } from './parts/staleness.js';
import { clock, fullDay, language, number, percent, say } from './parts/words.js';

const mayDecide = () => document.querySelector('[data-page]').dataset.may === 'decide';

const load = reader(async () => show(await readJson('/api/calendar', language)));

function show({ proposals, decided, newest, ...known }) {
  byId('calendar-reading').hidden = true;
  setText(byId('calendar-count'), say('calendar.count', { n: number(proposals.length) }));
  fill('proposals', proposals, (one) => proposalRow(one, newest));
  setText(byId('proposals-none'), known.known_days < known.least_days
    ? say('calendar.early', { n: number(known.known_days), least: number(known.least_days) })
    : say('calendar.none'));
  fill('decided', decided, decidedRow);
  const all = byId('accept-all');
  all.hidden = !mayDecide() || proposals.length < 2;
  all.onclick = () => askAccept(proposals.map((one) => one.id), say('calendar.accept_all_subject', { n: number(proposals.length) }));
}

function fill(name, found, row) {
  byId(`${name}-none`).hidden = found.length > 0;
  byId(`${name}-table`).hidden = found.length === 0;
  renew(byId(name), found, () => found.map(row));
}

const cell = (name, ...parts) => make('td', { className: `cell-${name}`, dataset: { name: say(`calendar.head_${name}`) } }, ...parts);

function proposalRow(one, newest) {
  return make('tr', { dataset: { id: one.id } },
    dayCell(one), placeCell(one), cell('seen', ...seen(one)),
    cell('deeds', ...(mayDecide() ? [
      button(one, 'accept', () => askAccept([one.id], `${heading(one)}. ${effect(one)}`, one.last >= newest ? one : null)), ' ',
      button(one, 'reject', () => askVerdict(one, 'rejected', 'reject'))] : ['–'])));
}

function decidedRow(one) {
  return make('tr', { dataset: { id: one.id, verdict: one.verdict } },
    dayCell(one), placeCell(one),
    cell('why', say('calendar.by', { verdict: say(`calendar.${one.verdict}`), name: one.decided_by, at: `${fullDay(one.decided_us)} ${clock(one.decided_us)}` }),
      ...shifts(one.evidence).map((text) => make('span', { className: 'seen-line', textContent: text })),
      one.name ? make('p', { textContent: one.name }) : null),
    cell('deeds', mayDecide() ? button(one, 'withdraw', () => askVerdict(one, 'withdrawn', 'withdraw')) : '–'));
}

const span = (one) => (one.first === one.last ? written(one.first) : `${written(one.first)} – ${written(one.last)}`);
const heading = (one) => `${say(`day_kind.${one.kind}`)} · ${span(one)} · ${placeName(one.place)}`;

const effect = (one) => say(`day_effect.${one.kind}`, { until: written(one.until) });

const dayCell = (one) => cell('day', make('strong', { textContent: span(one) }), make('span', { className: 'small', textContent: say(`day_kind.${one.kind}`) }));

function placeCell({ place }) {
  const address = { school: `/school/${place.code}`, ward: `/area/${place.code}`, cluster: `/area/${place.code}` }[place.kind];
  return cell('place', address ? make('a', { href: address, textContent: placeName(place) }) : placeName(place));
}

function placeName(place) {
  if (place.kind === 'city') return say('calendar.city');
  return place.kind === 'level' ? say(`level.${place.code}`) : place.name;
}

function seen({ evidence, days }) {
  const whole = (share) => percent(share);
  const lines = [
    days > 1 ? say('calendar.days', { n: number(days) }) : null,
    evidence.of > 1 ? say('calendar.schools', { n: number(evidence.schools), of: number(evidence.of) }) : null,
    evidence.register === null ? null : say('calendar.register', { now: whole(evidence.register), usual: whole(evidence.register_usual) }),
    evidence.traffic === null ? null : say('calendar.traffic', { n: whole(evidence.traffic) }),
    ...(evidence.bells ? bellLines(evidence) : []),
    evidence.dismissed ? say('calendar.dismissed', { n: number(evidence.dismissed) }) : null];
  return lines.filter(Boolean).map((text) => make('span', { className: 'seen-line', textContent: text }));
}

function button(one, deed, onclick) {
  return make('button', { type: 'button', className: 'button', textContent: say(`calendar.${deed}`), dataset: { key: `${deed}-${one.id}` }, 'aria-label': `${say(`calendar.${deed}`)} ${heading(one)}`, onclick });
}

const signed = (minutes) => (minutes === null ? '–' : `${minutes < 0 ? '−' : '+'}${number(Math.abs(Math.round(minutes)))}`);

/** What is told of bells that moved, the lines of each part of the day. */
function bellLines(evidence) {
  const { bells } = evidence;
  const begins = [
    say('calendar.begins', { register: signed(bells.register[0]), traffic: signed(bells.traffic), learners: signed(bells.learners) }),
    say('calendar.begins_register', { register: signed(bells.register[1]) })].filter((_, i) => bells.later_min[i] !== 0);
  return shifts(evidence).flatMap((shift, i) => [shift, begins[i]]);
}

/** By how much bells moved, a line each part of the day in which they did. */
function shifts({ bells, schools, of }) {
  const parts = [say('calendar.morning'), say('calendar.afternoon')];
  return (bells?.later_min ?? []).flatMap((later, i) => (later === 0 ? [] : [
    say(later > 0 ? 'calendar.later' : 'calendar.earlier', { part: parts[i], share: percent(schools / of), n: number(Math.abs(later)) })]));
}

/** Ask why, and until when if it may still go on, and accept. */
function askAccept(ids, subject, goesOn = null) {
  const name = make('input', { className: 'control', id: 'day-name', maxLength: 120 });
  const last = goesOn && new DateField({ id: 'day-last', hasClock: false, least: goesOn.last, iso: goesOn.until });
  askDeed({
    title: say('calendar.accept_title'), subject, note: null,
    fields: [labelled(say('calendar.name'), name), last && labelled(say('calendar.last'), last.element, last.input.id)].filter(Boolean),
    send: () => decide({ ids, verdict: 'accepted', name: name.value.trim(), last: last?.iso || null }),
  });
}

function askVerdict(one, verdict, deed) {
  const isBells = Boolean(one.evidence.bells);
  askDeed({
    title: say(`calendar.${deed}`), subject: `${heading(one)}. ${say(isBells && deed === 'reject' ? 'calendar.reject_bells' : `calendar.${deed}_subject`)}`, note: null,
    send: () => decide({ ids: [one.id], verdict }),
  });
}

async function decide(words) {
  const { refused } = await post(`/api/calendar?lang=${language}`, words);
  if (refused === null) {
    setText(byId('deed-result'), say('calendar.sent'));
    load(); // and once more when the dashboard is back with the new calendar
  }
  return refused;
}

/** Start the page. */
export function start() {
  let staleness = null;
  const hear = (message) => {
    if (message.kind === 'hello') load();
    if (message.kind === 'snapshot') staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ hear }));
}
