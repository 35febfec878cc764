/** Whole sessions against a fake server on virtual time: login, calls, the world, and broken connections. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, KuafuError } from "../kuafu.js";
import { baseUrl } from "../src/client.js";
import { encodeMessage } from "../src/messages.js";
import { FakeWorld } from "./fake_world.mjs";

test("a new player registers, makes a role, and enters with own properties and a place", async () => {
  const world = new FakeWorld();
  const me = await world.enter();
  assert.deepEqual([me.type, me.name, me.gold, me.hue], ["avatar", "ada", 25, 200]);
  assert.deepEqual(me.bag, [{ kind: "hat", hue: 10 }]);
  assert.equal(me.score, 2n ** 60n, "a wide integer is a BigInt");
  assert.deepEqual({ ...me.position }, { x: 5, y: 0, z: 5, yaw: 0 });
  assert.equal(world.client.space.name, "plaza");
  assert.equal(world.client.connected, true);
  assert.deepEqual(world.urls, ["ws://play.example:7000", "ws://play.example:7001/"]);
  assert.ok(Math.abs(world.client.latency - 10) < 1, `latency ${world.client.latency}`);
  assert.ok(Math.abs(world.client.spaceTimeMs - world.server.spaceTimeMs) < 110);
});

test("the base's address has the login's host and encryption unless it names a host", () => {
  assert.equal(baseUrl("wss://a.example:9999/x", "", 443), "wss://a.example:443/");
  assert.equal(baseUrl("ws://a.example:9999", "b.example", 10000), "ws://b.example:10000/");
  assert.equal(baseUrl("ws://[::1]:9999", "", 10000), "ws://[::1]:10000/");
  assert.equal(baseUrl("ws://a.example:9999", "fe80::1", 10000), "ws://[fe80::1]:10000/");
});

test("refusals of the login server reject with code, name and text", async () => {
  const { client, finish } = bound(new FakeWorld());
  await finish(client.register("ada", "secret"));
  await assert.rejects(finish(client.register("ada", "secret")), { kind: "refused", code: 100, name: "NameTaken" });
  await assert.rejects(finish(client.login("ada", "wrong!")), (error) => error instanceof KuafuError && error.code === Code.LoginFailed);
});

test("roles are created, deleted and restored", async () => {
  const { client, finish } = bound(new FakeWorld());
  await finish(client.register("ada", "secret"));
  const account = await finish(client.login("ada", "secret"));
  assert.equal(account.rolesMax, 4);
  const [role] = await finish(client.createRole("Ada"));
  const [deleted] = await finish(client.deleteRole(role.id));
  assert.ok(deleted.deletedAtMs > 0);
  const [restored] = await finish(client.restoreRole(role.id));
  assert.equal(restored.deletedAtMs, 0);
  assert.equal(client.account.roles[0].name, "Ada");
});

test("a login connection that the server closed while a person thought is opened again without notice", async () => {
  const world = new FakeWorld();
  const { client, finish } = bound(world);
  await finish(client.register("ada", "secret"));
  await finish(client.login("ada", "secret"));
  world.sockets[0].server.error(Code.Idle, true);
  await world.timers.pass(100);
  const [role] = await finish(client.createRole("Ada"));
  assert.equal(role.name, "Ada");
  assert.deepEqual(world.of("disconnect"), []);
});

test("the queue is told while entering", async () => {
  const world = new FakeWorld();
  world.server.queue = [3, 2, 1];
  const { client, finish } = bound(world);
  await finish(client.register("ada", "secret"));
  await finish(client.login("ada", "secret"));
  const [role] = await finish(client.createRole("Ada"));
  const told = [];
  await finish(client.enter(role.id, { onQueue: (position, length) => told.push([position, length]) }));
  assert.deepEqual(told, [[3, 9], [2, 9], [1, 9]]);
});

test("a login server that answers no pings is waited for in the queue", async () => {
  const world = new FakeWorld();
  world.server.answersPings = false;
  const { client, finish } = bound(world);
  await finish(client.register("ada", "secret"));
  await finish(client.login("ada", "secret"));
  const [role] = await finish(client.createRole("Ada"));
  const login = world.sockets[0].server;
  const select = login.onRoleSelect.bind(login);
  login.onRoleSelect = () => login.send("Queue", { position: 1, length: 1 });
  const entering = client.enter(role.id);
  world.timers.set(() => select({ role: role.id }), 120000);
  assert.equal((await world.finish(entering, 200000)).type, "avatar");
  assert.equal(world.sockets.length, 2, "the connection held");
});

test("calls end in a value, a refusal, or unknown when the deadline passes", async () => {
  const world = new FakeWorld();
  const me = await world.enter();
  const asked = [];
  world.server.behaviour.drop = (_, index) => {
    asked.push(index);
    return index === 9 ? Object.assign(new Error("nothing there"), { code: Code.Refused }) : index === 8 ? "silence" : true;
  };
  assert.equal(await world.finish(me.base.drop(0)), true);
  await assert.rejects(world.finish(me.base.drop(9)), { kind: "refused", code: 305, name: "Refused", text: "nothing there" });
  await assert.rejects(world.finish(me.base.drop(8)), { kind: "unknown", code: Code.DeadlinePassed });
  await assert.rejects(me.base.drop("two"), { kind: "refused", code: Code.ArgumentInvalid });
  await assert.rejects(me.base.drop(-1), { code: Code.ArgumentInvalid });
  await assert.rejects(me.base.drop(), { code: Code.ArgumentInvalid });
  assert.deepEqual(asked, [0, 9, 8], "what cannot be sent was not sent");
  assert.equal(await world.finish(me.cell.wave()), undefined);
});

test("others come, are read by their properties, speak, move smoothly, and leave", async () => {
  const world = new FakeWorld();
  const seen = [];
  world.client.world.on("enter", (entity) => seen.push(["enter", entity.type]));
  world.client.world.on("leave", (entity) => seen.push(["leave", entity.type]));
  await world.enter();
  const wisp = world.server.create("wisp", { hue: 77, startled: true }, { x: -3, z: 4 });
  const other = world.server.create("avatar", { name: "Bao", hue: 5 }, { x: 0, z: 0 });
  await world.ticks(2);
  assert.deepEqual(seen, [["enter", "wisp"], ["enter", "avatar"]]);
  const bao = world.client.world.get(other.id);
  const heard = [];
  bao.on("heard", (...args) => heard.push(args));
  assert.equal(bao.name, "Bao");
  assert.equal(world.client.world.get(wisp.id).startled, true);
  world.server.callClient(other, "heard", ["hello", true]);
  await world.ticks(1);
  assert.deepEqual(heard, [["hello", true]]);
  world.server.entities.delete(wisp.id);
  await world.ticks(1);
  assert.deepEqual(seen.at(-1), ["leave", "wisp"]);
  await walksEvenly(world, other, bao);
});

async function walksEvenly(world, entity, shown) {
  let last = shown.position.x;
  let longest = 0;
  for (let tick = 0; tick < 30; tick++) {
    entity.place.x += 0.5;
    entity.moved = true;
    world.server.tick(100);
    for (let frame = 0; frame < 6; frame++) {
      await world.timers.pass(100 / 6);
      world.client.world.update(world.timers.now());
      if (tick > 10) longest = Math.max(longest, Math.abs(shown.position.x - last - 0.5 / 6));
      last = shown.position.x;
    }
  }
  assert.ok(longest < 0.03, `a frame strayed by ${longest} m`);
  await world.ticks(6);
  assert.ok(Math.abs(shown.position.x - entity.place.x) < 0.02, "it ends where the server has it");
}

test("changes of own properties are told with value and before", async () => {
  const world = new FakeWorld();
  const me = await world.enter();
  const changes = [];
  me.on("changed", (...change) => changes.push(change));
  world.game.server.sendOwn({ gold: 31 });
  await world.timers.pass(20);
  assert.deepEqual(changes, [["gold", 31, 25]]);
  assert.equal(me.gold, 31);
});

test("moves are shown at once and sent no faster than the tick rate, the last one too", async () => {
  const world = new FakeWorld();
  await world.enter();
  const before = world.server.received.length;
  for (let frame = 0; frame < 60; frame++) {
    const place = world.client.predicted;
    world.client.move(place.x + 0.09, 0, place.z, Math.PI / 2);
    assert.ok(Math.abs(world.client.predicted.x - place.x - 0.09) < 1e-9);
    await world.timers.pass(1000 / 60);
  }
  await world.timers.pass(300);
  const moves = world.server.received.slice(before).filter((name) => name === "Move").length;
  assert.ok(moves >= 8 && moves <= 11, `${moves} moves in a second`);
  assert.ok(Math.abs(world.game.server.player.place.x - world.client.predicted.x) < 1e-5, "the server has the last place");
});

test("a correction puts the own entity there and plays the later moves again, without a jump on the screen", async () => {
  const world = new FakeWorld();
  const me = await world.enter();
  world.client.move(9.5, 0, 5, 0);
  await world.timers.pass(200);
  const [[{ codeName, distance }]] = world.of("correct");
  assert.equal(codeName, "MovedTooFar");
  assert.ok(Math.abs(distance - 4.5) < 0.01);
  assert.equal(world.client.predicted.x, 5);
  const shown = [];
  for (let frame = 0; frame < 40; frame++) {
    await world.timers.pass(16);
    world.client.world.update(world.timers.now());
    shown.push(me.position.x);
  }
  assert.ok(shown.every((x, index) => index === 0 || x <= shown[index - 1] + 1e-9), "it glides back");
  assert.ok(Math.abs(shown.at(-1) - 5) < 0.05);
});

test("a broken connection is resumed with the token, and pending calls end as unknown", async () => {
  const world = new FakeWorld();
  const me = await world.enter();
  world.server.behaviour.drop = () => "silence";
  const pending = assert.rejects(me.base.drop(0), { kind: "unknown" });
  world.breakConnections();
  await world.timers.pass(50);
  await pending;
  assert.equal(world.client.state, "reconnecting");
  await assert.rejects(me.base.drop(0), { kind: "connection" });
  await world.ticks(20);
  assert.equal(world.client.connected, true);
  assert.deepEqual(world.of("reconnected"), [[{ resumed: true }]]);
  assert.equal(world.client.me, me, "the own entity stays the same object");
  assert.equal(world.server.received.filter((name) => name === "Login").length, 1);
  assert.equal(me.gold, 25);
});

test("when the server was killed and came back, the client logs in again by itself", async () => {
  const world = new FakeWorld();
  const me = await world.enter();
  world.reachable = false;
  world.breakConnections();
  await world.timers.pass(5000);
  assert.ok(world.of("reconnecting").length > 2);
  world.server.resumable.clear();
  world.server.entities.clear();
  world.server.digest = "ffeeddccbbaa99887766554433221100";
  world.reachable = true;
  for (let waited = 0; waited < 300 && !world.client.connected; waited++) await world.ticks(1);
  await world.ticks(2);
  assert.equal(world.client.connected, true, "also past new definitions");
  assert.deepEqual(world.of("reconnected"), [[{ resumed: false }]]);
  assert.equal(world.client.me.name, "ada");
  assert.equal(world.of("disconnect").length, 0);
  assert.ok(me);
});

test("attempts are bounded, and their pauses grow", async () => {
  const world = new FakeWorld({ reconnect: { attemptsMax: 5, firstMs: 100, mostMs: 1000 } });
  await world.enter();
  world.reachable = false;
  world.breakConnections();
  await world.timers.pass(20000);
  assert.deepEqual(world.of("reconnecting").map(([{ inMs }]) => inMs), [100, 200, 400, 800, 1000]);
  assert.equal(world.of("disconnect").length, 1);
  assert.equal(world.client.state, "out");
  world.reachable = true;
  const [role] = world.client.account.roles;
  await world.finish(world.client.enter(role.id));
  assert.equal(world.client.connected, true, "one can enter again by hand");
});

test("who is kicked is told so and not reconnected", async () => {
  const world = new FakeWorld();
  await world.enter();
  world.game.server.error(Code.LoggedInElsewhere, true);
  await world.timers.pass(3000);
  assert.equal(world.of("kicked")[0][0].name, "LoggedInElsewhere");
  assert.equal(world.of("reconnecting").length, 0);
  assert.equal(world.client.space, null);
});

test("leaving says Bye and waits for the server's SeeYou", async () => {
  const world = new FakeWorld();
  await world.enter();
  await world.finish(world.client.leave());
  assert.equal(world.server.received.at(-1), "Bye");
  assert.equal(world.client.state, "out");
  await world.timers.pass(5000);
  assert.equal(world.of("reconnecting").length, 0);
});

test("bytes that follow no protocol end the connection, and a new one takes its place", async () => {
  const world = new FakeWorld();
  await world.enter();
  world.game.server.sendBytes(encodeMessage("Frame", { body: Uint8Array.of(9, 9, 2, 200) }));
  await world.timers.pass(30);
  assert.equal(world.of("reconnecting")[0][0].error.code, Code.Malformed);
  await world.ticks(20);
  assert.equal(world.client.connected, true);
});

test("a server that falls silent is noticed", async () => {
  const world = new FakeWorld();
  await world.enter();
  await world.timers.pass(6000);
  world.server.answersPings = false;
  world.reachable = false;
  await world.timers.pass(30000);
  assert.match(world.of("reconnecting")[0][0].error.text, /silent/);
});

test("pings go on when only packets drive the client, as in a hidden page", async () => {
  const world = new FakeWorld();
  await world.enter();
  const before = world.server.received.filter((name) => name === "Ping").length;
  await world.ticks(100);
  const pings = world.server.received.filter((name) => name === "Ping").length - before;
  assert.ok(pings >= 3 && pings <= 8, `${pings} pings in ten seconds`);
  assert.ok(world.server.received.includes("Ack"));
});

function bound(world) {
  return { client: world.client, finish: (promise) => world.finish(promise) };
}
