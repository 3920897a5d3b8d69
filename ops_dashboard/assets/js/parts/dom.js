// Building and changing elements; text goes in as text, never as markup.

/** Return an element with attributes and children; `dataset` and `onclick`-like properties included. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name === 'dataset') Object.assign(element.dataset, value);
    else if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return an SVG element. */
export function makeSvg(tag, attributes = {}, text = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

/** Set an element's text only if it differs, so that a screen reader hears changes only. */
export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

const shapes = new WeakMap();

/**
 * Build an element's content anew only if what it shows differs; where the keyboard stands, and what is
 * folded out, stays so by `data-key`.
 */
export function renew(element, shown, build) {
  const shape = JSON.stringify(shown);
  if (shapes.get(element) === shape) return;
  shapes.set(element, shape);
  const own = document.activeElement;
  const held = element.contains(own) ? own.dataset.key : undefined;
  const open = [...element.querySelectorAll('details[open]')].map((one) => one.dataset.key);
  element.replaceChildren(...build());
  for (const key of open) element.querySelector(`details[data-key="${CSS.escape(key)}"]`)?.setAttribute('open', '');
  if (held) (element.querySelector(`[data-key="${CSS.escape(held)}"]`) ?? element.querySelector('[data-key]'))?.focus();
}

export const byId = (identity) => document.getElementById(identity);

/** Return the screen's unit in CSS pixels: a 384th of the width on a wall, times the factor it asks for. */
export function unitPx() {
  const scale = Number(document.documentElement.style.getPropertyValue('--scale') || 1);
  return window.innerWidth <= 900 ? 2.05 : window.innerWidth / 384 * scale;
}

/** Return a table for screen readers. */
export function hiddenTable(caption, headings, rows) {
  return make('table', {},
    make('caption', { textContent: caption }),
    make('thead', {}, make('tr', {}, ...headings.map((h) => make('th', { scope: 'col', textContent: h })))),
    make('tbody', {}, ...rows.map(([first, ...rest]) => make('tr', {},
      make('th', { scope: 'row', textContent: first }),
      ...rest.map((cell) => make('td', { textContent: cell }))))));
}
