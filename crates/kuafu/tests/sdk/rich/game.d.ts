/** Made by `kuafu sdk rich --lang ts` from definitions with the client digest 1adc4eaefd7ac0b8b8edd35d2a595cc1. Make it again; do not edit. */

import type { Component, Entity, World } from "/sdk/kuafu.js";

/** The client digest of these definitions. */
export const DIGEST: "1adc4eaefd7ac0b8b8edd35d2a595cc1";

/** The id of an entity. */
export type Id<_Of extends Entity = Entity> = number;
/** An entity as an argument: itself or its id. */
export type Ref<Of extends Entity = Entity> = number | Of;
export interface Vec2 { readonly x: number; readonly y: number }
export interface Vec3 extends Vec2 { readonly z: number }
export interface Vec4 extends Vec3 { readonly w: number }

export type Mood = "calm" | "very_merry";
export const Mood: readonly ["calm", "very_merry"];

export interface Item {
    readonly mood: Mood;
    readonly type: string;
    readonly weights: readonly number[];
    readonly owner: Id;
    readonly at: Vec3;
    readonly serial: bigint;
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

export interface HeroPetProperties {
    readonly hp: number;
}

export interface HeroPet extends Component {
    readonly properties: HeroPetProperties;
    /** What is left. */
    readonly hp: number;
    heal(by: number): Promise<void>;
}

export interface HeroStatsProperties {
    readonly hp: number;
}

export interface HeroStats extends Component {
    readonly properties: HeroStatsProperties;
    /** What is left. */
    readonly hp: number;
    heal(by: number): Promise<void>;
}

export interface HeroProperties {
    readonly face: Uint8Array;
    readonly marks: ReadonlyMap<Mood, readonly Item[]>;
    readonly position: Vec2;
    readonly scores: ReadonlyMap<Id, number>;
    readonly total: bigint;
    readonly "pet.hp": number;
    readonly "stats.hp": number;
}

/** What a player plays. */
export interface Hero extends Entity {
    readonly type: "hero";
    readonly properties: HeroProperties;
    readonly base: HeroBase;
    readonly cell: HeroCell;
    readonly pet: HeroPet;
    readonly stats: HeroStats;
    readonly face: Uint8Array;
    readonly marks: ReadonlyMap<Mood, readonly Item[]>;
    readonly scores: ReadonlyMap<Id, number>;
    readonly total: bigint;
}

/** Methods of its base part that clients may call. */
export type HeroBase = {
    /** Gives something away. */
    give(to: Ref<Hero>, match: Item, note?: string): Promise<ReadonlyMap<string, number>>;
};

/** Methods of its cell part that clients may call. */
export type HeroCell = {
    poke(others: readonly Ref<ItemEntity>[], serial: bigint | number): Promise<Vec4>;
    readonly pet: {
        heal(by: number): Promise<void>;
    };
    readonly stats: {
        heal(by: number): Promise<void>;
    };
};

/** What to do when the server calls client methods; the entity comes first. */
export interface HeroHandlers {
    told?(entity: Hero, entity_: Id, loud: boolean): void;
    "pet.healed"?(entity: Hero, by: number): void;
    "stats.healed"?(entity: Hero, by: number): void;
}

export type HeroType = EntityType<Hero, HeroHandlers>;
export const Hero: HeroType;

export interface ItemEntityProperties {
    readonly of: Item;
}

/** Lies about. */
export interface ItemEntity extends Entity {
    readonly type: "item";
    readonly properties: ItemEntityProperties;
    readonly base: ItemEntityBase;
    readonly cell: ItemEntityCell;
    readonly of: Item;
}

/** Methods of its base part that clients may call. */
export type ItemEntityBase = {
};

/** Methods of its cell part that clients may call. */
export type ItemEntityCell = {
};

/** What to do when the server calls client methods; the entity comes first. */
export interface ItemEntityHandlers {
}

export type ItemEntityType = EntityType<ItemEntity, ItemEntityHandlers>;
export const ItemEntity: ItemEntityType;
