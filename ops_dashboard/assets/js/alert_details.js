// The details of one alert, and the dialog in which an engineer takes it or adds a note.
import { eventValue, factsOf, stateOf } from './alert_rows.js';
import { adviceOf, makeBefore, makeReasons, makeVerdict, makeWhy, reasonOf } from './alert_why.js';
import { byId, make } from './dom.js';
import { dayAndClock, rule, say } from './words.js';

const NAME_KEY = 'eduops-engineer';
const TITLES = { acknowledge: 'alerts.acknowledge', note: 'alerts.add_note', dismiss: 'alerts.dismiss_title' };

/** Show an alert in the panel; history and explanation are loaded and kept in step by the caller. */
export function showDetails(row, events, nowUs, { explanation, onClose }) {
  const { alert } = row;
  const panel = byId('details');
  const words = rule(alert.rule);
  panel.replaceChildren(
    make('h2', { className: 'details-title' },
      make('span', { className: 'badge', dataset: { priority: String(alert.priority) }, textContent: `P${alert.priority}` }),
      make('span', { textContent: words.title })),
    ...[makeVerdict(explanation)].filter(Boolean),
    make('dl', { className: 'facts' }, ...factsOf(row, nowUs).flatMap(([name, text]) => [
      make('dt', { textContent: name }), make('dd', { textContent: text })])),
    ...makeWhy(explanation),
    ...makeBefore(explanation),
    make('div', { className: 'advice' },
      make('strong', { textContent: `${say('alerts.advice')}: ` }), adviceOf(explanation, words.advice)),
    makeButtons(row, onClose),
    make('h3', { className: 'section-title', textContent: say('alerts.history') }),
    make('ol', { className: 'history' }, ...events.map((event) => makeEvent(event, row))));
  panel.classList.add('open');
}

/** Empty the panel. */
export function hideDetails() {
  const panel = byId('details');
  panel.classList.remove('open');
  panel.replaceChildren(make('p', { className: 'soft', textContent: say('alerts.select') }));
}

function makeButtons(row, onClose) {
  const acknowledge = make('button', { type: 'button', className: 'button button-main', textContent: say('alerts.acknowledge') });
  const note = make('button', { type: 'button', className: 'button', textContent: say('alerts.add_note') });
  const dismiss = make('button', { type: 'button', className: 'button', textContent: say('alerts.dismiss') });
  const close = make('button', { type: 'button', className: 'button', textContent: say('alerts.close') });
  acknowledge.onclick = () => openDialog(row, 'acknowledge');
  note.onclick = () => openDialog(row, 'note');
  dismiss.onclick = () => openDialog(row, 'dismiss');
  close.onclick = onClose;
  return make('div', { className: 'buttons' },
    stateOf(row.alert) === 'open' ? acknowledge : null, note, dismiss,
    row.own ? null : make('a', { className: 'button', href: `/school/${encodeURIComponent(row.code)}`, textContent: say('alerts.open_school') }),
    close);
}

function makeEvent(event, row) {
  const word = say(`event.${event.kind}`);
  const isOwn = event.actor === 'eduops'; // its notes are keys of texts
  const who = isOwn ? '' : ` · ${event.actor}`;
  const note = isOwn && event.note ? say(`event.${event.note}`) : event.note;
  const value = eventValue(row, event.value) || reasonOf(event);
  return make('li', {},
    make('time', { dateTime: new Date(event.at_us / 1000).toISOString(), textContent: dayAndClock(event.at_us) }),
    make('span', { textContent: `${word}${who}${value && ` · ${value}`}` }),
    note ? make('span') : null,
    note ? make('span', { className: 'soft', textContent: note }) : null);
}

/** Ask for a name and a note, or a reason, send the action, and close; its result comes back on the push. */
function openDialog(row, action) {
  const name = make('input', { className: 'control', id: 'action-name', required: true, maxLength: 80, autocomplete: 'name', value: localStorage.getItem(NAME_KEY) ?? '' });
  const note = make('textarea', { className: 'control', id: 'action-note', rows: 4, maxLength: 500, required: action === 'note' });
  const reasons = action === 'dismiss' ? makeReasons() : null;
  const wrong = make('p', { className: 'form-error', hidden: true, role: 'alert' });
  const cancel = make('button', { type: 'button', className: 'button', textContent: say('alerts.cancel') });
  const send = make('button', { type: 'submit', className: 'button button-main', textContent: say('alerts.send') });
  const form = make('form', { className: 'form', method: 'dialog' },
    make('h2', { className: 'details-title', id: 'action-title', textContent: say(TITLES[action]) }),
    make('p', { className: 'soft', textContent: `${rule(row.alert.rule).title} · ${row.school}` }),
    reasons,
    make('label', { htmlFor: 'action-name', textContent: say('alerts.your_name') }), name,
    make('label', { htmlFor: 'action-note', textContent: say(reasons ? 'alerts.note_optional' : 'alerts.note') }), note,
    wrong, make('div', { className: 'buttons' }, send, cancel));
  const dialog = make('dialog', { 'aria-labelledby': 'action-title' }, form);
  cancel.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  form.onsubmit = async (event) => {
    event.preventDefault();
    send.disabled = true;
    const because = reasons?.querySelector('input:checked').value;
    const sentence = await post(row.id, action, { actor: name.value.trim(), note: note.value.trim(), because });
    send.disabled = false;
    wrong.hidden = sentence === null;
    if (sentence !== null) { wrong.textContent = sentence; return; }
    localStorage.setItem(NAME_KEY, name.value.trim());
    dialog.close();
  };
  document.querySelector('.page').append(dialog);
  dialog.showModal();
  (reasons?.querySelector('input') ?? (name.value ? note : name)).focus();
}

/** Send an action; return null, or the sentence that says why it was refused. */
async function post(alertId, action, deed) {
  try {
    const answer = await fetch(`/api/alerts/${encodeURIComponent(alertId)}/${action}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(deed),
    });
    return answer.ok ? null : (await answer.json()).sentence;
  } catch (error) {
    console.warn('action not sent', error);
    return say('error.log_unavailable');
  }
}
