// The four figures; each says how many report, and turns to "unknown" below its coverage.
import { byId, make, setText } from './dom.js';
import { duration, number, say } from './words.js';

/** Show the figures of a snapshot. */
export function showTiles(snapshot) {
  const age = snapshot.age_s === null ? '' : ` · ${duration(snapshot.age_s)}`;
  showTile('connected', snapshot.connected, (v) => [number(Math.floor(v * 1e4) / 100, 2), '%'], age, snapshot);
  showTile('attendance', snapshot.attendance, (v) => [number(v * 100, 1), '%'], age, snapshot);
  showTile('elearning', snapshot.elearning, (v) => [number(v), say('kpi.users')], age, snapshot);
  showAlerts(snapshot);
}

/** Show dashes: nothing that we have is young enough to be called a figure. */
export function clearTiles() {
  for (const tile of document.querySelectorAll('.tile')) {
    tile.dataset.known = 'no';
    setText(tile.querySelector('.tile-number'), '–');
    tile.querySelector('.tile-unit').replaceChildren();
    setText(tile.querySelector('.tile-foot'), '');
  }
}

function showTile(name, tile, write, age, snapshot) {
  const element = byId(`tile-${name}`);
  const known = tile.value !== null;
  element.dataset.known = known ? 'yes' : 'no';
  const [value, unit] = known ? write(tile.value) : [unknownWord(tile, snapshot), ''];
  setText(element.querySelector('.tile-number'), value);
  setText(element.querySelector('.tile-unit'), unit);
  setText(element.querySelector('.tile-foot'),
    tile.expected > 0 ? say('kpi.coverage', { n: number(tile.reporting), of: number(tile.expected) }) + age : age.slice(3));
}

function unknownWord(tile, snapshot) {
  if (snapshot.age_s === null) return '–';
  return tile.expected === 0 ? say('kpi.outside') : say('kpi.unknown');
}

function showAlerts(snapshot) {
  const { open } = snapshot;
  const element = byId('tile-alerts');
  const known = open.live_partitions === open.partitions;
  element.dataset.known = known ? 'yes' : 'no';
  const total = open.by_priority.reduce((a, b) => a + b, 0);
  setText(element.querySelector('.tile-number'), known || total > 0 ? `${known ? '' : '≥ '}${number(total)}` : (snapshot.age_s === null ? '–' : say('kpi.unknown')));
  const unit = element.querySelector('.tile-unit');
  const words = open.by_priority.map((count, i) => make('span', { className: 'by', dataset: { priority: String(i + 1) } },
    make('i', { textContent: `P${i + 1}` }), make('b', { textContent: number(count) })));
  const written = open.by_priority.join('/');
  if (unit.dataset.written !== written || !unit.firstChild) unit.replaceChildren(...words);
  unit.dataset.written = written;
  const coverage = say('kpi.partitions', { n: number(open.live_partitions), of: number(open.partitions) });
  setText(element.querySelector('.tile-foot'), open.unacknowledged > 0
    ? `${say('wall.partly', { n: number(open.unacknowledged) })} · ${coverage}` : coverage);
}
