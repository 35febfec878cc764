/**
 * The plaza: joins the client library, the picture and the page.
 *
 * Everything about the game comes through the library; this file says what happens when.
 * @module
 */

import { Kuafu } from "/sdk/kuafu.js";
import { Input } from "./input.js";
import { Scene } from "./scene/scene.js";
import { Avatar, Thing } from "./stubs/game.js";
import * as ui from "./ui.js";
import { nextPlace } from "./walk.js";

const { byId } = ui;
const ACCOUNT_KEY = "plaza.account";
const PICK_M = 2.8;
/** Before anyone is in the game, the square lies in its evening. */
const GATE_TIME_MS = 720000 * 0.3;

const scene = new Scene(byId("scene"));
const client = await connectedClient();
let pickTarget = null;
let lastMs = performance.now();

async function connectedClient() {
  const config = await fetch("/play/config.json").then((answer) => answer.json()).catch(() => ({}));
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new Kuafu({ login: `${scheme}://${location.hostname}:${config.login_port ?? 9999}`, clientName: "plaza" });
}

/** What end-to-end tests and curious people look at. */
window.plaza = {
  client,
  scene,
  state() {
    const { me } = client;
    const place = client.space ? client.predicted : null;
    return {
      connected: client.connected,
      screen: document.body.dataset.screen,
      id: me?.id ?? null,
      name: me?.name ?? null,
      position: place && { x: place.x, y: place.y, z: place.z },
      yaw: place?.yaw ?? 0,
      gold: me?.gold ?? null,
      hue: me?.hue ?? null,
      bag: me?.bag ?? [],
      entities: [...client.world.entities.values()].map(describe),
      chat: [...ui.chatLog],
      latency: client.latency,
    };
  },
};

function describe({ id, type, name, kind, hue, position }) {
  return { id, type, name, kind, hue, position: { ...position } };
}

// The gate.

async function atGate(busyText, work) {
  ui.gateBusy(true);
  ui.gateStatus(busyText);
  try {
    await work();
    ui.gateStatus("");
  } catch (error) {
    const { text, advice } = ui.explain(error);
    ui.gateStatus(`${text} ${advice}`, true);
  } finally {
    ui.gateBusy(false);
  }
}

function showRoles() {
  ui.showScreen("roles");
  ui.showRoles(client.account, {
    enter: (role) => atGate("Opening the gate…", () => enter(role)),
    remove: (role) => atGate("", async () => {
      await client.deleteRole(role.id);
      showRoles();
    }),
    restore: (role) => atGate("", async () => {
      await client.restoreRole(role.id);
      showRoles();
    }),
  });
}

async function logIn() {
  const [name, password] = [byId("account").value.trim(), byId("password").value];
  await client.login(name, password);
  localStorage.setItem(ACCOUNT_KEY, name);
  byId("password").value = "";
  byId("role-name").value = client.account.roles.length === 0 ? name : "";
  showRoles();
}

byId("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  atGate("Looking for you…", logIn);
});
byId("register").addEventListener("click", () => {
  if (!byId("login-form").reportValidity()) return;
  atGate("Writing your name down…", async () => {
    await client.register(byId("account").value.trim(), byId("password").value);
    await logIn();
  });
});
byId("role-form").addEventListener("submit", (event) => {
  event.preventDefault();
  atGate("", async () => {
    await client.createRole(byId("role-name").value.trim());
    byId("role-name").value = "";
    showRoles();
  });
});
byId("back").addEventListener("click", () => {
  client.close();
  ui.showScreen("login");
});

async function enter(role) {
  const me = await client.enter(role.id, {
    onQueue: (position, length) => ui.gateStatus(`The plaza is full: you are number ${position} of ${length}.`),
  });
  ui.showScreen("game");
  ui.showGold(Number(me.gold ?? 0));
  ui.showBag(me.bag ?? [], drop);
  byId("hue").value = me.hue ?? 0;
  ui.addNote(matchMedia("(pointer: coarse)").matches
    ? "Welcome! Tap to walk, or drag anywhere for a stick."
    : "Welcome! Walk with WASD or a click, E picks up, Q waves, Enter talks.");
}

// The world.

Avatar.handle(client.world, {
  heard(avatar, text, loud) {
    scene.actor(avatar).say(text, loud, performance.now());
    ui.addChat({ from: avatar.name ?? "?", hue: avatar.hue ?? 40, text, loud });
  },
  waved(avatar) {
    scene.actor(avatar).wave(performance.now());
  },
});
client.world.on("leave", (entity) => scene.forget(entity));
client.world.on("changed", (entity, property, value) => {
  if (entity !== client.me) return;
  if (property === "gold") ui.showGold(Number(value));
  if (property === "bag") ui.showBag(value, drop);
  if (property === "hue" && document.activeElement !== byId("hue")) byId("hue").value = value;
});
client.world.on("space", () => {
  scene.target = null;
  pickTarget = null;
});

// The connection.

