// Charts that the server drew: their shapes are put into their places.
import { inMoment } from './moment.js';
import { language } from './words.js';

/** Return a piece of a page that the server draws, as an element. */
export async function readPiece(source, asked = {}) {
  const answer = await fetch(inMoment(`${source}?${new URLSearchParams({ ...asked, lang: language })}`));
  if (!answer.ok) throw new Error(`${source} answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html').body.firstElementChild;
}

/** Draw every chart below a node whose shapes are not there yet. */
export function drawCharts(root) {
  for (const place of root.querySelectorAll('[data-svg]')) {
    const drawn = new DOMParser().parseFromString(place.dataset.svg, 'image/svg+xml');
    place.replaceChildren(document.importNode(drawn.documentElement, true));
  }
}
