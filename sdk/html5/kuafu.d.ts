/** Types of Kuafu for browsers. Games may describe their own entities and pass them as type arguments. */

export interface Place {
  x: number;
  y: number;
  z: number;
  /** Radians; 0 looks along +z, a quarter turn along +x. */
  yaw: number;
}

export interface Role {
  id: number;
  name: string;
  /** Milliseconds since 1970 at which it is deleted for good, or 0. */
  deletedAtMs: number;
}

export interface Account {
  id: number;
  /** Most roles that the account may have. */
  rolesMax: number;
  roles: Role[];
}

export interface Space {
  id: number;
  name: string;
  least: { x: number; z: number };
  greatest: { x: number; z: number };
  tickHz: number;
  /** Metres. */
  viewRadius: number;
  /** Of the own entity, in m/s; 0 is no limit. */
  topSpeed: number;
}

/** `refused`: it did not happen. `unknown`: it may have. `connection`: it was not even asked. */
export type ErrorKind = "refused" | "unknown" | "connection";

export class KuafuError extends Error {
  constructor(kind: ErrorKind, code: number, text?: string);
  readonly kind: ErrorKind;
  /** A number of `Code`; 0 when there is none. */
  readonly code: number;
  /** The code's name, such as `NameTaken`; `Disconnected` without a code. */
  readonly name: string;
  /** For people. */
  readonly text: string;
}

/** The number of each error code by its name. */
export const Code: Readonly<Record<string, number>>;
export function codeName(number: number): string;
export function codeText(number: number): string;

/** A remote method: resolves with the result, or rejects with a KuafuError. Last arguments with a default may be left out. */
export type RemoteCall = (...args: any[]) => Promise<any>;

/**
 * Remote methods by name, each a `RemoteCall`; those of a component under its slot: `entity.cell.stats.heal(1)`. Stubs that
 * `kuafu sdk` makes know them one by one.
 */
export type Remote = Readonly<Record<string, any>>;

type Stop = () => void;

/** A component of an entity. Its properties are fields, its remote methods functions; its client methods are events. */
export class Component {
  /** Whose it is. */
  readonly entity: Entity;
  /** The name under which the entity has it. */
  readonly slot: string;
  /** Name of the component's type. */
  readonly type: string;
  readonly properties: Record<string, any>;
  readonly [member: string]: any;
  on(event: "changed", listener: (property: string, value: any, before: any) => void): Stop;
  on(clientMethod: string, listener: (...args: any[]) => void): Stop;
  once(event: string, listener: (...args: any[]) => void): Stop;
  off(event: string, listener: Function): void;
}

/** An entity in view, or the own one. Its properties and components are fields; methods of its client part are events. */
export class Entity {
  readonly id: number;
  /** Name of the type. */
  readonly type: string;
  /** Where to draw it, as of the last `world.update`. */
  readonly position: Readonly<Place> | null;
  readonly yaw: number;
  /** Whether it has left the view. */
  readonly gone: boolean;
  readonly properties: Record<string, any>;
  readonly base: Remote;
  readonly cell: Remote;
  /** Whether it is of a type, or of one that inherits from it. */
  is(type: string): boolean;
  /** The component in a slot; the field of the slot's name gives the same. */
  component(slot: string): Component | undefined;
  readonly [property: string]: any;
  on(event: "changed", listener: (property: string, value: any, before: any) => void): Stop;
  on(event: "leave", listener: () => void): Stop;
  on(clientMethod: string, listener: (...args: any[]) => void): Stop;
  once(event: string, listener: (...args: any[]) => void): Stop;
  off(event: string, listener: Function): void;
}

/** What the own entity sees. */
export class World {
  /** Everything in view but the own entity. */
  readonly entities: ReadonlyMap<number, Entity>;
  readonly space: Space | null;
  /** How far in the past others are drawn, in milliseconds. */
  readonly delayMs: number;
  /** An entity in view, or the own one. */
  get(id: number): Entity | undefined;
  /** Moves everything to where it is to be drawn; once before each drawing. */
  update(now?: number): void;
  on(event: "enter" | "leave", listener: (entity: Entity) => void): Stop;
  on(event: "changed", listener: (entity: Entity, property: string, value: any, before: any) => void): Stop;
  on(event: "call", listener: (entity: Entity, method: string, args: any[]) => void): Stop;
  on(event: "space", listener: (space: Space | null) => void): Stop;
  once(event: string, listener: (...args: any[]) => void): Stop;
  off(event: string, listener: Function): void;
}

export interface Timers {
  now(): number;
  set(run: () => void, ms: number): any;
  clear(timer: any): void;
  random(): number;
}

export interface KuafuOptions {
  /** Address of the login server, `ws://host:port` or `wss://host:port`. */
  login: string;
  clientName?: string;
  /** How long a call waits for its answer; 10 s. */
  callDeadlineMs?: number;
  /** Limits of coming back by itself, or false not to. */
  reconnect?: false | { attemptsMax?: number; firstMs?: number; mostMs?: number };
  WebSocket?: any;
  timers?: Timers;
}

/** One player at one game. */
export class Kuafu {
  constructor(options: KuafuOptions);
  readonly state: "out" | "entering" | "playing" | "reconnecting";
  readonly connected: boolean;
  readonly world: World;
  readonly me: Entity | null;
  readonly space: Space | null;
  readonly account: Account | null;
  /** Milliseconds there and back. */
  readonly latency: number | null;
  /** The server's space time now, in milliseconds. */
  readonly spaceTimeMs: number | null;
  /** Where the own entity is: compute the next move from here, and draw it at `me.position`. */
  readonly predicted: Place;

  connect(): Promise<void>;
  register(name: string, password: string): Promise<void>;
  login(name: string, password: string): Promise<Account>;
  createRole(name: string): Promise<Role[]>;
  deleteRole(role: number): Promise<Role[]>;
  restoreRole(role: number): Promise<Role[]>;
  enter<Own extends Entity = Entity>(role: number, options?: { onQueue?: (position: number, length: number) => void }): Promise<Own>;
  /** Moves the own entity: shown at once, sent at the tick rate. Metres and radians. */
  move(x: number, y: number, z: number, yaw: number): void;
  /** Leaves on purpose; ends when the server has saved. */
  leave(): Promise<void>;
  /** Ends at once, without a farewell. */
  close(): void;

  on(event: "queue", listener: (position: number, length: number) => void): Stop;
  on(event: "correct", listener: (correction: { position: { x: number; y: number; z: number }; code: number; codeName: string; distance: number }) => void): Stop;
  on(event: "reconnecting", listener: (attempt: { attempt: number; inMs: number; error: KuafuError }) => void): Stop;
  on(event: "reconnected", listener: (how: { resumed: boolean }) => void): Stop;
  on(event: "disconnect" | "kicked" | "error", listener: (error: KuafuError) => void): Stop;
  once(event: string, listener: (...args: any[]) => void): Stop;
  off(event: string, listener: Function): void;
}
