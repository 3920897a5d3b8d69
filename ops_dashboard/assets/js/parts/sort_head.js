// The head of a column that sorts: first up, then down, then as the table comes. `sort` is the column's name, with - for down.
import { make } from './dom.js';

/** Return the head of a column; `choose` is told the next order. */
export function sortHead({ name, title, isNumber = false }, sort, choose) {
  const state = { [name]: 'ascending', [`-${name}`]: 'descending' }[sort];
  const next = { ascending: `-${name}`, descending: '' }[state] ?? name;
  const button = make('button', { type: 'button', className: 'sheet-sort', textContent: title, dataset: { key: `sort-${name}` } });
  button.addEventListener('click', () => choose(next));
  return make('th', { scope: 'col', className: isNumber ? 'number' : '', 'aria-sort': state ?? null }, button);
}
