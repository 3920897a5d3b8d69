// Leadership: puts the charts of the server into their places; loads anew when there are newer figures.
import { openLink } from './parts/link.js';
import { isPast } from './parts/moment.js';
import { watchStaleness } from './parts/staleness.js';
import { drawCharts } from './parts/svg.js';

/** Start the page. */
export function start() {
  drawCharts(document);
  document.getElementById(window.location.hash.slice(1))?.scrollIntoView(); // what was chosen is what is looked at
  const untilUs = Number(document.querySelector('[data-page]').dataset.until);
  const openedAtUs = { first: 0 };
  let staleness = null;
  const hear = (message) => {
    if (message.kind !== 'snapshot') return;
    staleness?.note(message);
    openedAtUs.first ||= message.at_us;
    // A page of the past, or before the first figures, is not loaded again and again.
    if (!isPast() && openedAtUs.first < untilUs && message.at_us >= untilUs) window.location.reload();
  };
  staleness = watchStaleness(openLink({ hear }));
}
