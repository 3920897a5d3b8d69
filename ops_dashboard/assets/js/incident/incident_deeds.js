// What an engineer does with an incident: buttons, their dialogs, and what came of the last deed.
import { askDeed, labelled, post } from '../parts/deed_dialog.js';
import { makeReasons } from '../alert/alert_why.js';
import { byId, make, renew, setText } from '../parts/dom.js';
import { isKey, watchSwitch } from '../parts/keys.js';
import { readJson } from '../parts/loading.js';
import { isPast } from '../parts/moment.js';
import { clock, dayAndClock, duration, language, number, rule, say } from '../parts/words.js';

const isOpen = (incident) => incident.ended_at_us === null;
const DEEDS = [
  { name: 'acknowledged', key: 'a', fits: (i) => i.state === 'open', ask: askPlain, unfit: () => say('incident.in_hand') },
  { name: 'handed_back', fits: (i) => i.state === 'acknowledged' || Boolean(isOpen(i) && i.assignee), ask: askPlain },
  { name: 'assigned', key: 'g', fits: isOpen, ask: askAssignment },
  { name: 'silence', key: 's', fits: isOpen, ask: askSilence },
  { name: 'commented', key: 'n', fits: () => true, ask: askPlain },
  { name: 'merged', fits: isOpen, ask: askMerger },
  { name: 'split', fits: (i) => i.alerts > 1, ask: askSplit },
  { name: 'dismissed', fits: isOpen, ask: askDenial },
  { name: 'resolved', fits: isOpen, ask: askPlain },
];
const SILENCE_HOURS = [1, 2, 4, 8, 24];
let waitsFor = null; // the action whose outcome the timeline will tell

/** Return why whoever reads the page may not do a deed; the page says it, and the server decides. */
function denial({ name }) {
  const denied = JSON.parse(document.querySelector('[data-denied]').dataset.denied);
  const code = denied[name === 'silence' ? 'silence' : 'handle_incidents'];
  return code ? say(`error.${code}`) : null;
}

const offered = (incident) => (isPast() ? [] : DEEDS.filter((deed) => deed.fits(incident) && denial(deed) === null));

/** Show the buttons of what can be done now. */
export function showBar(desk) {
  if (isPast()) { byId('deed-bar').hidden = true; return; } // the bar of the past says why
  const deeds = offered(desk.page.incident);
  byId('deed-bar').hidden = deeds.length === 0 && byId('deed-result').textContent === '';
  const { keys } = document.documentElement.dataset;
  renew(byId('deeds'), [keys, ...deeds.map((deed) => deed.name)], () => [...deeds.map((deed) => {
    const button = make('button', { type: 'button', className: deed.name === 'acknowledged' ? 'button button-main' : 'button', dataset: { key: deed.name }, 'aria-keyshortcuts': keys === 'on' ? deed.key : null },
      say(`incident.do_${deed.name}`), deed.key ? make('kbd', { textContent: deed.key, 'aria-hidden': 'true' }) : null);
    button.onclick = () => deed.ask(desk, deed.name);
    return button;
  }), moreButton()]);
}

/** Return the button by which a phone, which has room for two, shows the others. */
function moreButton() {
  const button = make('button', { type: 'button', className: 'button deeds-more', textContent: say('incident.more_deeds'), 'aria-expanded': 'false', 'aria-controls': 'deeds' });
  button.onclick = () => button.setAttribute('aria-expanded', String(byId('deeds').classList.toggle('open')));
  return button;
}

/** Let the keys of the buttons do what they do, unless somebody writes or turned them off. */
export function watchKeys(desk) {
  watchSwitch(() => { if (desk.page) showBar(desk); });
  document.addEventListener('keydown', (event) => {
    if (!isKey(event) || !desk.page || !doByKey(desk, event.key)) return;
    event.preventDefault();
    byId('deed-bar').hidden = false; // it says what came of the key
  });
}

/** Return whether a key is that of a deed. */
export const isDeedKey = (key) => DEEDS.some((deed) => deed.key === key);

/** Do what a key does with an incident, or say why not; return whether it is the key of a deed. */
export function doByKey(desk, key) {
  const deed = DEEDS.find((one) => one.key === key);
  if (!deed || isPast()) return false;
  const { incident } = desk.page;
  const why = denial(deed) ?? (deed.fits(incident) ? null : isOpen(incident) ? deed.unfit() : say('incident.is_over'));
  if (why === null) deed.ask(desk, deed.name);
  else result(why, 'refused');
  return true;
}

/** Return whether the outcome of a deed is still to be told. */
export const waits = () => waitsFor !== null;

/** Say what came of the last deed as soon as the timeline has it; one that was refused says why. */
export function tellResult(events) {
  const told = waitsFor && events.find((event) => event.action_id === waitsFor);
  if (!told) return;
  waitsFor = null;
  result(told.sentence, told.not_done ? 'refused' : 'done');
}

