// Pages without live parts of their own still say whether the line lives, and what time it is.
import { openLink } from './parts/link.js';
import { watchStaleness } from './parts/staleness.js';

/** Start the header of a page. */
export function start() {
  let staleness = null;
  const link = openLink({ hear: (message) => { if (message.kind === 'snapshot') staleness?.note(message); } });
  staleness = watchStaleness(link);
}
