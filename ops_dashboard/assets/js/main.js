// Waits until Dash has put a page into the document, then starts the script that the document names.
import { keepInLinks } from './parts/moment.js';

const { script } = document.documentElement.dataset;

const EARLY = '#early-';

let started = false;

function start() {
  const page = document.querySelector('[data-page]');
  if (started || !page) return;
  started = true;
  if (document.getElementById('past-bar')) import('./parts/past.js').then(({ markPast }) => markPast());
  watcher.disconnect();
  document.getElementById('prerendered').remove();  // the page itself is there
  // Whoever went to the content before goes to the same place of the page itself.
  if (window.location.hash.startsWith(EARLY)) window.location.replace(`#${window.location.hash.slice(EARLY.length)}`);
  import(`./${page.dataset.page === 'nowhere' ? 'plain' : script}.js`).then((module) => module.start());
  if (document.getElementById('find-open')) import('./parts/find.js').then(({ startFind }) => startFind());
}

keepInLinks(); // those of what is prerendered, too: somebody may follow one before the page itself is there
const watcher = new MutationObserver(start);
watcher.observe(document.body, { childList: true, subtree: true });
start();
