// Texts, numbers and times in the reader's language; the document carries them as JSON.
const given = JSON.parse(document.getElementById('eduops-words').textContent);
const locale = given.language === 'vi' ? 'vi-VN' : 'en-GB';
const clockFormat = new Intl.DateTimeFormat(locale, { timeZone: given.zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const secondFormat = new Intl.DateTimeFormat(locale, { timeZone: given.zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { timeZone: given.zone, day: '2-digit', month: '2-digit' });
const fullDayFormat = new Intl.DateTimeFormat('en-GB', { timeZone: given.zone, day: '2-digit', month: '2-digit', year: 'numeric' });
const fieldFormat = new Intl.DateTimeFormat('sv-SE', { timeZone: given.zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' });
const JUST_NOW_S = 10;
const numberFormats = new Map();

export const language = given.language;
export const build = given.build;
export const topologyVersion = given.topology;

/** Return the text of a key with its {places} filled. */
export function say(key, values = {}) {
  const text = given.texts[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  return text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** Return the keys of a table of texts, in its order. */
export const keysOf = (table) => Object.keys(given.texts).filter((key) => key.startsWith(`${table}.`));

/** Return a number as the language writes it. */
export function number(value, decimals = 0) {
  if (!numberFormats.has(decimals)) {
    numberFormats.set(decimals, new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
  }
  return numberFormats.get(decimals).format(value);
}

/** Return a share as whole and tenths of a percent, rounded down: 99.97 is not all. */
export const percent = (share) => number(Math.floor(share * 1000 + 1e-6) / 10, 1);

/** Return a number of people in two parts, such as 141,9 and "nghìn"; `like` chooses the unit if given. */
export function compact(value, like = value) {
  if (like >= 1e6) return [number(value / 1e6, 2), say('wall.million', { n: '' }).trim()];
  if (like >= 1e4) return [number(value / 1e3, 1), say('wall.thousand', { n: '' }).trim()];
  return [number(value), ''];
}

export const target = (figure) => given.targets[figure];
export const sessionName = (name) => given.texts[`session.${name}`] ?? name;

/** Return a name as it is typed in haste: small letters without marks, as the server compares names. */
export const plainName = (text) => text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').replaceAll('đ', 'd').replaceAll('-', ' ').split(/\s+/).filter(Boolean).join(' ');

/** Return an age in words; what came within seconds came just now. */
export const since = (seconds) => (seconds < JUST_NOW_S ? say('unit.just_now') : duration(seconds));

export const clock = (atUs) => clockFormat.format(atUs / 1000);
export const hourOfDay = (atUs) => Number(clock(atUs).slice(0, 2));
export const clockSeconds = (atUs) => secondFormat.format(atUs / 1000);
export const fullDay = (atUs) => fullDayFormat.format(atUs / 1000);
export const dayAndClock = (atUs) => `${dayFormat.format(atUs / 1000)} ${clock(atUs)}`; // 24/11 05:02 in both

/** Return when something was: its clock, and its day where that is not the center's day of now. */
export const whenOf = (atUs, nowUs) => (fullDay(atUs) === fullDay(nowUs) ? clock(atUs) : dayAndClock(atUs));

/** Return a moment as a field of date and time holds it, in the center's zone wherever the browser is. */
export const toField = (atUs) => fieldFormat.format(atUs / 1000).replace(' ', 'T');

/** Return the moment that such a field means, null if it is empty. */
export function fromField(text) {
  if (!text) return null;
  const asUtcMs = Date.parse(`${text}Z`);
  const aheadMs = Date.parse(`${toField(asUtcMs * 1000)}Z`) - asUtcMs;
  return (asUtcMs - aheadMs) * 1000;
}

/** Return a length of time in its largest whole unit: 42 s, 5 min, 3 h, 2 d. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return say('unit.seconds', { n: number(s) });
  if (s < 3600) return say('unit.minutes', { n: number(Math.floor(s / 60)) });
  if (s < 172800) return say('unit.hours', { n: number(Math.floor(s / 3600)) });
  return say('unit.days', { n: number(Math.floor(s / 86400)) });
}

const nobody = { title: '', advice: '', metric: '', channel: '' };
export const rule = (name) => given.rules[name] ?? { ...nobody, title: name.replace(/^external\//, '') };
export const metricOf = (series) => given.metrics[series & 255];
export const ruleNames = () => Object.keys(given.rules);

const SCALED = {
  'bit/s': [1e6, 'Mbit/s', 1],
  ms: [1, 'ms', 0],
  '/': [0.01, '%', 1],
  s: [1, 's', 0],
  count: [1, '', 0],
};

const RATE_DECIMALS = 2;

/** Return a value of a series with its unit; it comes as it may be shown. */
export function quantity(series, value) {
  if (value === null || value === undefined) return say('alerts.no_value');
  const metric = metricOf(series);
  if (metric?.name === 'online') return say(value < 1 ? 'figure.lost' : 'figure.there');
  const [scale, unit, decimals] = SCALED[metric?.unit] ?? [1, metric?.unit ?? '', 1];
  return `${number(value / scale, decimals)} ${unit}`.trim();
}

const NO_TIME_S = 315360000; // as contract/texts.py
const SPANS = [['unit.days', 86400], ['unit.hours', 3600], ['unit.minutes', 60], ['unit.seconds', 1]];

/** Return by how much a clock is wrong, seconds against arrival, as `write_clock_off` of contract/texts.py. */
function clockOff(off) {
  const size = Math.abs(off);
  if (size >= NO_TIME_S) return say('clock.none');
  const [key, unit] = SPANS.find(([, seconds]) => size >= 2 * seconds || seconds === 1);
  return say(off < 0 ? 'clock.behind' : 'clock.ahead', { span: say(key, { n: number(size / unit) }) });
}

/** Return the value that an alert's rule judges: of a rate rule its change a second, of a clock how wrong it is. */
export function judged(alert, value) {
  const { channel } = rule(alert.rule);
  if (channel === 'clock' && value !== null) return clockOff(value);
  if (channel !== 'rate' || value === null) return quantity(alert.series, value);
  const [scale, unit] = SCALED[metricOf(alert.series)?.unit] ?? [1, ''];
  return `${number(value / scale, RATE_DECIMALS)} ${unit}/s`.replace(' /', '/');
}
