/**
 * Entities as a game sees them: properties as fields, remote methods as functions, client methods as events. What
 * belongs to a component is found in the component: `entity.stats.hp`, `entity.stats.heal(1)`.
 *
 * The classes are made from the schema, one for each entity type, so that reading a property is a plain getter.
 * @module
 */

import { applyEdit } from "./changes.js";
import { Emitter } from "./emitter.js";
import { decodeValue } from "./values.js";

/**
 * A component of an entity: its properties as fields, its remote methods as functions that return promises.
 *
 * A method that the component has on both parts is found in `entity.base.SLOT` and `entity.cell.SLOT` only, and a
 * member that is called like something every component has (`slot`, `on` …) in `properties` and in these.
 * Events: `"changed" (property, value, before)`, and one of the name of each of its client methods.
 */
export class Component extends Emitter {
  /**
   * @param {Entity} entity
   * @param {string} slot
   */
  constructor(entity, slot) {
    super();
    /** Whose it is. */
    this.entity = entity;
    /** The name under which the entity has it. */
    this.slot = slot;
    const { properties, methods, components } = entity.entityType;
    /** The name of its type. */
    this.type = components.get(slot) ?? slot;
    for (const property of properties.values()) {
      if (property.slot !== slot || property.member in this) continue;
      Object.defineProperty(this, property.member, { get: () => entity.values.get(property.name), enumerable: true });
    }
    const remote = [...methods.values()].filter((method) => method.slot === slot && method.part !== "client");
    for (const { member, part } of remote) {
      const isOnce = remote.filter((other) => other.member === member).length === 1;
      if (isOnce && !(member in this)) Object.defineProperty(this, member, { value: entity[part][slot][member] });
    }
  }

  /** Its properties as a plain object. */
  get properties() {
    const own = [...this.entity.entityType.properties.values()].filter(({ slot }) => slot === this.slot);
    return Object.fromEntries(own.map(({ member, name }) => [member, this.entity.values.get(name)]));
  }
}

/**
 * An entity in view, or the own one.
 *
 * Events: `"changed" (property, value, before)`, `"leave" ()`, and one of the name of each client method; those of
 * components are called `slot.name`, and the component tells them too.
 */
export class Entity extends Emitter {
  /** Those that were asked for. @type {Map<string, Component>} */
  #components = new Map();

  /**
   * @param {import("./schema.js").EntityType} entityType
   * @param {number} id
   * @param {(entity: Entity, method: import("./schema.js").Method, args: any[]) => Promise<any>} call
   */
  constructor(entityType, id, call) {
    super();
    this.entityType = entityType;
    /** The id, below 2^53. */
    this.id = id;
    /** Whether it has left the view. */
    this.gone = false;
    /** @type {Map<string, any>} */
    this.values = new Map();
    for (const property of entityType.properties.values()) this.values.set(property.name, property.default);
    /** Where it was last told to be, and where to draw it. @type {import("./interpolation.js").Track | null} */
    this.track = null;
    /** Methods of the base part: `entity.base.buy(3)` is a promise. */
    this.base = remotePart(this, "base", call);
    /** Methods of the cell part. */
    this.cell = remotePart(this, "cell", call);
  }

  /** The name of the type. */
  get type() {
    return this.entityType.name;
  }

  /**
   * Whether it is of a type, or of one that inherits from it.
   * @param {string} type
   */
  is(type) {
    return this.type === type || this.entityType.parents.includes(type);
  }

  /**
   * The component in a slot; a field of the slot's name gives the same.
   * @param {string} slot
   * @returns {Component | undefined}
   */
  component(slot) {
    let component = this.#components.get(slot);
    if (!component && slotsOf(this.entityType).has(slot)) {
      component = new Component(this, slot);
      this.#components.set(slot, component);
    }
    return component;
  }

  /** Where to draw it, in metres; as of the last `world.update`. */
  get position() {
    return this.track?.shown ?? null;
  }

  /** Where to let it look, in radians. */
  get yaw() {
    return this.track?.shown.yaw ?? 0;
  }

