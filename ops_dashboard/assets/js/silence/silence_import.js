// The dialog in which a provider's calendar of work is taken over; what becomes of each event is seen before.
import { askDeed, labelled, post } from '../parts/deed_dialog.js';
import { make } from '../parts/dom.js';
import { makeConditions } from './silence_conditions.js';
import { dayAndClock, language, number, say } from '../parts/words.js';

const CHANGES = ['new', 'moved', 'cancelled'];

/** Ask for a file and what it concerns. */
export function askImport({ told }) {
  const effect = make('div', { className: 'effect', role: 'status' });
  const file = make('input', { className: 'control', id: 'import-file', type: 'file', accept: '.ics,text/calendar', required: true });
  let calendar = '';
  const wanted = () => ({ calendar, matchers: conditions.read() });
  const look = async () => {
    if (!calendar || !wanted().matchers.length) { effect.replaceChildren(); return; }
    const { said, refused } = await post(`/api/silences/import?lang=${language}`, { ...wanted(), is_trial: true });
    effect.replaceChildren(...(refused === null ? outcomes(said) : [make('p', { className: 'form-error', textContent: refused })]));
  };
  const conditions = makeConditions([], () => look());
  file.addEventListener('change', async () => { calendar = file.files.length ? await file.files[0].text() : ''; look(); });
  askDeed({
    title: say('silences.import'), subject: say('silences.import_hint'), note: null,
    fields: [labelled(say('silences.file'), file), conditions.box, effect],
    send: async () => {
      const { said, refused } = await post(`/api/silences/import?lang=${language}`, wanted());
      if (refused !== null) return refused;
      const changes = said.works.filter((work) => CHANGES.includes(work.outcome)).length;
      told([say('silences.import_done', { n: number(changes) }), ...said.warnings].join(' '));
      return null;
    },
  });
}

function outcomes({ works, troubles, warnings }) {
  const wrong = (text) => make('p', { className: 'form-error', textContent: text });
  return [
    ...warnings.map(wrong),
    make('ul', { className: 'import-works' }, ...works.map((work) => make('li', {},
      make('strong', { textContent: say(`silences.outcome_${work.outcome}`) }),
      ` · ${say('silences.from_until', { from: dayAndClock(work.from_us), until: dayAndClock(work.until_us) })}`,
      work.rrule ? ` · ${work.rrule}` : '', ` · ${work.reason || work.uid}`,
      work.refused ? make('p', { className: 'form-error', textContent: work.refused }) : null))),
    ...troubles.map((what) => wrong(say('silences.unread', { what })))];
}
