// An alert as a row: what is sorted and filtered, and how it is written.
import { dayAndClock, duration, judged, number, plainName, rule, say, whenOf } from '../parts/words.js';

const SYSTEM_SCHOOL = 0; // alerts about the center itself carry it; no school has it
const MINUTE_US = 60e6;
const ORDER = { open: 0, acknowledged: 1, silenced: 2, resolved: 3 };

/** Return open, acknowledged or resolved. */
export function stateOf(alert) {
  if (alert.resolved_at_us !== null) return 'resolved';
  return alert.acknowledged_at_us === null ? 'open' : 'acknowledged';
}

/** Return the place of an alert: its school, the center itself, or null if the school left the fleet. */
function placeOf(alert, fleet) {
  if (alert.school_id !== SYSTEM_SCHOOL) return fleet.schoolOfId(alert.school_id);
  return { name: say('alerts.center'), code: '', ward: '', shortWard: '', clusterName: '', isp: '' };
}

/**
 * Return the row of an alert, or null if its school left the fleet; `nowUs` tells which day is today, `silence`
 * until when nobody is told of it.
 */
export function makeRow(alert, fleet, nowUs, silence = null) {
  const school = placeOf(alert, fleet);
  if (!school) return null;
  const own = alert.school_id === SYSTEM_SCHOOL;
  const state = stateOf(alert);
  const title = rule(alert.rule).title;
  const quiet = state === 'resolved' ? null : silence;
  const quietWord = quiet && say('alerts.silenced_until', { at: whenOf(quiet.until_us, nowUs) });
  return {
    id: alert.alert_id, alert, own, state, silence: quiet, order: ORDER[quiet ? 'silenced' : state],
    priority: alert.priority, rule: alert.rule, school: school.name, code: school.code, ward: school.shortWard,
    cluster: school.clusterName, isp: school.isp, value: alert.value, since: alert.opened_at_us,
    pupils: alert.pupils, who: alert.acknowledged_by ?? '',
    words: plainName(`${school.name} ${school.code} ${school.ward} ${school.shortWard} ${school.clusterName} ${title} ${alert.note}`),
    text: {
      rule: title,
      value: alert.value === null ? '–' : valueOf(alert, own),
      since: whenOf(alert.opened_at_us, nowUs),
      pupils: own ? '–' : number(alert.pupils),
      order: [say(`alerts.state_${state}`), quietWord].filter(Boolean).join(' · '),
      silence: quietWord ?? '',
    },
  };
}

/** Return the value that decided; what the center says of itself is a length of time. */
function valueOf(alert, own) {
  return own ? duration(alert.value) : judged(alert, alert.value);
}

/** Return the text of an event's value. */
export function eventValue(row, value) {
  if (value === null || value === undefined) return '';
  return row.own ? duration(value) : judged(row.alert, value);
}

/**
 * Return the ids of rows that stand behind another one: each partition raises its own alert about the
 * center, and people need one row of them, the first that was opened.
 */
export function rowsBehind(rows) {
  const first = new Map(), behind = new Set();
  for (const row of rows) {
    if (!row.own) continue;
    const when = row.state === 'resolved' ? Math.floor(row.since / MINUTE_US) : '';
    const key = `${row.rule}/${row.state}/${when}`;
    const other = first.get(key);
    const leads = !other || row.since < other.since || (row.since === other.since && row.id < other.id);
    if (leads) first.set(key, row);
    if (other) behind.add(leads ? other.id : row.id);
  }
  return behind;
}

const silenceAddress = ({ silence_id: id }) => (id ? `/silences?silence=${id}` : null);

/** Return until when nobody is told, and to who may see silences, who wants it and why. */
function silenceWords({ until_us: untilUs, owner, reason }) {
  const until = say('alerts.silence_until', { at: dayAndClock(untilUs) });
  return owner ? `${until} · ${owner}: ${reason}` : until;
}

/** Return the facts of an alert as a name, a text and, where there is one, the address of what it speaks of; what was measured stands in its explanation. */
export function factsOf(row, nowUs) {
  const { alert } = row;
  const since = `${dayAndClock(alert.opened_at_us)} · ${duration(((alert.resolved_at_us ?? nowUs) - alert.opened_at_us) / 1e6)}`;
  const ofSchool = row.own ? [] : [
    [say('alerts.ward'), `${row.ward} · ${row.cluster}`],
    [say('alerts.isp'), row.isp],
  ];
  return [
    [say('alerts.school'), row.own ? row.school : `${row.school} (${row.code})`],
    ...ofSchool,
    ...(row.own && alert.value !== null ? [[say('alerts.lasted'), duration(alert.value)]] : []),
    [say('alerts.since'), since],
    ...(row.own ? [] : [[say('alerts.pupils'), number(alert.pupils)]]),
    [say('alerts.state'), say(`alerts.state_${row.state}`) + (alert.acknowledged_by ? ` · ${alert.acknowledged_by}` : '')],
    ...(row.silence ? [[say('alerts.silence'), silenceWords(row.silence), silenceAddress(row.silence)]] : []),
    ...(alert.note ? [[say('alerts.note'), alert.note]] : []),
  ];
}

/** Return whether a row passes the filters; empty filters let all pass, but resolved ones are asked for. */
export function passes(row, filters) {
  const isOfState = filters.state === 'silenced' ? row.silence !== null : row.state === filters.state;
  if (filters.state ? !isOfState : row.state === 'resolved') return false;
  return ['rule', 'cluster', 'isp'].every((name) => !filters[name] || row[name] === filters[name])
    && (!filters.priority || row.priority === Number(filters.priority))
    && (filters.text ?? '').split(' ').every((word) => row.words.includes(word));
}

/** Return -1, 0 or 1: unacknowledged first, then priority, then newest. */
export function compareRows(a, b) {
  return a.order - b.order || a.priority - b.priority || b.since - a.since;
}
