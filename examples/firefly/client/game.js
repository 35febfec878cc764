/** Fireflies as seen from above. Whoever opens the page is a guest with a name of their own; a click claps. */

import { Kuafu } from "/sdk/kuafu.js";

const PIXELS_PER_METRE = 22;
const GLOW_MS = 500;

const status = document.getElementById("status");
const canvas = document.getElementById("meadow");
const paint = canvas.getContext("2d");
const config = await fetch("/play/config.json").then((answer) => answer.json());
const scheme = location.protocol === "https:" ? "wss" : "ws";
const client = new Kuafu({ login: `${scheme}://${location.hostname}:${config.login_port}` });

const flashed = new Map(); // entity → when it flashed last, by the page's clock
client.world.on("changed", (entity, property) => {
  if (property === "flashes") flashed.set(entity, performance.now());
});
client.world.on("leave", (entity) => flashed.delete(entity));
client.on("disconnect", (error) => (status.textContent = error.text));
window.addEventListener("pagehide", () => client.leave());

const name = `guest-${crypto.randomUUID().slice(0, 8)}`;
const password = crypto.randomUUID();
try {
  await client.register(name, password);
  await client.login(name, password);
  const [role] = await client.createRole(name);
  await client.enter(role.id);
  status.textContent = "Click to clap.";
} catch (error) {
  status.textContent = error.text ?? String(error);
}

canvas.addEventListener("click", () => {
  client.me?.cell.clap().then(
    (count) => (status.textContent = `${count} fireflies flash.`),
    (error) => (status.textContent = error.text),
  );
});

requestAnimationFrame(function frame(now) {
  client.world.update(now);
  [canvas.width, canvas.height] = [innerWidth, innerHeight];
  const centre = client.me && client.space ? client.predicted : null;
  for (const entity of centre ? client.world.entities.values() : []) {
    const x = innerWidth / 2 + (entity.position.x - centre.x) * PIXELS_PER_METRE;
    const y = innerHeight / 2 + (entity.position.z - centre.z) * PIXELS_PER_METRE;
    const glow = Math.max(0, 1 - (now - (flashed.get(entity) ?? -GLOW_MS)) / GLOW_MS);
    paint.fillStyle = entity.type === "firefly" ? `hsl(65 90% ${25 + 50 * glow}%)` : "#7f95b5";
    paint.beginPath();
    paint.arc(x, y, entity.type === "firefly" ? 3 + 9 * glow : 8, 0, 2 * Math.PI);
    paint.fill();
  }
  requestAnimationFrame(frame);
});

/** For tests and curious people. */
window.player = { client };
