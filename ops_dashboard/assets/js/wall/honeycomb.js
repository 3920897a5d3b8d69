// All schools as a honeycomb of areas on one canvas. Areas never move; cells grow to fill the place.
import { STATES, drawCells, stateWord, worst } from './cells.js';
import { byId, hiddenTable, make, setText, unitPx } from '../parts/dom.js';
import { makeMark } from '../parts/mark.js';
import { kept } from '../parts/moment.js';
import { number, say } from '../parts/words.js';

const ROW = Math.sqrt(3) / 2; // height of a row of hexagons, in cell widths
const FEW = 4; // so many schools stand by their own names, with larger cells, and leave room for the traffic
const MOST_U = { few: 40, many: 18 }; // widest cells

/** Return one line of areas side by side with as few rows of cells as fit the width, or null. */
function fillLine(line, cell, { width, gapPx, leastPx }) {
  const widths = (rows) => line.map((area) => Math.max(leastPx(area), (Math.ceil(area.members.length / rows) + 0.5) * cell));
  const needed = (rows) => widths(rows).reduce((a, b) => a + b, gapPx * (line.length - 1));
  const most = Math.max(...line.map((area) => area.members.length));
  if (needed(most) > width) return null;
  let low = 1, high = most;
  while (low < high) {
    const rows = (low + high) >> 1;
    if (needed(rows) <= width) high = rows; else low = rows + 1;
  }
  return { line, rows: low, widths: widths(low), spare: (width - needed(low)) / line.length };
}

/** Return the lines that need the least height for one cell width, or null if an area does not fit. */
function arrange(areas, cell, room) {
  const best = [{ height: -room.gapPx, lines: [] }];
  for (let end = 1; end <= areas.length; end += 1) {
    best[end] = null;
    for (let start = end - 1; start >= 0; start -= 1) {
      const filled = best[start] && fillLine(areas.slice(start, end), cell, room);
      if (!filled) continue;
      const height = best[start].height + room.gapPx + room.labelPx + (filled.rows * ROW + 0.3) * cell;
      if (!best[end] || height < best[end].height) best[end] = { height, lines: [...best[start].lines, filled] };
    }
  }
  return best[areas.length];
}

/** Return where everything goes, with the largest cells that fit the room. */
function fit(areas, room) {
  let low = 1, high = room.mostPx, found = arrange(areas, low, room);
  while (high - low > 0.05) {
    const cell = (low + high) / 2;
    const tried = arrange(areas, cell, room);
    if (tried && tried.height <= room.height) { low = cell; found = tried; } else high = cell;
  }
  if (!found) return null;
  const spare = Math.max(0, room.height - found.height) / found.lines.length;
  const blocks = [];
  let top = 0;
  for (const { line, rows, widths, spare: wider } of found.lines) {
    let left = 0;
    line.forEach((area, i) => {
      const width = widths[i] + wider;
      blocks.push({ area, left, top, width, perRow: Math.max(1, Math.floor(width / low - 0.5)) });
      left += width + room.gapPx;
    });
    top += room.labelPx + (rows * ROW + 0.3) * low + room.gapPx + spare;
  }
  return { blocks, cell: low, labelPx: room.labelPx };
}

export class Honeycomb {
  constructor(fleet, area = '') {
    this.fleet = fleet;
    // Large areas first, so that a row of areas wastes little; fixed for as long as the fleet is.
    const areas = (area ? fleet.wardsOf(area) : fleet.areas()).sort((a, b) => b.members.length - a.members.length);
    const schools = areas.flatMap(({ members }) => members);
    this.isFew = schools.length <= FEW;
    this.areas = this.isFew ? schools.map((position) => ({ name: fleet.school(position).name.replace(/^Trường /, ''), members: [position] })) : areas;
    byId('main').dataset.few = this.isFew ? 'yes' : 'no';
    byId('main').style.setProperty('--few', schools.length);
    this.states = '';
    this.canvas = byId('honeycomb');
    this.labels = this.areas.map((area) => make('div', { className: 'area' },
      make('span', { className: 'area-name', textContent: area.name }),
      make('span', { className: 'area-mark' }), make('span', { className: 'area-count' })));
    byId('areas').replaceChildren(...this.labels);
    this.legend = makeLegend();
    new ResizeObserver(() => this.resize()).observe(byId('map'));
    document.fonts.ready.then(() => this.resize());
    this.listen();
  }

  /** Show new states, one character a school. */
  show(states) {
    if (states === this.states) return;
    this.states = states;
    this.draw();
    this.count();
  }

  /** Forget what the schools were: all are unknown, and no number stands. */
  clear() {
    this.show('u'.repeat(this.fleet.count));
    for (const place of Object.values(this.legend)) setText(place, '–');
    for (const label of this.labels) setText(label.lastChild, '');
  }

  /** Draw anew with the colours of now: the sheet has others once the picture is stale. */
  repaint() {
    if (!this.layout) return;
    this.cells = drawCells(this.layout.cell * this.scale);
    const shown = Object.entries(this.legend).map(([state, place]) => [state, place.textContent]);
    this.legend = makeLegend();
    for (const [state, text] of shown) setText(this.legend[state], text);
    this.draw();
  }

