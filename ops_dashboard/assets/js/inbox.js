// The center's own inbox: messages as a phone shows them, the latest first; loaded anew whenever one was sent.
import { byId, make } from './parts/dom.js';
import { openLink } from './parts/link.js';
import { reader, readJson } from './parts/loading.js';
import { watchStaleness } from './parts/staleness.js';
import { dayAndClock, language, say } from './parts/words.js';

const load = reader(async () => show((await readJson('/api/inbox', language)).messages));

function show(messages) {
  byId('inbox-none').hidden = messages.length > 0;
  byId('messages').replaceChildren(...messages.map(bubble));
}

function bubble(message) {
  return make('li', { className: 'bubble', dataset: { priority: String(message.priority), key: message.key } },
    make('div', { className: 'bubble-head' },
      make('span', { textContent: say('inbox.to', { name: message.to }) }),
      make('time', { textContent: dayAndClock(message.at_us) })),
    make('div', { className: 'bubble-title', textContent: message.title }),
    make('div', { className: 'bubble-text' }, ...message.body.split('\n').flatMap((line) => [lineOf(line), '\n'])));
}

/** Return a line of a message; one that is an address can be followed. */
function lineOf(line) {
  return /^https?:\/\/\S+$/.test(line) ? make('a', { href: line, textContent: line }) : line;
}

/** Start the page. */
export function start() {
  let staleness = null;
  const hear = (message) => {
    if (message.kind === 'hello' || message.kind === 'notice') load();
    if (message.kind === 'snapshot') staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ alerts: true, hear }));
}
