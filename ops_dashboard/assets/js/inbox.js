// The center's own inbox: messages as a phone shows them, the latest first; loaded anew whenever one was sent.
import { byId, make } from './dom.js';
import { openLink } from './link.js';
import { watchStaleness } from './staleness.js';
import { dayAndClock, say } from './words.js';

let loading = null;
let again = false;

/** Load and show the messages; what comes while they are loaded loads them once more. */
async function load() {
  if (loading) { again = true; return; }
  loading = fetch('/api/inbox');
  try {
    const answer = await loading;
    if (answer.ok) show((await answer.json()).messages);
  } finally {
    loading = null;
  }
  if (again) { again = false; load(); }
}

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
export function startInbox() {
  let staleness = null;
  const hear = (message) => {
    if (message.kind === 'hello' || message.kind === 'notice') load();
    if (message.kind === 'snapshot') staleness?.note(message);
  };
  staleness = watchStaleness(openLink({ alerts: true, hear }));
}
