/**
 * A server in a few lines, for tests of the client: login and base on one address, a space, a view without limit.
 *
 * It speaks through any pair of functions, so that a test can put a fake WebSocket on top. It is no model of the real
 * server: it checks nothing that a test does not need.
 */

import { encodeChanges, encodeProperties } from "../src/changes.js";
import { Code } from "../src/codes.js";
import { bytesOfHex } from "../src/connection.js";
import { encodeFrame } from "../src/frame.js";
import { decodePacket, encodeMessage } from "../src/messages.js";
import { Reader } from "../src/reader.js";
import { Schema } from "../src/schema.js";
import { decodeValue, encodeValue } from "../src/values.js";
import { Writer } from "../src/writer.js";
import { DIGEST, SCHEMA_JSON } from "./plaza_schema.mjs";

const ORIGIN = -128;
const STEP = 256 / 65536;

const written = (write) => {
  const writer = new Writer();
  write(writer);
  return writer.finish();
};

/** One entity of the fake world. */
class FakeEntity {
  constructor(id, type, values, place) {
    Object.assign(this, { id, type, values, place: { x: 0, y: 0, z: 0, yaw: 0, ...place }, moved: false });
  }

  get record() {
    const steps = (value) => Math.max(0, Math.min(65535, Math.round((value - ORIGIN) / STEP)));
    const { x, y, z, yaw } = this.place;
    const turn = Math.round((yaw / (Math.PI * 2)) * 256);
    return { x: steps(x), z: steps(z), y: steps(y), yaw: ((turn % 256) + 256) % 256 };
  }

  properties(part) {
    return [...this.type.properties.values()]
      .filter((property) => property.part === part && property.name in this.values)
      .map((property) => [property, this.values[property.name]]);
  }
}

/** One client's connection. */
class FakeConnection {
  constructor(server, send, close) {
    Object.assign(this, { server, sendBytes: send, closeSocket: close, account: null, player: null, slots: new Map(), frame: 0, lastMove: 0 });
  }

  send(name, fields) {
    this.sendBytes(encodeMessage(name, fields));
  }

  error(code, fatal, answers = 0, text = "") {
    this.send("Error", { code, fatal, answers, text });
    if (fatal) this.end();
  }

  end() {
    this.server.connections.delete(this);
    this.closeSocket();
  }

  receive(bytes) {
    for (const message of decodePacket(bytes)) {
      this.server.received.push(message.message);
      this[`on${message.message}`]?.(message);
    }
  }

  onHello({ flags, digest, version }) {
    this.greeting = { digest, version };
    if (digest.some((byte) => byte !== 0) && Buffer.from(digest).toString("hex") !== this.server.digest) {
      return this.error(Code.DigestMismatch, true, 1);
    }
    this.send("Welcome", { version: 1, digest: bytesOfHex(this.server.digest), idleMs: 30000, heartbeatMs: 5000, name: "fake" });
    if (flags & 1) this.send("Schema", { json: SCHEMA_JSON.replace(DIGEST, this.server.digest) });
  }

  onRegister({ account, password }) {
    if (this.server.accounts.has(account)) return this.error(Code.NameTaken, false, 2);
    this.server.accounts.set(account, { password, roles: [] });
    this.send("Registered");
  }

  onLogin({ account, password }) {
    const known = this.server.accounts.get(account);
    if (known?.password !== password) return this.error(Code.LoginFailed, false, 3);
    this.account = known;
    this.send("LoggedIn", { account: 1, rolesMax: 4, roles: known.roles });
  }

  onRoleCreate({ name }) {
    if (!this.account) return this.error(Code.NotLoggedIn, false, 4);
    if (this.account.roles.length >= 4) return this.error(Code.RoleLimit, false, 4);
    this.account.roles.push({ id: 1000001 + this.server.roleCount++, name, deletedAtMs: 0 });
    this.send("Roles", { roles: this.account.roles });
  }

  onRoleDelete({ role }) {
    this.account.roles.find(({ id }) => id === role).deletedAtMs = 1790000000000;
    this.send("Roles", { roles: this.account.roles });
  }

  onRoleRestore({ role }) {
    this.account.roles.find(({ id }) => id === role).deletedAtMs = 0;
    this.send("Roles", { roles: this.account.roles });
  }

  onRoleSelect({ role }) {
    const chosen = this.account?.roles.find(({ id }) => id === role);
    if (!chosen) return this.error(Code.RoleUnknown, false, 7);
    for (const position of this.server.queue) this.send("Queue", { position, length: 9 });
    const ticket = this.server.newToken();
    this.server.tickets.set(String(ticket), chosen);
    this.send("Enter", { ticket, host: "", port: this.server.basePort });
  }

  onAttach({ token }) {
    const resumed = this.server.resumable.get(String(token));
    const role = this.server.tickets.get(String(token));
    if (!resumed && !role) return this.error(Code.TicketInvalid, true, 0x10);
    this.server.tickets.delete(String(token));
    this.player = resumed ?? this.server.playerOf(role);
    const { player } = this;
    const resume = this.server.newToken();
    this.server.resumable.set(String(resume), player);
    this.send("Attached", {
      entity: player.id, typeNo: 1, record: 1000001, resume, retaken: Boolean(resumed),
      properties: written((writer) => encodeProperties(writer, player.properties("base"))),
    });
    const { x, y, z, yaw } = player.place;
    this.send("SpaceEnter", {
      space: 1, name: "plaza", origin: [ORIGIN, ORIGIN, ORIGIN], step: [STEP, STEP, STEP], least: [-100, -100],
      greatest: [100, 100], tickHz: 10, viewRadius: 50, topSpeed: 6, position: [x, y, z], yaw,
    });
  }

