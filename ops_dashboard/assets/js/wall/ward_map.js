// The city's wards as a map: each as a tile or in its own boundaries, with how many of its schools have the worst;
// schools that have a place stand there themselves.
import { STATES, stateWord, worst } from './cells.js';
import { hiddenTable, make, makeSvg } from '../parts/dom.js';
import { makePointer, schoolPaths } from './school_marks.js';
import { number, say } from '../parts/words.js';

const ROW = Math.sqrt(3) / 2; // height of a row of hexagons, in widths
const TINT_FROM = 0.15; // share of a ward's schools from which its ground is coloured too
const UNKNOWN_FROM = 0.5; // share of schools without figures from which a ward is hatched
const MARKS = {
  1: 'M0 -1 L0.87 -0.5 V0.5 L0 1 L-0.87 0.5 V-0.5 Z',
  2: 'M0 -0.92 A0.92 0.92 0 1 1 0 0.92 A0.92 0.92 0 1 1 0 -0.92 Z',
  3: 'M0 -1.05 L1.05 0 L0 1.05 L-1.05 0 Z',
};
const HEXAGON = [[0, -1], [ROW, -0.5], [ROW, 0.5], [0, 1], [-ROW, 0.5], [-ROW, -0.5]];

/** Return the map; `changed` is called when it has been read and can be drawn. */
export function makeWardMap(fleet, changed) {
  const map = { places: null };
  const pointer = makePointer(fleet);
  let asked = false;
  async function read() {
    asked = true;
    try {
      const answer = await fetch('/api/wards');
      if (!answer.ok) throw new Error(`/api/wards answered ${answer.status}`);
      map.places = await answer.json();
      changed();
    } catch (error) {
      console.warn('the map was not read; asked again when it is next shown', error);
      asked = false;
    }
  }
  return {
    draw(host, snapshot) {
      if (!asked) read();
      if (map.places === null) return;
      const { width, height } = host.getBoundingClientRect();
      if (width === 0 || height === 0) return;
      const fontPx = parseFloat(window.getComputedStyle(host).fontSize);
      const svg = makeSvg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'ward-map', 'aria-hidden': 'true' });
      svg.append(hatching(fontPx));
      const room = { width, height, fontPx };
      // Outlines need room for the dense centre beside the whole.
      const isTiled = map.places.main === null || width < height * 1.15;
      const wards = countWards(fleet, snapshot.states, isTiled ? [] : map.places.schools);
      if (isTiled) drawTiles(svg, map.places, wards, room);
      const schools = isTiled ? [] : drawOutlines(svg, map.places, wards, placedSchools(fleet, map.places, snapshot.states), room);
      host.replaceChildren(svg, pointer.tip, make('div', { className: 'visually-hidden' }, wardTable(wards)));
      pointer.watch(svg, schools, fontPx);
    },
    version: () => (map.places === null ? 0 : 1),
  };
}

/** Count each ward's schools by state; `rest` are those that do not stand on the map themselves. */
function countWards(fleet, states, placed) {
  const none = () => Object.fromEntries(STATES.map((state) => [state, 0]));
  const wards = fleet.wards().map((ward) => ({ ...ward, total: 0, of: none(), rest: none() }));
  for (let position = 0; position < fleet.count; position += 1) {
    const ward = wards[fleet.wardOf(position)], state = states[position] ?? 'u';
    ward.of[state] += 1;
    if (!placed[position]) ward.rest[state] += 1;
    ward.total += 1;
  }
  for (const ward of wards) {
    ward.worst = worst(new Set(['1', '2', '3'].filter((state) => ward.of[state] > 0)));
    ward.restWorst = worst(new Set(['1', '2', '3'].filter((state) => ward.rest[state] > 0)));
    ward.share = ward.total === 0 ? 0 : (ward.of[1] + ward.of[2] + ward.of[3]) / ward.total;
    ward.unknown = ward.total > 0 && ward.of.u / ward.total >= UNKNOWN_FROM;
  }
  return wards;
}

/** Return the schools that have a place, with ward and state. */
function placedSchools(fleet, places, states) {
  return places.schools.map((point, position) => ({ point, position, ward: fleet.wardOf(position), state: states[position] ?? 'u' }))
    .filter(({ point }) => point !== null);
}

function drawTiles(svg, { tiles }, wards, { width, height, fontPx }) {
  const columns = Math.max(...tiles.map(([column, row]) => column + (row % 2) / 2)) + 1;
  const rows = Math.max(...tiles.map(([, row]) => row)) * ROW + 1 / ROW;
  const cell = Math.min((width - 2) / columns, (height - 2) / rows);
  const left = (width - columns * cell) / 2, top = (height - rows * cell) / 2;
  const radius = cell / 2 / ROW;
  const center = tiles.map(([column, row]) => [left + (column + (row % 2) / 2 + 0.5) * cell, top + row * cell * ROW + radius]);
  const corner = ([x, y], k) => [x + HEXAGON[k % 6][0] * radius, y + HEXAGON[k % 6][1] * radius];
  center.forEach((at, i) => svg.append(ground(wards[i], path([0, 1, 2, 3, 4, 5].map((k) => corner(at, k))))));
  svg.append(makeSvg('path', { class: 'ward-cluster', d: borders(tiles, wards, center, corner) }));
  const size = Math.min(radius * 0.72, fontPx * 0.9);
  nameClusters(svg, wards, center, { fontPx, size, width, height });
  center.forEach((at, i) => svg.append(...mark(wards[i], at, size)));
}

