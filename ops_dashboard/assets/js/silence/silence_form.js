// The dialog in which a silence is made or changed; what it would mute is seen before it is sent.
import { DateField } from '../parts/date_field.js';
import { askDeed, labelled, post } from '../parts/deed_dialog.js';
import { make } from '../parts/dom.js';
import { makeConditions } from './silence_conditions.js';
import { dayAndClock, duration, fromField, language, number, rule as ruleWords, say, toField } from '../parts/words.js';

const HOURS = [1, 2, 3, 4, 8, 12, 24, 72, 168];
const USUAL_HOURS = 2;
const USUAL_DAYS = 60; // that something recurs, until somebody looks at it anew
const RULES = { once: '', daily: 'FREQ=DAILY', weekly: 'FREQ=WEEKLY', monthly: 'FREQ=MONTHLY', rule: null };
const PREVIEW_MS = 400; // a pause in typing

/** Ask for a silence; `former` is the one that it takes the place of. */
export function askSilence({ nowUs, told, former = null }) {
  const effect = make('div', { className: 'effect', role: 'status' });
  let timer = null;
  const changed = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => showEffect(effect, read()), PREVIEW_MS);
  };
  const conditions = makeConditions(former?.matchers ?? [], changed);
  const hours = makeHours(former, nowUs, changed);
  const isMaintenance = check('silence-maintenance', 'silences.is_maintenance', former?.kind === 'maintenance', changed);
  const read = () => ({
    ...hours.read(),
    matchers: conditions.read(),
    kind: isMaintenance.querySelector('input').checked ? 'maintenance' : 'silence',
  });
  askDeed({
    title: say(former ? 'silences.change' : 'silences.new'), subject: say('silences.why'),
    note: 'required', noteLabel: say('silences.reason'), noteText: former?.reason ?? '',
    fields: [conditions.box, ...hours.fields, isMaintenance, effect],
    send: async ({ note }) => {
      const wanted = { ...read(), reason: note, ...(former ? { replaces: former.silence_id } : {}) };
      const { said, refused } = await post(`/api/silences?lang=${language}`, wanted);
      if (refused === null) told([say('silences.sent'), ...said.warnings].join(' '));
      return refused;
    },
  });
}

