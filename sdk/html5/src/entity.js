/**
 * Entities as a game sees them: properties as fields, remote methods as functions, client methods as events.
 *
 * The classes are made from the schema, one for each entity type, so that reading a property is a plain getter.
 * @module
 */

import { applyEdit } from "./changes.js";
import { Emitter } from "./emitter.js";
import { decodeValue } from "./values.js";

/**
 * An entity in view, or the own one.
 *
 * Events: `"changed" (property, value, before)`, `"leave" ()`, and one of the name of each client method.
 */
export class Entity extends Emitter {
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
    if (!silent && before !== value) this.emit("changed", property.name, value, before);
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
    return { name: method.name, args };
  }
}

function remotePart(entity, part, call) {
  const methods = {};
  for (const method of entity.entityType.methods.values()) {
    if (method.part === part) methods[method.name] = (...args) => call(entity, method, args);
  }
  return Object.freeze(methods);
}

/** @type {WeakMap<import("./schema.js").EntityType, typeof Entity>} */
const CLASSES = new WeakMap();

/**
 * The class of a type: an Entity whose properties can be read as fields. A property that is called like something
 * an entity has anyway (`id`, `type`, `on` …) is found in `properties` only.
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
  CLASSES.set(entityType, made);
  return made;
}