  resize() {
    const { width, height } = byId('map').getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const u = unitPx();
    const labelPx = Math.max(6.6 * u, u < 3 ? 15 : 0) * 1.3 + u;
    const names = this.measureNames();
    // The name, a mark and a count of three digits; the longest name of a school has a line to itself.
    const leastPx = (area) => Math.min(width, names.get(area) + (u < 3 ? 28 : 21) * u);
    this.layout = fit(this.areas, { width, height, labelPx, gapPx: 3 * u, leastPx, mostPx: MOST_U[this.isFew ? 'few' : 'many'] * u });
    if (!this.layout) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.scale = scale;
    this.cells = drawCells(this.layout.cell * scale);
    this.layout.blocks.forEach(({ left, top, width: wide }, i) => {
      Object.assign(this.labels[i].style, { left: `${left}px`, top: `${top}px`, width: `${wide}px` });
    });
    this.draw();
  }

  /** Return the width of each area's name, so that none is ever cut. */
  measureNames() {
    const pen = document.createElement('canvas').getContext('2d');
    pen.font = `600 ${Math.max(6.6 * unitPx(), unitPx() < 3 ? 15 : 0)}px "Inter Variable", sans-serif`;
    return new Map(this.areas.map((area) => [area, pen.measureText(area.name).width]));
  }

  draw() {
    if (!this.layout || !this.states) return;
    const pen = this.canvas.getContext('2d');
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const block of this.layout.blocks) {
      block.area.members.forEach((position, i) => {
        const [x, y] = this.place(block, i);
        const cell = this.cells[this.states[position]] ?? this.cells.u;
        pen.drawImage(cell, Math.round(x * this.scale), Math.round(y * this.scale));
      });
    }
  }

  /** Return the left upper corner of a block's i-th cell, in CSS pixels. */
  place(block, i) {
    const { cell, labelPx } = this.layout;
    const row = Math.floor(i / block.perRow);
    return [block.left + (i % block.perRow + (row % 2) / 2) * cell, block.top + labelPx + row * cell * ROW];
  }

  count() {
    const totals = Object.fromEntries(STATES.map((state) => [state, 0]));
    const rows = this.areas.map((area, i) => {
      const own = Object.fromEntries(STATES.map((state) => [state, 0]));
      for (const position of area.members) own[this.states[position]] += 1;
      for (const state of STATES) totals[state] += own[state];
      const bad = worst(new Set(STATES.filter((state) => own[state] > 0)));
      mark(this.labels[i], bad);
      setText(this.labels[i].lastChild, bad ? number(own[bad]) : '');
      return [area.name, number(area.members.length), ...STATES.map((state) => number(own[state]))];
    });
    for (const state of STATES) setText(this.legend[state], number(totals[state]));
    this.legend.c.parentElement.hidden = totals.c === 0; // most centers have none
    const headings = [say(this.isFew ? 'alerts.school' : 'wall.cluster'), say('wall.schools'), ...STATES.map(stateWord)];
    byId('map-table').replaceChildren(hiddenTable(say('wall.map_table'), headings, rows));
  }

  /** Return the school's position under a point of the canvas, or null. */
  at(x, y) {
    if (!this.layout) return null;
    const { cell } = this.layout;
    for (const block of this.layout.blocks) {
      if (x < block.left || x > block.left + block.width || y < block.top) continue;
      const found = block.area.members.findIndex((_, i) => {
        const [left, top] = this.place(block, i);
        return x >= left && x < left + cell && y >= top && y < top + cell;
      });
      if (found >= 0) return block.area.members[found];
    }
    return null;
  }

  listen() {
    const tip = byId('tip');
    this.canvas.addEventListener('pointermove', (event) => {
      const position = this.at(event.offsetX, event.offsetY);
      tip.hidden = position === null;
      if (position === null) return;
      const school = this.fleet.school(position);
      setText(tip, `${school.name} · ${school.ward} · ${school.isp} · ${stateWord(this.states[position] ?? 'u')}`);
      const room = this.canvas.clientWidth - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(event.offsetX, room))}px`;
      tip.style.top = `${event.offsetY + (event.offsetY > this.canvas.clientHeight / 2 ? -tip.offsetHeight - 12 : 18)}px`;
    });
    this.canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
    this.canvas.addEventListener('click', (event) => {
      const position = this.at(event.offsetX, event.offsetY);
      if (position !== null) window.location.assign(kept(`/school/${encodeURIComponent(this.fleet.school(position).code)}`));
    });
  }
}

function mark(label, bad) {
  if (label.dataset.worst === bad) return;
  label.dataset.worst = bad;
  label.children[1].replaceChildren(...('123'.includes(bad) && bad ? [makeMark(bad)] : []));
}

function makeLegend() {
  const cells = drawCells(44);
  const counts = {};
  byId('legend').replaceChildren(...['1', '2', '3', 'u', 'c', 'm'].map((state) => {
    counts[state] = make('b', { textContent: '–' });
    cells[state].setAttribute('aria-hidden', 'true');
    return make('li', {}, cells[state], make('span', { textContent: stateWord(state) }), counts[state]);
  }));
  return counts;
}
