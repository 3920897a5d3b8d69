// What stands at the wall's left: one view, or several in turn; a new P1 brings the map back until it is taken.
import { byId, setText } from '../parts/dom.js';
import { makeWardMap } from './ward_map.js';
import { say } from '../parts/words.js';

const TURN = ['map', 'wards', 'attendance', 'elearning', 'systems', 'traffic', 'day'];
const TITLES = { wards: 'wall.wards', attendance: 'wall.attendance', elearning: 'wall.users', systems: 'wall.systems', day: 'wall.day' };

/** Return how many of each system were heard. */
const reported = ({ connected, attendance, elearning }) => [connected, attendance, elearning].map((one) => [one.reporting, one.expected]);

/** Return the views; the map of wards is one, the day draws four, the schools and the traffic draw themselves. */
export function makeViews(main, fleet, day) {
  const rotateS = Number(main.dataset.rotate);
  const host = byId('view');
  const seen = { snapshot: null, drawn: '' };
  const wards = makeWardMap(fleet, () => draw());

  function draw() {
    const { view } = main.dataset, { snapshot } = seen;
    if (!(view in TITLES) || snapshot === null) return;
    const shown = view === 'wards' ? [wards.version(), snapshot.states] : [day.version(), snapshot.attendance_by_cluster, snapshot.attendance_withheld, reported(snapshot)];
    const shape = JSON.stringify([view, shown, host.clientWidth, host.clientHeight]);
    if (shape === seen.drawn) return;
    seen.drawn = shape;
    setText(byId('view-title'), say(TITLES[view]));
    host.dataset.view = view;
    if (view === 'wards') wards.draw(host, snapshot);
    else day.draw(view, host, snapshot);
  }

  if (rotateS > 0) {
    window.setInterval(() => {
      const held = seen.snapshot === null || seen.snapshot.open.sounding > 0;
      main.dataset.view = held ? 'map' : TURN[(TURN.indexOf(main.dataset.view) + 1) % TURN.length];
      draw();
    }, rotateS * 1000);
  }
  new ResizeObserver(draw).observe(host);
  return {
    show(snapshot) {
      const worse = seen.snapshot !== null && snapshot.open.sounding > seen.snapshot.open.sounding;
      seen.snapshot = snapshot;
      if (worse && rotateS > 0) main.dataset.view = 'map';
      draw();
    },
    /** Forget: nothing that we have is young enough. */
    clear() {
      seen.snapshot = null;
      seen.drawn = '';
      host.replaceChildren();
    },
  };
}
