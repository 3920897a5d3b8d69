// The live line: connects for ever, and knows how old its last message is.
import { isPast } from './moment.js';
import { openPast } from './past.js';
import { build } from './words.js';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const SILENT_MS = 12000; // a frozen server keeps its socket open: give it up and try again
const ENDED = 4401; // the session ended while the line was up
const RELOAD_NOTE = 'eduops-reloaded-for';

/** Return a line to `/ws/live` that calls `hear(message)` for each message; of an earlier minute what stands in for it. */
export function openLink({ alerts = false, area = '', hear }) {
  if (isPast()) return openPast({ alerts, area, hear });
  const address = new URL('/ws/live', window.location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  if (alerts) address.searchParams.set('alerts', '1');
  if (area) address.searchParams.set('area', area);
  const line = { socket: null, wait: FIRST_WAIT_MS, heardAt: null, startedAt: performance.now(), triedAt: 0 };

  function connect() {
    line.triedAt = performance.now();
    const socket = new WebSocket(address);
    let opened = false;
    line.socket = socket;
    socket.onopen = () => { opened = true; };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      line.wait = FIRST_WAIT_MS;
      if (message.kind === 'hello') reloadIfOld(message);
      if (message.kind === 'snapshot') line.heardAt = performance.now();
      hear(message);
    };
    socket.onclose = ({ code }) => {
      if (code === ENDED || !opened) leaveIfEnded();
      if (line.socket !== socket) return;
      line.socket = null;
      const jittered = line.wait * (0.5 + Math.random() / 2);
      line.wait = Math.min(LONGEST_WAIT_MS, line.wait * 2);
      window.setTimeout(connect, jittered);
    };
  }

  window.setInterval(() => {
    const since = performance.now() - Math.max(line.heardAt ?? 0, line.triedAt);
    if (line.socket && since > SILENT_MS) line.socket.close();
  }, 2000);
  connect();
  return {
    /** Seconds since the last snapshot, or since the page opened if none came. */
    ageS: () => (performance.now() - (line.heardAt ?? line.startedAt)) / 1000,
    heard: () => line.heardAt !== null,
  };
}

/** Load the page anew when the server is of another build; once only for each build. */
function reloadIfOld(hello) {
  if (hello.build === build || sessionStorage.getItem(RELOAD_NOTE) === hello.build) return;
  sessionStorage.setItem(RELOAD_NOTE, hello.build);
  window.location.reload();
}

/** Go where one signs in, if that is why there is no line. */
async function leaveIfEnded() {
  const answer = await fetch('/api/me', { headers: { Accept: 'application/json' } }).catch(() => null);
  if (answer?.status === 401) window.location.assign(`/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`);
}
