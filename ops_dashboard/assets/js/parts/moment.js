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

/** Return where an address of ours leads from here: what the page's own address says of the minute goes with it. */
export function kept(address) {
  const at = new URLSearchParams(window.location.search).get('at');
  if (!at || (address.startsWith('/api/') && !isPast())) return address; // files of a page that shows now
  const found = new URL(address, window.location.href);
  found.searchParams.set('at', isPast() ? toField(shownUs()) : at);
  return found.pathname + found.search + found.hash;
}

/** Return this page's address with other words for some parts of it; the empty word takes a part out. */
function changed(parts) {
  const query = new URLSearchParams(window.location.search);
  for (const [name, value] of new URLSearchParams(parts)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return `?${query}`;
}

/**
 * Let every link keep what the address says: whoever points at one, or comes to it by key, finds it so. A link
 * with `data-changes` is another view of the same page, and keeps all but that.
 */
export function keepInLinks() {
  const keep = ({ target }) => {
    const link = target.closest?.('a[href]');
    if (!link) return;
    const href = link.getAttribute('href'), { changes } = link.dataset;
    const found = new URL(href, window.location.href); // a map's links have no `origin`
    if (found.origin !== window.location.origin || href.startsWith('#')) return;
    const own = changes === undefined ? kept(found.pathname + found.search + found.hash) : changed(changes);
    if (href !== own) link.setAttribute('href', own);
  };
  for (const kind of ['pointerover', 'pointerdown', 'focusin', 'click']) document.addEventListener(kind, keep, true);
}
