// A wall that shows its code asks whether somebody let it in, and goes on by itself.
const ASK_MS = 5000;
const ANEW = 24; // so many questions later the page is loaded anew: its code may be too old

let asked = 0;

async function ask() {
  const answer = await fetch('/pair', { redirect: 'manual' }).catch(() => null);
  if (answer?.type === 'opaqueredirect') { window.location.assign('/'); return; }
  asked += 1;
  if (answer?.ok && asked >= ANEW) { window.location.reload(); return; }
  window.setTimeout(ask, ASK_MS);
}

window.setTimeout(ask, ASK_MS);
