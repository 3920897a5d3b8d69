// Sound for one screen a room (`?sound=1`): P1 repeats until acknowledged, P2 once, P3 never.
import { make } from '../parts/dom.js';
import { say } from '../parts/words.js';

const REPEAT_MS = 8000;
const LEAST_GAP_MS = 3000;

/** Return a bell that listens to snapshots, or one that does nothing where sound is not asked for. */
export function makeBell() {
  if (new URLSearchParams(window.location.search).get('sound') !== '1') return { note() {} };
  const audio = new AudioContext();
  const seen = { sounding: 0, second: null, rangAt: -REPEAT_MS };
  offerStart(audio);

  function ring(frequencies) {
    if (audio.state !== 'running' || performance.now() - seen.rangAt < LEAST_GAP_MS) return;
    seen.rangAt = performance.now();
    frequencies.forEach((frequency, i) => beep(audio, frequency, audio.currentTime + i * 0.28));
  }

  window.setInterval(() => {
    if (seen.sounding > 0 && performance.now() - seen.rangAt >= REPEAT_MS) ring([880, 660, 880]);
  }, 500);
  return {
    note({ open }) {
      if (open.sounding > seen.sounding) ring([880, 660, 880]);
      else if (seen.second !== null && open.by_priority[1] > seen.second) ring([587]);
      seen.sounding = open.sounding;
      seen.second = open.by_priority[1];
    },
  };
}

function beep(audio, frequency, at) {
  const tone = audio.createOscillator(), volume = audio.createGain();
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.25, at + 0.02);
  volume.gain.linearRampToValueAtTime(0, at + 0.24);
  tone.connect(volume).connect(audio.destination);
  tone.start(at);
  tone.stop(at + 0.25);
}

/** Browsers keep silent until a touch: offer a button while they do. */
function offerStart(audio) {
  const button = make('button', { id: 'sound-start', className: 'pill', type: 'button', textContent: say('wall.sound_start') });
  button.onclick = () => audio.resume();
  const look = () => { button.hidden = audio.state === 'running'; };
  audio.onstatechange = look;
  look();
  document.querySelector('.header').append(button);
}