  /** All properties as a plain object. */
  get properties() {
    return Object.fromEntries(this.values);
  }

  /**
   * A snapshot: tells of what differs.
   * @param {[import("./schema.js").Property, any][]} properties
   * @param {boolean} silent whether nobody can have seen the entity before
   */
  applyProperties(properties, silent = false) {
    for (const [property, value] of properties) this.#set(property, value, silent);
  }

  /** @param {import("./changes.js").Change[]} changes */
  applyChanges(changes) {
    for (const { property, steps, edit, value } of changes) {
      this.#set(property, applyEdit(property.type, this.values.get(property.name), steps, edit, value), false);
    }
  }

  #set(property, value, silent) {
    const before = this.values.get(property.name);
    this.values.set(property.name, value);
    if (silent || before === value) return;
    this.emit("changed", property.name, value, before);
    this.#components.get(property.slot)?.emit("changed", property.member, value, before);
  }

  /**
   * A method of the client part was called.
   * @param {number} number of the method
   * @param {import("./reader.js").Reader} reader at the arguments
   * @returns {{name: string, args: any[]}}
   */
  receiveCall(number, reader) {
    const method = this.entityType.method(number);
    const args = method.arguments.map(({ type }) => decodeValue(reader, type));
    this.emit(method.name, ...args);
    this.#components.get(method.slot)?.emit(method.member, ...args);
    return { name: method.name, args };
  }
}

function remotePart(entity, part, call) {
  const methods = {};
  for (const method of entity.entityType.methods.values()) {
    if (method.part !== part) continue;
    if (method.slot !== null && !Object.hasOwn(methods, method.slot)) methods[method.slot] = {};
    const target = method.slot === null ? methods : methods[method.slot];
    target[method.member] = (...args) => call(entity, method, filledIn(method, args));
  }
  for (const slot of slotsOf(entity.entityType)) if (Object.hasOwn(methods, slot)) Object.freeze(methods[slot]);
  return Object.freeze(methods);
}

/** The arguments, and the defaults of those at the end that were left out. */
function filledIn(method, args) {
  const filled = [...args];
  while (filled.length < method.arguments.length && method.arguments[filled.length].default !== undefined) {
    filled.push(method.arguments[filled.length].default);
  }
  return filled;
}

/** @type {WeakMap<import("./schema.js").EntityType, Set<string>>} */
const SLOTS = new WeakMap();

/** The slots of the components that have anything for clients. */
function slotsOf(entityType) {
  let slots = SLOTS.get(entityType);
  if (!slots) {
    const members = [...entityType.properties.values(), ...entityType.methods.values()];
    slots = new Set(members.map(({ slot }) => slot).filter((slot) => slot !== null));
    SLOTS.set(entityType, slots);
  }
  return slots;
}

/** @type {WeakMap<import("./schema.js").EntityType, typeof Entity>} */
const CLASSES = new WeakMap();

/**
 * The class of a type: an Entity whose properties and components can be read as fields. A property or component that is called like something
 * an entity has anyway (`id`, `type`, `on` …) is found in `properties` or by `component(slot)` only.
 * @param {import("./schema.js").EntityType} entityType
 * @returns {typeof Entity}
 */
export function classOf(entityType) {
  let made = CLASSES.get(entityType);
  if (made) return made;
  made = class extends Entity {};
  const taken = new Set(["id", "gone", "values", "track", "base", "cell", "entityType", "client"]);
  for (const { name } of entityType.properties.values()) {
    if (taken.has(name) || name in Entity.prototype) continue;
    Object.defineProperty(made.prototype, name, {
      get() {
        return this.values.get(name);
      },
      enumerable: true,
    });
  }
  for (const slot of slotsOf(entityType)) {
    if (taken.has(slot) || slot in Entity.prototype) continue;
    Object.defineProperty(made.prototype, slot, {
      get() {
        return this.component(slot);
      },
      enumerable: true,
    });
  }
  CLASSES.set(entityType, made);
  return made;
}
