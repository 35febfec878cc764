/**
 * Made by `kuafu sdk plaza --lang ts` from definitions with the client digest 052891672eaaa02c94992993a45128f6. Make it again; do not edit.
 * @module
 */

/** The client digest of these definitions. */
export const DIGEST = "052891672eaaa02c94992993a45128f6";

/** The variants of Kind in the declared order. */
export const Kind = Object.freeze(["flower", "gem", "hat", "lantern", "apple", "book"]);

/** @param {string} name */
function entityType(name) {
    const is = (entity) => entity?.type === name;
    const among = (world) => [...world.entities.values()].filter(is);
    const handle = (world, handlers) => world.on("call", (entity, method, args) => {
        if (is(entity) && Object.hasOwn(handlers, method)) handlers[method](entity, ...args);
    });
    return Object.freeze({ name, is, among, handle });
}

/** The entity type `avatar`. @type {import("./game.js").AvatarType} */
export const Avatar = entityType("avatar");

/** The entity type `thing`. @type {import("./game.js").ThingType} */
export const Thing = entityType("thing");

/** The entity type `wisp`. @type {import("./game.js").WispType} */
export const Wisp = entityType("wisp");
