// The parts of an incident's page: what happened, who was told, and its alerts by school.
import { make, renew } from '../parts/dom.js';
import { clock, clockSeconds, dayAndClock, duration, fullDay, number, rule, say } from '../parts/words.js';

const LINES_MAX = 300; // a screen of a week; the rest is counted
const SCHOOLS_MAX = 24;
const GROUPS_MAX = 5;
const DAY_US = 86400e6;

/** Return a moment: with its day unless that is within a day of now. */
const moment = (atUs, nowUs) => (Math.abs(nowUs - atUs) < DAY_US / 2 ? clockSeconds(atUs) : dayAndClock(atUs));

const timeOf = (atUs, nowUs) => make('time', { dateTime: new Date(atUs / 1000).toISOString(), textContent: moment(atUs, nowUs) });

/** Show what happened, the latest first. */
export function showTimeline(list, events, nowUs) {
  renew(list, events, () => {
    const lines = events.slice(-LINES_MAX).reverse().map((event) => make('li', { dataset: { kind: event.not_done ? 'tried' : event.kind } },
      timeOf(event.at_us, nowUs),
      make('span', { className: 'mark', 'aria-hidden': 'true' }),
      make('div', {},
        make('p', {}, event.sentence, ...otherOf(event)),
        event.note ? make('p', { className: 'soft', textContent: event.note }) : null)));
    const left = events.length - lines.length;
    return left > 0 ? [...lines, make('li', { className: 'soft', textContent: say('wall.more', { n: number(left) }) })] : lines;
  });
}

/** Return a link to the other incident of an event, if that is another page. */
function otherOf(event) {
  if (!event.other || event.kind === 'absorbed') return [];
  return [' ', make('a', { href: `/incidents/${event.other}`, textContent: say('incident.other') })];
}

/** Show each notice with its fate and its attempts, the latest first. */
export function showNotices(box, notices, nowUs) {
  renew(box, notices, () => (notices.length
    ? [make('ol', { className: 'notices' }, ...notices.slice(-LINES_MAX).reverse().map((notice) => noticeLine(notice, nowUs)))]
    : [make('p', { className: 'soft', textContent: say('incident.no_notices') })]));
}

function noticeLine(notice, nowUs) {
  const to = notice.contact === notice.to ? notice.to : `${notice.to} (${notice.contact})`;
  const said = notice.attempts.at(-1);
  return make('li', { dataset: { fate: notice.fate } },
    make('div', { className: 'notice-head' },
      timeOf(notice.at_us, nowUs),
      make('span', { className: 'notice-to', textContent: to }),
      make('span', { className: 'fate', textContent: notice.fate_words })),
    make('p', { className: 'soft', textContent: notice.why }),
    notice.next_try_at_us && notice.attempts.length
      ? make('p', { className: 'soft', textContent: say('incident.next_try', { at: moment(notice.next_try_at_us, nowUs) }) }) : null,
    notice.attempts.length ? make('ol', { className: 'attempts' }, ...notice.attempts.map((attempt) => make('li', {},
      timeOf(attempt.at_us, nowUs),
      make('span', { textContent: [attempt.channel, say(`attempt.${attempt.outcome}`), attempt.answer].filter(Boolean).join(' · ') })))) : null,
    said ? make('details', { dataset: { key: notice.notice_id } },
      make('summary', { textContent: say('incident.message'), dataset: { key: `summary-${notice.notice_id}` } }),
      make('p', { className: 'bubble-text' }, make('strong', { textContent: said.title }), `\n${said.body}`)) : null);
}

/** Show how many schools there are of each ward and provider, where more than one school is meant. */
export function showGroups(box, groups) {
  const few = Object.values(groups).every((own) => own.reduce((sum, one) => sum + one.all_schools, 0) < 2);
  box.hidden = few;
  renew(box, groups, () => Object.entries(groups).map(([kind, own]) => make('div', {},
    make('h3', { className: 'soft', textContent: say(`alerts.${kind}`) }),
    groupList(own.slice(0, GROUPS_MAX)),
    own.length > GROUPS_MAX ? make('details', { dataset: { key: `groups-${kind}` } },
      make('summary', { textContent: say('wall.more', { n: number(own.length - GROUPS_MAX) }), dataset: { key: `summary-groups-${kind}` } }),
      groupList(own.slice(GROUPS_MAX))) : null)));
}

