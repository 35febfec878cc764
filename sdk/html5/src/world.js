/**
 * The world in view: applies frames and keeps the entities that the own one sees.
 *
 * Events: `"enter" (entity)`, `"leave" (entity)`, `"changed" (entity, property, value, before)`,
 * `"call" (entity, method, args)`, `"space" (space | null)`.
 * @module
 */

import { decodeChanges, decodeProperties } from "./changes.js";
import { Emitter } from "./emitter.js";
import { classOf } from "./entity.js";
import { MalformedError } from "./errors.js";
import { decodeFrame } from "./frame.js";
import { PlaybackClock, Track } from "./interpolation.js";
import { Reader } from "./reader.js";

/** What others are expected to move at most when nothing better is known, in m/s. */
const SPEED_USUAL = 6;
const OWN_SLOT = 0;

/** @typedef {import("./entity.js").Entity} Entity */

/** The entities in view, by id. */
export class World extends Emitter {
  /** Everything in view but the own entity. @type {Map<number, Entity>} */
  entities = new Map();
  /** The own entity. @type {Entity | null} */
  me = null;
  /** The space that the own entity is in. @type {any} */
  space = null;
  /** Sequence of the newest frame that was applied. */
  sequence = 0;
  /** Frames applied since the space was entered. */
  frames = 0;

  #timers;
  #call;
  #prediction;
  #schema = null;
  #lattice = { origin: [0, 0, 0], step: [1, 1, 1] };
  #clock = new PlaybackClock();
  /** @type {Map<number, Entity>} */
  #slots = new Map();
  #updatedMs = null;

  constructor(timers, call, prediction) {
    super();
    this.#timers = timers;
    this.#call = call;
    this.#prediction = prediction;
  }

  /** How far behind the newest frame others are drawn, in milliseconds. */
  get delayMs() {
    return this.#clock.delayMs;
  }

  /** The entity of an id: one in view, or the own one. */
  get(id) {
    return this.me?.id === id ? this.me : this.entities.get(id);
  }

