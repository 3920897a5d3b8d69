// The four figures; each says how many report, and turns to "unknown" below its coverage.
import { byId, make, setText } from './dom.js';
import { number, say } from './words.js';

/** Show the figures of a snapshot. */
export function showTiles(snapshot) {
  showTile('connected', snapshot, (v) => [number(Math.floor(v * 1e4) / 100, 2), '%']);
  showTile('attendance', snapshot, (v) => [number(v * 100, 1), '%']);
  showTile('elearning', snapshot, (v) => [number(v), '']);
  showAlerts(snapshot);
}

/** Show how many of the open alerts nobody is told of: always, 0 too, for it must be seen somewhere. */
function showMuted(muted) {
  const place = byId('muted');
  setText(place, number(muted));
  place.dataset.any = muted > 0 ? 'yes' : 'no';
  place.title = say('wall.muted', { n: number(muted) });
  place.setAttribute('aria-label', place.title);
}

/** Show dashes: nothing that we have is young enough to be called a figure. */
export function clearTiles() {
  for (const name of ['connected', 'attendance', 'elearning', 'alerts']) write(name, { known: false, value: '–' });
  byId('muted').replaceChildren();
}

function write(name, { known, value, unit = '', coverage = '', age = '', counts = [] }) {
  const tile = byId(`tile-${name}`);
  tile.dataset.known = known ? 'yes' : 'no';
  tile.dataset.wide = counts.length > 0 && value.length > 3 ? 'yes' : 'no'; // leaves room for the counts
  setText(tile.querySelector('.tile-number'), value);
  setText(tile.querySelector('.tile-unit'), unit);
  setText(tile.querySelector('.tile-coverage'), coverage);
  setText(tile.querySelector('.tile-age'), age);
  const place = tile.querySelector('.tile-counts');
  if (place.dataset.written === counts.join()) return;
  place.dataset.written = counts.join();
  place.replaceChildren(...counts.map((count, i) => make('span', { dataset: { priority: String(i + 1) } },
    make('i', { textContent: `P${i + 1}` }), make('b', { textContent: number(count) }))));
}

function ageOf(snapshot) {
  return snapshot.age_s === null ? '' : say('unit.age', { n: number(Math.floor(snapshot.age_s)) });
}

function showTile(name, snapshot, writeValue) {
  const tile = snapshot[name];
  const known = tile.value !== null;
  const [value, unit] = known ? writeValue(tile.value) : [unknownWord(tile, snapshot), ''];
  const coverage = tile.expected > 0 ? say('kpi.coverage', { n: number(tile.reporting), of: number(tile.expected) }) : '';
  write(name, { known, value, unit, coverage, age: ageOf(snapshot) });
}

function unknownWord(tile, snapshot) {
  if (snapshot.age_s === null) return '–';
  return tile.expected === 0 ? say('kpi.outside') : say('kpi.unknown');
}

function showAlerts(snapshot) {
  const { open } = snapshot;
  const known = open.live_partitions === open.partitions;
  const total = open.by_priority.reduce((a, b) => a + b, 0);
  // Alerts that we know of stand even while a partition is silent; there may be more.
  const value = known ? number(total) : total > 0 ? `≥ ${number(total)}` : say('kpi.unknown');
  write('alerts', {
    known, value, age: ageOf(snapshot), counts: total > 0 ? open.by_priority : [],
    coverage: say('kpi.partitions', { n: number(open.live_partitions), of: number(open.partitions) }),
  });
  showMuted(open.muted);
}
