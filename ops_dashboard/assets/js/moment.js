// Which minute the page shows: now, or the earlier one of its address. Whatever is asked for and linked to keeps it.
import { byId } from './dom.js';
import { toField } from './words.js';

const bar = () => byId('past-bar');

export const isPast = () => bar() !== null;

/** Return the minute that is shown, µs since 1970. */
export const shownUs = () => Number(bar().dataset.at);

/** Return an address of ours that speaks of the minute that is shown. */
export function inMoment(address) {
  if (!isPast()) return address;
  const found = new URL(address, window.location.href);
  found.searchParams.set('at', toField(shownUs()));
  return found.pathname + found.search + found.hash;
}

/** Let every link keep the minute: whoever points at one, or comes to it by key, finds it so. */
export function keepInLinks() {
  const keep = ({ target }) => {
    const link = target.closest?.('a[href]');
    if (!link || link.closest('#past-bar, [data-leaves]')) return;
    const found = new URL(link.getAttribute('href'), window.location.href); // a map's links have no `origin`
    if (found.origin !== window.location.origin) return;
    const kept = inMoment(found.href);
    if (link.getAttribute('href') !== kept) link.setAttribute('href', kept);
  };
  for (const kind of ['pointerover', 'pointerdown', 'focusin', 'click']) document.addEventListener(kind, keep, true);
}
