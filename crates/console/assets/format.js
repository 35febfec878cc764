/** Numbers, sizes and times as people read them, and small helpers to build elements without markup. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });

/** A count: no fraction above 100, one digit below unless it is whole. */
export function count(value) {
  if (value === null || value === undefined) return "–";
  return Number.isInteger(value) || Math.abs(value) >= 100 ? whole.format(value) : fine.format(value);
}

/** A number per second: always one digit, so that it does not jump between two widths. */
export function rate(value) {
  return value >= 100 ? whole.format(value) : fine.format(value);
}

/** Milliseconds with the digits that matter. */
export function millis(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 100) return whole.format(value);
  return value >= 10 ? fine.format(value) : value.toFixed(2);
}

/** Bytes as [number, unit]. */
export function bytes(value) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return [unit === 0 || value >= 100 ? whole.format(value) : fine.format(value), units[unit]];
}

/** A span of milliseconds in its largest sensible units. */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Sets text only when it changed, so that selections and screen readers stay calm. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A number with its unit in small letters. */
export function sayUnit(element, number, unit) {
  const key = `${number} ${unit}`;
  if (element.dataset.said === key) return;
  element.dataset.said = key;
  element.replaceChildren(number, make("small", {}, unit));
}

/** An element with attributes and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An SVG element with attributes and children. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);
