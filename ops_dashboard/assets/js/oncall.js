// The calendar of duty: it stands as it was loaded, until the next handover or swap.
import { DateField } from './parts/date_field.js';
import { askDeed, labelled, post, remove } from './parts/deed_dialog.js';
import { byId, make, setText } from './parts/dom.js';
import { openLink } from './parts/link.js';
import { watchStaleness } from './parts/staleness.js';
import { dayAndClock, fromField, language, say, toField } from './parts/words.js';

const USUAL_US = 12 * 3600e6;
const PREVIEW_MS = 400; // a pause in typing

/** Start the page. */
export function start() {
  const untilUs = Number(document.querySelector('[data-page]').dataset.until);
  let nowUs = Date.now() * 1000;
  let staleness = null;
  const hear = (message) => {
    if (message.kind === 'duty') renewPage();
    if (message.kind !== 'snapshot') return;
    staleness?.note(message);
    nowUs = message.at_us;
    if (untilUs && message.at_us >= untilUs) renewPage();
  };
  staleness = watchStaleness(openLink({ hear }));
  const button = byId('swap-new');
  if (button) button.onclick = () => askSwap(button.dataset, () => nowUs);
  for (const end of document.querySelectorAll('.swap-end')) end.onclick = () => askEnd(end);
}

/** Load the page anew; what somebody is writing is waited for. */
function renewPage() {
  const dialog = document.querySelector('dialog[open]');
  if (!dialog) window.location.reload();
  else dialog.addEventListener('close', () => window.location.reload(), { once: true });
}

function askSwap({ rotas, people }, nowUs) {
  const rota = choice('swap-rota', JSON.parse(rotas));
  const person = choice('swap-person', JSON.parse(people));
  const from = new DateField({ id: 'swap-from' });
  const until = new DateField({ id: 'swap-until', iso: toField(nowUs() + USUAL_US) });
  const effect = make('div', { className: 'effect', role: 'status' });
  const read = () => {
    const [fromUs, untilUs] = [fromField(from.iso), fromField(until.iso)];
    return { rota: rota.value, person: person.value, ...(fromUs === null ? {} : { from_us: fromUs }), ...(untilUs === null ? {} : { until_us: untilUs }) };
  };
  let timer = null;
  const changed = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => showEffect(effect, read()), PREVIEW_MS);
  };
  for (const field of [rota, person, from.input, until.input]) field.addEventListener('input', changed);
  askDeed({
    title: say('swap.new'), subject: say('swap.why'), note: 'required', noteLabel: say('swap.reason'),
    fields: [
      labelled(say('swap.rota'), rota), labelled(say('swap.person'), person),
      labelled(say('swap.from'), from.element, from.input.id), labelled(say('swap.until'), until.element, until.input.id), effect],
    send: async ({ note }) => {
      const { refused } = await post(`/api/oncall/swaps?lang=${language}`, { ...read(), reason: note });
      if (refused === null) setText(byId('deed-result'), say('silences.sent'));
      return refused;
    },
  });
  changed();
}

const choice = (id, names) => make('select', { className: 'control', id }, ...names.map((name) => make('option', { value: name, textContent: name })));

/** Say who has the duty without the swap and with it. */
async function showEffect(box, wanted) {
  const { said, refused } = await post(`/api/oncall/swaps/preview?lang=${language}`, wanted);
  if (refused !== null) { box.replaceChildren(make('p', { className: 'form-error', textContent: refused })); return; }
  const line = (turn) => `${dayAndClock(turn.from_us)} – ${dayAndClock(turn.to_us)}: ${turn.person}`;
  box.replaceChildren(...['before', 'after'].flatMap((when) => [
    make('p', { className: 'soft', textContent: when === 'before' ? say('swap.before') : say('swap.after') }),
    make('ul', { className: `swap-${when}` }, ...said[when].map((turn) => make('li', { textContent: line(turn) })))]));
}

function askEnd(button) {
  askDeed({
    title: button.getAttribute('aria-label'), subject: say('swap.end_subject'), note: null,
    send: async () => {
      const { refused } = await remove(`/api/oncall/swaps/${button.dataset.swap}?lang=${language}`);
      if (refused === null) setText(byId('deed-result'), say('silences.sent'));
      return refused;
    },
  });
}
