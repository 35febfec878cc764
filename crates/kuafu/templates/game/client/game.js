/**
 * The web client: plain JavaScript, no build step. The client library comes from the server at /sdk/; it logs in, keeps
 * the world in view up to date, and calls methods. For types in an editor, run `kuafu sdk` (see README.md).
 */

import { Kuafu } from "/sdk/kuafu.js";

const byId = (id) => document.getElementById(id);
const canvas = byId("meadow");
const paint = canvas.getContext("2d");
const PIXELS_PER_METRE = 18;
const PICK_M = 2.8;

const config = await fetch("/play/config.json").then((answer) => answer.json());
const scheme = location.protocol === "https:" ? "wss" : "ws";
const client = new Kuafu({ login: `${scheme}://${location.hostname}:${config.login_port}` });

// Coming in: register if the name is new, log in, take the account's first role or make one, enter.

byId("gate").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, password] = [byId("name").value.trim(), byId("password").value];
  byId("status").textContent = "One moment…";
  try {
    await client.register(name, password).catch((error) => {
      if (error.name !== "NameTaken") throw error;
    });
    const account = await client.login(name, password);
    const role = account.roles[0] ?? (await client.createRole(name))[0];
    const me = await client.enter(role.id);
    showBerries(me.berries);
    document.body.dataset.screen = "game";
  } catch (error) {
    byId("status").textContent = error.text ?? String(error);
  }
});

byId("enter").disabled = false; // until here a click would only have reloaded the page

client.on("disconnect", (error) => {
  document.body.dataset.screen = "gate";
  byId("status").textContent = error.text;
});
window.addEventListener("pagehide", () => client.leave());

// What the server tells: properties that change, and calls of client methods (methods.client of the definitions).

client.world.on("changed", (entity, property, value) => {
  if (entity === client.me && property === "berries") showBerries(value);
});
client.world.on("call", (entity, method, args) => {
  if (method === "heard") log(`${entity.name}: ${args[0]}`);
});

function showBerries(count) {
  byId("berries").textContent = count;
}

function log(text) {
  const line = document.createElement("li");
  line.textContent = text;
  byId("log").append(line);
  while (byId("log").children.length > 8) byId("log").firstChild.remove();
}

// What the player wants. Remote methods are promises; a refusal says why.

byId("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  byId("text").value = "";
  byId("text").blur();
  if (text) client.me.cell.say(text).catch((error) => log(error.text));
});

function nearestBush() {
  const { x, z } = client.predicted;
  const distance = (bush) => Math.hypot(bush.position.x - x, bush.position.z - z);
  const bushes = [...client.world.entities.values()].filter((entity) => entity.type === "bush" && entity.ripe);
  return bushes.filter((bush) => distance(bush) < PICK_M).sort((a, b) => distance(a) - distance(b))[0];
}

async function pick() {
  const bush = nearestBush();
  if (!bush) return log("There are no ripe berries here.");
  await client.me.cell.pick(bush).then((count) => log(`You picked ${count}.`), (error) => log(error.text));
}

const held = new Set();
let target = null;
const KEYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

window.addEventListener("keydown", (event) => {
  if (document.body.dataset.screen !== "game" || document.activeElement === byId("text")) return;
  if (event.code in KEYS) held.add(event.code);
  else if (event.code === "KeyE") pick();
  else if (event.code === "Enter") byId("text").focus();
  else return;
  event.preventDefault();
});
window.addEventListener("keyup", (event) => held.delete(event.code));
window.addEventListener("blur", () => held.clear());
canvas.addEventListener("pointerdown", (event) => {
  const { x, z } = client.predicted;
  const [right, down] = [event.clientX - innerWidth / 2, event.clientY - innerHeight / 2];
  target = { x: x + right / PIXELS_PER_METRE, z: z + down / PIXELS_PER_METRE };
});

/** Walks a little: the library shows it at once, and tells the server at its tick rate. */
function walk(seconds) {
  if (!client.connected || !client.space) return;
  const { x, y, z } = client.predicted;
  let [dx, dz] = [...held].reduce(([a, b], key) => [a + KEYS[key][0], b + KEYS[key][1]], [0, 0]);
  if (dx || dz) target = null;
  else if (target) [dx, dz] = [target.x - x, target.z - z];
  const way = Math.hypot(dx, dz);
  if (way < 0.05) return void (target = null);
  const step = Math.min(target ? way : Infinity, (client.space.topSpeed || 6) * 0.95 * seconds);
  client.move(x + (dx / way) * step, y, z + (dz / way) * step, Math.atan2(dx, dz));
}

// Drawing: seen from above, the own avatar in the middle.

function draw(entity, centre) {
  const at = entity === client.me ? centre : entity.position;
  if (!at) return;
  const x = innerWidth / 2 + (at.x - centre.x) * PIXELS_PER_METRE;
  const y = innerHeight / 2 + (at.z - centre.z) * PIXELS_PER_METRE;
  const disc = (radius, colour, dx = 0, dy = 0) => {
    paint.fillStyle = colour;
    paint.beginPath();
    paint.arc(x + dx, y + dy, radius, 0, 2 * Math.PI);
    paint.fill();
  };
  if (entity.type === "bush") {
    disc(16, "#5c8a3c");
    const colour = entity.kind === "blueberry" ? "#3949ab" : "#c2185b";
    if (entity.ripe) for (const angle of [0, 2.1, 4.2]) disc(4, colour, 8 * Math.cos(angle), 8 * Math.sin(angle));
  } else if (entity.type === "avatar") {
    disc(11, `hsl(${entity.hue} 60% 45%)`);
    paint.fillStyle = "#24331a";
    paint.textAlign = "center";
    paint.fillText(entity.name, x, y - 18);
  } else {
    disc(entity.bright ? 9 : 4, `hsl(${entity.hue ?? 50} 90% 65%)`);
  }
}

let last = performance.now();
requestAnimationFrame(function frame(now) {
  const seconds = Math.min(0.1, (now - last) / 1000);
  last = now;
  walk(seconds);
  client.world.update(now); // moves the others to where they are to be drawn
  [canvas.width, canvas.height] = [innerWidth, innerHeight];
  if (client.me && client.space) {
    const centre = client.predicted;
    for (const entity of client.world.entities.values()) draw(entity, centre);
    draw(client.me, centre);
  }
  requestAnimationFrame(frame);
});

/** For tests and curious people. */
window.player = { client };