client.on("queue", (position, length) => {
  if (client.state === "reconnecting") ui.showVeil("Back in a moment", `The plaza is full: you are number ${position} of ${length}.`);
});
client.on("reconnecting", ({ attempt }) => {
  ui.showVeil("The connection broke", attempt < 3 ? "Finding the way back…" : `Finding the way back… (attempt ${attempt})`);
});
client.on("reconnected", () => {
  ui.hideVeil();
  ui.toast("You are back.");
});
client.on("kicked", (error) => ui.toastError(error));
client.on("disconnect", (error) => {
  ui.hideVeil();
  ui.toastError(error);
  if (client.account) showRoles();
  else ui.showScreen("login");
});
client.on("error", (error) => ui.toastError(error));
window.addEventListener("pagehide", () => client.leave());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// What a person does.

const attempt = (promise) => promise.catch((error) => ui.toastError(error));

function drop(index) {
  attempt(client.me.base.drop(index));
}

function pick(thing) {
  pickTarget = null;
  if (thing && !thing.gone) attempt(client.me.cell.pick(thing));
}

function wave() {
  attempt(client.me.cell.wave());
}

function nearestThing() {
  const { position } = client.me;
  let best = null;
  let bestM = PICK_M;
  for (const thing of Thing.among(client.world)) {
    if (!thing.position) continue;
    const way = Math.hypot(thing.position.x - position.x, thing.position.z - position.z);
    if (way < bestM) [best, bestM] = [thing, way];
  }
  return best;
}

/** The thing under a pixel: their pictures stand a little above their place. */
function thingAt(ground) {
  return Thing.among(client.world).find(({ position }) =>
    position && Math.abs(position.x - ground.x) < 0.75 && ground.z > position.z - 1.5 && ground.z < position.z + 0.7);
}

function tap(clientX, clientY, dragging) {
  const canvas = byId("scene");
  const ratio = canvas.width / canvas.clientWidth;
  const ground = scene.camera.groundAt(clientX * ratio, clientY * ratio);
  const thing = dragging ? null : thingAt(ground);
  pickTarget = thing ?? null;
  const to = thing ? thing.position : ground;
  scene.target = { x: to.x, z: to.z, atMs: performance.now() };
}

const input = new Input(byId("scene"), {
  playing: () => document.body.dataset.screen === "game",
  onTap: tap,
  onPick: () => pick(scene.picked),
  onWave: wave,
  onZoom: (factor) => {
    const zoom = Math.max(0.7, Math.min(1.7, scene.camera.zoom * factor));
    scene.camera.zoom = zoom;
  },
});

byId("pick").addEventListener("click", () => pick(scene.picked));
byId("wave").addEventListener("click", wave);
byId("hue").addEventListener("change", (event) => {
  attempt(client.me.base.set_hue(Number(event.target.value)));
  event.target.blur();
});
byId("leave").addEventListener("click", async () => {
  const { account } = client;
  await client.leave();
  ui.hideVeil();
  if (account) showRoles();
  else ui.showScreen("login");
});
byId("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("chat").value.trim();
  byId("chat").value = "";
  byId("chat").blur();
  if (!text) return;
  const shout = /^\/shout\s+(.+)/is.exec(text);
  if (shout) attempt(client.me.cell.shout(shout[1]));
  else if (text.startsWith("/wave")) wave();
  else if (/^\/shout\s*$/i.test(text)) ui.toast("Write what to shout: /shout hello everyone");
  else attempt(client.me.cell.say(text));
});

// The frame.

function walk(passedMs) {
  if (!client.connected || !client.space) return;
  const { direction } = input;
  if (direction) scene.target = pickTarget = null;
  const next = nextPlace(client.predicted, direction, scene.target, client.space.topSpeed, passedMs);
  if (next) client.move(next.x, next.y, next.z, next.yaw);
  if (!next || next.arrived) scene.target = null;
  if (pickTarget?.gone) pickTarget = null;
  const near = nearestThing();
  if (pickTarget && (near === pickTarget || distanceTo(pickTarget) < PICK_M - 0.6)) {
    scene.target = null;
    pick(pickTarget);
  }
  scene.picked = near;
  byId("pick").disabled = !near;
}

function distanceTo({ position }) {
  const place = client.predicted;
  return Math.hypot(position.x - place.x, position.z - place.z);
}

function frame(now) {
  const passedMs = Math.min(100, Math.max(0, now - lastMs));
  lastMs = now;
  walk(passedMs);
  client.world.update(now);
  const playing = document.body.dataset.screen === "game";
  scene.draw(now, playing ? client.me : null, playing ? client.world.entities.values() : [], client.spaceTimeMs ?? GATE_TIME_MS);
  requestAnimationFrame(frame);
}

setInterval(() => {
  if (document.body.dataset.screen !== "game") return;
  const players = 1 + Avatar.among(client.world).length;
  ui.showGauges(players, client.connected ? client.latency : null);
}, 500);

byId("account").value = localStorage.getItem(ACCOUNT_KEY) ?? "";
(byId("account").value ? byId("password") : byId("account")).focus({ preventScroll: true });
ui.showScreen("login");
requestAnimationFrame(frame);
