// Why an alert is there, in the sentences of the server; and why one is no problem, as a choice.
import { make } from '../parts/dom.js';
import { keysOf, language, say } from '../parts/words.js';

/** Return the sentences of one kind. */
function textsOf(explanation, kind) {
  return (explanation?.sentences[language] ?? []).filter((line) => line.kind === kind).map((line) => line.text);
}

/** Return the verdict, absent or offline, or null for what is not about attendance. */
export function makeVerdict(explanation) {
  const [text] = textsOf(explanation, 'verdict');
  return text ? make('p', { className: 'verdict', dataset: { verdict: explanation.verdict }, textContent: text }) : null;
}

/** Return what was found and what it has in common with others, a line each; the facts say since when. */
export const makeWhy = (explanation) => makeLines(explanation, 'explain.title', ['found', 'cause', 'peers']);

/** Return what was said of alerts before this one, a line each, or nothing. */
export const makeBefore = (explanation) => makeLines(explanation, 'explain.before', ['dismissed', 'nearby']);

/** Return a heading and the sentences of some kinds, or nothing where there are none. */
function makeLines(explanation, heading, kinds) {
  const lines = kinds.flatMap((kind) => textsOf(explanation, kind)
    .map((text) => make('li', { dataset: { kind }, textContent: text })));
  if (!lines.length) return [];
  return [make('h3', { className: 'section-title', textContent: say(heading) }), make('ul', { className: 'why' }, ...lines)];
}

/** Return the next step that fits what is known; the rule's own before that. */
export function adviceOf(explanation, fallback) {
  return textsOf(explanation, 'advice')[0] ?? fallback;
}

/** Return the list of reasons for which an alert is no problem; one must be chosen. */
export function makeReasons() {
  return make('fieldset', { className: 'reasons' },
    make('legend', { textContent: say('alerts.because') }),
    ...keysOf('because').map((key) => make('label', { className: 'reason' },
      make('input', { type: 'radio', name: 'because', value: key.slice('because.'.length), required: true }),
      make('span', { textContent: say(key) }))));
}

/** Return the text of a dismissal's reason; empty for other events. */
export function reasonOf(event) {
  if (!event.because) return '';
  return say(keysOf('because').find((key) => key === `because.${event.because}`) ?? 'because.other');
}
