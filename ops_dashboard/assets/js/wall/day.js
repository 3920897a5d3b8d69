// The day so far: what a calm wall tells where incidents stand otherwise, and two of the views that come in turn.
import { areFew, nameOf } from './alarms.js';
import { drawBar, quietOf } from './day_bar.js';
import { byId, hiddenTable, make, makeSvg, setText } from '../parts/dom.js';
import { makeMark } from '../parts/mark.js';
import { inMoment } from '../parts/moment.js';
import { clock, duration, number, percent, say, target, whenOf } from '../parts/words.js';

const HOUR_US = 3600e6;
const HOLE_US = 11 * 60e6; // two missing points are a hole in the line, not a slope
const BAR_FROM = 0.8; // bars of attendance begin here: what is below is as bad as can be
const READ_MS = 60000;

/** Return the day: read once a minute, and drawn wherever it is asked for. */
export function followDay(fleet, changed) {
  const day = { data: null };
  async function read() {
    try {
      const answer = await fetch(inMoment('/api/day'));
      if (answer.ok) { day.data = await answer.json(); changed(); }
    } catch (error) {
      console.warn('the day was not read; again in a minute', error);
    }
  }
  window.setInterval(read, READ_MS);
  new ResizeObserver(changed).observe(byId('day'));
  read();
  return {
    read,
    /** Show the day in place of the incidents, if there are none; below a few a part of it. */
    show(snapshot) {
      const host = byId('day');
      host.hidden = !areFew(snapshot.open);
      if (host.hidden) return;
      if (snapshot.open.line_count > 0) { renewPart(host, snapshot, day.data, fleet); return; }
      const { connected, open } = snapshot;
      const silent = open.live_partitions < open.partitions || (connected.value === null && connected.expected > 0);
      setText(byId('alarms-title'), say(silent ? 'wall.not_known' : 'wall.calm'));
      byId('alarms-more').replaceChildren(day.data ? say('wall.resolved', { n: number(day.data.resolved_count) }) : '');
      renewDay(host, snapshot, day.data, fleet);
    },
    draw(view, host, snapshot) {
      if (view === 'elearning') { drawUsers(host, day.data); return; }
      if (view === 'systems') { drawSystems(host, snapshot, day.data); return; }
      if (view === 'day') { drawDay(host, snapshot, day.data, fleet); return; }
      const bars = make('div', { className: 'clusters' });
      host.replaceChildren(bars);
      drawClusters(bars, snapshot, fleet);
    },
    /** Another one means: what is drawn of the day is old. */
    version: () => day.data?.at_us ?? 0,
    clear() { byId('day').hidden = true; },
  };
}

function renewDay(host, snapshot, day, fleet) {
  if (isDrawn(host, snapshot, day)) return;
  const whole = snapshot.area === '' ? null : say('wall.of_city');
  const parts = snapshot.age_s === null ? firstWait(fleet) : [];
  const bars = areCompared(snapshot, fleet) ? make('div', { className: 'clusters' }) : null;
  if (bars) {
    parts.push(heading(say('wall.attendance'), whole ?? targetWord()), bars);
    drawClusters(bars, snapshot, fleet);
  }
  const curve = hasLearners(day) ? make('div', { className: 'curve' }) : null;
  if (curve) parts.push(heading(say('wall.users'), usualWord(snapshot, day)), curve);
  const hasRoom = day && snapshot.age_s !== null && !(bars && curve);
  if (hasRoom) parts.push(...dayBar(snapshot, day, fleet, { isLarge: !bars && !curve }));
  if (day) parts.push(resolvedList(day, fleet, hasRoom ? 6 : 2), dutyLine(day, snapshot.at_us));
  host.replaceChildren(...parts);
  for (const line of [...host.querySelectorAll('.resolved-line')].reverse()) {
    if (host.scrollHeight <= host.clientHeight + 1) break;
    line.remove();
  }
  if (curve) drawUsers(curve, day);
}

/** Return the incidents of the day as one bar; `isLarge` with how long it has been quiet, to be read from the door. */
function dayBar(snapshot, day, fleet, { isLarge }) {
  const words = snapshot.area === '' ? day.sessions.map(([from, until]) => `${clock(from)}–${clock(until)}`).join(' · ') : say('wall.of_city');
  const bar = heading(say('wall.today'), words || say('wall.no_sessions'));
  return [...(isLarge && snapshot.open.line_count === 0 ? [quietOf(day)] : []), bar, drawBar(day, fleet)];
}

/** Return what a center is told that no school has spoken to yet. */
function firstWait(fleet) {
  return [make('p', { className: 'quiet' }, make('b', { textContent: say('wall.first_wait') }), make('span', { textContent: say('wall.first_wait_what', { n: number(fleet.count) }) }))];
}

/** Return whether there is a curve to be drawn: on a day without school it would be a line at zero. */
function hasLearners(day) {
  return day !== null && day.users.length > 1 && [...day.users.map(([, n]) => n), ...day.users_usual.map(([, , high]) => high)].some((n) => n > 0);
}

