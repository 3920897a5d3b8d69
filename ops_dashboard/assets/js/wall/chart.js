// City bandwidth of the last hour: minutes from the table, then one live point a second.
import { byId, hiddenTable, make, makeSvg, setText, unitPx } from '../parts/dom.js';
import { inMoment } from '../parts/moment.js';
import { clock, number, say } from '../parts/words.js';

const HOUR_US = 3600e6;
const POINT_US = 10e6; // live points closer than this replace each other: one pixel is some 10 s
const HOLE_US = 150e6; // a longer pause between points is a hole in the line, not a slope
const STEPS = [1, 2, 2.5, 5, 10];

export class BandwidthChart {
  constructor() {
    this.points = [];
    this.drawnAt = 0;
    new ResizeObserver(() => this.draw()).observe(byId('chart'));
  }

  /** Forget: nothing that we have is young enough; what comes next loads the hour anew. */
  clear() {
    this.points = [];
    this.forgotten = true;
    setNow(null, null);
    this.draw();
  }

  /** Load the hour before; the live points that came meanwhile stay. */
  async load() {
    const answer = await fetch(inMoment('/api/city/bandwidth'));
    if (!answer.ok) return;
    const { points } = await answer.json();
    const live = this.points;
    const first = live.length > 0 ? live[0][0] : Infinity;
    this.points = [...points.filter(([atUs]) => atUs < first), ...live];
    this.draw();
  }

  /** Add a snapshot's figures; unknown ones leave a hole. */
  add(snapshot) {
    const down = snapshot.down.value, up = snapshot.up.value;
    setNow(down, up);
    if (this.forgotten) { this.forgotten = false; this.load(); }
    if (down === null) return;
    const last = this.points.at(-1), before = this.points.at(-2);
    if (last && before && snapshot.at_us - before[0] < POINT_US) this.points.pop();
    this.points.push([snapshot.at_us, down, up]);
    while (this.points[0][0] < snapshot.at_us - HOUR_US) this.points.shift();
    if (performance.now() - this.drawnAt > 2000) this.draw();
  }

  draw() {
    const host = byId('chart');
    const { width, height } = host.getBoundingClientRect();
    if (width === 0 || this.points.length === 0) {
      host.replaceChildren(make('p', { className: 'panel-note', textContent: say('wall.chart_wait') }));
      byId('chart-table').replaceChildren();
      return;
    }
    this.drawnAt = performance.now();
    const scale = this.scales(width, height);
    const svg = makeSvg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
    drawAxes(svg, scale);
    for (const [column, name] of [[2, 'line line-up'], [1, 'line']]) {
      svg.append(makeSvg('path', { class: name, d: this.path(column, scale) }));
    }
    host.replaceChildren(svg);
    const rows = this.points.filter((_, i) => i % 10 === 0)
      .map(([atUs, down, up]) => [clock(atUs), number(down / 1e9, 2), number(up / 1e9, 2)]);
    byId('chart-table').replaceChildren(hiddenTable(say('wall.chart'),
      [say('wall.chart_time'), say('wall.chart_down'), say('wall.chart_up')], rows));
  }

  scales(width, height) {
    const fontPx = unitPx() < 3 ? 13 : 6 * unitPx();
    const end = this.points.at(-1)[0];
    const highest = Math.max(1e8, ...this.points.map(([, down, up]) => Math.max(down, up ?? 0)));
    const step = niceStep(highest / 2.4);
    const top = Math.ceil(highest / step) * step;
    const left = fontPx * 2.6, bottom = height - fontPx * 1.5, upper = fontPx * 0.6;
    return {
      fontPx, step, top, left, bottom, right: width, end,
      x: (atUs) => left + (width - fontPx * 0.4 - left) * (1 - (end - atUs) / HOUR_US),
      y: (bps) => bottom - (bottom - upper) * bps / top,
    };
  }

  path(column, { x, y }) {
    let d = '', previous = -Infinity;
    for (const point of this.points) {
      if (point[column] === null) continue;
      d += `${point[0] - previous > HOLE_US ? 'M' : 'L'}${x(point[0]).toFixed(1)} ${y(point[column]).toFixed(1)}`;
      previous = point[0];
    }
    return d;
  }
}

function drawAxes(svg, scale) {
  const { fontPx, step, top, left, bottom, right, end, x, y } = scale;
  const decimals = step < 1e9 ? (step < 1e8 ? 2 : 1) : 0;
  for (let bps = 0; bps <= top * 1.001; bps += step) {
    svg.append(makeSvg('line', { class: 'axis', x1: left, x2: right, y1: y(bps), y2: y(bps) }));
    svg.append(makeSvg('text', { x: left - fontPx * 0.5, y: y(bps) + fontPx * 0.35, 'text-anchor': 'end' }, number(bps / 1e9, decimals)));
  }
  const quarter = 900e6;
  for (let atUs = Math.ceil((end - HOUR_US) / quarter) * quarter; atUs <= end; atUs += quarter) {
    const at = x(atUs);
    if (at < left + fontPx * 1.3 || at > right - fontPx * 1.3) continue;
    svg.append(makeSvg('text', { x: at, y: bottom + fontPx * 1.25, 'text-anchor': 'middle' }, clock(atUs)));
  }
}

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * STEPS.find((step) => step * power >= least);
}

function setNow(down, up) {
  const host = byId('chart-now');
  if (down === null && up === null) { host.replaceChildren(); return; }
  if (!host.firstChild) host.append(make('span', {}, '↓ ', make('b')), make('span', {}, '↑ ', make('b')));
  const write = (bps) => (bps === null ? '–' : number(bps / 1e9, 2));
  const [first, second] = host.querySelectorAll('b');
  setText(first, write(down));
  setText(second, write(up));
}
