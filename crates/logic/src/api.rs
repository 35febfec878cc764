//! The script API, declared once: the binding registers these, and the reference page is made from them.

/// Where a function is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// In the table `kuafu`.
    Global,
    /// On `self`, in both parts.
    Entity,
    /// On `self`, in base parts.
    Base,
    /// On `self`, in cell parts.
    Cell,
    /// A value on `self`, in both parts.
    EntityField,
    /// A value on `self`, in cell parts.
    CellField,
}

/// One function or field of the API.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub on: On,
    /// Luau signature: arguments and result.
    pub signature: &'static str,
    /// What it does, its units, its errors.
    pub doc: &'static str,
}

const fn entry(on: On, name: &'static str, signature: &'static str, doc: &'static str) -> Entry {
    Entry { name, on, signature, doc }
}

/// Everything that scripts can use of the engine.
pub const TABLE: &[Entry] = &[
    entry(
        On::Global,
        "log",
        "(level: string, message: string, fields: {[string]: any}?) -> ()",
        "Logs with the entity's id and type. Levels: debug, info, warn, error.",
    ),
    entry(On::Global, "now", "() -> number", "Space time in seconds in a cell, time since the start in a base."),
    entry(
        On::Global,
        "random",
        "(low: number?, high: number?) -> number",
        "Seeded chance: 0 to 1 without arguments, else a whole number of low to high.",
    ),
    entry(
        On::Global,
        "create",
        "(type: string, options: {properties: {[string]: any}?, position: vector?, yaw: number?, persistent: boolean?}?) -> Entity",
        "Creates an entity. In a cell, without a base part, in the same space; in a base, with its cell part at `position` when the type has one. `persistent` gives it a record, in one transaction with the saves of the same step.",
    ),
    entry(
        On::Global,
        "refuse",
        "(text: string) -> never",
        "Ends the current call: the caller's await gets a refusal with this text.",
    ),
    entry(On::Global, "entity", "(id: number) -> Entity", "A reference to an entity by its id."),
    entry(On::EntityField, "id", "number", "The run-time id."),
    entry(On::EntityField, "type", "string", "The type's name."),
    entry(On::EntityField, "record", "number?", "The durable id, when it has one."),
    entry(
        On::EntityField,
        "base",
        "Calls",
        "Calls methods of its base part: `self.base:give(1)`; `:await()` on the result waits for the answer.",
    ),
    entry(On::EntityField, "cell", "Calls", "Calls methods of its cell part."),
    entry(On::EntityField, "client", "ClientCalls", "Calls methods of its own client."),
    entry(
        On::Entity,
        "after",
        "(seconds: number, method: string, ...any) -> number",
        "Calls a method of this part once, later. Gives the timer's number.",
    ),
    entry(
        On::Entity,
        "every",
        "(seconds: number, method: string, ...any) -> number",
        "Calls a method of this part again and again.",
    ),
    entry(On::Entity, "cancel", "(timer: number) -> ()", "Ends a timer."),
    entry(On::Entity, "destroy", "(forever: boolean?) -> ()", "Ends the entity; `forever` deletes its record too."),
    entry(
        On::Base,
        "save",
        "() -> Pending",
        "Saves now; `:await()` returns when the database has committed. Saves, creations and deletions of one step are one transaction.",
    ),
    entry(On::Base, "kick", "(text: string) -> ()", "Removes the client, telling it why."),
    entry(On::CellField, "position", "vector", "Where it is, in metres; assign with `teleport`."),
    entry(On::CellField, "yaw", "number", "Facing, in radians."),
    entry(On::CellField, "others", "ClientCalls", "Calls a client method on the clients of others that see it."),
    entry(On::CellField, "clients", "ClientCalls", "The same, its own client too."),
    entry(
        On::Cell,
        "clients_within",
        "(radius: number) -> ClientCalls",
        "The same, for entities within so many metres that see it.",
    ),
    entry(
        On::Cell,
        "move_to",
        "(position: vector, speed: number) -> ()",
        "Walks in a straight line, metres a second; `on_arrive` follows.",
    ),
    entry(On::Cell, "stop", "() -> ()", "Stops walking."),
    entry(On::Cell, "teleport", "(position: vector, yaw: number?) -> ()", "Puts it elsewhere in its space at once."),
    entry(
        On::Cell,
        "nearby",
        "(radius: number, type: string?) -> {Entity}",
        "Entities within so many metres, nearest first.",
    ),
    entry(
        On::Cell,
        "distance_to",
        "(other: Entity) -> number?",
        "Metres on the ground to another entity of the same cell.",
    ),
    entry(
        On::Cell,
        "add_trigger",
        "(radius: number) -> ()",
        "Be told of entities that come and go: `on_trigger_enter`, `on_trigger_leave`.",
    ),
];
