// What nobody is told of: in force, to come, over; the list follows the push.
import { fromAddress } from './parts/address_state.js';
import { askDeed, remove } from './parts/deed_dialog.js';
import { byId, make, renew, setText } from './parts/dom.js';
import { openLink } from './parts/link.js';
import { reader, readJson } from './parts/loading.js';
import { askSilence } from './silence/silence_form.js';
import { askImport } from './silence/silence_import.js';
import { watchStaleness } from './parts/staleness.js';
import { dayAndClock, duration, fullDay, language, number, say } from './parts/words.js';

const GROUPS = ['active', 'pending', 'expired'];
const PLAIN_RULES = { 'FREQ=DAILY': 'daily', 'FREQ=WEEKLY': 'weekly', 'FREQ=MONTHLY': 'monthly' };
const HALF_YEAR_US = 180 * 86400e6;

class SilenceList {
  constructor() {
    this.nowUs = Date.now() * 1000;
    this.seen = null;
    this.asked = fromAddress(['silence']).silence;
    this.load = reader(async () => {
      const { silences, muted } = await readJson('/api/silences', language);
      this.silences = silences;
      this.show(muted);
    });
    byId('silence-new').onclick = () => askSilence({ nowUs: () => this.nowUs, told: tell });
    byId('silence-import').onclick = () => askImport({ told: tell });
  }

  hear(message) {
    if (message.kind === 'hello' || message.kind === 'silences') this.load();
    if (message.kind !== 'snapshot') return;
    this.nowUs = message.at_us;
    // What opens, resolves, begins or ends changes how many are muted; the next edge needs no message.
    const due = this.silences?.some((one) => one.next_edge_us !== null && one.next_edge_us <= this.nowUs);
    const seen = `${message.alerts_version}/${message.open.muted}`;
    if (due || (this.seen !== null && this.seen !== seen)) this.load();
    this.seen = seen;
  }

  show(muted) {
    setText(byId('silences-count'), say('silences.muted', { n: number(muted) }));
    byId('silences-none').hidden = this.silences.length > 0;
    const table = byId('silences');
    table.hidden = this.silences.length === 0;
    this.bodies ??= GROUPS.map(() => table.appendChild(make('tbody')));
    GROUPS.forEach((group, place) => {
      const own = this.silences.filter((one) => one.state === group).sort(ORDER[group]);
      this.bodies[place].hidden = own.length === 0;
      renew(this.bodies[place], own, () => [
        make('tr', { className: 'group' }, make('th', { colSpan: 5, scope: 'rowgroup', textContent: `${say(`silences.group_${group}`)} · ${number(own.length)}` })),
        ...own.map((one) => this.row(one))]);
    });
    if (this.isShown) return;
    this.isShown = true;
    document.querySelector('.silence-asked')?.scrollIntoView({ block: 'center' });
  }

  row(silence) {
    const cell = (name, ...parts) => make('td', { className: `cell-${name}`, dataset: { name: say(`silences.head_${name}`) } }, ...parts);
    const isOver = silence.state === 'expired';
    const isAsked = silence.silence_id === this.asked;
    return make('tr', { className: isAsked ? 'silence silence-asked' : 'silence', dataset: { state: silence.state, id: silence.silence_id } },
      cell('what', silence.names.length ? make('strong', { textContent: silence.names.join(' · ') }) : null, make('p', { className: 'matchers' }, ...silence.texts.map((text) => make('code', { textContent: text }))),
        silence.kind === 'maintenance' ? make('span', { className: 'state-word', textContent: say('silence.maintenance') }) : null),
      cell('when', ...hours(silence, this.nowUs)),
      cell('mutes', silence.state === 'active' ? number(silence.mutes_now) : '–'),
      cell('who', make('strong', { textContent: silence.owner }), make('p', { textContent: silence.reason }),
        silence.ended_by ? make('p', { className: 'soft', textContent: say(silence.replaced_by ? 'silences.changed_by' : 'silences.ended_by', { name: silence.ended_by }) }) : null),
      cell('deeds', ...(isOver ? ['–'] : [this.changeButton(silence), ' ', endButton(silence)])));
  }

  changeButton(silence) {
    const button = make('button', { type: 'button', className: 'button', textContent: say('silences.change'), dataset: { key: `change-${silence.silence_id}` } });
    button.onclick = () => askSilence({ nowUs: () => this.nowUs, told: tell, former: silence });
    return button;
  }
}

const ORDER = {
  active: (a, b) => a.active_until_us - b.active_until_us,
  pending: (a, b) => (a.next_edge_us ?? Infinity) - (b.next_edge_us ?? Infinity),
  expired: (a, b) => endOf(b) - endOf(a),
};

const endOf = (silence) => Math.min(silence.until_us, silence.ended_at_us ?? Infinity);

/** Return a moment with its year if that is not plain. */
const moment = (atUs, nowUs) => (Math.abs(atUs - nowUs) > HALF_YEAR_US ? fullDay(atUs) : dayAndClock(atUs));

function hours(silence, nowUs) {
  const at = (us) => moment(us, nowUs);
  const rule = silence.recurrence;
  const small = (text) => make('span', { className: 'small', textContent: text });
  if (!rule) return [say('silences.from_until', { from: at(silence.from_us), until: at(endOf(silence)) })];
  const plain = PLAIN_RULES[rule.rrule];
  const lines = [
    say('silences.each', { rule: plain ? say(`silences.recurs_${plain}`) : rule.rrule, length: duration(rule.duration_us / 1e6) }),
    rule.only_school_days ? say('silences.only_school_days') : null,
    rule.not_in_exam ? say('silences.not_in_exam') : null].filter(Boolean);
  const times = silence.state === 'expired' ? [say('silences.from_until', { from: at(silence.from_us), until: at(endOf(silence)) })] : [
    silence.active_until_us === null ? null : say('silences.active_until', { at: at(silence.active_until_us) }),
    silence.next_from_us === null ? null : say('silences.next', { at: at(silence.next_from_us) }),
    say('silences.recurs_until', { at: fullDay(silence.until_us) })].filter(Boolean);
  return [lines.join(', '), small(times.join(' · '))];
}

function endButton(silence) {
  const button = make('button', { type: 'button', className: 'button', textContent: say('silences.end'), dataset: { key: `end-${silence.silence_id}` } });
  button.onclick = () => askDeed({
    title: say('silences.end'), subject: say('silences.end_subject'), note: null,
    fields: [make('p', { className: 'matchers' }, ...silence.texts.map((text) => make('code', { textContent: text })))],
    send: async () => {
      const { refused } = await remove(`/api/silences/${silence.silence_id}?lang=${language}`);
      if (refused === null) tell(say('silences.sent'));
      return refused;
    },
  });
  return button;
}

function tell(text) {
  setText(byId('deed-result'), text);
}

/** Start the page. */
export function start() {
  const list = new SilenceList();
  let staleness = null;
  const hear = (message) => {
    list.hear(message);
    if (message.kind === 'snapshot') staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ alerts: true, hear }));
}