/** Return whether there are clusters to be compared: several, and something is told of half of them. */
function areCompared(snapshot, fleet) {
  const clusters = fleet.sizes.filter((schools) => schools > 0).length;
  return clusters > 1 && 2 * snapshot.attendance_by_cluster.filter((share) => share !== null).length >= clusters;
}

/** Show what has room below a few incidents: attendance or, below two, learners; and who is on duty. */
function renewPart(host, snapshot, day, fleet) {
  if (isDrawn(host, snapshot, day)) return;
  const duty = day ? dutyLine(day, snapshot.at_us) : '';
  const place = make('div', {});
  if (areCompared(snapshot, fleet) && snapshot.open.line_count === 1) {
    place.className = 'clusters';
    host.replaceChildren(heading(say('wall.attendance'), snapshot.area === '' ? targetWord() : say('wall.of_city')), place, duty);
    drawClusters(place, snapshot, fleet);
  } else if (hasLearners(day)) {
    place.className = 'curve';
    host.replaceChildren(heading(say('wall.users'), usualWord(snapshot, day)), place, duty);
    drawUsers(place, day);
  } else if (day) host.replaceChildren(...dayBar(snapshot, day, fleet, { isLarge: true }), resolvedList(day, fleet, 3), duty);
  else host.replaceChildren();
  if (host.scrollHeight > host.clientHeight + 1) host.replaceChildren(); // a larger scale has less room
}

/** Return whether nothing of what is drawn has changed; takes note of it. */
function isDrawn(host, snapshot, day) {
  const { age_s: ageS, attendance_by_cluster: shares, attendance_withheld: withheld, open } = snapshot;
  const shape = JSON.stringify([shares, withheld, day, ageS === null, Math.min(open.line_count, 3), host.clientHeight, host.clientWidth]);
  const same = host.dataset.shape === shape;
  host.dataset.shape = shape;
  return same;
}

function usualWord(snapshot, day) {
  if (snapshot.area !== '') return say('wall.of_city');
  return day.users_usual.length > 0 ? make('span', { className: 'usual', textContent: say('wall.usual') }) : '';
}

function heading(text, note) {
  return make('div', { className: 'day-head' }, make('h3', { textContent: text }), make('span', { className: 'panel-note' }, note));
}

function targetWord() {
  const wanted = target('attendance');
  return wanted ? say('wall.attendance_target', { n: number(wanted.at_least * 100) }) : '';
}

/** Draw a bar a cluster, the worst last, with the target as a mark; what nobody knows has no bar. */
function drawClusters(host, snapshot, fleet) {
  const wanted = target('attendance')?.at_least ?? null;
  const withheld = new Set(snapshot.attendance_withheld);
  const rows = fleet.clusters.map((name, i) => [name, snapshot.attendance_by_cluster[i], fleet.sizes[i], withheld.has(i)])
    .filter(([, , schools]) => schools > 0)
    .sort((a, b) => (b[1] ?? -1) - (a[1] ?? -1));
  host.style.setProperty('--rows', Math.ceil(rows.length / 2));
  const why = [
    rows.some(([, , , isWithheld]) => isWithheld) ? say('wall.withheld') : '',
    rows.some(([, share, , isWithheld]) => share === null && !isWithheld) ? say('wall.too_few_registers') : ''].filter(Boolean);
  host.replaceChildren(...rows.map(([name, share, , isWithheld]) => {
    const past = share !== null && wanted !== null && share < wanted;
    const width = share === null ? 0 : Math.max(0, (share - BAR_FROM) / (1 - BAR_FROM));
    const bar = make('span', { className: 'bar' }, make('i', {}), wanted === null ? null : make('b', {}));
    bar.style.setProperty('--share', width);
    if (wanted !== null) bar.style.setProperty('--target', (wanted - BAR_FROM) / (1 - BAR_FROM));
    return make('div', { className: 'cluster', dataset: { past: past ? 'yes' : 'no', told: share === null ? 'no' : 'yes' } },
      make('span', { className: 'cluster-name', textContent: name }), bar,
      make('span', { className: 'cluster-share', textContent: isWithheld ? say('kpi.withheld') : share === null ? '–' : percent(share) }));
  }), why.length > 0 ? make('p', { className: 'clusters-why panel-note', textContent: why.join(' · ') }) : '');
}