/** Say what came of a deed: `sent`, `done` or `refused`. */
export function result(text, state) {
  byId('deed-result').dataset.state = state;
  setText(byId('deed-result'), text);
}

/** Send a deed; return null or why it was refused. */
async function act(desk, deed) {
  const { said, refused } = await post(`/api/incidents/${encodeURIComponent(desk.page.incident.incident_id)}/actions`, deed);
  if (refused !== null) return refused;
  waitsFor = said.action_id;
  result(say('incident.sent'), 'sent');
  tellResult(desk.page.events);
  return null;
}

function subjectOf(desk) {
  const { words } = desk.page.incident;
  return `${words.name} · ${words.what}`;
}

function ask(desk, name, more) {
  askDeed({ title: say(`incident.do_${name}`), subject: subjectOf(desk), send: (deed) => act(desk, { kind: name, ...deed }), ...more });
}

function askPlain(desk, name) {
  ask(desk, name, { note: name === 'commented' ? 'required' : 'optional' });
}

function askAssignment(desk, name) {
  const who = make('input', { className: 'control', id: 'assignee', required: true, maxLength: 80, list: 'people', autocomplete: 'off' });
  ask(desk, name, {
    fields: [labelled(say('incident.assignee'), who)],
    send: (deed) => act(desk, { kind: name, assignee: who.value.trim(), ...deed }),
  });
}

function askDenial(desk, name) {
  const reasons = makeReasons();
  ask(desk, name, {
    fields: [reasons],
    send: (deed) => act(desk, { kind: name, because: reasons.querySelector('input:checked').value, ...deed }),
  });
}

async function askMerger(desk, name) {
  const { incidents } = await readJson('/api/incidents', language);
  const own = desk.page.incident;
  const others = incidents.filter((other) => isOpen(other) && other.incident_id !== own.incident_id
    && (other.cause.kind === 'system') === (own.cause.kind === 'system'));
  if (!others.length) { result(say('incident.no_other'), 'refused'); return; }
  const other = make('select', { className: 'control', id: 'other', required: true },
    ...others.map((one) => make('option', { value: one.incident_id, textContent: `P${one.priority} ${one.words.name} · ${one.words.what}` })));
  ask(desk, name, {
    fields: [labelled(say('incident.merge_with'), other)],
    send: (deed) => act(desk, { kind: name, with_id: other.value, ...deed }),
  });
}

function askSplit(desk, name) {
  const open = desk.page.members.filter((member) => member.left_at_us === null);
  const alert = make('select', { className: 'control', id: 'alert', required: true }, ...open.map((member) => make('option', {
    value: member.alert.alert_id,
    textContent: `${member.place?.name ?? say('wall.center')} · ${rule(member.alert.rule).title} · ${clock(member.alert.opened_at_us)}`,
  })));
  ask(desk, name, {
    fields: [labelled(say('incident.split_what'), alert)],
    send: (deed) => act(desk, { kind: name, alert_id: alert.value, ...deed }),
  });
}

/** Ask until when and why nobody shall be told, and say what that mutes before it does. */
function askSilence(desk) {
  const { matchers } = desk.page;
  const conditions = matchers.map(({ name, value, is_regex, is_equal }) => ({ name, value, is_regex, is_equal }));
  const untilUs = (hours) => Math.round(desk.nowUs + hours * 3600e6);
  const hours = make('select', { className: 'control', id: 'silence-hours' }, ...SILENCE_HOURS.map((n) => make('option', {
    value: String(n), textContent: say('incident.silence_for', { length: duration(n * 3600), at: dayAndClock(untilUs(n)) }) })));
  const effect = make('div', { className: 'effect', role: 'status' }, make('p', { className: 'soft', textContent: '…' }));
  askDeed({
    title: say('incident.do_silence'), subject: subjectOf(desk), note: 'required', noteLabel: say('incident.silence_reason'),
    fields: [
      make('p', { className: 'matchers' }, ...matchers.map(({ text }) => make('code', { textContent: text }))),
      effect,
      labelled(say('incident.silence_until'), hours)],
    send: async ({ note }) => {
      const end = untilUs(Number(hours.value));
      const { refused } = await post('/api/silences', { matchers: conditions, until_us: end, reason: note });
      if (refused === null) result(say('incident.silence_sent', { at: dayAndClock(end) }), 'done');
      return refused;
    },
  });
  showEffect(effect, { matchers: conditions, until_us: untilUs(1) });
}

async function showEffect(box, wanted) {
  const { said, refused } = await post('/api/silences/preview', wanted);
  box.replaceChildren(refused === null
    ? make('p', { textContent: say('incident.silence_effect', { now: number(said.mutes_now), week: number(said.matched) }) })
    : make('p', { className: 'form-error', textContent: refused }));
}
