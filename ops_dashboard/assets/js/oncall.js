// The calendar of duty: it stands as it was loaded, until the next handover.
import { openLink } from './link.js';
import { watchStaleness } from './staleness.js';

/** Start the page. */
export function start() {
  const untilUs = Number(document.querySelector('[data-page]').dataset.until);
  let staleness = null;
  const hear = (message) => {
    if (message.kind !== 'snapshot') return;
    staleness?.note(message);
    if (untilUs && message.at_us >= untilUs) window.location.reload();
  };
  staleness = watchStaleness(openLink({ hear }));
}
