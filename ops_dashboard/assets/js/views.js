// What stands at the wall's left: one view, or several in turn; a new P1 brings the map back until it is taken.
import { byId, setText } from './dom.js';
import { say } from './words.js';

const TURN = ['map', 'attendance', 'elearning', 'traffic'];
const TITLES = { attendance: 'wall.attendance', elearning: 'wall.users' };

/** Return the views; `day` draws two of them, `traffic` another. */
export function makeViews(main, day, traffic) {
  const rotateS = Number(main.dataset.rotate);
  const seen = { snapshot: null };

  function draw() {
    const { view } = main.dataset;
    if (view === 'traffic') traffic.draw();
    if (!(view in TITLES) || seen.snapshot === null) return;
    setText(byId('view-title'), say(TITLES[view]));
    byId('view').dataset.view = view;
    day.draw(view, byId('view'), seen.snapshot);
  }

  if (rotateS > 0) {
    window.setInterval(() => {
      const held = seen.snapshot === null || seen.snapshot.open.sounding > 0;
      main.dataset.view = held ? 'map' : TURN[(TURN.indexOf(main.dataset.view) + 1) % TURN.length];
      draw();
    }, rotateS * 1000);
  }
  new ResizeObserver(draw).observe(byId('view'));
  return {
    draw,
    show(snapshot) {
      const worse = seen.snapshot !== null && snapshot.open.sounding > seen.snapshot.open.sounding;
      seen.snapshot = snapshot;
      if (worse && rotateS > 0) main.dataset.view = 'map';
      draw();
    },
    /** Forget: nothing that we have is young enough. */
    clear() {
      seen.snapshot = null;
      byId('view').replaceChildren();
    },
  };
}