/** Return the fields of when it is in force. */
function makeHours(former, nowUs, changed) {
  const rule = former?.recurrence ?? null;
  const keepsBegin = former && (rule || former.from_us > nowUs());
  const from = new DateField({ id: 'silence-from', iso: keepsBegin ? toField(former.from_us) : '' });
  const length = make('select', { className: 'control', id: 'silence-length' });
  const until = new DateField({ id: 'silence-until', iso: former ? toField(former.until_us) : '' });
  const recurs = make('select', { className: 'control', id: 'silence-recurs' },
    ...Object.keys(RULES).map((name) => make('option', { value: name, textContent: say(`silences.recurs_${name}`) })));
  recurs.value = rule ? (Object.keys(RULES).find((name) => RULES[name] === rule.rrule) ?? 'rule') : 'once';
  const text = make('input', { className: 'control', id: 'silence-rule', maxLength: 200, value: rule?.rrule ?? '', autocomplete: 'off' });
  const schoolDays = check('silence-school-days', 'silences.only_school_days', rule?.only_school_days, changed);
  const exam = check('silence-exam', 'silences.not_in_exam', rule?.not_in_exam, changed);
  const fields = {
    from: labelled(say('silences.from'), from.element, from.input.id), recurs: labelled(say('silences.recurs'), recurs),
    rule: labelled(say('silences.rule'), text), length: labelled(say('silences.length'), length), until: labelled(say('silences.until'), until.element, until.input.id),
  };
  const lasts = rule ? rule.duration_us / 3600e6 : null;
  const offered = lasts && !HOURS.includes(lasts) ? [...HOURS, lasts].sort((a, b) => a - b) : HOURS;
  const arrange = () => {
    const isRecurring = recurs.value !== 'once';
    const chosen = length.value || String(lasts ?? (former ? '' : USUAL_HOURS));
    length.replaceChildren(...offered.map((n) => make('option', { value: String(n), textContent: duration(n * 3600) })),
      ...(isRecurring ? [] : [make('option', { value: '', textContent: say('silences.until_chosen') })]));
    length.value = isRecurring && !chosen ? String(USUAL_HOURS) : chosen;
    fields.length.firstElementChild.textContent = say(isRecurring ? 'silences.length_each' : 'silences.length');
    fields.until.firstElementChild.textContent = say(isRecurring ? 'silences.look_again' : 'silences.until');
    fields.until.hidden = until.input.disabled = !isRecurring && length.value !== '';
    fields.rule.hidden = recurs.value !== 'rule';
    schoolDays.hidden = exam.hidden = !isRecurring;
  };
  arrange();
  recurs.addEventListener('input', () => {
    // What shall recur goes on beyond the one stretch that it was.
    if (!rule) until.iso = toField(recurs.value === 'once' ? former?.until_us ?? nowUs() : nowUs() + USUAL_DAYS * 86400e6);
  });
  for (const field of [from.input, length, until.input, recurs, text]) field.addEventListener('input', () => { arrange(); changed(); });
  const read = () => {
    const fromUs = fromField(from.iso);
    const untilUs = fromField(until.iso);
    const begin = fromUs === null ? {} : { from_us: fromUs };
    if (recurs.value === 'once') {
      const end = length.value ? Math.round((fromUs ?? nowUs()) + Number(length.value) * 3600e6) : untilUs;
      return { ...begin, ...(end === null ? {} : { until_us: end }) };
    }
    const recurrence = {
      rrule: RULES[recurs.value] ?? text.value.trim(), duration_s: Math.round(Number(length.value) * 3600),
      only_school_days: schoolDays.querySelector('input').checked, not_in_exam: exam.querySelector('input').checked,
      ...(rule ? { timezone: rule.timezone, except_us: rule.except_us } : {}),
    };
    return { ...begin, ...(untilUs === null ? {} : { until_us: untilUs }), recurrence };
  };
  return { fields: [fields.from, fields.recurs, fields.rule, schoolDays, exam, fields.length, fields.until], read };
}

function check(id, key, isOn, changed) {
  const box = make('input', { type: 'checkbox', id, checked: Boolean(isOn) });
  box.addEventListener('change', changed);
  return make('label', { className: 'reason' }, box, say(key));
}

/** Say what a silence mutes now and would have muted, and what is odd about it. */
async function showEffect(box, wanted) {
  const rule = wanted.recurrence?.rrule;
  const hasEnd = wanted.until_us !== undefined || /UNTIL=|COUNT=/.test(rule ?? '');
  if (!wanted.matchers.length || !hasEnd || rule === '') {
    box.replaceChildren(make('p', { className: 'soft', textContent: say('silences.incomplete') }));
    return;
  }
  const { said, refused } = await post(`/api/silences/preview?lang=${language}`, wanted);
  box.replaceChildren(...(refused === null ? effectOf(said) : [make('p', { className: 'form-error', textContent: refused })]));
}

function effectOf(said) {
  const urgent = Object.entries(said.by_priority).map(([priority, n]) => `${number(n)} P${priority}`).join(', ');
  return [
    ...said.warnings.map((text) => make('p', { className: 'form-error', textContent: text })),
    make('p', { textContent: say('silences.seen', { now: number(said.mutes_now), n: number(said.would_have_muted), urgent, matched: number(said.matched) }) }),
    ...(said.examples.length ? [make('details', {},
      make('summary', { textContent: say('silences.examples') }),
      make('ul', {}, ...said.examples.map((one) => make('li', {
        textContent: [dayAndClock(one.opened_at_us), `P${one.priority}`, ruleWords(one.rule).title, one.school].filter(Boolean).join(' · ') }))))] : [])];
}
