/**
 * One connection to a login or base server: a WebSocket, the handshake, pings, and the round trip they measure.
 *
 * It hands each message on in order and says once that it has ended, and why. It knows nothing of accounts or games.
 * @module
 */

import { Code } from "./codes.js";
import { KuafuError, disconnected } from "./errors.js";
import { decodePacket, encodeMessage } from "./messages.js";

const PROTOCOL_VERSION = 1;
const OPEN_MS_MAX = 8000;
const PING_MS_MAX = 2500;
const SILENT_PINGS_MAX = 5;
/** After so many bytes that the network did not take yet, moves and pings wait: newer ones will do. */
const UNSENT_BYTES_MAX = 65536;

const NO_DIGEST = new Uint8Array(16);

/** A connection whose handshake is done. */
export class Connection {
  /** @type {(message: any) => void} */
  onMessage = () => {};
  /** @type {(error: KuafuError) => void} */
  onClose = () => {};
  /** The Welcome message. @type {any} */
  welcome = null;
  /** The schema's JSON, when it was asked for. @type {string | null} */
  schemaText = null;
  /** Milliseconds there and back, smoothed; null before the first answer. @type {number | null} */
  roundTripMs = null;
  /** Space time less the own clock, of the quickest answer lately. @type {number | null} */
  spaceTimeOffsetMs = null;
  closed = false;

  #socket;
  #timers;
  #beat = null;
  #lastReceivedMs;
  #lastPingMs = -Infinity;
  #pings = 0;
  #bestRoundTripMs = Infinity;

  /**
   * Connects and shakes hands.
   * @param {object} options
   * @param {string} options.url
   * @param {new (url: string) => WebSocket} options.WebSocket
   * @param {import("./timers.js").Timers} options.timers
   * @param {string} options.clientName
   * @param {string} [options.digest] 32 hex digits of the schema that the client has
   * @param {boolean} [options.wantSchema]
   * @returns {Promise<Connection>}
   */
  static open(options) {
    return new Promise((resolve, reject) => {
      let connection;
      try {
        connection = new Connection(options);
      } catch (error) {
        return reject(disconnected(`${options.url} cannot be opened: ${error.message}`));
      }
      const timer = options.timers.set(() => connection.#end(disconnected("the server did not answer in time")), OPEN_MS_MAX);
      connection.onClose = (error) => {
        options.timers.clear(timer);
        reject(error);
      };
      connection.#greeted = () => {
        options.timers.clear(timer);
        connection.#greeted = null;
        connection.#startBeat();
        resolve(connection);
      };
    });
  }

  /** @type {(() => void) | null} */
  #greeted = null;
  #wantSchema;

  constructor({ url, WebSocket, timers, clientName, digest, wantSchema = false }) {
    this.#timers = timers;
    this.#wantSchema = wantSchema;
    this.#lastReceivedMs = timers.now();
    const socket = (this.#socket = new WebSocket(url));
    socket.binaryType = "arraybuffer";
    socket.onopen = () =>
      this.send("Hello", {
        version: PROTOCOL_VERSION,
        flags: wantSchema ? 1 : 0,
        digest: digest ? bytesOfHex(digest) : NO_DIGEST,
        name: clientName,
      });
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#end(disconnected("the connection to the server ended"));
    socket.onerror = () => {};
  }

  /**
   * Sends one message.
   * @param {string} name
   * @param {Record<string, any>} [fields]
   */
  send(name, fields) {
    if (!this.closed && this.#socket.readyState === 1) this.#socket.send(encodeMessage(name, fields));
  }

  /** Whether the network takes what is sent; when not, what can wait should. */
  get keepsUp() {
    return (this.#socket.bufferedAmount ?? 0) < UNSENT_BYTES_MAX;
  }

  /** Ends the connection from this side; `onClose` is not called. */
  close() {
    this.onClose = () => {};
    this.#end(disconnected("closed by the client"));
  }

  /** Ends the connection because of what came over it. */
  fail(error) {
    this.#end(error);
  }

  #receive(data) {
    if (this.closed) return;
    this.#lastReceivedMs = this.#timers.now();
    try {
      if (!(data instanceof ArrayBuffer)) throw new Error("a text message came");
      for (const message of decodePacket(new Uint8Array(data))) {
        this.#handle(message);
        if (this.closed) return;
      }
    } catch (error) {
      this.#end(disconnected(`the server sent what cannot be understood: ${error.message}`, Code.Malformed));
    }
    this.#pingWhenDue();
  }

  #handle(message) {
    switch (message.message) {
      case "Welcome":
        this.welcome = { ...message, digest: hexOfBytes(message.digest) };
        if (!this.#wantSchema) this.#greeted?.();
        return;
      case "Schema":
        this.schemaText = message.json;
        if (this.welcome) this.#greeted?.();
        return;
      case "Pong": return this.#measure(message);
      case "Error":
        if (message.fatal) return this.#end(new KuafuError("refused", message.code, message.text));
    }
    this.onMessage(message);
  }

  #measure({ clockMs, spaceTimeMs, heldUs }) {
    const now = this.#timers.now();
    const roundTrip = Math.max(0, now - clockMs - heldUs / 1000);
    this.roundTripMs = this.roundTripMs === null ? roundTrip : this.roundTripMs * 0.7 + roundTrip * 0.3;
    this.#bestRoundTripMs = Math.min(this.#bestRoundTripMs * 1.1 + 1, Infinity);
    if (roundTrip <= this.#bestRoundTripMs) {
      this.#bestRoundTripMs = roundTrip;
      this.spaceTimeOffsetMs = spaceTimeMs + roundTrip / 2 - now;
    }
  }

  /** Pings now and then: sooner than the server asks, because the round trip is shown to people. */
  get #pingEveryMs() {
    return Math.min(PING_MS_MAX, this.welcome.heartbeatMs || PING_MS_MAX);
  }

  #startBeat() {
    const beat = () => {
      const silentMs = this.#timers.now() - this.#lastReceivedMs;
      // A server that never answers pings, as a login server may, cannot be told from a silent one.
      if (this.roundTripMs !== null && this.#pings > SILENT_PINGS_MAX && silentMs > this.#pingEveryMs * SILENT_PINGS_MAX) {
        return this.#end(disconnected("the server fell silent"));
      }
      this.#pingWhenDue();
      this.#beat = this.#timers.set(beat, this.#pingEveryMs / 2);
    };
    this.#beat = this.#timers.set(beat, 0);
  }

  /** Also called at each packet, because browsers slow the timers of hidden pages down to one a minute. */
  #pingWhenDue() {
    const now = this.#timers.now();
    const everyMs = this.#pings < 3 ? 300 : this.welcome ? this.#pingEveryMs : Infinity;
    if (this.closed || this.#greeted || !this.welcome || now - this.#lastPingMs < everyMs * 0.9) return;
    this.#lastPingMs = now;
    if (!this.keepsUp) return;
    this.#pings++;
    this.send("Ping", { clockMs: now });
  }

  #end(error) {
    if (this.closed) return;
    this.closed = true;
    this.#timers.clear(this.#beat);
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close();
    } catch {
      // A socket that cannot even be closed is closed.
    }
    this.onClose(error);
  }
}

/** @param {Uint8Array} bytes */
export function hexOfBytes(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} hex */
export function bytesOfHex(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
