/**
 * The page around the canvas: the gate (login and roles), chat, bag, gauges, toasts, the veil of a lost connection.
 *
 * It shows what it is told and tells what was asked for; it knows nothing of the connection.
 * @module
 */

import { drawPerson } from "./scene/figures.js";
import { itemIcon } from "./scene/items.js";
import { seedOf } from "./scene/scene.js";

const LOG_LINES_MAX = 60;
const BAG_PLACES = 6;
const TOAST_MS = 5200;
const TOASTS_MAX = 3;

/** @param {string} id */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** What went wrong, in a sentence, and what to do about it. */
const ADVICE = {
  NameTaken: "Choose another name, or log in if it is yours.",
  LoginFailed: "Check both, or press “I am new here”.",
  TooManyAttempts: "Wait a minute, then try again.",
  QueueFull: "Try again in a few minutes.",
  Busy: "Try again in a moment.",
  RateExceeded: "A little slower, please.",
  EntityUnknown: "Somebody was faster.",
  LoggedInElsewhere: "Close the other window, then log in here again.",
  DigestMismatch: "Reload the page.",
  ProtocolVersion: "Reload the page.",
  RoleLimit: "Delete a role first.",
  RoleDeleting: "Restore it first.",
  TicketInvalid: "Log in again.",
  Disconnected: "Check that the server runs and that you are online, then try again.",
};

/** @param {any} error */
export function explain(error) {
  const text = error.text ?? error.message ?? String(error);
  return { text: text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : "."), advice: ADVICE[error.name] ?? "" };
}

/** Shows a short message that goes by itself. */
export function toast(text, { bad = false, advice = "" } = {}) {
  const box = byId("toasts");
  const shown = element("div", { className: bad ? "toast bad" : "toast" }, text);
  shown.dataset.testid = "toast";
  if (advice) shown.append(element("small", { textContent: advice }));
  box.append(shown);
  while (box.children.length > TOASTS_MAX) box.firstChild.remove();
  setTimeout(() => shown.remove(), TOAST_MS);
}

/** @param {any} error */
export function toastError(error) {
  const { text, advice } = explain(error);
  toast(text, { bad: true, advice });
}

/** Which of the screens is there: `login`, `roles` or `game`. */
export function showScreen(screen) {
  document.body.dataset.screen = screen;
  byId("login-form").hidden = screen !== "login";
  byId("roles").hidden = screen !== "roles";
  byId("hud").hidden = screen !== "game";
  byId("gate-line").textContent = screen === "roles" ? "Who are you today?" : "A little square where everybody meets.";
}

/** The line under the forms. */
export function gateStatus(text, bad = false) {
  const line = byId("gate-status");
  line.textContent = text;
  line.classList.toggle("bad", bad);
}

/** Nothing on the gate can be pressed while something is asked for. */
export function gateBusy(busy) {
  for (const control of document.querySelectorAll("#card button, #card input")) control.disabled = busy;
}

/**
 * @param {{roles: any[], rolesMax: number}} account
 * @param {{enter: Function, remove: Function, restore: Function}} does
 */
export function showRoles(account, does) {
  const list = byId("role-list");
  list.replaceChildren(...account.roles.map((role) => roleLine(role, does)));
  byId("role-form").hidden = account.roles.length >= account.rolesMax;
}

function roleLine(role, { enter, remove, restore }) {
  const leaving = role.deletedAtMs > 0;
  const button = (text, testid, className, run) => {
    const made = element("button", { type: "button", textContent: text, className, onclick: () => run(role) });
    made.dataset.testid = testid;
    made.setAttribute("aria-label", `${testid.replace("role-", "")} ${role.name}`);
    return made;
  };
  const days = Math.max(0, Math.ceil((role.deletedAtMs - Date.now()) / 864e5));
  const note = leaving ? `leaves in ${days} ${days === 1 ? "day" : "days"}` : "ready for a walk";
  const line = element("li", { className: leaving ? "leaving" : "" }, portrait(role.name),
    element("div", { className: "who" }, element("b", { textContent: role.name }), element("small", { textContent: note })));
  if (leaving) line.append(button("Restore", "role-restore", "", restore));
  else line.append(button("Enter", "role-enter", "primary", enter), button("✕", "role-delete", "quiet danger", remove));
  line.dataset.role = role.id;
  line.dataset.testid = "role";
  return line;
}

function portrait(name) {
  const canvas = element("canvas", { width: 92, height: 108 });
  const context = canvas.getContext("2d");
  context.translate(46, 102);
  context.scale(45, 45);
  const seed = seedOf(name);
  drawPerson(context, { hue: seed % 360, seed, yaw: 0.35, stride: 0, phase: 0, wave: 0, time: 0.5 });
  return canvas;
}

/** What was said, for the log and for tests. @type {{from: string, text: string, loud: boolean}[]} */
export const chatLog = [];

/** @param {{from: string, hue: number, text: string, loud: boolean}} line */
export function addChat({ from, hue, text, loud }) {
  chatLog.push({ from, text, loud });
  if (chatLog.length > LOG_LINES_MAX) chatLog.shift();
  const name = element("b", { textContent: from });
  name.style.color = `hsl(${hue}, 85%, 82%)`;
  appendLine(element("li", { className: loud ? "loud" : "" }, name, text));
}

/** A line that nobody said. */
export function addNote(text) {
  appendLine(element("li", { className: "note", textContent: text }));
}

function appendLine(line) {
  const log = byId("chat-log");
  log.append(line);
  while (log.children.length > LOG_LINES_MAX) log.firstChild.remove();
}

let bagShown = 0;

/**
 * @param {{kind: string, hue: number}[]} bag
 * @param {(index: number) => void} drop
 */
export function showBag(bag, drop) {
  const places = bag.map((item, index) => {
    const place = element("button", { type: "button", title: `Drop the ${item.kind}`, onclick: () => drop(index) }, itemIcon(item.kind, item.hue));
    place.dataset.testid = "bag-item";
    place.dataset.kind = item.kind;
    place.dataset.index = String(index);
    if (index >= bagShown) place.className = "fresh";
    return place;
  });
  bagShown = bag.length;
  const free = Math.max(0, BAG_PLACES - (bag.length % BAG_PLACES || (bag.length ? BAG_PLACES : 0)));
  for (let place = 0; place < free; place++) places.push(element("i"));
  byId("bag").replaceChildren(...places);
}

/** @param {number} gold */
export function showGold(gold) {
  const shown = gold.toLocaleString("en");
  if (byId("gold").textContent === shown) return;
  byId("gold").textContent = shown;
  const purse = byId("purse");
  purse.classList.remove("bump");
  void purse.offsetWidth;
  purse.classList.add("bump");
}

/**
 * @param {number} players
 * @param {number | null} latencyMs
 */
export function showGauges(players, latencyMs) {
  byId("players").textContent = String(players);
  byId("latency").textContent = latencyMs === null ? "–" : `${Math.round(latencyMs)} ms`;
  byId("signal").className = `signal${latencyMs === null || latencyMs > 300 ? " bad" : latencyMs > 130 ? " slow" : ""}`;
}

/** @param {string} title @param {string} text */
export function showVeil(title, text) {
  byId("veil-title").textContent = title;
  byId("veil-text").textContent = text;
  byId("veil").hidden = false;
}

export function hideVeil() {
  byId("veil").hidden = true;
}
