// The overview: one snapshot a second becomes cells, figures, alarms and a line.
import { showAlarms } from './alarms.js';
import { BandwidthChart } from './chart.js';
import { byId } from './dom.js';
import { loadFleetPatiently } from './fleet.js';
import { Honeycomb } from './honeycomb.js';
import { openLink } from './link.js';
import { makeBell } from './sound.js';
import { watchStaleness } from './staleness.js';
import { clearTiles, showTiles } from './tiles.js';
import { topologyVersion } from './words.js';

const SHIFT_MS = 180000; // burn-in: the picture moves by a unit every three minutes
const SHIFTS = [[0, 0], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1]];
const QUIET_HOUR = 3; // local; a wall that runs for months starts afresh each night

/** Start the wall. */
export async function startWall() {
  const bell = makeBell();
  const fleet = await loadFleetPatiently();
  const honeycomb = new Honeycomb(fleet);
  const chart = new BandwidthChart();
  let staleness = null;
  let topology = fleet.version;

  const hear = (message) => {
    if (message.kind !== 'snapshot') return;
    if (message.topology !== topology && message.topology !== topologyVersion) window.location.reload();
    topology = message.topology;
    staleness?.note(message);
    honeycomb.show(message.states);
    showTiles(message);
    showAlarms(message, fleet);
    chart.add(message);
    bell.note(message);
  };
  const link = openLink({ hear });
  staleness = watchStaleness(link, { lost: clearTiles });
  chart.load();
  window.setInterval(() => chart.load(), 900000);
  shiftPicture();
  startAfreshAtNight();
}

function shiftPicture() {
  let turn = 0;
  window.setInterval(() => {
    turn = (turn + 1) % SHIFTS.length;
    const [x, y] = SHIFTS[turn];
    byId('main').style.transform = `translate(calc(${x} * var(--u)), calc(${y} * var(--u)))`;
  }, SHIFT_MS);
}

function startAfreshAtNight() {
  const opened = Date.now();
  window.setInterval(() => {
    const oldEnough = Date.now() - opened > 6 * 3600e3;
    if (oldEnough && new Date().getHours() === QUIET_HOUR && document.documentElement.dataset.stale === 'ok') window.location.reload();
  }, 600000);
}
