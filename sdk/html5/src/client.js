/**
 * The client: what a game talks to, from login to farewell, across broken connections.
 *
 * Events: `"queue" (position, length)`, `"correct" ({position, code, distance})`, `"disconnect" (error)` when the
 * game is over for this client, `"reconnecting" ({attempt, inMs, error})`, `"reconnected" ({resumed})`,
 * `"kicked" (error)`, `"error" (error)`.
 * @module
 */

import { Code, codeName } from "./codes.js";
import { Emitter } from "./emitter.js";
import { disconnected } from "./errors.js";
import { LoginSession } from "./login.js";
import { Prediction } from "./prediction.js";
import { GameSession } from "./session.js";
import { backoffMs, browserTimers, pause } from "./timers.js";
import { World } from "./world.js";

/** Ends that another attempt would only repeat. */
const KICKS = new Set([Code.LoggedInElsewhere, Code.Kicked, Code.RoleDeleted, Code.AccountBanned]);
const HOPELESS = new Set([...KICKS, Code.ProtocolVersion, Code.LoginFailed, Code.RoleUnknown, Code.RoleDeleting]);

const RECONNECT_DEFAULTS = { attemptsMax: 60, firstMs: 300, mostMs: 8000 };
/** A connection that held for so long starts the count of attempts anew. */
const STABLE_MS = 10000;

/** One player at one game. */
export class Kuafu extends Emitter {
  /** `"out"`, `"entering"`, `"playing"`, `"reconnecting"`. */
  state = "out";
  /** The world in view. */
  world;

  #options;
  #login;
  #prediction = new Prediction();
  /** @type {GameSession | null} */
  #session = null;
  #schema = null;
  #role = 0;
  #baseUrl = "";
  #resumeToken = null;
  /** Rises with each enter and leave, so that what an older one still awaits comes to nothing. */
  #life = 0;
  #attempts = 0;
  #attachedMs = 0;

  /**
   * @param {object} options
   * @param {string} options.login address of the login server: `ws://host:port` or `wss://…`
   * @param {string} [options.clientName]
   * @param {number} [options.callDeadlineMs] how long a call waits for its answer
   * @param {false | Partial<typeof RECONNECT_DEFAULTS>} [options.reconnect]
   * @param {any} [options.WebSocket]
   * @param {import("./timers.js").Timers} [options.timers]
   */
  constructor(options) {
    const { login, clientName = "kuafu-html5", callDeadlineMs = 10000, reconnect = {} } = options;
    const { WebSocket = globalThis.WebSocket, timers = browserTimers } = options;
    super();
    this.#options = { login, clientName, callDeadlineMs, WebSocket, timers };
    this.#options.reconnect = reconnect && { ...RECONNECT_DEFAULTS, ...reconnect };
    this.#login = new LoginSession({ url: login, WebSocket, timers, clientName });
    this.world = new World(timers, (...call) => this.#call(...call), this.#prediction);
  }

  /** The own entity, once entered. */
  get me() {
    return this.world.me;
  }

  /** The space that the own entity is in, or null. */
  get space() {
    return this.world.space;
  }

  /** The account, once logged in. */
  get account() {
    return this.#login.account;
  }

  /** Whether the game connection stands. */
  get connected() {
    return this.state === "playing";
  }

  /** Milliseconds to the server and back, or null. */
  get latency() {
    return this.#session?.connection.roundTripMs ?? null;
  }

  /** The server's space time now, in milliseconds, as well as it can be known; or null. */
  get spaceTimeMs() {
    const offset = this.#session?.connection.spaceTimeOffsetMs ?? null;
    return offset === null ? null : this.#options.timers.now() + offset;
  }

  /** Where the own entity is, `{x, y, z, yaw}`: compute the next move from here; draw it at `me.position`. */
  get predicted() {
    return { ...this.#prediction.place };
  }

  /** Reaches the login server. Optional: whatever needs the connection opens it. */
  connect() {
    return this.#login.connect();
  }

  register(name, password) {
    return this.#login.register(name, password);
  }

  /** Logs in; the password stays in memory, to log in again when the server was away. */
  login(name, password) {
    return this.#login.login(name, password);
  }

  createRole(name) {
    return this.#login.changeRoles("RoleCreate", { name });
  }

  deleteRole(role) {
    return this.#login.changeRoles("RoleDelete", { role });
  }

  restoreRole(role) {
    return this.#login.changeRoles("RoleRestore", { role });
  }

  /**
   * Enters the game with a role.
   * @param {number} role
   * @param {{onQueue?: (position: number, length: number) => void}} [options]
   * @returns {Promise<import("./entity.js").Entity>} the own entity
   */
  async enter(role, { onQueue } = {}) {
    if (this.state !== "out") throw disconnected("the client is in the game already");
    const life = ++this.#life;
    this.state = "entering";
    this.#role = role;
    try {
      await this.#enterByLogin(life, onQueue);
    } catch (error) {
      if (life === this.#life) this.state = "out";
      throw error;
    }
    return this.me;
  }

  /** Leaves the game on purpose; ends when the server has saved. */
  async leave() {
    this.#life++;
    const session = this.#session;
    this.#session = null;
    this.#resumeToken = null;
    this.state = "out";
    await session?.leave();
    if (this.state === "out") this.world.leaveSpace();
  }

  /** Ends everything at once, without a farewell: the entity stays in the game for the grace time. */
  close() {
    this.#life++;
    this.#session?.close();
    this.#session = null;
    this.#login.close();
    this.state = "out";
    this.world.leaveSpace();
  }

  /**
   * Moves the own entity: shown at once, sent at the tick rate.
   * @param {number} x metres
   * @param {number} y
   * @param {number} z
   * @param {number} yaw radians
   */
  move(x, y, z, yaw) {
    this.#prediction.move(this.#clamp({ x, y, z, yaw }));
    this.#session?.flushMove();
  }

  #clamp(place) {
    const { space } = this;
    if (!space) return place;
    const within = (value, least, greatest) => Math.max(least, Math.min(greatest, value));
    return {
      ...place,
      x: within(place.x, space.least.x, space.greatest.x),
      z: within(place.z, space.least.z, space.greatest.z),
    };
  }

  #call(entity, method, args) {
    if (!this.#session) return Promise.reject(disconnected("there is no connection to the game just now"));
    return this.#session.call(entity, method, args);
  }

  async #enterByLogin(life, onQueue) {
    const enter = await this.#login.enter(this.#role, (position, length) => {
      onQueue?.(position, length);
      this.emit("queue", position, length);
    });
    if (life !== this.#life) throw disconnected("left while entering");
    this.#baseUrl = baseUrl(this.#options.login, enter.host, enter.port);
    await this.#attach(life, enter.ticket);
  }

