/** Virtual time and a fake WebSocket in front of the fake server: a whole session in a test, in no time. */

import { Kuafu } from "../kuafu.js";
import { FakeServer } from "./fake_server.mjs";

/** Time that passes only when told to. */
export class FakeTimers {
  #now = 0;
  #timers = new Map();
  #ids = 0;

  now = () => this.#now;
  random = () => 0.5;
  set = (run, ms) => {
    this.#timers.set(++this.#ids, { run, at: this.#now + ms });
    return this.#ids;
  };
  clear = (id) => this.#timers.delete(id);

  /** Lets time pass, runs what comes due, and lets promises settle in between. */
  async pass(ms) {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const [next] = [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0]);
      if (!next) break;
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].run();
    }
    this.#now = end;
    await settle();
  }
}

/** Promises settle before this resolves. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A client, its server, and the network between, with faults to order. */
export class FakeWorld {
  timers = new FakeTimers();
  server = new FakeServer();
  sockets = [];
  /** Addresses that were connected to. */
  urls = [];
  /** Whether the server can be reached. */
  reachable = true;
  /** Milliseconds that each way takes. */
  delayMs = 5;
  /** Events of the client, by name. */
  events = [];

  constructor(options = {}) {
    const world = this;
    this.WebSocket = class {
      constructor(url) {
        world.urls.push(url);
        world.#connect(this);
      }
    };
    this.client = new Kuafu({ login: "ws://play.example:7000", WebSocket: this.WebSocket, timers: this.timers, ...options });
    for (const event of ["queue", "correct", "disconnect", "reconnecting", "reconnected", "kicked", "error"]) {
      this.client.on(event, (...args) => this.events.push([event, ...args]));
    }
  }

  #connect(socket) {
    const later = (run) => this.timers.set(run, this.delayMs);
    Object.assign(socket, { readyState: 0, bufferedAmount: 0 });
    let server = null;
    const shut = () => {
      if (socket.readyState === 3) return;
      socket.readyState = 3;
      if (server) this.server.connections.delete(server);
      later(() => socket.onclose?.());
    };
    socket.close = shut;
    socket.drop = shut;
    socket.send = (bytes) => later(() => socket.readyState === 1 && server.receive(bytes));
    this.sockets.push(socket);
    later(() => {
      if (!this.reachable) return shut();
      socket.readyState = 1;
      server = this.server.accept((bytes) => later(() => socket.onmessage?.({ data: bytes.slice().buffer })), () => later(shut));
      socket.server = server;
      socket.onopen?.();
    });
  }

  /** Breaks every connection. */
  breakConnections() {
    for (const socket of this.sockets) socket.drop();
  }

  /** The socket that carries the game. */
  get game() {
    return this.sockets.findLast((socket) => socket.readyState === 1 && socket.server?.player);
  }

  /** Runs a promise to its end while time passes. */
  async finish(promise, mostMs = 60000) {
    let ended = false;
    const outcome = promise.then((value) => ({ value }), (error) => ({ error }));
    outcome.then(() => (ended = true));
    for (let passed = 0; !ended && passed < mostMs; passed += 10) await this.timers.pass(10);
    if (!ended) throw new Error(`nothing came of it within ${mostMs} ms`);
    const { value, error } = await outcome;
    if (error) throw error;
    return value;
  }

  /** Registers, logs in, makes a role and enters. */
  async enter(name = "ada") {
    await this.finish(this.client.register(name, "secret"));
    await this.finish(this.client.login(name, "secret"));
    const [role] = await this.finish(this.client.createRole(name));
    const me = await this.finish(this.client.enter(role.id));
    await this.ticks(3);
    return me;
  }

  /** Server ticks of 100 ms; the world is drawn after each. */
  async ticks(count) {
    for (let tick = 0; tick < count; tick++) {
      this.server.tick(100);
      await this.timers.pass(100);
      this.client.world.update(this.timers.now());
    }
  }

  /** The events of one name. */
  of(name) {
    return this.events.filter(([event]) => event === name).map(([, ...args]) => args);
  }
}
