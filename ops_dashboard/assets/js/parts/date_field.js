// A field for a day, or a day and a clock, as people here write them (23/11/2026 09:07): the browser's own field follows
// the browser's language, which nobody chose for the center. Its calendar opens from a button beside ours.
import { make } from './dom.js';
import { say } from './words.js';

const WRITTEN = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[\s,]+(\d{1,2})[:h](\d{2}))?$/;
const two = (n) => String(n).padStart(2, '0');

/** Return a day or local moment of ISO 8601 as people here write it. */
export const written = (iso) => iso.split('T').map((part) => part.split('-').reverse().join('/')).join(' ');

export class DateField {
  /** `iso` is the day or local moment that it begins with, `least` the earliest that it takes; empty for none. */
  constructor({ id, iso = '', least = '', hasClock = true, label = null, className = 'control' }) {
    Object.assign(this, { least, hasClock });
    this.input = make('input', { type: 'text', id, className, autocomplete: 'off', maxLength: 20, placeholder: say(hasClock ? 'date.moment' : 'date.day'), 'aria-label': label });
    this.calendar = make('input', { type: hasClock ? 'datetime-local' : 'date', min: least, tabIndex: -1, 'aria-hidden': 'true' });
    const open = make('button', { type: 'button', className: `${className} date-open`, textContent: '▾', title: say('date.open'), 'aria-label': say('date.open') });
    this.element = make('span', { className: 'date-field' }, this.input, open, this.calendar);
    this.iso = iso;
    open.addEventListener('click', () => { this.calendar.value = this.iso ?? ''; this.calendar.showPicker(); });
    this.input.addEventListener('input', () => this.input.setCustomValidity(''));
    this.input.addEventListener('change', () => this.input.setCustomValidity(this.wrong()));
    this.calendar.addEventListener('change', () => {
      this.iso = this.calendar.value;
      for (const kind of ['input', 'change']) this.input.dispatchEvent(new Event(kind, { bubbles: true }));
    });
  }

  /** What is written, as ISO 8601 has it: empty for nothing, null for what is no date. */
  get iso() {
    const text = this.input.value.trim();
    if (!text) return '';
    const found = WRITTEN.exec(text);
    if (!found || this.hasClock !== (found[4] !== undefined)) return null;
    const [day, month, year, hour, minute] = found.slice(1).map(Number);
    const iso = `${year}-${two(month)}-${two(day)}${this.hasClock ? `T${two(hour)}:${two(minute)}` : ''}`;
    const moment = new Date(this.hasClock ? `${iso}Z` : iso);
    const isThere = !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(iso); // there is no 31/02
    return isThere ? iso : null;
  }

  set iso(iso) {
    this.input.value = written(iso);
  }

  /** Return what is wrong with what is written; empty for nothing. */
  wrong() {
    if (this.iso === null) return say('date.hint', { example: this.hasClock ? '23/11/2026 09:07' : '23/11/2026' });
    return this.iso && this.iso < this.least ? say('date.too_early', { day: written(this.least) }) : '';
  }
}
