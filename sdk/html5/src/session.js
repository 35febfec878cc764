/**
 * One game connection: attaching, and handing what comes to the world, the calls and the prediction.
 *
 * A session ends with its connection; what outlives it (the own entity, listeners, credentials) is the client's.
 * @module
 */

import { Calls } from "./calls.js";
import { Connection } from "./connection.js";
import { KuafuError, disconnected } from "./errors.js";
import { Schema } from "./schema.js";

const BEAT_MS = 50;
const ACK_EVERY_MS = 500;
const ATTACH_MS_MAX = 15000;
const FAREWELL_MS_MAX = 5000;

/** A connection that is attached to the own entity. */
export class GameSession {
  /** @type {(error: KuafuError) => void} */
  onClose = () => {};
  /** @type {(message: any) => void} */
  onCorrect = () => {};
  /** @type {(error: KuafuError) => void} */
  onError = () => {};
  /** The Attached message. @type {any} */
  attached = null;

  #timers;
  #connection;
  #world;
  #prediction;
  #calls;
  #beat = null;
  #ackedSequence = 0;
  #ackedMs = 0;
  #onAttached = null;
  #onSeeYou = null;

  /**
   * @param {any} options what `Connection.open` takes, with `world`, `prediction`, `callDeadlineMs`, and `schema`
   * @param {Uint8Array} token a ticket or a resume token
   * @returns {Promise<{session: GameSession, schema: Schema}>}
   */
  static async open(options, token) {
    const connection = await Connection.open({
      ...options,
      digest: options.schema?.digest,
      wantSchema: !options.schema,
    });
    const schema = options.schema ?? readSchema(connection);
    const session = new GameSession(connection, options, schema);
    await session.#attach(token);
    return { session, schema };
  }

  constructor(connection, { timers, world, prediction, callDeadlineMs }, schema) {
    this.#timers = timers;
    this.#connection = connection;
    this.#world = world;
    this.#prediction = prediction;
    this.#calls = new Calls(timers, callDeadlineMs);
    this.schema = schema;
    connection.onMessage = (message) => this.#receive(message);
    connection.onClose = (error) => this.#end(error);
  }

  get connection() {
    return this.#connection;
  }

  #attach(token) {
    return new Promise((resolve, reject) => {
      const timer = this.#timers.set(() => this.#connection.fail(disconnected("the base did not answer in time")), ATTACH_MS_MAX);
      const settle = (then) => (value) => {
        this.#timers.clear(timer);
        this.#onAttached = null;
        then(value);
      };
      this.#onAttached = { resolve: settle(resolve), reject: settle(reject) };
      this.#connection.send("Attach", { token });
    });
  }

  /** Starts a call of a remote method. */
  call(entity, method, args) {
    const isOwn = entity === this.#world.me;
    return this.#calls.start(this.#connection, isOwn ? 0 : entity.id, method, args);
  }

  /** Sends the newest own place, if its time has come. */
  flushMove() {
    if (!this.#world.space || !this.#connection.keepsUp) return;
    const move = this.#prediction.poll(this.#timers.now());
    if (!move) return;
    const { sequence, place } = move;
    this.#connection.send("Move", { sequence, position: [place.x, place.y, place.z], yaw: place.yaw });
  }

  /** Leaves on purpose; ends when the server has saved, or after a few seconds. */
  leave() {
    return new Promise((resolve) => {
      const done = () => {
        this.#timers.clear(timer);
        this.close();
        resolve();
      };
      const timer = this.#timers.set(done, FAREWELL_MS_MAX);
      this.#onSeeYou = done;
      this.#connection.onClose = done;
      this.#connection.send("Bye");
    });
  }

  close() {
    this.#timers.clear(this.#beat);
    this.#connection.close();
    this.#calls.abandon();
  }

  #receive(message) {
    switch (message.message) {
      case "Attached": return this.#handleAttached(message);
      case "Frame":
        this.#world.receive(message);
        return this.#acknowledge();
      case "Result": return this.#calls.finish(message);
      case "Correct": return this.onCorrect(message);
      case "SeeYou": return this.#onSeeYou?.();
      case "Error": return this.onError(new KuafuError("refused", message.code, message.text));
      default: return this.#world.receive(message);
    }
  }

  #handleAttached(message) {
    this.attached = message;
    this.#world.attach(this.schema, message);
    this.#startBeat();
    this.#onAttached?.resolve();
  }

  #startBeat() {
    const beat = () => {
      this.flushMove();
      this.#beat = this.#timers.set(beat, BEAT_MS);
    };
    this.#beat = this.#timers.set(beat, BEAT_MS);
  }

  #acknowledge() {
    const now = this.#timers.now();
    if (now - this.#ackedMs < ACK_EVERY_MS || this.#ackedSequence === this.#world.sequence) return;
    this.#ackedMs = now;
    this.#ackedSequence = this.#world.sequence;
    this.#connection.send("Ack", { sequence: this.#ackedSequence });
  }

  #end(error) {
    this.#timers.clear(this.#beat);
    this.#calls.abandon();
    if (this.#onAttached) this.#onAttached.reject(error);
    else this.onClose(error);
  }
}

function readSchema(connection) {
  try {
    return new Schema(connection.schemaText);
  } catch (error) {
    connection.close();
    throw disconnected(`the server's schema cannot be read: ${error.message}`);
  }
}
