// Reading something anew whenever the push says so: never twice at once, and never a word too few.
import { inMoment } from './moment.js';

/** Return a function that runs `load`; what is asked for while it runs, runs it once more afterwards. */
export function reader(load) {
  let running = false, again = false;
  return async function read() {
    if (running) { again = true; return; }
    running = true;
    try {
      await load();
    } catch (error) {
      console.warn('not read; the next push asks again', error);
    } finally {
      running = false;
    }
    if (again) { again = false; read(); }
  };
}

/** Return the JSON at an address in the page's language, or throw. */
export async function readJson(address, language) {
  const answer = await fetch(inMoment(`${address}?lang=${language}`), { headers: { Accept: 'application/json' } });
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(`${address} answered ${answer.status}`), { status: answer.status, sentence: said.sentence });
  return said;
}