  onMove({ sequence, position: [x, y, z], yaw }) {
    const { place } = this.player;
    this.lastMove = sequence;
    if (Math.hypot(x - place.x, z - place.z) > this.server.stepMax) {
      const position = [place.x, place.y, place.z];
      return this.send("Correct", { sequence, position, yaw: place.yaw, code: Code.MovedTooFar });
    }
    Object.assign(place, { x, y, z, yaw });
    this.player.moved = true;
  }

  onPing({ clockMs }) {
    if (this.server.answersPings) this.send("Pong", { clockMs, spaceTimeMs: this.server.spaceTimeMs, heldUs: 0 });
  }

  onBye() {
    this.send("SeeYou");
    this.end();
  }

  onCall({ number, method: methodNumber, arguments: bytes }) {
    const method = this.player.type.method(methodNumber);
    const reader = new Reader(bytes);
    const args = method.arguments.map(({ type }) => decodeValue(reader, type));
    const answer = this.server.behaviour[method.name]?.(this, ...args);
    if (answer === "silence") return;
    const failed = answer instanceof Error;
    const outcome = failed
      ? { kind: "refused", code: answer.code, text: answer.message }
      : { kind: "value", value: method.result ? written((writer) => encodeValue(writer, method.result, answer ?? true)) : new Uint8Array(0) };
    this.send("Result", { number, outcome });
  }

  /** Sends changes of own base properties, each a whole new value. */
  sendOwn(values) {
    Object.assign(this.player.values, values);
    const properties = [...this.player.type.properties.values()];
    const changes = Object.entries(values).map(([name, value]) => ({
      property: properties.find((property) => property.name === name), edit: "set", steps: [], value,
    }));
    this.send("Own", { changes: written((writer) => encodeChanges(writer, changes)) });
  }

  /** Brings the slots up to date and sends a frame. */
  sendFrame(calls) {
    if (!this.player) return;
    const { entities } = this.server;
    const present = new Map([...this.slots].map(([slot, id]) => [id, slot]));
    const leaves = [...this.slots].filter(([, id]) => !entities.has(id)).map(([slot]) => slot);
    for (const slot of leaves) this.slots.delete(slot);
    const enters = [];
    for (const entity of entities.values()) {
      if (present.has(entity.id)) continue;
      const slot = entity === this.player ? 0 : this.#freeSlot();
      this.slots.set(slot, entity.id);
      const properties = written((writer) => encodeProperties(writer, entity.properties("cell")));
      enters.push({ slot, entity: entity.id, type: entity.type.number, record: entity.record, properties });
    }
    const entered = new Set(enters.map(({ slot }) => slot));
    const moves = [];
    const frameCalls = [];
    for (const [slot, id] of this.slots) {
      const entity = entities.get(id);
      if (entity.moved && slot !== 0 && !entered.has(slot)) moves.push({ slot, record: entity.record });
      for (const call of calls) if (call.id === id) frameCalls.push({ slot, body: call.body });
    }
    const frame = { sequence: ++this.frame, spaceTimeMs: this.server.spaceTimeMs, leaves, enters, moves, states: [], calls: frameCalls };
    this.send("Frame", { body: encodeFrame(frame) });
  }

  #freeSlot() {
    let slot = 1;
    while (this.slots.has(slot)) slot++;
    return slot;
  }
}

/** The whole server. */
export class FakeServer {
  accounts = new Map();
  tickets = new Map();
  resumable = new Map();
  connections = new Set();
  entities = new Map();
  /** Names of the messages that came, in order. */
  received = [];
  /** Queue positions that a login is told before it may enter. */
  queue = [];
  basePort = 7001;
  digest = DIGEST;
  /** Metres that one move may go. */
  stepMax = 3;
  spaceTimeMs = 1000;
  answersPings = true;
  roleCount = 0;
  schema = new Schema(SCHEMA_JSON);
  /** What methods do: `(connection, ...args)`; may give a result, an Error with a code, or "silence". */
  behaviour = {
    say: (connection, text) => this.callClient(connection.player, "heard", [text, false]),
    shout: (connection, text) => this.callClient(connection.player, "heard", [text, true]),
    wave: (connection) => this.callClient(connection.player, "waved", []),
  };

  #ids = 0;
  #tokens = 0;
  #calls = [];

  accept(send, close) {
    const connection = new FakeConnection(this, send, close);
    this.connections.add(connection);
    return connection;
  }

  newToken() {
    const token = new Uint8Array(16);
    new DataView(token.buffer).setUint32(0, ++this.#tokens);
    return token;
  }

  playerOf(role) {
    for (const entity of this.entities.values()) if (entity.role === role.id) return entity;
    const player = this.create("avatar", { name: role.name, hue: 200, gold: 25, bag: [{ kind: "hat", hue: 10 }], score: 2n ** 60n }, { x: 5, z: 5 });
    player.role = role.id;
    return player;
  }

  create(typeName, values, place) {
    const type = [...this.schema.types.values()].find(({ name }) => name === typeName);
    const entity = new FakeEntity(4294967296 + ++this.#ids, type, values, place);
    this.entities.set(entity.id, entity);
    return entity;
  }

  callClient(entity, name, args) {
    const method = [...entity.type.methods.values()].find((one) => one.name === name);
    const body = written((writer) => {
      writer.varint(method.number);
      method.arguments.forEach(({ type }, index) => encodeValue(writer, type, args[index]));
    });
    this.#calls.push({ id: entity.id, body });
  }

  tick(passedMs = 100) {
    this.spaceTimeMs += passedMs;
    const calls = this.#calls;
    this.#calls = [];
    for (const connection of [...this.connections]) connection.sendFrame(calls);
    for (const entity of this.entities.values()) entity.moved = false;
  }
}
