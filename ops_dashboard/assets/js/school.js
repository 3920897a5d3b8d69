// A school: its sheet, and beside it the charts that the server draws. They are read anew with the sheet; whoever
// points at a moment reads the values of all charts there.
import { fromAddress, intoAddress } from './parts/address_state.js';
import { setText } from './parts/dom.js';
import { reader } from './parts/loading.js';
import { start as startSheet } from './sheet.js';
import { drawCharts, readPiece } from './parts/svg.js';
import { clock, number } from './parts/words.js';

class SchoolCharts {
  constructor(panel) {
    this.panel = panel;
    this.source = panel.dataset.charts;
    this.isFirst = true;
    drawCharts(panel);
    this.load = reader(() => this.read());
    panel.addEventListener('click', (event) => this.choose(event));
    for (const kind of ['pointermove', 'pointerdown']) panel.addEventListener(kind, (event) => this.point(event));
    panel.addEventListener('pointerleave', () => this.leave());
  }

  /** Follow the sheet; the document already has the charts of its own minute. */
  follow() {
    if (this.isFirst) { this.isFirst = false; return; }
    this.load();
  }

  async read() {
    const { range } = fromAddress(['range']);
    const made = await readPiece(this.source, { range });
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.dataset.range : null;
    this.panel.replaceChildren(...made.childNodes);
    if (focused) this.panel.querySelector(`[data-range="${focused}"]`)?.focus();
  }

  choose(event) {
    const link = event.target.closest('[data-range]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    intoAddress({ range: link.dataset.range });
    this.load();
  }

  /** Read all charts where somebody points. */
  point(event) {
    const plots = this.panel.querySelector('.plots');
    const area = plots.querySelector('.plot').getBoundingClientRect();
    const share = (event.clientX - area.left) / area.width;
    if (share < 0 || share > 1) { this.leave(); return; }
    plots.style.setProperty('--point', `${share * 100}%`);
    plots.classList.add('pointed');
    const { from, to } = plots.dataset;
    const at = clock(Number(from) + share * (Number(to) - Number(from)));
    for (const row of plots.querySelectorAll('.plot-row')) this.tell(row, share * 1000, at);
  }

  tell(row, place, at) {
    const plot = row.querySelector('.plot');
    if (!plot) return;
    const { lines, decimals } = JSON.parse(plot.dataset.points);
    for (const [n, { x, y }] of lines.entries()) {
      const told = row.querySelector(`[data-now="${n}"]`);
      if (!told || x.length === 0) continue;
      told.dataset.last ??= told.textContent;
      const nearest = x.reduce((best, one, i) => (Math.abs(one - place) < Math.abs(x[best] - place) ? i : best), 0);
      const isNear = Math.abs(x[nearest] - place) < 12 && y[nearest] !== null;
      setText(told, isNear ? number(y[nearest], decimals) : '–');
    }
    const when = row.querySelector('[data-when]');
    when.dataset.last ??= when.textContent;
    setText(when, at);
  }

  leave() {
    this.panel.querySelector('.plots').classList.remove('pointed');
    for (const told of this.panel.querySelectorAll('[data-last]')) {
      setText(told, told.dataset.last);
      delete told.dataset.last;
    }
  }
}

/** Start the page; one of no school has no charts. */
export function start() {
  const charts = new SchoolCharts(document.querySelector('.school-charts'));
  startSheet(() => charts.follow());
}
