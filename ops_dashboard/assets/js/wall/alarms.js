// The incidents of the wall: five lines, most urgent first, each as on the desk; what is left is counted by priority.
import { byId, make, setText } from '../parts/dom.js';
import { makeMark, trendMark } from '../parts/mark.js';
import { compact, duration, number, rule, say } from '../parts/words.js';

const LEVELS = /^((?:TH|THCS|THPT|MN|MG|TTGDTX|và|-)\s+)+/; // a school's level stays whole when its name is shortened
const FEW = 2;
let written = '';

/** Show the first incidents of a snapshot. */
export function showAlarms(snapshot, fleet) {
  const list = byId('alarms');
  const { open } = snapshot;
  const minute = Math.floor(snapshot.at_us / 6e7);
  const shape = JSON.stringify([open.lines, minute, list.clientHeight, list.clientWidth, open.lines_by_priority, open.untaken]);
  list.hidden = open.line_count === 0;
  list.dataset.few = areFew(open) ? 'yes' : 'no';
  if (shape === written && (list.firstChild || list.hidden)) return;
  written = shape;
  const rows = open.lines.map((line) => makeRow(line, snapshot.at_us, fleet));
  list.replaceChildren(...rows);
  rows.forEach((row, i) => {
    fitName(row.querySelector('.alarm-name'));
    fitWhat(row.querySelector('.alarm-what'), open.lines[i]);
  });
  const shown = dropOverflow(list, rows);
  showHead(open, shown);
}

/** Return whether so few incidents are open that they stand larger, and the day so far below them. */
export const areFew = (open) => open.line_count <= FEW;

/** Forget what is shown: nothing that we have is young enough. */
export function clearAlarms() {
  written = '';
  byId('alarms').hidden = true;
  setText(byId('alarms-title'), say('wall.not_known'));
  byId('alarms-more').replaceChildren();
}

function showHead(open, shown) {
  const title = say(open.live_partitions < open.partitions ? 'wall.open_more' : 'wall.open', { n: number(open.line_count) });
  const untaken = open.untaken > 0 ? ` · ${say('wall.partly', { n: number(open.untaken) })}` : '';
  if (open.line_count > 0) setText(byId('alarms-title'), `${title}${untaken}`);
  const left = [1, 2, 3].map((priority) => open.lines_by_priority[priority - 1]
    - open.lines.slice(0, shown).filter((line) => line.priority === priority).length);
  const more = left.reduce((a, b) => a + b, 0);
  byId('alarms-more').replaceChildren(...(more === 0 || open.line_count === 0 ? [] : [
    make('span', { textContent: say('wall.more_by_priority', { n: number(more) }) }),
    ...left.map((n, i) => (n === 0 ? null : make('span', { className: 'more-count', dataset: { priority: String(i + 1) } },
      make('i', { textContent: `P${i + 1}` }), make('b', { textContent: number(n) })))).filter(Boolean)]));
}

/** Remove the last rows until the list holds whole rows only; five fit where a wall is. */
function dropOverflow(list, rows) {
  let shown = rows.length;
  while (shown > 1 && list.scrollHeight > list.clientHeight + 1) {
    rows[shown - 1].remove();
    shown -= 1;
  }
  return shown;
}

/** Write a name smaller where its line is too short, then shorten its words from the first on to their letters. */
function fitName(name) {
  const fits = () => name.scrollWidth <= name.clientWidth;
  if (name.clientWidth === 0 || fits()) return;
  name.closest('.alarm').dataset.long = 'yes';
  const full = name.textContent;
  const level = LEVELS.exec(full)?.[0] ?? '';
  const words = full.slice(level.length).split(' ');
  for (let n = 0; n < words.length - 1 && !fits(); n += 1) {
    words[n] = /^\p{L}{3}/u.test(words[n]) ? `${words[n][0]}.` : words[n];
    name.textContent = `${level}${words.join(' ')}`;
    name.title = full;
  }
}

/** Leave out where it is, if both do not fit: the name of a school leads there. */
function fitWhat(what, line) {
  if (what.clientHeight > 0 && what.scrollHeight > what.clientHeight + 2) what.textContent = titleOf(line);
}

