// The details of one alert, and the dialog in which an engineer takes it or adds a note.
import { eventValue, factsOf, stateOf } from './alert_rows.js';
import { byId, make } from './dom.js';
import { dayAndClock, rule, say } from './words.js';

const NAME_KEY = 'eduops-engineer';

/** Show an alert in the panel; its history is loaded and kept in step by the caller. */
export function showDetails(row, events, nowUs, { onClose }) {
  const { alert } = row;
  const panel = byId('details');
  const words = rule(alert.rule);
  panel.replaceChildren(
    make('h2', { className: 'details-title' },
      make('span', { className: 'badge', dataset: { priority: String(alert.priority) }, textContent: `P${alert.priority}` }),
      make('span', { textContent: words.title })),
    make('dl', { className: 'facts' }, ...factsOf(row, nowUs).flatMap(([name, text]) => [
      make('dt', { textContent: name }), make('dd', { textContent: text })])),
    make('div', { className: 'advice' },
      make('strong', { textContent: `${say('alerts.advice')}: ` }), words.advice),
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
  const close = make('button', { type: 'button', className: 'button', textContent: say('alerts.close') });
  acknowledge.onclick = () => openDialog(row, 'acknowledge');
  note.onclick = () => openDialog(row, 'note');
  close.onclick = onClose;
  return make('div', { className: 'buttons' },
    stateOf(row.alert) === 'open' ? acknowledge : null, note,
    row.own ? null : make('a', { className: 'button', href: `/school/${encodeURIComponent(row.code)}`, textContent: say('alerts.open_school') }),
    close);
}

function makeEvent(event, row) {
  const word = say(`event.${event.kind}`);
  const isOwn = event.actor === 'eduops'; // its notes are keys of texts
  const who = isOwn ? '' : ` · ${event.actor}`;
  const note = isOwn && event.note ? say(`event.${event.note}`) : event.note;
  const value = eventValue(row, event.value);
  return make('li', {},
    make('time', { dateTime: new Date(event.at_us / 1000).toISOString(), textContent: dayAndClock(event.at_us) }),
    make('span', { textContent: `${word}${who}${value && ` · ${value}`}` }),
    note ? make('span') : null,
    note ? make('span', { className: 'soft', textContent: note }) : null);
}

/** Ask for a name and a note, send the action, and close; its result comes back on the push. */
function openDialog(row, action) {
  const name = make('input', { className: 'control', id: 'action-name', required: true, maxLength: 80, autocomplete: 'name', value: localStorage.getItem(NAME_KEY) ?? '' });
  const note = make('textarea', { className: 'control', id: 'action-note', rows: 4, maxLength: 500, required: action === 'note' });
  const wrong = make('p', { className: 'form-error', hidden: true, role: 'alert' });
  const cancel = make('button', { type: 'button', className: 'button', textContent: say('alerts.cancel') });
  const send = make('button', { type: 'submit', className: 'button button-main', textContent: say('alerts.send') });
  const form = make('form', { className: 'form', method: 'dialog' },
    make('h2', { className: 'details-title', id: 'action-title', textContent: say(action === 'note' ? 'alerts.add_note' : 'alerts.acknowledge') }),
    make('p', { className: 'soft', textContent: `${rule(row.alert.rule).title} · ${row.school}` }),
    make('label', { htmlFor: 'action-name', textContent: say('alerts.your_name') }), name,
    make('label', { htmlFor: 'action-note', textContent: say('alerts.note') }), note,
    wrong, make('div', { className: 'buttons' }, send, cancel));
  const dialog = make('dialog', { 'aria-labelledby': 'action-title' }, form);
  cancel.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  form.onsubmit = async (event) => {
    event.preventDefault();
    send.disabled = true;
    const sentence = await post(row.id, action, name.value.trim(), note.value.trim());
    send.disabled = false;
    wrong.hidden = sentence === null;
    if (sentence !== null) { wrong.textContent = sentence; return; }
    localStorage.setItem(NAME_KEY, name.value.trim());
    dialog.close();
  };
  document.querySelector('.page').append(dialog);
  dialog.showModal();
  (name.value ? note : name).focus();
}

/** Send an action; return null, or the sentence that says why it was refused. */
async function post(alertId, action, actor, note) {
  try {
    const answer = await fetch(`/api/alerts/${encodeURIComponent(alertId)}/${action}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ actor, note }),
    });
    return answer.ok ? null : (await answer.json()).sentence;
  } catch (error) {
    console.warn('action not sent', error);
    return say('error.log_unavailable');
  }
}
