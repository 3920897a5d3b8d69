// An earlier minute in place of the push: minutes come some at a time, and are shown one after the other.
import { DateField } from './date_field.js';
import { byId, make, setText } from './dom.js';
import { isKey } from './keys.js';
import { inMoment, shownUs } from './moment.js';
import { clock, fullDay, say, toField } from './words.js';

const MINUTE_US = 60e6;
const CHUNK = 15; // minutes in one answer
const AHEAD = 5; // the next ones are asked for when so few are left
const KEPT = 240;
const SPEEDS = [1, 10, 60]; // minutes that a minute shows
const AGAIN_MS = 3000;

class Player {
  constructor({ hear, area, pauseMs }) {
    Object.assign(this, { hear, area, pauseMs });
    this.minutes = new Map();
    this.asking = new Map();
    this.speed = SPEEDS.at(-1);
    this.timer = null;
    this.toldMs = 0;
    this.atUs = shownUs();
    this.newestUs = Infinity;
  }

  start() {
    // Other pages are made by the server: they keep its links to the minutes beside theirs.
    if (byId('past-bar').dataset.rewind === 'plays') {
      this.makeButtons();
      document.addEventListener('keydown', (event) => this.takeKey(event));
    }
    this.show(this.atUs);
  }

  /** Ask for the minutes from one on, once. */
  async ask(fromUs) {
    const query = new URLSearchParams({ at: toField(fromUs), minutes: CHUNK });
    if (this.area) query.set('area', this.area);
    const answer = await fetch(`/api/wall?${query}`, { headers: { Accept: 'application/json' } });
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(`${fromUs} was not read`), { sentence: said.sentence, final: answer.status === 422 });
    const { minutes, heard_by: heardBy } = said;
    for (const minute of minutes) this.minutes.set(minute.at_us, { ...minute, heard_by: heardBy });
    if (minutes.length < CHUNK) this.newestUs = minutes.at(-1).at_us;
    while (this.minutes.size > KEPT) this.minutes.delete(this.minutes.keys().next().value);
  }

  load(fromUs) {
    if (!this.asking.has(fromUs)) this.asking.set(fromUs, this.ask(fromUs).finally(() => this.asking.delete(fromUs)));
    return this.asking.get(fromUs);
  }

  /** Show a minute; what is not here yet is waited for. */
  async show(atUs) {
    this.wantedUs = atUs;
    try {
      // Backwards the ones before are of use too.
      if (!this.minutes.has(atUs)) await this.load(atUs < this.atUs ? atUs - (CHUNK - 1) * MINUTE_US : atUs).catch((error) => {
        if (atUs < this.atUs) return this.load(atUs);
        throw error;
      });
    } catch (error) {
      this.pause();
      this.say(error.sentence ?? say('rewind.not_read'));
      if (!error.final) window.setTimeout(() => { if (this.wantedUs === atUs) this.show(atUs); }, AGAIN_MS);
      return;
    }
    const minute = this.minutes.get(atUs);
    if (this.wantedUs !== atUs || !minute) return;
    this.atUs = atUs;
    byId('past-bar').dataset.at = String(atUs);
    setText(byId('past-at'), say('rewind.at', { clock: clock(atUs), day: fullDay(atUs) }));
    if (this.field && document.activeElement !== this.field.input) this.field.iso = toField(atUs);
    window.history.replaceState(window.history.state, '', inMoment(window.location.href));
    this.explain(minute);
    const isTime = this.timer === null || performance.now() - this.toldMs >= this.pauseMs;
    if (isTime) this.toldMs = performance.now();
    this.hear(minute);
    if (isTime) this.hear({ kind: 'hello' }); // the rest of the page reads itself anew
    const aheadUs = atUs + AHEAD * MINUTE_US;
    if (this.timer !== null && !this.minutes.has(aheadUs) && aheadUs < this.newestUs) {
      this.load([...this.minutes.keys()].filter((us) => us >= atUs && us < aheadUs).reduce((a, b) => Math.max(a, b), atUs) + MINUTE_US).catch(() => {});
    }
  }

  /** Say what of this minute is not known any more, and that nothing can be done in it. */
  explain({ heard_by: heardBy, unkept }) {
    const said = [
      heardBy === '15m' ? say('rewind.heard_15m') : '',
      heardBy === '' ? say('rewind.heard_nobody') : '',
      unkept.length > 0 ? say('rewind.unkept') : '',
      say('rewind.no_deeds')];
    this.say(said.filter(Boolean).join(' '));
  }

  say(text) { setText(byId('past-said'), text); }

  step(minutes) {
    this.pause();
    this.go(this.atUs + minutes * MINUTE_US);
  }

  go(atUs) {
    if (atUs <= this.newestUs) { this.show(atUs); return true; }
    this.pause();
    this.say(say('rewind.end'));
    return false;
  }

  play() {
    this.timer = window.setInterval(() => { if (this.wantedUs === this.atUs) this.go(this.atUs + MINUTE_US); }, 60000 / this.speed);
    this.tellPlaying();
  }

  pause() {
    if (this.timer === null) return;
    window.clearInterval(this.timer);
    this.timer = null;
    this.tellPlaying();
    this.hear({ kind: 'hello' });
  }

  toggle() { if (this.timer === null) this.play(); else this.pause(); }

  tellPlaying() {
    const word = say(this.timer === null ? 'rewind.play' : 'rewind.pause');
    setText(this.playing, this.timer === null ? '▶' : '❚❚');
    this.playing.setAttribute('aria-label', word);
    this.playing.title = `${word} (p)`;
  }

  makeButtons() {
    const button = (word, key, sign, deed) => {
      const made = make('button', { type: 'button', className: 'past-button', textContent: sign, title: `${word} (${key})`, 'aria-label': word, 'aria-keyshortcuts': key });
      made.addEventListener('click', deed);
      return made;
    };
    this.playing = button(say('rewind.play'), 'p', '▶', () => this.toggle());
    const speed = make('select', { className: 'past-field', id: 'past-speed', 'aria-label': say('rewind.speed') },
      ...SPEEDS.map((n) => make('option', { value: String(n), textContent: `×${n}`, selected: n === this.speed })));
    speed.addEventListener('input', () => {
      this.speed = Number(speed.value);
      if (this.timer !== null) { window.clearInterval(this.timer); this.play(); }
    });
    this.field = new DateField({ id: 'past-field', className: 'past-field', label: say('rewind.choose'), iso: toField(this.atUs) });
    this.field.input.addEventListener('focus', () => this.pause());
    this.field.input.addEventListener('change', () => {
      const { iso } = this.field;
      if (iso) window.location.search = atQuery(iso);
      else this.say(this.field.wrong());
    });
    byId('past-way').replaceChildren(
      button(say('rewind.back'), ',', '−1′', () => this.step(-1)), this.playing, button(say('rewind.on'), '.', '+1′', () => this.step(1)), speed, this.field.element);
  }

  takeKey(event) {
    if (!isKey(event)) return;
    const deed = { ',': () => this.step(-1), '.': () => this.step(1), p: () => this.toggle() }[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  }
}

function atQuery(field) {
  const query = new URLSearchParams(window.location.search);
  query.set('at', field);
  return query.toString();
}

/** Return what stands in for the line to the server: it tells the minutes of the past, and nothing of now. */
export function openPast({ hear, area = '', alerts = false }) {
  const player = new Player({ hear, area, pauseMs: alerts ? 1000 : 5000 });
  window.queueMicrotask(() => player.start()); // the page has its link first
  return { ageS: () => 0, heard: () => true };
}

/** Mark a page that shows the past, whatever it shows. */
export function markPast() {
  document.documentElement.dataset.past = 'yes';
  setText(byId('link-state'), say('rewind.pill'));
}
