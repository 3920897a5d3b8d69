// What somebody keeps of a list's choice under a name: links, so that each is an address to be shared as well.
import { askDeed, labelled, post, remove } from './deed_dialog.js';
import { make, renew } from './dom.js';
import { readJson } from './loading.js';
import { isPast } from './moment.js';
import { language, say } from './words.js';

const NAME_MAX = 60;

/** Show the kept choices of a page in a box; `names` are what the address says of a choice. */
export class SavedViews {
  constructor(box, page, names) {
    Object.assign(this, { box, page, names, views: [] });
    this.source = `/api/views/${page}`;
    this.read();
  }

  async read() {
    try {
      this.views = (await readJson(this.source, language)).views;
    } catch (error) {
      console.warn('the kept choices were not read', error);
      return;
    }
    this.show();
  }

  /** Return what the address chooses, in one order. */
  chosen() {
    const asked = new URLSearchParams(window.location.search);
    return new URLSearchParams(this.names.filter((name) => asked.get(name)).map((name) => [name, asked.get(name)])).toString();
  }

  /** Show them anew: what is chosen may be one of them now, or none. */
  show() {
    const chosen = this.chosen();
    const own = this.views.find((view) => view.query === chosen);
    this.box.hidden = isPast() || (this.views.length === 0 && !chosen);
    renew(this.box, [this.views, chosen], () => [
      ...this.views.map((view) => this.link(view, view === own)),
      ...(own ? [this.button('rename', () => this.askName(own)), this.button('forget', () => this.askEnd(own))] : []),
      ...(!own && chosen ? [this.button('keep', () => this.askName(null))] : [])]);
  }

  link({ name, query }, isOwn) {
    return make('a', { className: 'button view-link', href: `/${this.page}${query && `?${query}`}`, textContent: name, 'aria-current': isOwn ? 'true' : null, dataset: { key: `view-${name}` } });
  }

  button(word, deed) {
    const button = make('button', { type: 'button', className: 'button view-deed', textContent: say(`views.${word}`), dataset: { key: `views-${word}` } });
    button.addEventListener('click', deed);
    return button;
  }

  askName(former) {
    const name = make('input', { className: 'control', id: 'view-name', required: true, maxLength: NAME_MAX, value: former?.name ?? '', autocomplete: 'off' });
    askDeed({
      title: say(former ? 'views.rename' : 'views.keep'), subject: say('views.why'), note: null, sendLabel: say('views.save'),
      fields: [labelled(say('views.name'), name)],
      send: () => this.take(post(`${this.source}?lang=${language}`, {
        name: name.value.trim(), query: former?.query ?? this.chosen(), ...(former ? { former: former.name } : {}) })),
    });
  }

  askEnd({ name }) {
    askDeed({
      title: say('views.forget'), subject: name, note: null, sendLabel: say('views.do_forget'),
      send: () => this.take(remove(`${this.source}?${new URLSearchParams({ name, lang: language })}`)),
    });
  }

  async take(answer) {
    const { said, refused } = await answer;
    if (refused !== null) return refused;
    this.views = said.views;
    this.show();
    return null;
  }
}
