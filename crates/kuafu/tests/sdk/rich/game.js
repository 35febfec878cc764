/**
 * Made by `kuafu sdk rich --lang ts` from definitions with the client digest 1adc4eaefd7ac0b8b8edd35d2a595cc1. Make it again; do not edit.
 * @module
 */

/** The client digest of these definitions. */
export const DIGEST = "1adc4eaefd7ac0b8b8edd35d2a595cc1";

/** The variants of Mood in the declared order. */
export const Mood = Object.freeze(["calm", "very_merry"]);

/** @param {string} name */
function entityType(name) {
    const is = (entity) => entity?.type === name;
    const among = (world) => [...world.entities.values()].filter(is);
    const handle = (world, handlers) => world.on("call", (entity, method, args) => {
        if (is(entity) && Object.hasOwn(handlers, method)) handlers[method](entity, ...args);
    });
    return Object.freeze({ name, is, among, handle });
}

/** The entity type `hero`. @type {import("./game.js").HeroType} */
export const Hero = entityType("hero");

/** The entity type `item`. @type {import("./game.js").ItemEntityType} */
export const ItemEntity = entityType("item");
