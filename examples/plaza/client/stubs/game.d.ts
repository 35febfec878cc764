/** Made by `kuafu sdk plaza --lang ts` from definitions with the client digest 052891672eaaa02c94992993a45128f6. Make it again; do not edit. */

import type { Component, Entity, World } from "/sdk/kuafu.js";

/** The client digest of these definitions. */
export const DIGEST: "052891672eaaa02c94992993a45128f6";

/** The id of an entity. */
export type Id<_Of extends Entity = Entity> = number;
/** An entity as an argument: itself or its id. */
export type Ref<Of extends Entity = Entity> = number | Of;
export interface Vec2 { readonly x: number; readonly y: number }
export interface Vec3 extends Vec2 { readonly z: number }
export interface Vec4 extends Vec3 { readonly w: number }

export type Kind = "flower" | "gem" | "hat" | "lantern" | "apple" | "book";
export const Kind: readonly ["flower", "gem", "hat", "lantern", "apple", "book"];

export interface Item {
    readonly kind: Kind;
    readonly hue: number;
}

/** What can be done with the entities of a type. */
export interface EntityType<E extends Entity, Handlers> {
    /** The name in the definitions. */
    readonly name: string;
    /** Whether an entity is of the type. */
    is(entity: Entity | null | undefined): entity is E;
    /** Those in view, without the own entity. */
    among(world: World): E[];
    /** Has client methods handled, of the own entity too. Gives a function that ends it. */
    handle(world: World, handlers: Handlers): () => void;
}

export interface AvatarProperties {
    readonly bag: readonly Item[];
    readonly gold: number;
    readonly hue: number;
    readonly name: string;
}

export interface Avatar extends Entity {
    readonly type: "avatar";
    readonly properties: AvatarProperties;
    readonly base: AvatarBase;
    readonly cell: AvatarCell;
    readonly bag: readonly Item[];
    readonly gold: number;
    /** The colour of the clothes, in degrees. */
    readonly hue: number;
    readonly name: string;
}

/** Methods of its base part that clients may call. */
export type AvatarBase = {
    /** Adds gold and answers the new sum once it is saved. */
    deposit(amount: number): Promise<number>;
    /** Lays a thing from the bag down where the avatar stands. */
    drop(index: number): Promise<boolean>;
    set_hue(hue: number): Promise<void>;
};

/** Methods of its cell part that clients may call. */
export type AvatarCell = {
    /** Takes a thing within 3 metres. False when another was quicker. */
    pick(thing: Ref): Promise<boolean>;
    /** Heard within 20 metres. */
    say(text: string): Promise<void>;
    /** Heard within 60 metres. */
    shout(text: string): Promise<void>;
    /** Seen by all who have this avatar in view. */
    wave(): Promise<void>;
};

/** What to do when the server calls client methods; the entity comes first. */
export interface AvatarHandlers {
    heard?(entity: Avatar, text: string, loud: boolean): void;
    waved?(entity: Avatar): void;
}

export type AvatarType = EntityType<Avatar, AvatarHandlers>;
export const Avatar: AvatarType;

export interface ThingProperties {
    readonly hue: number;
    readonly kind: Kind;
}

export interface Thing extends Entity {
    readonly type: "thing";
    readonly properties: ThingProperties;
    readonly base: ThingBase;
    readonly cell: ThingCell;
    readonly hue: number;
    readonly kind: Kind;
}

/** Methods of its base part that clients may call. */
export type ThingBase = {
};

/** Methods of its cell part that clients may call. */
export type ThingCell = {
};

/** What to do when the server calls client methods; the entity comes first. */
export interface ThingHandlers {
}

export type ThingType = EntityType<Thing, ThingHandlers>;
export const Thing: ThingType;

export interface WispProperties {
    readonly hue: number;
    readonly startled: boolean;
}

export interface Wisp extends Entity {
    readonly type: "wisp";
    readonly properties: WispProperties;
    readonly base: WispBase;
    readonly cell: WispCell;
    readonly hue: number;
    readonly startled: boolean;
}

/** Methods of its base part that clients may call. */
export type WispBase = {
};

/** Methods of its cell part that clients may call. */
export type WispCell = {
};

/** What to do when the server calls client methods; the entity comes first. */
export interface WispHandlers {
}

export type WispType = EntityType<Wisp, WispHandlers>;
export const Wisp: WispType;
