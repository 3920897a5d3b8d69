// The details of one alert, and the dialog in which an engineer takes it or adds a note.
import { eventValue, factsOf, stateOf } from './alert_rows.js';
import { adviceOf, makeBefore, makeReasons, makeVerdict, makeWhy, reasonOf } from './alert_why.js';
import { askDeed, post } from '../parts/deed_dialog.js';
import { byId, make } from '../parts/dom.js';
import { isPast } from '../parts/moment.js';
import { dayAndClock, rule, say } from '../parts/words.js';

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
    make('dl', { className: 'facts' }, ...factsOf(row, nowUs).flatMap(([name, text, href]) => [
      make('dt', { textContent: name }), make('dd', {}, text, href ? ' · ' : '', href ? make('a', { href, textContent: say('alerts.see_silence') }) : '')])),
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
    ...(isPast() ? [] : [stateOf(row.alert) === 'open' ? acknowledge : null, note, dismiss]),
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

/** Ask for a name and a note, or a reason, and send the action; its result comes back on the push. */
function openDialog(row, action) {
  const reasons = action === 'dismiss' ? makeReasons() : null;
  askDeed({
    title: say(TITLES[action]),
    subject: `${rule(row.alert.rule).title} · ${row.school}`,
    fields: reasons ? [reasons] : [],
    note: action === 'note' ? 'required' : 'optional',
    send: async (deed) => {
      const because = reasons?.querySelector('input:checked').value;
      return (await post(`/api/alerts/${encodeURIComponent(row.id)}/${action}`, { ...deed, because })).refused;
    },
  });
}