/** Draw the learners of the day over the band of what is usual. */
function drawUsers(host, day) {
  const { width, height } = host.getBoundingClientRect();
  const fontPx = parseFloat(window.getComputedStyle(host).fontSize);
  if (!day || day.users.length === 0 || width === 0 || height < 3 * fontPx) {
    host.replaceChildren(make('p', { className: 'panel-note', textContent: height < 3 * fontPx ? '' : say('wall.chart_wait') }));
    return;
  }
  const { users, users_usual: usual } = day;
  const from = Math.min(users[0][0], usual[0]?.[0] ?? Infinity);
  const until = Math.max(users.at(-1)[0], usual.at(-1)?.[0] ?? 0, from + HOUR_US);
  const top = niceTop(Math.max(1000, ...users.map(([, n]) => n), ...usual.map(([, , high]) => high)));
  const thousands = (n) => number(n / 1000);
  const left = fontPx * (0.8 + 0.62 * thousands(top).length), bottom = height - fontPx * 1.5, upper = fontPx * 0.7;
  const x = (us) => left + (width - left - fontPx * 0.5) * (us - from) / (until - from);
  const y = (n) => bottom - (bottom - upper) * n / top;
  const svg = makeSvg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
  for (const n of [0, top]) {
    svg.append(makeSvg('line', { class: 'axis', x1: left, x2: width, y1: y(n), y2: y(n) }));
    svg.append(makeSvg('text', { x: left - fontPx * 0.4, y: y(n) + fontPx * 0.35, 'text-anchor': 'end' }, thousands(n)));
  }
  for (let us = Math.ceil(from / HOUR_US) * HOUR_US; us <= until; us += HOUR_US) {
    if (x(us) < left + fontPx * 1.4 || x(us) > width - fontPx * 1.5) continue;
    svg.append(makeSvg('text', { x: x(us), y: bottom + fontPx * 1.25, 'text-anchor': 'middle' }, clock(us)));
  }
  if (usual.length > 1) {
    const edge = [...usual.map(([us, low]) => [us, low]), ...usual.map(([us, , high]) => [us, high]).reverse()];
    svg.append(makeSvg('path', { class: 'band', d: `M${edge.map(([us, n]) => `${x(us).toFixed(1)} ${y(n).toFixed(1)}`).join('L')}Z` }));
  }
  svg.append(makeSvg('path', { class: 'line', d: linePath(users, x, y) }));
  const [lastUs, lastN] = users.at(-1);
  svg.append(makeSvg('circle', { class: 'line-end', cx: x(lastUs), cy: y(lastN), r: fontPx * 0.22 }));
  const table = hiddenTable(say('wall.users'), [say('wall.chart_time'), say('wall.users')],
    users.filter((_, i) => i % 6 === 0).map(([us, n]) => [clock(us), number(n / 1000, 1)]));
  host.replaceChildren(svg, make('div', { className: 'visually-hidden' }, table));
}

/** Return the least of 1, 1.5, 2, 3, 5 and 8 times a power of ten that holds a value. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 1.5, 2, 3, 5, 8, 10].find((step) => step * power >= value);
}

function linePath(points, x, y) {
  let d = '', previous = -Infinity;
  for (const [us, n] of points) {
    d += `${us - previous > HOLE_US ? 'M' : 'L'}${x(us).toFixed(1)} ${y(n).toFixed(1)}`;
    previous = us;
  }
  return d;
}

/** Draw a row a system: what is wrong with it, and how many of its devices are heard. */
function drawSystems(host, snapshot, day) {
  if (!day) { host.replaceChildren(make('p', { textContent: say('wall.chart_wait') })); return; }
  const heard = { gateway: snapshot.connected, attendance: snapshot.attendance, elearning: snapshot.elearning };
  host.replaceChildren(...day.systems.map(({ kind, incidents, schools, priority }) => {
    const { reporting, expected } = heard[kind];
    return make('div', { className: 'system', dataset: priority === null ? {} : { priority: String(priority) } },
      priority === null ? make('span', {}) : makeMark(priority),
      make('b', { textContent: say(`sheet.system_${kind}`) }),
      make('span', { className: 'system-state', textContent: incidents === 0 ? say('wall.system_well') : say('wall.system_open', { n: number(incidents), schools: number(schools) }) }),
      make('span', { className: 'panel-note', textContent: expected > 0 ? say('wall.system_heard', { n: number(reporting), of: number(expected) }) : say('kpi.outside') }));
  }));
}

/** Draw the day so far where there is room for all of it. */
function drawDay(host, snapshot, day, fleet) {
  if (!day) { host.replaceChildren(make('p', { textContent: say('wall.chart_wait') })); return; }
  const box = make('div', { className: 'day' }, ...dayBar(snapshot, day, fleet, { isLarge: true }), resolvedList(day, fleet, 6), dutyLine(day, snapshot.at_us));
  host.replaceChildren(box);
}

function resolvedList(day, fleet, most) {
  return day.resolved.length === 0 ? '' : make('div', { className: 'resolved' },
    ...day.resolved.slice(0, most).map(({ line, ended_at_us: endedUs }) => make('div', { className: 'resolved-line' },
      make('span', { textContent: clock(line.opened_at_us) }),
      make('a', {
        href: `/incidents/${line.incident_id}`,
        textContent: line.most_schools > 1 ? say('wall.resolved_line', { name: nameOf(line, fleet), n: number(line.most_schools) }) : nameOf(line, fleet),
      }),
      make('span', { textContent: duration((endedUs - line.opened_at_us) / 1e6) }))));
}

/** Say who is on duty and until when: with the day, if that is another one. */
function dutyLine(day, nowUs) {
  return day.duty.length === 0 ? '' : make('div', { className: 'duty' }, ...day.duty.slice(0, 2).map(({ rota, person, until_us: untilUs }) =>
    make('p', { textContent: say('wall.duty', { rota, person, at: whenOf(untilUs, nowUs) }) })));
}
