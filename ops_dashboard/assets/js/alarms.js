// The alarms of the wall: as many as fit whole, most urgent first; names have two lines, never dots.
import { byId, make, setText } from './dom.js';
import { duration, number, rule, say } from './words.js';

const SHOWN_MIN = 3;
let written = '';

/** Show the first alarms of a snapshot. */
export function showAlarms(snapshot, fleet) {
  const list = byId('alarms');
  const lines = snapshot.open.lines;
  const minute = Math.floor(snapshot.at_us / 6e7);
  const shape = JSON.stringify([lines, minute, list.clientHeight, list.clientWidth, snapshot.open.unacknowledged]);
  if (shape === written && list.firstChild) return;
  written = shape;
  const rows = lines.map((line) => makeRow(line, snapshot.at_us, fleet));
  list.replaceChildren(...(rows.length > 0 ? rows : [make('li', { className: 'calm', textContent: say('wall.calm') })]));
  const shown = dropOverflow(list, rows);
  const more = snapshot.open.line_count - shown;
  const words = [
    snapshot.open.unacknowledged > 0 ? say('wall.partly', { n: number(snapshot.open.unacknowledged) }) : '',
    more > 0 ? say('wall.more', { n: number(more) }) : '',
  ];
  setText(byId('alarms-more'), words.filter(Boolean).join(' · '));
}

/** Remove the last rows until the list holds whole rows only. */
function dropOverflow(list, rows) {
  let shown = rows.length;
  while (shown > 1 && list.scrollHeight > list.clientHeight + 1) {
    rows[shown - 1].remove();
    shown -= 1;
  }
  list.dataset.full = shown >= SHOWN_MIN ? 'yes' : 'no';
  return shown;
}

function makeRow(line, atUs, fleet) {
  const waiting = line.unacknowledged > 0 && !line.silenced;
  return make('li', { className: 'alarm', dataset: { priority: String(line.priority) } },
    make('span', {
      className: waiting ? 'badge waiting' : 'badge', dataset: { priority: String(line.priority) },
      textContent: `P${line.priority}`,
    }),
    make('div', { className: 'alarm-lines' },
      make('div', { className: 'alarm-line' },
        make('a', { className: 'alarm-name', href: `/incidents/${line.incident_id}`, textContent: nameOf(line, fleet) }),
        make('span', { className: 'alarm-since', textContent: duration((atUs - line.opened_at_us) / 1e6) })),
      make('div', { className: 'alarm-line alarm-what' },
        make('span', { textContent: whatOf(line, fleet) }),
        make('span', { className: line.unacknowledged > 0 ? 'alarm-who short' : 'alarm-who', textContent: whoOf(line) }))));
}

function nameOf(line, fleet) {
  if (line.cause === 'system') return say('wall.center');
  if (line.cause === 'fleet') return say('wall.fleet', { n: number(line.schools), of: number(fleet.count) });
  if (line.cause === 'platform') return say('wall.platform');
  if (line.school === null) return sharedBy(line);
  return shortName(fleet.school(line.school).name);
}

/** Return what the schools of a line have in common. */
function sharedBy(line) {
  return [line.isp, line.place].filter(Boolean).join(' · ') || say('wall.city');
}

/** Return a school's name without the word that every name begins with. */
function shortName(name) {
  return name.replace(/^Trường /, '');
}

function whatOf(line, fleet) {
  const main = rule(line.rule).title;
  const title = line.others > 0 ? say('wall.others', { title: main, n: number(line.others) }) : main;
  if (line.cause === 'system' || line.schools === 0) return title; // of no school, from outside too
  if (line.cause === 'fleet') return say('wall.fleet_what', { title });
  if (line.school !== null) return `${title} · ${fleet.school(line.school).shortWard}`;
  return say('wall.group', { title, n: number(line.schools) });
}

function whoOf(line) {
  if (line.silenced) return say('wall.silenced');
  if (line.unacknowledged === 0) return line.acknowledged_by ? say('wall.acknowledged_by', { name: line.acknowledged_by }) : '';
  return line.unacknowledged < line.alerts ? say('wall.partly', { n: number(line.unacknowledged) }) : say('wall.unacknowledged');
}
