// Waits until Dash has put a page into the document, then starts its script.
const PAGES = {
  wall: async () => (await import('./wall.js')).startWall(),
  alerts: async () => (await import('./alerts.js')).startAlerts(),
  school: async () => (await import('./plain.js')).startPlain(),
  quarantine: async () => (await import('./plain.js')).startPlain(),
};

let started = false;

function start() {
  const page = document.querySelector('[data-page]');
  if (started || !page) return;
  started = true;
  watcher.disconnect();
  PAGES[page.dataset.page]?.();
}

const watcher = new MutationObserver(start);
watcher.observe(document.body, { childList: true, subtree: true });
start();