  /**
   * Moves everything to where it is to be drawn. Call it once before each drawing.
   * @param {number} [now] the browser's time (`performance.now()`)
   */
  update(now = this.#timers.now()) {
    const passedMs = this.#updatedMs === null ? 0 : Math.max(0, now - this.#updatedMs);
    this.#updatedMs = now;
    const playbackMs = this.#clock.at(now);
    for (const entity of this.entities.values()) entity.track?.draw(playbackMs, this.#clock.newestMs, passedMs);
    if (this.me?.track) Object.assign(this.me.track.shown, this.#prediction.shown(now));
  }

  /**
   * The connection was attached: the own entity is this. The same object stays as long as the type does.
   * @param {import("./schema.js").Schema} schema
   * @param {any} attached
   */
  attach(schema, attached) {
    if (this.space) this.leaveSpace();
    this.sequence = 0;
    this.clear();
    this.#schema = schema;
    const entityType = schema.type(attached.typeNo);
    const isNew = this.me?.entityType !== entityType;
    if (isNew) {
      const OwnEntity = classOf(entityType);
      const me = (this.me = new OwnEntity(entityType, attached.entity, this.#call));
      me.on("changed", (...change) => this.emit("changed", me, ...change));
    }
    this.me.id = attached.entity;
    this.me.applyProperties(decodeProperties(new Reader(attached.properties), entityType), isNew);
  }

  /**
   * A message about the world or the own entity; others are passed over.
   * @param {any} message
   */
  receive(message) {
    switch (message.message) {
      case "Frame": return this.#applyFrame(message.body);
      case "Own": return this.#own().applyChanges(decodeChanges(new Reader(message.changes), this.#own().entityType));
      case "CallClient": return this.#deliverCall(this.#own(), message.method, new Reader(message.arguments));
      case "SpaceEnter": return this.#enterSpace(message);
      case "SpaceLeave": return this.leaveSpace();
    }
  }

  #own() {
    if (!this.me) throw new MalformedError("there is no own entity yet");
    return this.me;
  }

  #enterSpace(message) {
    this.clear();
    const tickMs = 1000 / Math.max(1, message.tickHz);
    const [x, y, z] = message.position;
    const place = { x, y, z, yaw: message.yaw };
    this.#clock = new PlaybackClock(tickMs);
    this.space = {
      id: message.space,
      name: message.name,
      least: { x: message.least[0], z: message.least[1] },
      greatest: { x: message.greatest[0], z: message.greatest[1] },
      tickHz: message.tickHz,
      viewRadius: message.viewRadius,
      topSpeed: message.topSpeed,
    };
    this.#lattice = { origin: message.origin, step: message.step };
    this.#prediction.intervalMs = tickMs;
    this.#prediction.put(place);
    this.#own().track = new Track(place, 0);
    this.frames = 0;
    this.emit("space", this.space);
  }

  leaveSpace() {
    this.clear();
    this.space = null;
    if (this.me) this.me.track = null;
    this.emit("space", null);
  }

  /** Empties the view. */
  clear() {
    for (const slot of [...this.#slots.keys()]) this.#leave(slot);
  }

  #applyFrame(body) {
    const frame = decodeFrame(new Reader(body));
    if (!this.space) throw new MalformedError("a frame came outside any space");
    this.#clock.observe(frame.spaceTimeMs, this.#timers.now());
    this.sequence = frame.sequence;
    this.frames++;
    for (const slot of frame.leaves) this.#leave(slot);
    for (const enter of frame.enters) this.#enter(enter, frame.spaceTimeMs);
    for (const { slot, record } of frame.moves) this.#move(slot, record, frame.spaceTimeMs);
    for (const { slot, changes } of frame.states) {
      const entity = this.#inSlot(slot);
      entity.applyChanges(decodeChanges(new Reader(changes), entity.entityType));
    }
    for (const { slot, body: call } of frame.calls) {
      const reader = new Reader(call);
      this.#deliverCall(this.#inSlot(slot), reader.varint(), reader);
    }
  }

  #inSlot(slot) {
    const entity = slot === OWN_SLOT ? this.me : this.#slots.get(slot);
    if (!entity) throw new MalformedError(`slot ${slot} is empty`);
    return entity;
  }

  #enter(enter, spaceTimeMs) {
    const entityType = this.#schema.type(enter.type);
    const properties = decodeProperties(new Reader(enter.properties), entityType);
    if (enter.slot === OWN_SLOT) {
      this.#own().applyProperties(properties);
      return this.#prediction.moved(this.#placeOf(enter.record));
    }
    this.#leave(enter.slot);
    const EntityOfType = classOf(entityType);
    const entity = new EntityOfType(entityType, enter.entity, this.#call);
    entity.applyProperties(properties, true);
    entity.track = new Track(this.#placeOf(enter.record), spaceTimeMs);
    entity.on("changed", (...change) => this.emit("changed", entity, ...change));
    this.#slots.set(enter.slot, entity);
    this.entities.set(entity.id, entity);
    this.emit("enter", entity);
  }

  #leave(slot) {
    const entity = this.#slots.get(slot);
    if (!entity) return;
    this.#slots.delete(slot);
    if (this.entities.get(entity.id) === entity) this.entities.delete(entity.id);
    entity.gone = true;
    entity.emit("leave");
    this.emit("leave", entity);
  }

  #move(slot, record, spaceTimeMs) {
    const place = this.#placeOf(record);
    if (slot === OWN_SLOT) return this.#prediction.moved(place);
    const speed = Math.max(SPEED_USUAL, this.space.topSpeed || 0);
    this.#inSlot(slot).track.push(place, spaceTimeMs, this.#clock.tickMs, speed);
  }

  #placeOf(record) {
    const { origin, step } = this.#lattice;
    return {
      x: origin[0] + step[0] * record.x,
      y: origin[1] + step[1] * record.y,
      z: origin[2] + step[2] * record.z,
      yaw: (record.yaw / 256) * Math.PI * 2,
    };
  }

  #deliverCall(entity, method, reader) {
    const { name, args } = entity.receiveCall(method, reader);
    this.emit("call", entity, name, args);
  }
}
