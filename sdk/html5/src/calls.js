/**
 * Calls of remote methods that wait for their answer.
 *
 * Each ends in a value, a refusal, or "unknown": the deadline passed or the connection broke, and it may have happened.
 * @module
 */

import { Code } from "./codes.js";
import { KuafuError, disconnected, refused, unknown } from "./errors.js";
import { Reader } from "./reader.js";
import { PARTS } from "./schema.js";
import { decodeValue, encodeValue } from "./values.js";
import { Writer } from "./writer.js";

const IN_FLIGHT_MAX = 256;

/** The calls of one connection. */
export class Calls {
  #number = 0;
  #waiting = new Map();
  #timers;
  #deadlineMs;

  constructor(timers, deadlineMs) {
    this.#timers = timers;
    this.#deadlineMs = deadlineMs;
  }

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {number} entityId 0 for the own entity
   * @param {import("./schema.js").Method} method
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  start(connection, entityId, method, args) {
    if (connection.closed) return Promise.reject(disconnected("there is no connection to the game just now"));
    if (this.#waiting.size >= IN_FLIGHT_MAX) return Promise.reject(refused(Code.Busy, "too many calls wait for an answer"));
    const body = new Writer();
    try {
      encodeArguments(body, method, args);
    } catch (error) {
      return Promise.reject(error);
    }
    const number = ++this.#number;
    connection.send("Call", {
      number,
      entity: entityId,
      part: PARTS.indexOf(method.part),
      method: method.number,
      arguments: body.finish(),
    });
    return new Promise((resolve, reject) => {
      const timer = this.#timers.set(() => this.#settle(number)?.reject(unknown()), this.#deadlineMs);
      this.#waiting.set(number, { method, resolve, reject, timer });
    });
  }

  #settle(number) {
    const waiting = this.#waiting.get(number);
    if (!waiting) return undefined;
    this.#waiting.delete(number);
    this.#timers.clear(waiting.timer);
    return waiting;
  }

  /** @param {any} message Result */
  finish({ number, outcome }) {
    const waiting = this.#settle(number);
    if (!waiting) return;
    const { result } = waiting.method;
    if (outcome.kind === "value") waiting.resolve(result ? decodeValue(new Reader(outcome.value), result) : undefined);
    else waiting.reject(new KuafuError(outcome.kind, outcome.code, outcome.text));
  }

  /** The connection ended: nobody will answer any more. */
  abandon() {
    for (const number of [...this.#waiting.keys()]) {
      this.#settle(number)?.reject(unknown("the connection broke before the answer; it may have happened"));
    }
  }
}

/**
 * @param {Writer} writer
 * @param {import("./schema.js").Method} method
 * @param {any[]} args
 */
export function encodeArguments(writer, method, args) {
  if (args.length !== method.arguments.length) {
    const names = method.arguments.map(({ name }) => name).join(", ");
    throw refused(Code.ArgumentInvalid, `${method.name}(${names}) was called with ${args.length} arguments`);
  }
  method.arguments.forEach(({ name, type }, index) => encodeValue(writer, type, args[index], name));
}
