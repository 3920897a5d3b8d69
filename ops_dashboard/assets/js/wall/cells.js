// The pictures of a school's state: shape and colour together, drawn once for each size.
import { say } from '../parts/words.js';

// Names of the sheet's colours: once the picture is stale they are greys, and the most urgent is the brightest.
const COLOURS = { n: '--cell', u: '--soft', 1: '--p1', 2: '--p2', 3: '--p3', c: '--p3', m: '--works' };
const INK = '#14171B';

/** Order of the legend, worst first. */
export const STATES = ['1', '2', '3', 'u', 'c', 'm', 'n'];

/** Return the worst state of a list of characters: 1, 2, 3, then u; '' if all are calm. */
export function worst(found) {
  return ['1', '2', '3', 'u'].find((state) => found.has(state)) ?? '';
}

/** Return the word of a school's state. */
export const stateWord = (state) => say(`state.${'123'.includes(state) ? `p${state}` : state}`);

/** Return canvases by state, each `width` device pixels wide. */
export function drawCells(width) {
  return Object.fromEntries(Object.keys(COLOURS).map((state) => [state, drawCell(state, width)]));
}

function drawCell(state, width) {
  const style = window.getComputedStyle(document.documentElement);
  const colour = (of) => style.getPropertyValue(COLOURS[of]).trim();
  const canvas = document.createElement('canvas');
  const height = width * 2 / Math.sqrt(3);
  canvas.width = Math.ceil(width);
  canvas.height = Math.ceil(height);
  const pen = canvas.getContext('2d');
  pen.translate(width / 2, height / 2);
  const radius = height / 2 * 0.94;
  hexagon(pen, state === 'u' ? radius * 0.86 : radius);
  if (state === 'u') {
    pen.strokeStyle = colour('u');
    pen.lineWidth = Math.max(1, width * 0.11);
    pen.stroke();
    return canvas;
  }
  pen.fillStyle = 'cm'.includes(state) ? '#242B33' : colour(state);
  pen.fill();
  const mark = { 1: cross, 2: dot, 3: dash, c: bars, m: hatch }[state];
  if (mark) mark(pen, radius, colour(state));
  return canvas;
}

function hexagon(pen, radius) {
  pen.beginPath();
  for (let corner = 0; corner < 6; corner += 1) {
    const angle = Math.PI / 6 + corner * Math.PI / 3;
    pen.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  pen.closePath();
}

function cross(pen, radius) {
  const arm = radius * 0.36;
  pen.strokeStyle = INK;
  pen.lineWidth = Math.max(1, radius * 0.24);
  pen.beginPath();
  pen.moveTo(-arm, -arm); pen.lineTo(arm, arm);
  pen.moveTo(arm, -arm); pen.lineTo(-arm, arm);
  pen.stroke();
}

function dot(pen, radius) {
  pen.fillStyle = INK;
  pen.beginPath();
  pen.arc(0, 0, Math.max(1.2, radius * 0.3), 0, 2 * Math.PI);
  pen.fill();
}

function dash(pen, radius) {
  pen.strokeStyle = INK;
  pen.lineWidth = Math.max(1, radius * 0.24);
  pen.beginPath();
  pen.moveTo(-radius * 0.36, 0); pen.lineTo(radius * 0.36, 0);
  pen.stroke();
}

function bars(pen, radius, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = Math.max(1, radius * 0.22);
  pen.beginPath();
  for (const high of [-0.25, 0.25]) {
    pen.moveTo(-radius * 0.42, high * radius); pen.lineTo(radius * 0.42, high * radius);
  }
  pen.stroke();
}

function hatch(pen, radius, colour) {
  pen.clip();
  pen.strokeStyle = colour;
  pen.lineWidth = Math.max(1, radius * 0.16);
  pen.beginPath();
  for (let offset = -2; offset <= 2; offset += 0.5) {
    pen.moveTo((offset - 1) * radius, radius);
    pen.lineTo((offset + 1) * radius, -radius);
  }
  pen.stroke();
}
