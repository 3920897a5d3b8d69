// The four figures: value, target, last week, its own age and coverage; past its target a figure takes the mark
// and the colour of its priority, under its coverage it turns to "unknown".
import { byId, setText } from '../parts/dom.js';
import { makeMark } from '../parts/mark.js';
import { clock, compact, number, percent, say, sessionName, since, target } from '../parts/words.js';

const SAME_SHARE = 0.0005, SAME_PART = 0.02; // closer than this a figure is as last week
const shares = new Set(['connected', 'attendance']);

/** Show the figures of a snapshot. */
export function showTiles(snapshot) {
  showTile('connected', snapshot, connectedCoverage(snapshot), ageOf(snapshot.connected, snapshot));
  showTile('attendance', snapshot, coverageOf('attendance', snapshot), sessionOf(snapshot));
  showTile('elearning', snapshot, coverageOf('elearning', snapshot), ageOf(snapshot.elearning, snapshot));
  showAffected(snapshot);
}

/** Show dashes: nothing that we have is young enough to be called a figure. */
export function clearTiles() {
  for (const name of ['connected', 'attendance', 'elearning', 'affected']) write(name, { known: false, value: '–' });
  byId('muted').replaceChildren();
}

/** Show how many of the open alerts nobody is told of: always, 0 too, for it must be seen somewhere. */
function showMuted(muted) {
  const place = byId('muted');
  setText(place, number(muted));
  place.dataset.any = muted > 0 ? 'yes' : 'no';
  place.title = say('wall.muted', { n: number(muted) });
  place.setAttribute('aria-label', place.title);
}

function write(name, { known, value, unit = '', coverage = '', age = '', bound = '', why = '', before = '', priority = null }) {
  const tile = byId(`tile-${name}`);
  tile.dataset.known = known ? 'yes' : 'no';
  const put = (part, text) => setText(tile.querySelector(`.tile-${part}`), text);
  put('number', value);
  put('unit', unit);
  put('coverage', coverage);
  put('age', age);
  put('target', bound);
  put('before', before);
  tile.querySelector('.tile-target').title = why;
  const shown = String(priority ?? '');
  if (tile.dataset.priority === shown) return;
  tile.dataset.priority = shown;
  tile.querySelector('.tile-mark').replaceChildren(...(priority === null ? [] : [makeMark(priority)]));
}

function showTile(name, snapshot, coverage, age) {
  const tile = snapshot[name];
  const known = tile.value !== null;
  const [value, unit] = known ? written(name, tile) : [unknownWord(tile, snapshot), ''];
  const { bound, why } = boundOf(name, tile);
  write(name, { known, value, unit, coverage, age, bound, why, before: beforeOf(name, tile), priority: tile.priority });
}

function written(name, { value, expected }) {
  if (name === 'connected') return [percent(value), say('kpi.of_schools', { of: number(expected) })];
  return shares.has(name) ? [percent(value), '%'] : compact(value);
}

function boundOf(name, tile) {
  const wanted = target(name);
  if (!wanted) return { bound: '', why: '' };
  if (wanted.of_usual) {
    if (tile.usual === null) return { bound: '', why: '' };
    const [low, high] = tile.usual.map((n) => (tile.usual[1] >= 1e4 ? number(n / 1e3) : number(n)));
    return { bound: say('kpi.usual', { low, high }), why: wanted.reason };
  }
  return { bound: say('kpi.at_least', { n: number(wanted.at_least * 100) }), why: wanted.reason };
}

/** Return last week's figure with an arrow: where this one stands against it. */
function beforeOf(name, tile) {
  if (tile.before === null) return '';
  const [n] = shares.has(name) ? [percent(tile.before)] : compact(tile.before);
  // Beside what is usual there is no room for the words.
  const text = target(name)?.of_usual && tile.usual !== null ? n : say('kpi.before', { n });
  if (tile.value === null) return '';
  const change = tile.value - tile.before;
  const same = shares.has(name) ? SAME_SHARE : SAME_PART * tile.before;
  return `${Math.abs(change) <= same ? '→' : change > 0 ? '↑' : '↓'} ${text}`;
}

function ageOf(tile, snapshot) {
  return tile.latest_us > 0 ? since((snapshot.at_us - tile.latest_us) / 1e6) : '';
}

/** Return which session the attendance is of, and when its youngest register came. */
function sessionOf(snapshot) {
  const { latest_us: latestUs } = snapshot.attendance;
  return latestUs > 0 ? `${sessionName(snapshot.session)} ${clock(latestUs)}` : '';
}

function connectedCoverage({ connected }) {
  if (connected.expected === 0) return '';
  const unknown = connected.expected - connected.reporting;
  if (connected.value === null) return coverageOf('elearning', { elearning: connected });
  const down = connected.reporting - Math.round(connected.value * connected.expected);
  return say('kpi.connected_coverage', { down: number(down), unknown: number(unknown) });
}

function coverageOf(name, snapshot) {
  const tile = snapshot[name];
  if (tile.withheld) return say('kpi.withheld_why');
  return tile.expected > 0 ? say(`kpi.${name}_coverage`, { n: number(tile.reporting), of: number(tile.expected) }) : '';
}

function unknownWord(tile, snapshot) {
  if (snapshot.unkept.length > 0) return say('rewind.unkept_word');
  if (snapshot.age_s === null) return '–';
  if (tile.withheld) return say('kpi.withheld_tile');
  return tile.expected === 0 ? say('kpi.outside') : say('kpi.unknown');
}

function showAffected({ affected, connected, open, age_s: ageS }) {
  const heard = open.live_partitions / open.partitions;
  const known = ageS !== null && heard > 0;
  const counted = affected.pupils ?? affected.schools;
  const wanted = target('affected');
  const atMost = wanted ? say('kpi.at_most', { n: compact(Math.round(wanted.at_most * affected.of)).join(' ').trim() }) : '';
  // What we know of stands even while part of the schools is not heard; there may be more, but never more than all.
  const sure = heard === 1 && (connected.value !== null || connected.expected === 0);
  const least = !sure && counted < affected.of ? '≥ ' : '';
  write('affected', {
    known: known && (sure || counted > 0),
    value: !known ? '–' : !sure && counted === 0 ? say('kpi.unknown') : `${least}${number(counted)}`,
    coverage: heard < 1 && known
      ? say('kpi.unheard', { n: number(Math.round((1 - heard) * 100)) })
      : say('kpi.affected_coverage', { n: number(affected.schools) }),
    bound: affected.pupils === null ? '' : atMost, why: wanted?.reason ?? '',
    priority: known ? affected.priority : null,
  });
  showMuted(open.muted);
}
