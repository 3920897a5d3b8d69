// Search over everything: a box over the page, by the key /, Ctrl-K or its button; arrows choose, Enter opens.
import { byId, make, setText } from './dom.js';
import { isKey } from './keys.js';
import { kept } from './moment.js';
import { language, number, say } from './words.js';

class Search {
  constructor() {
    this.found = [];
    this.chosen = 0;
    this.asked = 0;
    this.input = make('input', {
      type: 'search', id: 'find-text', className: 'control', role: 'combobox', autocomplete: 'off', spellcheck: false,
      'aria-expanded': 'false', 'aria-controls': 'find-list', 'aria-autocomplete': 'list', 'aria-describedby': 'find-hint',
    });
    this.input.maxLength = 100;
    this.list = make('div', { id: 'find-list', className: 'find-list', role: 'listbox', 'aria-label': say('find.label') });
    this.status = make('p', { className: 'soft', role: 'status' });
    const label = make('label', { htmlFor: 'find-text', className: 'visually-hidden', textContent: say('find.label') });
    const hint = make('p', { id: 'find-hint', className: 'soft find-hint', textContent: say('find.hint') });
    this.box = make('dialog', { className: 'find', 'aria-label': say('find.label') }, label, this.input, this.status, this.list, hint);
    this.input.placeholder = say('find.label');
    document.body.append(this.box);
    this.input.addEventListener('input', () => this.look());
    this.input.addEventListener('keydown', (event) => this.press(event));
    this.box.addEventListener('click', (event) => { if (event.target === this.box) this.box.close(); });
  }

  open() {
    if (this.box.open) return;
    this.box.showModal();
    this.input.select();
    this.input.focus();
  }

  async look() {
    const turn = this.asked += 1;
    const text = this.input.value.trim();
    if (!text) { this.show([]); setText(this.status, ''); return; }
    try {
      const answer = await fetch(`/api/find?${new URLSearchParams({ q: text, lang: language })}`, { headers: { Accept: 'application/json' } });
      if (!answer.ok) throw new Error(`/api/find answered ${answer.status}`);
      const { found } = await answer.json();
      if (turn !== this.asked) return; // a later letter was faster
      this.show(found);
      setText(this.status, found.length ? say('find.count', { n: number(found.length) }) : say('find.none'));
    } catch (error) {
      console.warn('not searched', error);
      if (turn === this.asked) setText(this.status, say('find.failed'));
    }
  }

  show(found) {
    this.found = found;
    this.list.replaceChildren(...found.map((one, i) => make('a', { id: `find-${i}`, className: 'find-one', role: 'option', href: one.address, tabIndex: -1 },
      make('span', { className: 'find-kind soft', textContent: say(`find.${one.kind}`) }),
      make('span', { className: 'find-name', textContent: one.name }),
      make('span', { className: 'find-about soft', textContent: one.about }))));
    this.input.setAttribute('aria-expanded', String(found.length > 0));
    this.choose(0);
  }

  choose(place) {
    this.chosen = Math.max(0, Math.min(this.found.length - 1, place));
    [...this.list.children].forEach((one, i) => one.setAttribute('aria-selected', String(i === this.chosen)));
    const own = this.list.children[this.chosen];
    if (own) this.input.setAttribute('aria-activedescendant', own.id);
    else this.input.removeAttribute('aria-activedescendant');
    own?.scrollIntoView({ block: 'nearest' });
  }

  press(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); this.choose(this.chosen + step); }
    if (event.key === 'Enter' && this.found.length) { event.preventDefault(); window.location.assign(kept(this.found[this.chosen].address)); }
    if (event.key === 'Escape') { event.preventDefault(); this.box.close(); } // a search field would only empty itself
  }
}

/** Let the header's button and the keys open the search. */
export function startFind() {
  let search = null;
  const open = () => { search ??= new Search(); search.open(); };
  byId('find-open').addEventListener('click', open);
  document.addEventListener('keydown', (event) => {
    const isCall = (event.key === '/' && isKey(event)) || (event.key === 'k' && (event.ctrlKey || event.metaKey));
    if (!isCall) return;
    event.preventDefault();
    open();
  });
}
