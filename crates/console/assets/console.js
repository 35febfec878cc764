/** The page's entry: takes the stream apart and tells each part of the page what concerns it. */

import { Debug } from "./debug.js";
import { Faults } from "./faults.js";
import { byId, bytes, count, millis, rate, say, sayUnit, span } from "./format.js";
import { LiveMap } from "./map.js";
import { Releases } from "./releases.js";
import { Roles } from "./roles.js";
import { Spark } from "./spark.js";
import { Stream } from "./stream.js";

const LINK_WORDS = { connecting: "connecting", live: "live", lost: "connection lost" };
/** Below this share of its time a tick is healthy. */
const HEALTHY_SHARE = 0.6;

const types = JSON.parse(document.body.dataset.types || "{}");
const map = new LiveMap(types, (id) => debug.choose(id));
const roles = new Roles();
const faults = new Faults();
const releases = new Releases();
const debug = new Debug(Object.values(types), (id) => map.mark(id));
const pointed = { players: null, bytes: null, tick: null };
let last = null;

const sparks = {
  players: spark("players", 5),
  bytes: spark("bytes", 1000),
  tick: spark("tick", 1),
};

const stream = new Stream({ link: showLink, status: showStatus, map: (picture) => map.show(picture) });
stream.watch(null);

byId("space").addEventListener("change", (event) => {
  chosen = true;
  watch(Number(event.target.value));
});

function spark(name, floor) {
  const svg = document.querySelector(`[data-spark="${name}"] .spark`);
  return new Spark(svg, floor, (value, ago) => {
    pointed[name] = value === null ? null : [value, ago];
    if (last) showFeet(last);
  });
}

function showLink(state) {
  if (document.body.dataset.link === state) return;
  document.body.dataset.link = state;
  say(byId("link").lastElementChild, LINK_WORDS[state]);
  byId("banner").hidden = state !== "lost";
}

function showStatus(status) {
  // Another life of the console may bring another page.
  if (last && last.console !== status.console) return location.reload();
  last = status;
  say(byId("uptime"), `, up ${span(status.at - status.started)}`);
  showTiles(status);
  showTick(status);
  showFeet(status);
  showSpaces(status.space_list);
  roles.show(status);
  faults.show(status);
  releases.show(status);
  debug.show(status);
}

function showTiles(status) {
  say(byId("players"), count(status.players));
  const [amount, unit] = bytes(status.bytes_out_per_s);
  sayUnit(byId("bytes-out"), amount, `${unit}/s`);
  sayUnit(byId("logins"), rate(status.logins_per_s), "/s");
  say(byId("entities"), count(status.entities));
  sayUnit(byId("rss"), count(Math.round(status.rss_mib)), "MiB");
  sparks.players.show(status.history.map(([, players]) => players));
  sparks.bytes.show(status.history.map(([, , , out]) => out));
}

function showTick(status) {
  const { tick_ms: times, tick_hz: hz, cpu_ms_per_tick: cpu } = status.recent;
  const budget = status.tick_budget_ms;
  const share = times ? times.p99 / budget : null;
  const health = share === null ? "" : share < HEALTHY_SHARE ? "healthy" : share <= 1 ? "tight" : "late";
  say(byId("health"), health || "no cell reports");
  byId("health").dataset.health = byId("budget").dataset.health = health;
  for (const name of ["p50", "p99", "max"]) sayUnit(byId(`tick-${name}`), millis(times?.[name]), "ms");
  const part = (ms) => String(Math.min(100, ((ms ?? 0) / budget) * 100));
  for (const name of ["p50", "p99"]) byId("budget").querySelector(`.${name}`).setAttribute("width", part(times?.[name]));
  byId("budget").querySelector(".max").setAttribute("x", String(Math.min(99.4, Number(part(times?.max)))));
  say(byId("budget-end"), `${count(budget)} ms budget`);
  say(byId("tick-hz"), hz === null ? "–" : `${hz.toFixed(1)} of ${count(1000 / budget)} per second`);
  for (const kind of ["cell", "base"]) say(byId(`cpu-${kind}`), cpu[kind] === null ? "–" : `${millis(cpu[kind])} ms`);
  sparks.tick.show(status.history.map(([, , p99]) => p99));
}

/** The lines under the numbers; while the pointer rests on a curve they tell its value there. */
function showFeet(status) {
  const at = (name, words) => pointed[name] && `${words(pointed[name][0])}, ${pointed[name][1]} s ago`;
  say(byId("players-foot"), at("players", count) || `${count(status.connections)} connections`);
  const perPlayer = status.players > 0 ? `${bytes(status.bytes_out_per_s / status.players).join(" ")}/s each` : "";
  say(byId("bytes-foot"), at("bytes", (value) => `${bytes(value).join(" ")}/s`) || perPlayer);
  const recent = span(Math.min(300, status.history.length) * 1000);
  say(byId("tick-foot"), at("tick", (value) => `${millis(value)} ms`) || `99 % of the ticks, last ${recent}`);
  const queue = status.roles.reduce((sum, role) => sum + (role.role === "login" ? role.numbers.queue ?? 0 : 0), 0);
  say(byId("logins-foot"), queue ? `${count(queue)} in the queue` : "nobody waits");
  say(byId("entities-foot"), `${plural(status.spaces, "space")}, ${plural(status.cells, "cell")}`);
  const cpu = status.roles.reduce((sum, role) => sum + (role.cpu_percent ?? 0), 0);
  say(byId("rss-foot"), `${rate(cpu)} % of a core`);
}

function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

let watched = null;
// Until somebody chooses, the liveliest space is shown.
let chosen = false;

function watch(space) {
  watched = space;
  map.clear();
  stream.watch(space);
}

function liveliness(space) {
  return (space.witnesses ?? 0) * 1000 + (space.entities ?? 0);
}

function showSpaces(spaces) {
  const select = byId("space");
  const known = [...select.options].map((option) => `${option.value} ${option.text}`).join("\n");
  const now = spaces.map((space) => `${space.id} ${space.name}`).join("\n");
  if (known !== now) {
    select.replaceChildren(...spaces.map((space) => new Option(space.name, space.id)));
    if (watched !== null) select.value = String(watched);
  }
  const liveliest = spaces.reduce((best, space) => (liveliness(space) > liveliness(best) ? space : best), spaces[0]);
  const gone = !spaces.some((space) => space.id === watched);
  if (liveliest && (gone || (!chosen && liveliest.id !== watched))) {
    watch(liveliest.id);
    select.value = String(watched);
  }
  select.hidden = spaces.length < 2;
  byId("space-name").hidden = !select.hidden;
  say(byId("space-name"), spaces.find((space) => space.id === watched)?.name ?? "Map");
}