function groupList(groups) {
  return make('ul', {}, ...groups.map(({ name, address, schools, all_schools: all }) => make('li', {},
    make('a', { href: address, textContent: name, dataset: { key: address } }),
    make('span', {}, make('b', { textContent: number(schools) }), ` / ${number(all)}`))));
}

/** Show the alerts by school, open ones first; what is many, and what ended, is folded in. */
export function showMembers(box, members) {
  const open = bySchool(members.filter((member) => member.left_at_us === null));
  const ended = bySchool(members.filter((member) => member.left_at_us !== null));
  renew(box, members, () => [
    schoolList(open.slice(0, SCHOOLS_MAX)),
    folded('more', 'incident.more_schools', open.slice(SCHOOLS_MAX)),
    folded('ended', 'incident.ended', ended)].filter(Boolean));
}

function folded(key, text, schools) {
  return schools.length ? make('details', { dataset: { key } },
    make('summary', { textContent: say(text, { n: number(schools.length) }), dataset: { key: `summary-${key}` } }),
    schoolList(schools)) : null;
}

/** Return the members of each school, in the order of its first. */
function bySchool(members) {
  const found = new Map();
  for (const member of members) found.set(member.alert.school_id, [...(found.get(member.alert.school_id) ?? []), member]);
  return [...found.values()];
}

function schoolList(schools) {
  return make('ul', { className: 'members' }, ...schools.map((own) => make('li', {},
    schoolOf(own[0].place), make('ul', {}, ...own.map(alertLine)))));
}

function schoolOf(place) {
  if (!place) return make('p', { className: 'member-school', textContent: say('wall.center') });
  return make('p', { className: 'member-school' },
    make('a', { href: `/school/${encodeURIComponent(place.code)}`, textContent: place.name }),
    make('span', { className: 'soft' }, ' · ', make('a', { href: place.ward_address, textContent: place.ward })));
}

function alertLine({ alert, left_at_us: leftUs }) {
  const span = leftUs === null ? clock(alert.opened_at_us) : `${clock(alert.opened_at_us)}–${clock(leftUs)}`;
  const taken = alert.acknowledged_by && leftUs === null ? ` · ${say('wall.acknowledged_by', { name: alert.acknowledged_by })}` : '';
  return make('li', {},
    make('a', { href: `/alerts?alert=${alert.alert_id}`, textContent: rule(alert.rule).title, dataset: { key: `alert-${alert.alert_id}` } }),
    make('span', { className: 'soft', textContent: ` · ${span}${taken}` }));
}

/** Show how incidents of the same cause went before, each a link to its page. */
export function showSimilar(box, similar) {
  renew(box, similar, () => (similar.length
    ? [make('ol', { className: 'similar' }, ...similar.map((one) => make('li', {},
      make('a', { href: `/incidents/${one.incident_id}`, textContent: fullDay(one.opened_at_us), dataset: { key: `similar-${one.incident_id}` } }),
      make('span', { textContent: ` ${one.what} · ${duration(one.lasted_s)}` }),
      make('p', { className: 'soft', textContent: [one.ended, one.note && `“${one.note}”`].filter(Boolean).join(' ') }))))]
    : [make('p', { className: 'soft', textContent: say('incident.similar_none') })]));
}

/** Show whom to call at the provider, and what was agreed with it; nothing where nobody wrote it. */
export function showProvider(list, card) {
  list.hidden = card === null;
  const rows = card === null ? [] : [
    [say('incident.provider'), card.name, ''],
    [say('incident.provider_phone'), card.phone, `tel:${card.phone.replace(/[^+\d]/g, '')}`],
    [say('incident.provider_contact'), card.contact, ''],
    [say('incident.provider_contract'), card.contract, ''],
    [say('incident.provider_runbook'), card.runbook, card.runbook],
  ].filter(([, text]) => text);
  renew(list, rows, () => rows.flatMap(([title, text, href]) => [
    make('dt', { textContent: title }),
    make('dd', {}, href ? make('a', { href, textContent: text, target: href === card.runbook ? '_blank' : null, rel: 'noopener', dataset: { key: text } }) : text)]));
}
