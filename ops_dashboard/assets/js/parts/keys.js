// Keys of a single letter: each reader may turn them off, and the browser remembers it (WCAG 2.1.4).
import { byId, make } from './dom.js';

const STORED = 'eduops-keys';

const areOn = () => localStorage.getItem(STORED) !== 'off';

/** Return whether an event is a key of ours: no writing, no other meaning, and not turned off. */
export function isKey(event) {
  const writes = event.target.closest?.('input, textarea, select, dialog');
  return !writes && !event.ctrlKey && !event.metaKey && !event.altKey && areOn();
}

/** Fold the keys' help out, or in. */
function foldHelp() {
  const help = document.querySelector('.keys-help');
  help.open = !help.open;
  if (help.open) help.scrollIntoView({ block: 'nearest' });
}

/** Let the switch in the keys' help turn them off and on; `changed` is told. ? folds the help out. */
export function watchSwitch(changed = () => {}) {
  const box = make('input', { type: 'checkbox', id: 'keys-on', checked: areOn() });
  const show = () => { document.documentElement.dataset.keys = areOn() ? 'on' : 'off'; changed(); };
  box.addEventListener('change', () => { localStorage.setItem(STORED, box.checked ? 'on' : 'off'); show(); });
  byId('keys-on-place').replaceChildren(box);
  document.addEventListener('keydown', (event) => { if (event.key === '?' && isKey(event)) foldHelp(); });
  show();
}
