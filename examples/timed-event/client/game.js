/** The page of the timed event: a field from above. A click on a star walks there and catches it. */

import { Kuafu } from "/sdk/kuafu.js";

const byId = (id) => document.getElementById(id);
const canvas = byId("field");
const paint = canvas.getContext("2d");
const CATCH_M = 2.5;
const FIELD_M = 44;
const COLOURS = { 1: "#8fb8ff", 3: "#ffd166", 10: "#ff7eb6" };

const config = await fetch("/play/config.json").then((answer) => answer.json());
const scheme = location.protocol === "https:" ? "wss" : "ws";
const client = new Kuafu({ login: `${scheme}://${location.hostname}:${config.login_port}` });

byId("gate").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, password] = [byId("name").value.trim(), byId("password").value];
  try {
    await client.register(name, password).catch((error) => {
      if (error.name !== "NameTaken") throw error;
    });
    const account = await client.login(name, password);
    await client.enter((account.roles[0] ?? (await client.createRole(name))[0]).id);
    document.body.dataset.screen = "game";
    showBoard();
  } catch (error) {
    byId("status").textContent = error.text ?? String(error);
  }
});
client.on("disconnect", (error) => {
  document.body.dataset.screen = "gate";
  byId("status").textContent = error.text;
});
window.addEventListener("pagehide", () => client.leave());

// The board: asked for every second, because its clock runs.

async function showBoard() {
  if (!client.connected || !client.me) return;
  const board = await client.me.base.board().catch(() => null);
  if (!board) return;
  byId("clock").textContent = board.running ? `${board.seconds} s left` : `Next in ${board.seconds} s`;
  const lines = (list, texts) => byId(list).replaceChildren(...texts.map((text) => {
    const row = document.createElement("li");
    row.textContent = text;
    return row;
  }));
  lines("scores", board.scores.map(({ name, points }) => `${name}: ${points}`));
  lines("results", board.results.map(({ began, winner, points }) =>
    `${new Date(began * 1000).toLocaleTimeString()} ${winner ? `${winner}, ${points}` : "nobody"}`));
}
setInterval(showBoard, 1000);
client.world.on("call", (entity, method, args) => {
  if (method === "announced") byId("notice").textContent = args[0];
});

// Walking and catching.

let target = null;
let wanted = null;

canvas.addEventListener("pointerdown", (event) => {
  if (!client.space) return;
  const scale = pixelsPerMetre();
  target = { x: (event.clientX - innerWidth / 2) / scale, z: (event.clientY - innerHeight / 2) / scale };
  const distance = (star) => Math.hypot(star.position.x - target.x, star.position.z - target.z);
  const stars = [...client.world.entities.values()].filter((entity) => entity.type === "star" && distance(entity) < 1.5);
  wanted = stars.sort((a, b) => distance(a) - distance(b))[0] ?? null;
  if (wanted) target = { x: wanted.position.x, z: wanted.position.z };
});

function pixelsPerMetre() {
  return Math.min(innerWidth, innerHeight) / FIELD_M;
}

function walk(seconds) {
  if (!client.connected || !client.space || !target) return;
  const { x, y, z } = client.predicted;
  const [dx, dz] = [target.x - x, target.z - z];
  const way = Math.hypot(dx, dz);
  if (wanted && !wanted.gone && way < CATCH_M) {
    client.me.cell.catch(wanted).then(
      (sum) => (byId("notice").textContent = `Caught! You have ${sum}.`),
      (error) => (byId("notice").textContent = error.text),
    );
    wanted = target = null;
  } else if (way < 0.05) {
    target = null;
  } else {
    const step = Math.min(way, (client.space.topSpeed || 6) * 0.95 * seconds);
    client.move(x + (dx / way) * step, y, z + (dz / way) * step, Math.atan2(dx, dz));
  }
}

function draw(entity, at) {
  const scale = pixelsPerMetre();
  const [x, y] = [innerWidth / 2 + at.x * scale, innerHeight / 2 + at.z * scale];
  const isStar = entity.type === "star";
  paint.fillStyle = isStar ? COLOURS[entity.points] ?? "white" : entity === client.me ? "#ffffff" : "#9aa6d8";
  paint.beginPath();
  paint.arc(x, y, isStar ? 5 + Math.sqrt(entity.points) : 8, 0, 2 * Math.PI);
  paint.fill();
  if (isStar) return;
  paint.textAlign = "center";
  paint.fillText(entity.name, x, y - 14);
}

let last = performance.now();
requestAnimationFrame(function frame(now) {
  const seconds = Math.min(0.1, (now - last) / 1000);
  last = now;
  walk(seconds);
  client.world.update(now);
  [canvas.width, canvas.height] = [innerWidth, innerHeight];
  if (client.me && client.space) {
    for (const entity of client.world.entities.values()) if (entity.position) draw(entity, entity.position);
    draw(client.me, client.predicted);
  }
  requestAnimationFrame(frame);
});

/** For tests and curious people. */
window.game = { client };