/** Return the edges between tiles of different clusters, and around all. */
function borders(tiles, wards, center, corner) {
  const at = new Map(tiles.map(([column, row], i) => [`${column} ${row}`, i]));
  let d = '';
  tiles.forEach(([column, row], i) => {
    const odd = row % 2;
    const neighbours = [[column + odd, row - 1], [column + 1, row], [column + odd, row + 1],
      [column - 1 + odd, row + 1], [column - 1, row], [column - 1 + odd, row - 1]];
    neighbours.forEach(([c, r], k) => {
      const other = at.get(`${c} ${r}`);
      if (other !== undefined && (wards[other].cluster === wards[i].cluster || other < i)) return;
      d += path([corner(center[i], k), corner(center[i], k + 1)], false);
    });
  });
  return d;
}

/** Draw the parts of the map, and return where each school stands in the drawing. */
function drawOutlines(svg, places, wards, schools, { width, height, fontPx }) {
  const gap = fontPx * 0.6;
  const [, , mainWide, mainHigh] = places.main;
  const scale = Math.min(width * 0.58 / mainWide, height / mainHigh);
  const whole = { x: 0, y: (height - mainHigh * scale) / 2, width: mainWide * scale, height: mainHigh * scale, scale, from: [0, 0] };
  const near = wards.map((_, i) => i).filter((i) => !places.far.includes(i));
  const inset = insetOf(places.dense, { x: whole.width + gap, y: 0, width: width - whole.width - gap, height: height * (places.far.length > 0 ? 0.68 : 1) });
  const isInside = (i) => inside(middle(places.outlines[i]), places.dense);
  const nearSchools = schools.filter(({ ward }) => !places.far.includes(ward));
  const [inner, outer] = [true, false].map((is) => nearSchools.filter(({ point }) => inside(point, places.dense) === is));
  const drawn = drawPart(svg, places, wards, near, whole, fontPx, { isMarked: (i) => !isInside(i), schools: outer });
  const [x, y, wide, high] = places.dense;
  svg.append(makeSvg('rect', { class: 'ward-frame', x: whole.x + x * scale, y: whole.y + y * scale, width: wide * scale, height: high * scale }));
  const within = near.filter((i) => places.outlines[i].some((ring) => ring.some((point) => inside(point, places.dense))));
  drawn.push(...drawPart(svg, places, wards, within, inset, fontPx, { isMarked: isInside, schools: inner }));
  svg.append(makeSvg('rect', { class: 'ward-frame', x: inset.x, y: inset.y, width: inset.width, height: inset.height }));
  const own = { x: inset.x, y: inset.y + inset.height + gap, width: (width - inset.x) / Math.max(1, places.far.length) - gap, height: height - inset.y - inset.height - gap };
  places.far.forEach((i, k) => {
    const theirs = schools.filter(({ ward }) => ward === i);
    const part = insetOf(boxOf([...places.outlines[i], theirs.map(({ point }) => point)]), { ...own, x: own.x + k * (own.width + gap), y: own.y + fontPx * 1.3, height: own.height - fontPx * 1.3 });
    drawn.push(...drawPart(svg, places, wards, [i], part, fontPx, { isMarked: () => true, schools: theirs, named: false }));
    svg.append(makeSvg('text', { class: 'ward-name', x: part.x, y: own.y + fontPx }, wards[i].shortName));
  });
  return drawn;
}

/** Return where a box is drawn as large as a room allows. */
function insetOf([x, y, wide, high], room) {
  const scale = Math.min(room.width / wide, room.height / high);
  return { x: room.x, y: room.y, width: wide * scale, height: high * scale, scale, from: [x, y] };
}

/** Draw a part, and return its schools with where they stand in the drawing. */
function drawPart(svg, places, wards, which, part, fontPx, { isMarked, schools, named = true }) {
  const to = ([x, y]) => [part.x + (x - part.from[0]) * part.scale, part.y + (y - part.from[1]) * part.scale];
  const frame = makeSvg('svg', { x: part.x, y: part.y, width: part.width, height: part.height, viewBox: `${part.x} ${part.y} ${part.width} ${part.height}` });
  for (const i of which) {
    if (places.outlines[i].length > 0) frame.append(ground(wards[i], places.outlines[i].map((ring) => path(ring.map(to))).join('')));
  }
  const center = places.outlines.map((rings) => (rings.length > 0 ? to(middle(rings)) : null));
  const shown = which.filter((i) => center[i] !== null && isMarked(i));
  const size = fontPx * 0.5;
  const drawn = schools.map((school) => ({ ...school, at: to(school.point) }));
  svg.append(frame, ...schoolPaths(drawn, fontPx));
  const bad = drawn.filter(({ state }) => '123'.includes(state)).map(({ at }) => at);
  if (named) nameClusters(svg, shown.map((i) => wards[i]), shown.map((i) => center[i]), { fontPx, size, bad, ...part });
  for (const i of shown) svg.append(...mark(wards[i], center[i], size));
  return drawn;
}