  /** Attaches; a base with newer definitions is asked for its schema, which uses the token only then. */
  async #attach(life, token) {
    const open = () =>
      GameSession.open({
        ...this.#options,
        url: this.#baseUrl,
        world: this.world,
        prediction: this.#prediction,
        schema: this.#schema,
      }, token);
    const opened = await open().catch((error) => {
      if (error.code !== Code.DigestMismatch || !this.#schema) throw error;
      this.#schema = null;
      return open();
    });
    if (life !== this.#life) {
      opened.session.close();
      throw disconnected("left while entering");
    }
    this.#adopt(opened);
  }

  #adopt({ session, schema }) {
    this.#schema = schema;
    this.#session = session;
    this.#resumeToken = session.attached.resume;
    this.#attachedMs = this.#options.timers.now();
    this.state = "playing";
    session.onCorrect = (message) => this.#correct(message);
    session.onError = (error) => this.emit("error", error);
    session.onClose = (error) => this.#lost(error);
    if (session.connection.closed) this.#lost(disconnected("the connection to the server ended"));
  }

  #correct({ sequence, position: [x, y, z], yaw, code }) {
    const distance = this.#prediction.correct(sequence, { x, y, z, yaw }, (place) => this.#clamp(place));
    this.emit("correct", { position: { x, y, z }, code, codeName: codeName(code), distance });
  }

  #lost(error) {
    this.#session = null;
    if (KICKS.has(error.code)) this.emit("kicked", error);
    if (HOPELESS.has(error.code) || !this.#options.reconnect) return this.#giveUp(error);
    if (this.#options.timers.now() - this.#attachedMs > STABLE_MS) this.#attempts = 0;
    this.state = "reconnecting";
    this.#reconnect(this.#life, error);
  }

  #giveUp(error) {
    this.#life++;
    this.state = "out";
    this.#resumeToken = null;
    this.world.leaveSpace();
    this.emit("disconnect", error);
  }

  async #reconnect(life, cause) {
    const { timers, reconnect } = this.#options;
    let error = cause;
    while (++this.#attempts <= reconnect.attemptsMax) {
      const inMs = Math.round(backoffMs(this.#attempts, reconnect, timers.random));
      this.emit("reconnecting", { attempt: this.#attempts, inMs, error });
      await pause(timers, inMs);
      if (life !== this.#life) return;
      try {
        await this.#comeBack(life);
        this.emit("reconnected", { resumed: this.#session?.attached.retaken ?? false });
        return;
      } catch (failed) {
        if (life !== this.#life) return;
        error = failed;
        if (KICKS.has(error.code)) this.emit("kicked", error);
        if (HOPELESS.has(error.code)) return this.#giveUp(error);
      }
    }
    this.#giveUp(error);
  }

  /** First to the same base, where the entity waits for its grace time; then the whole way through the login. */
  async #comeBack(life) {
    if (this.#resumeToken) {
      try {
        return await this.#attach(life, this.#resumeToken);
      } catch (error) {
        if (life !== this.#life || HOPELESS.has(error.code)) throw error;
        if (error.code === Code.TicketInvalid) this.#resumeToken = null;
      }
    }
    await this.#enterByLogin(life);
  }
}

/**
 * The base's address: encrypted if the login was, and at the login's host unless it names its own.
 * @param {string} login
 * @param {string} host
 * @param {number} port
 */
export function baseUrl(login, host, port) {
  const { protocol, hostname } = new URL(login);
  const at = host === "" ? hostname : host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return `${protocol}//${at}:${port}/`;
}
