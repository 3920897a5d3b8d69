// Schools at their places on the map of wards: a path a state, and the school under the pointer as a link.
import { stateWord } from './cells.js';
import { make, makeSvg, setText } from '../parts/dom.js';

const ORDER = ['n', 'm', 'c', 'u', '3', '2', '1']; // the worst lies on top
const SIZE = { n: 0.055, m: 0.09, c: 0.1, u: 0.09, 3: 0.125, 2: 0.12, 1: 0.13 }; // radius, in heights of type
const SHAPES = {
  n: square,
  m: square,
  c: (r) => `m${-r} ${-r / 2}h${2 * r}m${-2 * r} ${r}h${2 * r}`,
  u: circle,
  3: (r) => `m0 ${-r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`,
  2: circle,
  1: (r) => `m0 ${-r}l${0.87 * r} ${0.5 * r}v${r}l${-0.87 * r} ${0.5 * r}l${-0.87 * r} ${-0.5 * r}v${-r}z`,
};

function square(r) {
  return `m${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`;
}

function circle(r) {
  return `m0 ${-r}a${r} ${r} 0 1 1 0 ${2 * r}a${r} ${r} 0 1 1 0 ${-2 * r}z`;
}

/** Return the paths of schools, each `{ position, state, at: [x, y] }`. */
export function schoolPaths(schools, fontPx) {
  const paths = ORDER.map((state) => {
    const shape = SHAPES[state](Number((SIZE[state] * fontPx).toFixed(2)));
    const own = schools.filter((school) => school.state === state);
    return [state, own.map(({ at: [x, y] }) => `M${x.toFixed(1)} ${y.toFixed(1)}${shape}`).join('')];
  });
  return paths.filter(([, d]) => d).map(([state, d]) => makeSvg('path', { class: 'school-mark', d, 'data-state': state }));
}

/** Return what names the school under the pointer, and leads to its page; it outlives the drawings. */
export function makePointer(fleet) {
  const tip = make('div', { className: 'tip', hidden: true });
  const ring = makeSvg('circle', { class: 'school-ring' });
  const link = makeSvg('a', { tabindex: '-1' });
  link.append(ring);
  let pointer = null;

  function follow(svg, schools, fontPx) {
    const found = pointer && nearest(schools, pointer, fontPx * 0.3);
    tip.hidden = !found;
    if (!found) { link.remove(); return; }
    const [x, y] = found.at, school = fleet.school(found.position), address = `/school/${encodeURIComponent(school.code)}`;
    for (const [name, value] of Object.entries({ cx: x, cy: y, r: fontPx * 0.3 })) ring.setAttribute(name, value);
    if (link.dataset.school !== school.code) link.setAttribute('href', address);
    link.dataset.school = school.code;
    if (link.parentNode !== svg) svg.append(link);
    setText(tip, `${school.name} · ${school.ward} · ${school.isp} · ${stateWord(found.state)}`);
    tip.style.left = `${Math.max(0, Math.min(x, svg.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${y + (y > svg.clientHeight / 2 ? -tip.offsetHeight - fontPx * 0.5 : fontPx * 0.5)}px`;
  }

  return {
    tip,
    /** Let a drawing with its schools answer to the pointer. */
    watch(svg, schools, fontPx) {
      const look = ({ clientX, clientY }) => {
        const { left, top } = svg.getBoundingClientRect();
        pointer = [clientX - left, clientY - top];
        follow(svg, schools, fontPx);
      };
      svg.addEventListener('pointermove', look);
      svg.addEventListener('pointerdown', look);
      svg.addEventListener('pointerleave', () => { pointer = null; follow(svg, schools, fontPx); });
      follow(svg, schools, fontPx);
    },
  };
}

/** Return the school that is nearest to a point and within reach of it, or null. */
function nearest(schools, [x, y], reach) {
  let found = null, least = reach;
  for (const school of schools) {
    const far = Math.hypot(school.at[0] - x, school.at[1] - y);
    if (far <= least) [found, least] = [school, far];
  }
  return found;
}
