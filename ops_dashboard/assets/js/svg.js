// Charts that the server drew: their shapes are put into their places.

/** Draw every chart below a node whose shapes are not there yet. */
export function drawCharts(root) {
  for (const place of root.querySelectorAll('[data-svg]')) {
    const drawn = new DOMParser().parseFromString(place.dataset.svg, 'image/svg+xml');
    place.replaceChildren(document.importNode(drawn.documentElement, true));
  }
}