function makeRow(line, atUs, fleet) {
  const waiting = line.unacknowledged > 0 && !line.silenced;
  const priority = String(line.priority);
  return make('li', { className: 'alarm', dataset: { priority, trend: line.trend, alone: reaches(line) ? 'no' : 'yes' } },
    make('div', { className: 'alarm-mark' }, makeMark(line.priority, line.unacknowledged === 0 || line.silenced),
      make('span', { className: waiting ? 'badge-word waiting' : 'badge-word', textContent: `P${priority}` })),
    make('div', { className: 'alarm-lines' },
      make('a', { className: 'alarm-name', href: `/incidents/${line.incident_id}`, textContent: nameOf(line, fleet), dataset: kindOf(line) }),
      reaches(line) ? makeReach(line) : null,
      make('span', { className: 'alarm-what', textContent: whatOf(line, fleet) }),
      make('span', { className: 'alarm-harm', textContent: pupilsOf(line) }),
      make('span', { className: 'alarm-since' },
        make('span', { textContent: `${duration((atUs - line.opened_at_us) / 1e6)} · ` }),
        make('span', { className: waiting ? 'alarm-who alarm-open' : 'alarm-who', textContent: whoOf(line) })),
      make('span', { className: 'alarm-harm', textContent: lostOf(line) })));
}

/** Return whether a line says how far it reaches: one school has no reach, the whole fleet says it by its name. */
const reaches = (line) => line.most_schools > 1 && line.cause !== 'fleet';

/** Return how many schools it has now, of how many at worst; growing and healing have a shape of their own. */
function makeReach(line) {
  return make(line.address ? 'a' : 'span', { className: 'alarm-reach', href: line.address || null },
    trendMark(line.trend),
    make('b', { textContent: number(line.schools) }), make('span', { textContent: say('wall.reach', { most: number(line.most_schools) }) }));
}

/** Return who or what has it, as the desk and messages say it. */
export function nameOf(line, fleet) {
  if (line.cause === 'system') return say('wall.center');
  if (line.cause === 'fleet') return say('wall.fleet', { n: number(line.schools), of: number(fleet.count) });
  if (line.cause === 'platform') return say('wall.platform');
  if (line.school === null) return [line.isp, line.place].filter(Boolean).join(' · ') || say('wall.city');
  return fleet.school(line.school).name.replace(/^Trường /, '');
}

/** Return what is written before a provider's name, which a stranger need not know. */
const kindOf = (line) => (line.cause === 'isp' ? { kind: say('wall.provider') } : {});

function titleOf(line) {
  const title = rule(line.rule).title;
  const main = line.exercise ? `${say('message.exercise')} · ${title}` : title;
  return line.others > 0 ? say('wall.others', { title: main, n: number(line.others) }) : main;
}

function whatOf(line, fleet) {
  const title = titleOf(line);
  if (line.cause === 'system' || line.schools === 0) return title; // of no school, from outside too
  if (line.cause === 'fleet') return say('wall.fleet_what', { title });
  if (line.school !== null) return `${title} · ${fleet.school(line.school).shortWard}`;
  return title;
}

function whoOf(line) {
  if (line.silenced) return say('wall.silenced');
  if (line.unacknowledged === 0) return shortPerson(line.acknowledged_by);
  return line.unacknowledged < line.alerts ? say('wall.partly', { n: number(line.unacknowledged) }) : say('wall.unacknowledged');
}

/** Return the last two words of a person's name, by which colleagues call one another. */
function shortPerson(name) {
  return name.split(' ').slice(-2).join(' ');
}

function pupilsOf(line) {
  if (line.schools === 0) return '';
  if (line.pupils === null) return say('wall.pupils_unknown');
  return say('wall.pupils', { n: line.pupils > 0 && line.pupils < 10 ? '< 10' : number(line.pupils) });
}

function lostOf(line) {
  if (line.schools === 0 || !line.lost_pupil_minutes) return ''; // counted by the minute: none yet is no "0 minutes"
  return say('wall.lost', { n: compact(line.lost_pupil_minutes).join(' ').trim() });
}
