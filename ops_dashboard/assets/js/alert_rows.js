// An alert as a row: what is sorted and filtered, and how it is written.
import { clock, dayAndClock, duration, number, quantity, range, rule, say } from './words.js';

const ORDER = { open: 0, acknowledged: 1, resolved: 2 };

/** Return open, acknowledged or resolved. */
export function stateOf(alert) {
  if (alert.resolved_at_us !== null) return 'resolved';
  return alert.acknowledged_at_us === null ? 'open' : 'acknowledged';
}

/** Return the row of an alert, or null if its school left the fleet. */
export function makeRow(alert, fleet) {
  const school = fleet.schoolOfId(alert.school_id);
  if (!school) return null;
  const state = stateOf(alert);
  const title = rule(alert.rule).title;
  return {
    id: alert.alert_id, alert, state, order: ORDER[state],
    priority: alert.priority, rule: alert.rule, school: school.name, code: school.code, ward: school.shortWard,
    cluster: school.clusterName, isp: school.isp, value: alert.value, since: alert.opened_at_us,
    pupils: alert.pupils, who: alert.acknowledged_by ?? '',
    words: `${school.name} ${school.code} ${school.ward} ${school.shortWard} ${school.clusterName} ${title} ${alert.note}`.toLocaleLowerCase(),
    text: {
      rule: title,
      value: alert.value === null ? '–' : quantity(alert.series, alert.value),
      since: whenOf(alert.opened_at_us),
      pupils: number(alert.pupils),
      order: say(`alerts.state_${state}`),
    },
  };
}

/** Return the facts of an alert as pairs of a name and a text. */
export function factsOf(row, nowUs) {
  const { alert } = row;
  return [
    [say('alerts.school'), `${row.school} (${row.code})`],
    [say('alerts.ward'), `${row.ward} · ${row.cluster}`],
    [say('alerts.isp'), row.isp],
    [say('alerts.value'), quantity(alert.series, alert.value)],
    [say('alerts.expected'), range(alert.series, alert.expected_low, alert.expected_high)],
    [say('alerts.since'), `${dayAndClock(alert.opened_at_us)} · ${duration(((alert.resolved_at_us ?? nowUs) - alert.opened_at_us) / 1e6)}`],
    [say('alerts.pupils'), number(alert.pupils)],
    [say('alerts.state'), row.text.order + (alert.acknowledged_by ? ` · ${alert.acknowledged_by}` : '')],
    ...(alert.note ? [[say('alerts.note'), alert.note]] : []),
  ];
}

/** Return whether a row passes the filters; empty filters let all pass, but resolved ones are asked for. */
export function passes(row, filters) {
  if (filters.state ? row.state !== filters.state : row.state === 'resolved') return false;
  return ['rule', 'cluster', 'isp'].every((name) => !filters[name] || row[name] === filters[name])
    && (!filters.priority || row.priority === Number(filters.priority))
    && (!filters.text || row.words.includes(filters.text));
}

/** Return -1, 0 or 1: unacknowledged first, then priority, then newest. */
export function compareRows(a, b) {
  return a.order - b.order || a.priority - b.priority || b.since - a.since;
}

function whenOf(atUs) {
  const today = new Date().toDateString() === new Date(atUs / 1000).toDateString();
  return today ? clock(atUs) : dayAndClock(atUs);
}
