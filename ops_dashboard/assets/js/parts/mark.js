// The mark of a priority as a picture: its shape and colour together, filled while someone should take it; and of a trend.
import { make, makeSvg } from './dom.js';
import { say } from './words.js';

const HEXAGON = 'M50 4 L90 27 V73 L50 96 L10 73 V27 Z';
const INNER = {
  1: 'M34 34 L66 66 M66 34 L34 66',
  2: 'M50 50 h.01',
  3: 'M34 50 H66',
};

/** Return the picture of a priority; `taken` draws it hollow. */
export function makeMark(priority, taken = false) {
  const svg = makeSvg('svg', { viewBox: '0 0 100 100', class: taken ? 'mark mark-taken' : 'mark', 'aria-hidden': 'true' });
  svg.dataset.priority = String(priority);
  svg.append(makeSvg('path', { d: HEXAGON, class: 'mark-shape' }), makeSvg('path', { d: INNER[priority], class: 'mark-sign' }));
  return svg;
}

const ARROWS = { growing: '▲', healing: '▽' };

/** Return the mark of an incident that grows or heals, each a shape of its own; null for one that does neither. */
export function trendMark(trend) {
  if (!ARROWS[trend]) return null;
  return make('i', { className: 'trend', textContent: ARROWS[trend], title: say(`wall.${trend}`), role: 'img', 'aria-label': say(`wall.${trend}`) });
}
