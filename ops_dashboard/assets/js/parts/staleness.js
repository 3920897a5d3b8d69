// How old is what we see? Judged here, by the age of the last message and of the data in it.
import { byId, setText } from './dom.js';
import { isPast } from './moment.js';
import { clock, dayAndClock, duration, number, say } from './words.js';

export const LATE_S = 5;
export const STALE_S = 15;
export const LOST_S = 60;

/** Return ok, late, stale or lost for an age in seconds. */
export function judge(ageS) {
  if (ageS >= LOST_S) return 'lost';
  if (ageS >= STALE_S) return 'stale';
  return ageS >= LATE_S ? 'late' : 'ok';
}

/**
 * Keep the pill, the bar, the clock and the title true; `turned` is called when the state is another, `lost`
 * once figures may no longer be shown.
 */
export function watchStaleness(link, { lost = () => {}, turned = () => {} } = {}) {
  const seen = { dataAgeS: 0, at_us: null, hasData: false };
  let name = document.title;

  function look() {
    const ageS = link.ageS() + (seen.hasData ? seen.dataAgeS : 0);
    const state = !seen.hasData && ageS < STALE_S ? 'connecting' : judge(ageS);
    const before = document.documentElement.dataset.stale;
    show(state, ageS);
    if (before !== state) turned();
    if (state === 'lost') {
      if (before !== state) lost();
      setText(byId('clock'), '–');
    } else if (seen.at_us !== null && link.heard()) {
      setText(byId('clock'), clock(seen.at_us + link.ageS() * 1e6));
    }
  }

  /** Say in the window's title how many incidents of priority 1 there are, if that is known. */
  function entitle({ open }) {
    const urgent = open.lines_by_priority[0];
    const when = isPast() ? `${dayAndClock(seen.at_us)} · ` : '';
    const title = `${when}${urgent > 0 ? `${number(urgent)} P1 · ` : ''}${name}`;
    if (document.title !== title) document.title = title;
  }

  function show(state, ageS) {
    document.documentElement.dataset.stale = state;
    const pill = byId('link-state');
    if (!pill) return;
    pill.dataset.state = state === 'ok' || state === 'connecting' ? state : 'late';
    const word = isPast() ? 'rewind.pill' : { ok: 'link.live', connecting: 'link.connecting' }[state];
    setText(pill, word ? say(word) : say('link.late', { age: duration(ageS) }));
    const bar = byId('stale-bar');
    bar.hidden = state !== 'stale' && state !== 'lost';
    if (!bar.hidden) setText(bar, seen.hasData ? say('link.stale', { age: duration(ageS) }) : say('link.never'));
  }

  window.setInterval(look, 500);
  return {
    /** Take the page's name for the window's title. */
    rename(title) {
      if (name === `${title} · ${say('app.name')}`) return;
      name = `${title} · ${say('app.name')}`;
      document.title = name;
    },
    /** Take note of a snapshot. */
    note(snapshot) {
      seen.hasData = snapshot.age_s !== null;
      seen.dataAgeS = Math.max(0, (snapshot.age_s ?? 0) - 2);
      seen.at_us = snapshot.at_us;
      look();
      entitle(snapshot);
    },
  };
}
