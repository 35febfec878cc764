/**
 * The errors that this library throws, emits, and rejects promises with.
 * @module
 */

import { Code, codeName, codeText } from "./codes.js";

/**
 * What went wrong with a call, a login or a connection.
 *
 * `kind` says what the caller may conclude: `"refused"`: it did not happen; `"unknown"`: the answer did not come, it
 * may have happened; `"connection"`: the server could not be reached or the connection ended before the question.
 */
export class KuafuError extends Error {
  /**
   * @param {"refused" | "unknown" | "connection"} kind
   * @param {number} code a number of `Code`, 0 when there is none
   * @param {string} [text] for people; the code's own text when left out
   */
  constructor(kind, code, text) {
    const shown = text || (code ? codeText(code) : "the connection failed");
    super(shown);
    this.kind = kind;
    this.code = code;
    this.name = code ? codeName(code) : "Disconnected";
    this.text = shown;
  }
}

/** A refusal, by the server or, for arguments that cannot be sent, by this library. */
export function refused(code, text) {
  return new KuafuError("refused", code, text);
}

/** No answer came: it may have happened. */
export function unknown(text) {
  return new KuafuError("unknown", Code.DeadlinePassed, text);
}

/** The server could not be reached, or the connection ended. */
export function disconnected(text, code = 0) {
  return new KuafuError("connection", code, text);
}

/** Bytes that do not follow the protocol. The connection that brought them is of no more use. */
export class MalformedError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "MalformedError";
  }
}
