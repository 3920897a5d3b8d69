// The overview: one snapshot a second becomes figures, cells, incidents, or the day so far.
import { clearAlarms, showAlarms } from './wall/alarms.js';
import { BandwidthChart } from './wall/chart.js';
import { followDay } from './wall/day.js';
import { byId } from './parts/dom.js';
import { loadFleetPatiently } from './parts/fleet.js';
import { Honeycomb } from './wall/honeycomb.js';
import { openLink } from './parts/link.js';
import { makeBell } from './wall/sound.js';
import { watchStaleness } from './parts/staleness.js';
import { clearTiles, showTiles } from './wall/tiles.js';
import { makeViews } from './wall/views.js';
import { hourOfDay, topologyVersion } from './parts/words.js';

const SHIFT_MS = 180000; // burn-in: the picture moves by a unit every three minutes
const SHIFTS = [[0, 0], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1]];
const QUIET_HOUR = 3; // local; a wall that runs for months starts afresh each night

/** Start the wall. */
export async function start() {
  const main = byId('main');
  document.documentElement.style.setProperty('--scale', main.dataset.scale);
  const bell = makeBell();
  const fleet = await loadFleetPatiently();
  const honeycomb = new Honeycomb(fleet, main.dataset.area);
  const traffic = new BandwidthChart();
  const day = followDay(fleet, () => last && showRest(last));
  const views = makeViews(main, fleet, day);
  let staleness = null;
  let topology = fleet.version;
  let last = null;

  function showRest(snapshot) {
    showAlarms(snapshot, fleet);
    day.show(snapshot);
    views.show(snapshot);
  }

  const hear = (message) => {
    if (message.kind === 'hello') day.read();
    if (message.kind !== 'snapshot') return;
    if (last && message.at_us < last.at_us) traffic.clear(); // of a minute before
    if (message.topology !== topology && message.topology !== topologyVersion) window.location.reload();
    topology = message.topology;
    last = message;
    staleness?.note(message);
    if (document.documentElement.dataset.stale === 'lost') return;
    honeycomb.show(message.states);
    showTiles(message);
    showRest(message);
    traffic.add(message);
    bell.note(message);
    dim(main.dataset.dim, message);
  };
  const lost = () => {
    for (const part of [honeycomb, traffic, views, day]) part.clear();
    clearTiles();
    clearAlarms();
    last = null;
  };
  const link = openLink({ area: main.dataset.area, hear });
  staleness = watchStaleness(link, { lost, turned: () => honeycomb.repaint() });
  traffic.load();
  window.setInterval(() => traffic.load(), 900000);
  shiftPicture();
  startAfreshAtNight();
}

/** Darken the picture in the hours that the address says; never while a P1 waits for somebody. */
function dim(hours, snapshot) {
  if (!hours) return;
  const [from, until] = hours.split('-').map(Number), hour = hourOfDay(snapshot.at_us);
  const night = from <= until ? hour >= from && hour < until : hour >= from || hour < until;
  document.documentElement.dataset.dim = night && snapshot.open.sounding === 0 ? 'yes' : 'no';
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
