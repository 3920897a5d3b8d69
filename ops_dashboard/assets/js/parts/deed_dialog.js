// The dialog in which an engineer does something: words, and what the deed needs beside them.
import { make } from './dom.js';
import { isPast } from './moment.js';
import { say } from './words.js';

/**
 * Ask for what a deed needs, and send it; the dialog stays open, and says why, while it is refused.
 * `fields` stand first; `note` is required, optional, or null for none; `send({note})` returns null or the
 * sentence of the refusal. Who does it is whoever is signed in. Returns the dialog.
 */
export function askDeed({ title, subject, fields = [], note: need = 'optional', noteLabel = null, noteText = '', sendLabel = say('alerts.send'), send: deliver }) {
  const note = make('textarea', { className: 'control', id: 'action-note', rows: 3, maxLength: 500, required: need === 'required', value: noteText });
  const wrong = make('p', { className: 'form-error', hidden: true, role: 'alert' });
  const cancel = make('button', { type: 'button', className: 'button', textContent: say('alerts.cancel') });
  const send = make('button', { type: 'submit', className: 'button button-main', textContent: sendLabel });
  const words = noteLabel ?? say(need === 'required' ? 'alerts.note' : 'alerts.note_optional');
  const form = make('form', { className: 'form', method: 'dialog' },
    make('h2', { className: 'details-title', id: 'action-title', textContent: title }),
    make('p', { className: 'soft', textContent: subject }),
    ...fields,
    ...(need ? [make('label', { htmlFor: 'action-note', textContent: words }), note] : []),
    wrong, make('div', { className: 'buttons' }, send, cancel));
  const dialog = make('dialog', { 'aria-labelledby': 'action-title' }, form);
  cancel.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  form.onsubmit = async (event) => {
    event.preventDefault();
    send.disabled = true;
    const sentence = await deliver({ note: note.value.trim() });
    send.disabled = false;
    wrong.hidden = sentence === null;
    if (sentence !== null) { wrong.textContent = sentence; return; }
    dialog.close();
  };
  document.querySelector('.page').append(dialog);
  dialog.showModal();
  const first = fields.map((field) => field.querySelector?.('input, select') ?? null).find(Boolean);
  (first ?? (need === 'required' ? note : send)).focus(); // a and Enter take an incident; a note is one Tab back
  return dialog;
}

/** Return a field with its label; `id` is of what is written in, where that is not all of it. */
export function labelled(text, control, id = control.id) {
  return make('div', { className: 'form' }, make('label', { htmlFor: id, textContent: text }), control);
}

/** Ask the server to do something; return what it says, or the sentence of its refusal. */
export async function post(address, words) {
  return ask(address, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(words) });
}

/** Ask the server to take something away, as `post` does. */
export const remove = (address) => ask(address, { method: 'DELETE' });

async function ask(address, request) {
  if (isPast()) return { said: null, refused: say('rewind.no_deeds') };
  try {
    const answer = await fetch(address, request);
    const said = await answer.json();
    return answer.ok ? { said, refused: null } : { said: null, refused: said.sentence };
  } catch (error) {
    console.warn('nothing was sent', error);
    return { said: null, refused: say('error.log_unavailable') };
  }
}
