// What was wrong today as bars on one axis of time, and how long it has been quiet: read from five metres.
import { hiddenTable, make, makeSvg } from '../parts/dom.js';
import { clock, duration, say, whenOf } from '../parts/words.js';

const MINUTE_US = 60e6, HOUR_US = 3600e6;
const MARGIN_US = HOUR_US / 2;
const WIDTH = 1000, HEIGHT = 80; // of a picture, which is stretched; words are not
const HIGH = { 1: 1, 2: 0.7, 3: 0.4 }; // what is worse is higher, so that the shape says it too
const LEAST = 6; // what lasted a minute is seen

/** Return a bar a school where they are few, else one of all incidents; sessions are filled as far as they are known. */
export function drawBar(day, fleet) {
  const [from, until] = spanOf(day);
  const x = (us) => WIDTH * (us - from) / (until - from);
  const lanes = day.lanes.length > 1
    ? day.lanes.map((troubled, school) => [fleet.school(school).name.replace(/^Trường /, ''), troubled])
    : [['', day.troubled]];
  const rows = lanes.flatMap(([name, troubled]) => troubled.map(([first, last, priority]) => [name || say('wall.today'), `P${priority}`, clock(first), clock(last)]));
  const heads = [say('leadership.head_cause'), say('alerts.priority'), say('leadership.head_since'), say('leadership.head_until')];
  return make('div', { className: 'day-bar' },
    ...lanes.flatMap(([name, troubled]) => [
      name ? make('span', { className: 'lane-name', textContent: name }) : null,
      makeLane(day, troubled, x),
    ]).filter(Boolean),
    makeHours(from, until, x), make('div', { className: 'visually-hidden' }, hiddenTable(say('wall.today'), heads, rows)));
}

/** Return what the axis spans: the sessions and what was wrong; on a day without any the day itself. */
function spanOf({ sessions, troubled, at_us: nowUs }) {
  const [hour, minute] = clock(nowUs).split(':').map(Number);
  const midnightUs = nowUs - (hour * 60 + minute) * MINUTE_US;
  const ends = sessions.length > 0 ? [sessions[0][0], sessions.at(-1)[1]] : [midnightUs + 6 * HOUR_US, midnightUs + 18 * HOUR_US];
  return [
    Math.max(midnightUs, Math.min(nowUs, ends[0], ...troubled.map(([first]) => first)) - MARGIN_US),
    Math.min(midnightUs + 24 * HOUR_US, Math.max(nowUs, ends[1]) + MARGIN_US),
  ];
}

function makeLane({ sessions, at_us: nowUs, known_from_us: fromUs }, troubled, x) {
  const svg = makeSvg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const block = (kind, first, last, share) => {
    const width = Math.max(last > first ? LEAST : 0, x(last) - x(first));
    svg.append(makeSvg('rect', { class: kind, x: x(first), width, y: HEIGHT * (1 - share), height: HEIGHT * share }));
  };
  for (const [first, last] of sessions) {
    block('session-coming', Math.max(first, Math.min(nowUs, last)), last, 1);
    const known = Math.min(last, Math.max(first, fromUs ?? nowUs)); // before the first start nothing is known to be well
    if (known > first) block('session-coming', first, known, 1);
    block('session', known, Math.max(known, Math.min(last, nowUs)), 1);
  }
  for (const [first, last, priority] of troubled) block(`trouble-${priority}${last < nowUs ? ' over' : ''}`, first, last, HIGH[priority]);
  svg.append(makeSvg('line', { class: 'bar-now', x1: x(nowUs), x2: x(nowUs), y1: 0, y2: HEIGHT }));
  return svg;
}

function makeHours(from, until, x) {
  const step = until - from > 13 * HOUR_US ? 3 : 2;
  const hours = make('div', { className: 'bar-hours', ariaHidden: 'true' });
  for (let us = Math.ceil(from / HOUR_US) * HOUR_US; us <= until; us += HOUR_US) {
    const share = x(us) / WIDTH;
    if (Number(clock(us).slice(0, 2)) % step !== 0 || share < 0.06 || share > 0.94) continue;
    const word = make('span', { textContent: clock(us) });
    word.style.left = `${(100 * share).toFixed(2)}%`;
    hours.append(word);
  }
  return hours;
}

/** Return how long it has been quiet, in type as large as an incident's reach. */
export function quietOf({ quiet_since_us: sinceUs, at_us: nowUs }) {
  const words = sinceUs === null
    ? [say('wall.quiet_ever'), say('wall.quiet_ever_what')]
    : [`${duration((nowUs - sinceUs) / 1e6)} ${say('wall.quiet')}`, say('wall.quiet_since', { at: whenOf(sinceUs, nowUs) })];
  return make('p', { className: 'quiet' }, make('b', { textContent: words[0] }), make('span', { textContent: words[1] }));
}
