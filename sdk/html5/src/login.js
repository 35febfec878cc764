/**
 * The login server: accounts, roles, the queue, and the ticket to a base.
 *
 * The server closes connections that wait too long; a person at a form often does. So the connection is opened anew
 * when it is next needed, and the login repeated, without anyone noticing.
 * @module
 */

import { Code } from "./codes.js";
import { Connection } from "./connection.js";
import { KuafuError, disconnected } from "./errors.js";
import { Opcode } from "./messages.js";

const ANSWER_MS_MAX = 15000;

/** @typedef {{id: number, name: string, deletedAtMs: number}} Role */
/** @typedef {{id: number, rolesMax: number, roles: Role[]}} Account */

/** One login connection at a time, one request at a time. */
export class LoginSession {
  /** @type {Account | null} */
  account = null;

  #options;
  /** @type {Connection | null} */
  #connection = null;
  #credentials = null;
  #loggedIn = false;
  #turn = Promise.resolve();
  /** @type {{answers: string[], opcode: number, resolve: Function, reject: Function, onQueue?: Function, touch: Function} | null} */
  #pending = null;

  /** @param {object} options what `Connection.open` takes */
  constructor(options) {
    this.#options = options;
  }

  /** Opens the connection, if it is not open. */
  connect() {
    return this.#inTurn(() => this.#open());
  }

  /** @returns {Promise<void>} */
  async register(account, password) {
    await this.#request("Register", { account, password }, ["Registered"]);
  }

  /** @returns {Promise<Account>} */
  async login(account, password) {
    if (this.#loggedIn) this.close();
    this.#credentials = null;
    await this.#request("Login", { account, password }, ["LoggedIn"]);
    this.#credentials = { account, password };
    return this.account;
  }

  /** @returns {Promise<Role[]>} */
  async changeRoles(name, fields) {
    await this.#request(name, fields, ["Roles"]);
    return this.account.roles;
  }

  /**
   * Chooses a role, waits in the queue, and gets the ticket. The connection is then closed.
   * @param {number} role
   * @param {(position: number, length: number) => void} onQueue
   * @returns {Promise<{ticket: Uint8Array, host: string, port: number}>}
   */
  async enter(role, onQueue) {
    const ticket = await this.#request("RoleSelect", { role }, ["Enter"], onQueue);
    this.close();
    return ticket;
  }

  close() {
    this.#connection?.close();
    this.#lost(disconnected("closed by the client"));
  }

  #request(name, fields, answers, onQueue) {
    return this.#inTurn(async () => {
      try {
        return await this.#ask(name, fields, answers, onQueue);
      } catch (error) {
        if (error.code !== Code.Idle) throw error;
        return this.#ask(name, fields, answers, onQueue);
      }
    });
  }

  async #ask(name, fields, answers, onQueue) {
    await this.#open();
    if (this.#credentials && !this.#loggedIn && !["Register", "Login"].includes(name)) {
      await this.#exchange("Login", this.#credentials, ["LoggedIn"]);
    }
    return this.#exchange(name, fields, answers, onQueue);
  }

  #inTurn(work) {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #open() {
    if (this.#connection && !this.#connection.closed) return;
    this.#loggedIn = false;
    const connection = await Connection.open(this.#options);
    connection.onMessage = (message) => this.#receive(message);
    connection.onClose = (error) => this.#lost(error);
    this.#connection = connection;
  }

  #exchange(name, fields, answers, onQueue) {
    const { timers } = this.#options;
    return new Promise((resolve, reject) => {
      let timer = timers.set(() => this.#connection?.fail(disconnected("the login server did not answer in time")), ANSWER_MS_MAX);
      const done = (settle) => (value) => {
        timers.clear(timer);
        this.#pending = null;
        settle(value);
      };
      const touch = () => timers.clear(timer);
      this.#pending = { answers, opcode: Opcode[name], resolve: done(resolve), reject: done(reject), onQueue, touch };
      this.#connection.send(name, fields);
    });
  }

  #receive(message) {
    switch (message.message) {
      case "LoggedIn":
        this.#loggedIn = true;
        this.account = { id: message.account, rolesMax: message.rolesMax, roles: message.roles };
        break;
      case "Roles":
        if (this.account) this.account.roles = message.roles;
        break;
      case "Queue":
        this.#pending?.touch();
        this.#pending?.onQueue?.(message.position, message.length);
        return;
      case "Error":
        this.#pending?.reject(new KuafuError("refused", message.code, message.text));
        return;
    }
    if (this.#pending?.answers.includes(message.message)) this.#pending.resolve(message);
  }

  #lost(error) {
    this.#connection = null;
    this.#loggedIn = false;
    this.#pending?.reject(error);
  }
}
