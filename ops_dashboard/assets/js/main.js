// Waits until Dash has put a page into the document, then starts its script.
// A page without live parts of its own needs no line here.
const sheet = async () => (await import('./sheet.js')).startSheet();
const PAGES = {
  wall: async () => (await import('./wall.js')).startWall(),
  alerts: async () => (await import('./alerts.js')).startAlerts(),
  incidents: async () => (await import('./incidents.js')).startIncidents(),
  incident: async () => (await import('./incident.js')).startIncident(),
  leadership: async () => (await import('./leadership.js')).startLeadership(),
  silences: async () => (await import('./silences.js')).startSilences(),
  calendar: async () => (await import('./calendar.js')).startCalendar(),
  oncall: async () => (await import('./oncall.js')).startOncall(),
  school: async () => (await import('./school.js')).startSchool(),
  provider: sheet,
  area: sheet,
  system: sheet,
  systems: sheet,
  quality: sheet,
  inbox: async () => (await import('./inbox.js')).startInbox(),
};

const plain = async () => (await import('./plain.js')).startPlain();

let started = false;

function start() {
  const page = document.querySelector('[data-page]');
  if (started || !page) return;
  started = true;
  if (document.getElementById('past-bar')) import('./past.js').then(({ markPast }) => markPast());
  watcher.disconnect();
  document.getElementById('prerendered').remove();  // the page itself is there
  (PAGES[page.dataset.page] ?? plain)();
  if (document.getElementById('find-open')) import('./find.js').then(({ startFind }) => startFind());
}

const watcher = new MutationObserver(start);
watcher.observe(document.body, { childList: true, subtree: true });
start();
