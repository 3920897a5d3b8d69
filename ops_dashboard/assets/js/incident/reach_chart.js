// How many schools an incident reached over time: a line of steps, drawn as SVG.
import { hiddenTable, make, makeSvg, renew } from '../parts/dom.js';
import { clock, dayAndClock, number, say } from '../parts/words.js';

const WIDTH = 600, HEIGHT = 170, LEFT = 66, RIGHT = 10, TOP = 12, BOTTOM = 32; // the picture's own units
const DAY_US = 86400e6;
const ROWS_MAX = 40; // for screen readers

/** Show the steps, each `[since µs, schools]`, up to a moment. */
export function showReach(box, steps, untilUs) {
  renew(box, [steps, untilUs], () => (steps.length ? draw(steps, untilUs) : [make('p', { className: 'soft', textContent: say('incident.reach_none') })]));
}

function draw(steps, untilUs) {
  const [firstUs] = steps[0];
  const endUs = Math.max(untilUs, steps.at(-1)[0] + 1e6);
  const most = Math.max(...steps.map(([, schools]) => schools));
  const x = (atUs) => LEFT + (WIDTH - LEFT - RIGHT) * (atUs - firstUs) / (endUs - firstUs);
  const y = (schools) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * schools / most;
  const svg = makeSvg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true' });
  for (const schools of most > 1 ? [0, Math.ceil(most / 2), most] : [0, most]) {
    svg.append(makeSvg('line', { class: 'axis', x1: LEFT, x2: WIDTH - RIGHT, y1: y(schools), y2: y(schools) }));
    svg.append(makeSvg('text', { x: LEFT - 8, y: y(schools) + 5, 'text-anchor': 'end' }, number(schools)));
  }
  const moment = endUs - firstUs > DAY_US / 2 ? dayAndClock : clock;
  svg.append(makeSvg('text', { x: LEFT, y: HEIGHT - 6 }, moment(firstUs)));
  svg.append(makeSvg('text', { x: WIDTH - RIGHT, y: HEIGHT - 6, 'text-anchor': 'end' }, moment(endUs)));
  const line = steps.map(([atUs, schools], n) => `${n ? `H${x(atUs).toFixed(1)}` : `M${x(atUs).toFixed(1)} ${y(0).toFixed(1)}`}V${y(schools).toFixed(1)}`).join('');
  const whole = `${line}H${x(endUs).toFixed(1)}`;
  svg.append(makeSvg('path', { class: 'reach-area', d: `${whole}V${y(0).toFixed(1)}Z` }), makeSvg('path', { class: 'reach-line', d: whole }));
  const told = steps.filter((_, n) => n % Math.ceil(steps.length / ROWS_MAX) === 0);
  const table = hiddenTable(say('incident.reach_over_time'), [say('wall.chart_time'), say('incident.figure_schools')],
    told.map(([atUs, schools]) => [moment(atUs), number(schools)]));
  return [svg, make('div', { className: 'visually-hidden' }, table)];
}