/** Write each cluster's name where no mark and no other name stands, as near to its middle as can be; or not at all. */
function nameClusters(svg, wards, center, { fontPx, size, bad = [], x: left = 0, y: top = 0, width, height }) {
  const around = (far) => ([x, y]) => [x - far, y - far, x + far, y + far];
  const taken = [...center.filter((_, i) => wards[i].restWorst).map(around(size)), ...bad.map(around(fontPx * 0.13))];
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = `600 ${fontPx * 0.83}px "Inter Variable", sans-serif`;
  const clusters = Map.groupBy(wards.map((ward, i) => ({ ward, at: center[i] })), ({ ward }) => ward.cluster);
  for (const members of clusters.values()) {
    const name = members[0].ward.clusterName, half = pen.measureText(name).width / 2 + 1, xs = members.map(({ at }) => at[0]), ys = members.map(({ at }) => at[1]);
    const middle = [mean(xs), mean(ys)];
    const places = [middle, ...members.map(({ at }) => at).sort((a, b) => apart(a, middle) - apart(b, middle)),
      [middle[0], Math.min(...ys) - size * 2.2], [middle[0], Math.max(...ys) + size * 2.2],
      [Math.max(...xs) + half + size * 1.6, middle[1]], [Math.min(...xs) - half - size * 1.6, middle[1]]];
    const box = ([x, y]) => [x - half, y - fontPx * 0.45, x + half, y + fontPx * 0.45];
    const fits = ([l, t, r, b]) => l >= left && t >= top && r <= left + width && b <= top + height && !taken.some((o) => l < o[2] && r > o[0] && t < o[3] && b > o[1]);
    const place = places.find((at) => fits(box(at)));
    if (place === undefined) continue;
    taken.push(box(place));
    svg.append(makeSvg('text', { class: 'ward-name', x: place[0], y: place[1] + fontPx * 0.3, 'text-anchor': 'middle' }, name));
  }
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const apart = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;

function ground(ward, d) {
  const query = new URLSearchParams(window.location.search); // size and dimming are the screen's
  query.delete('rotate');
  query.set('area', ward.code);
  query.set('view', 'wards');
  const link = makeSvg('a', { href: `/?${query}`, tabindex: '-1' });
  const tint = ward.share >= TINT_FROM ? ward.worst : '';
  link.append(makeSvg('title', {}, `${ward.name} · ${ward.clusterName}`), makeSvg('path', { class: 'ward', d, 'data-worst': tint }));
  if (ward.unknown) link.append(makeSvg('path', { class: 'ward-unknown', d }));
  return link;
}

function mark(ward, [x, y], radius) {
  if (!ward.restWorst) return [];
  const size = (of) => `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${of.toFixed(2)})`;
  const text = makeSvg('text', { class: 'ward-count', x, y: y + radius * 0.42, 'text-anchor': 'middle', style: `font-size:${(radius * 1.15).toFixed(1)}px` }, number(ward.rest[ward.restWorst]));
  return [makeSvg('path', { class: 'ward-mark', d: MARKS[ward.restWorst], transform: size(radius), 'data-worst': ward.restWorst }), text];
}

function hatching(fontPx) {
  const size = fontPx * 0.55;
  const defs = makeSvg('defs'), pattern = makeSvg('pattern', { id: 'ward-hatch', width: size, height: size, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' });
  pattern.append(makeSvg('rect', { width: size * 0.3, height: size, class: 'ward-hatch' }));
  defs.append(pattern);
  return defs;
}

function wardTable(wards) {
  const states = ['1', '2', '3', 'u'];
  const bad = wards.filter((ward) => ward.worst || ward.unknown).sort((a, b) => b.share - a.share);
  const headings = [say('wall.ward'), say('wall.schools'), ...states.map(stateWord)];
  return hiddenTable(say('wall.wards'), headings, bad.map((ward) => [ward.name, number(ward.total), ...states.map((state) => number(ward.of[state]))]));
}

const path = (points, closed = true) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}${closed ? 'Z' : ''}`;

const inside = ([x, y], [left, top, wide, high]) => x >= left && x <= left + wide && y >= top && y <= top + high;

function boxOf(rings) {
  const points = rings.flat(), xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  const left = Math.min(...xs), top = Math.min(...ys);
  return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
}

/** Return the middle of the largest ring's box. */
function middle(rings) {
  const [x, y, wide, high] = rings.map((ring) => boxOf([ring])).sort((a, b) => b[2] * b[3] - a[2] * a[3])[0];
  return [x + wide / 2, y + high / 2];
}
