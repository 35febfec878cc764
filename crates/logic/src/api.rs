//! The script API, declared once: the binding registers these, and the reference page is made from them.

/// Where a function is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// In the table `kuafu`; with a dot in the name, in a table there.
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
    /// On references to entities.
    Reference,
    /// A value on references to entities.
    ReferenceField,
}

impl On {
    /// Every place, in the order of the reference page.
    pub const ALL: &'static [Self] = &[
        Self::Global,
        Self::EntityField,
        Self::Entity,
        Self::Base,
        Self::CellField,
        Self::Cell,
        Self::ReferenceField,
        Self::Reference,
    ];

    /// What is found there, as a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "The table `kuafu`",
            Self::EntityField => "Fields of `self`",
            Self::Entity => "Methods of `self`",
            Self::Base => "Methods of `self` in base parts",
            Self::CellField => "Fields of `self` in cell parts",
            Self::Cell => "Methods of `self` in cell parts",
            Self::ReferenceField => "Fields of references to entities",
            Self::Reference => "Methods of references to entities",
        }
    }

    /// Whether what is found there is called with a colon.
    #[must_use]
    pub fn is_method(self) -> bool {
        matches!(self, Self::Entity | Self::Base | Self::Cell | Self::Reference)
    }
}

/// A type that signatures name.
#[derive(Clone, Copy, Debug)]
pub struct NamedType {
    /// Its name, with its parameters: `Pending<T>`.
    pub name: &'static str,
    /// What it is, as a Luau type.
    pub definition: &'static str,
    /// What it stands for.
    pub doc: &'static str,
}

const fn named(name: &'static str, definition: &'static str, doc: &'static str) -> NamedType {
    NamedType { name, definition, doc }
}

/// Every type that signatures name, beside Luau's own and `Entity`, which is made of what is [`On::Reference`] and
/// [`On::ReferenceField`].
pub const TYPES: &[NamedType] = &[
    named(
        "Failure",
        "{ kind: \"refused\" | \"unknown\", code: string, text: string }",
        "Why something that was awaited has no value: it was not done, or nobody knows.",
    ),
    named(
        "Pending<T>",
        "{ await: (self: Pending<T>, seconds: number?) -> (T?, Failure?) }",
        "Something under way. `:await()`, in the same breath, waits for how it ends: a value, or nil and why not.",
    ),
    named(
        "Calls",
        "{ [string]: (self: any, ...any) -> Pending<any> }",
        "Methods of a part of an entity, to be called.",
    ),
    named("ClientCalls", "{ [string]: (self: any, ...any) -> () }", "Client methods, to be called on some clients."),
    named("LogLevel", "\"debug\" | \"info\" | \"warn\" | \"error\"", "How much a line of the log matters."),
    named(
        "CreateOptions",
        "{ properties: {[string]: any}?, position: vector?, yaw: number?, persistent: boolean?, where: \"here\"? }",
        "How an entity begins.",
    ),
    named(
        "CreateAnywhereOptions",
        "{ properties: {[string]: any}?, position: vector?, yaw: number?, persistent: boolean?, where: \"least-loaded\" }",
        "How an entity begins that may live on any base.",
    ),
    named("FindOptions", "{ load: boolean? }", "`load = false` only looks for what lives already."),
    named(
        "HttpOptions",
        "{ body: string?, headers: {[string]: string | number}?, timeout: number? }",
        "What a request carries, and how many seconds the response may take: `http_ms_max` if nothing is said.",
    ),
    named(
        "HttpResponse",
        "{ status: number, body: string, headers: {[string]: string} }",
        "A response; the names of headers are in small letters.",
    ),
    named("Service", "string | number", "What a service is called: a name or a number, which never mean the same."),
    named("Wide", "any", "A whole number of 64 bits."),
    named("Data", "{ [string]: any }", "The data tables of the game by name."),
];

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
        "(level: LogLevel, message: string, fields: {[string]: any}?) -> ()",
        "Logs with the entity's id and type, the method that was entered, and the number of that entry.",
    ),
    entry(On::Global, "now", "() -> number", "Space time in seconds in a cell, time since the start in a base."),
    entry(
        On::Global,
        "caller",
        "() -> (Entity?, boolean)",
        "Who called the method that runs: the entity, and whether it was its client; nil in hooks and timers. It stays so through awaits.",
    ),
    entry(
        On::Global,
        "new_id",
        "() -> number",
        "A number that nothing had before and nothing will have again, in this database: the id of a new item, say.",
    ),
    entry(
        On::Global,
        "random",
        "(low: number?, high: number?) -> number",
        "Seeded chance: 0 to 1 without arguments, else a whole number of low to high.",
    ),
    entry(
        On::Global,
        "create",
        "((type: string, options: CreateOptions?) -> Entity) & ((type: string, options: CreateAnywhereOptions) -> Pending<Entity>)",
        "Creates an entity. In a cell, without a base part, in the same space; in a base, with its cell part at `position` when the type has one. `persistent` gives it a record, in one transaction with the saves of the same step. With `where = \"least-loaded\"` it lives on the base with the fewest entities, and is awaited.",
    ),
    entry(
        On::Global,
        "refuse",
        "(text: string) -> never",
        "Ends the current call: the caller's await gets a refusal with this text.",
    ),
    entry(On::Global, "entity", "(id: number) -> Entity", "A reference to an entity by its id."),
    entry(
        On::Global,
        "sleep",
        "(seconds: number) -> ()",
        "Waits; others run meanwhile. Code that was replaced by a release may finish, and sleeps no more once `call_deadline_ms` has passed.",
    ),
    entry(
        On::Global,
        "spawn",
        "(task: (...any) -> (), ...any) -> ()",
        "Runs a function as a task of its own of the present entity, right after the present entry. Its errors are the entity's.",
    ),
    entry(
        On::Global,
        "sorted",
        "(value: {[any]: any}) -> () -> (any, any)",
        "For loops over a table in the order of its keys: bools, numbers, texts, entities by id.",
    ),
    entry(
        On::Global,
        "wide",
        "(value: number | string) -> Wide",
        "A whole number of 64 bits, as properties declared `wide` hold. Counts with `+ - * // %` and with numbers, is compared with other wide numbers; what leaves the range is an error. `:number()` gives a number up to 2^53.",
    ),
    entry(
        On::Global,
        "data",
        "Data",
        "The data tables: `kuafu.data.monsters[12].hp`; `for key, row in kuafu.data.monsters:all() do` in the order of the file; `#` is how many rows there are. They cannot be written, and a wrong name is an error.",
    ),
    entry(
        On::Global,
        "time",
        "() -> number",
        "Seconds since 1970 by the server's clock, the same everywhere in the realm. It may jump: measure spans with `now`.",
    ),
    entry(
        On::Global,
        "service",
        "(service: Service, key: (string | number | boolean)?) -> Calls",
        "Calls one of a service's providers: `kuafu.service(\"auction\"):bid(5):await()`. With a key always the same one while it is there, else each in turn. Without any the call is refused.",
    ),
    entry(
        On::Global,
        "global",
        "(name: string) -> Entity?",
        "Who holds a global name, as far as is known here; the entity of a type with `global = true` holds its type's name.",
    ),
    entry(
        On::Global,
        "shared.get",
        "(key: string) -> any",
        "A value that the whole realm shares, as far as is known here: a frozen copy, nil when there is none.",
    ),
    entry(
        On::Global,
        "shared.set",
        "(key: string, value: any) -> Pending<boolean>",
        "Sets a value that the whole realm shares; nil takes it out. Awaited, it can be read here then. Shared values are in memory: they outlive any one process, not all.",
    ),
    entry(
        On::Global,
        "group",
        "(group: string) -> ClientCalls",
        "Calls a client method on the clients of all who are in a group, on every base: `kuafu.group(\"party:7\"):heard(text)`.",
    ),
    entry(
        On::Global,
        "find",
        "(type: string, by: number | {[string]: any}, options: FindOptions?) -> Pending<Entity>",
        "Finds a persistent entity by its record, or by a unique or indexed property: `kuafu.find(\"guild\", {name = \"Ants\"}):await()`. When it lives nowhere it is loaded on the base with the fewest entities; nil when there is none. The database is asked, so what was just changed may not be found yet. Entities of players are found while they play.",
    ),
    entry(On::Global, "load", "(type: string, record: number) -> Pending<Entity>", "The same, by record."),
    entry(
        On::Global,
        "http",
        "(method: string, url: string, options: HttpOptions?) -> Pending<HttpResponse>",
        "Asks somebody else over HTTP: `kuafu.http(\"GET\", \"https://api.example.com/v1/price\"):await()`. What may be asked stands in `kuafu.toml` (`[http] allow`); nothing, if nothing stands there. Every status is a response, and redirects are not followed. Refused: it is not allowed, the server could not be reached, the response is longer than `http_response_bytes_max`, or `http_requests_in_flight_max` requests are under way. Unknown: the timeout passed or the connection broke, and it may have happened.",
    ),
    entry(
        On::Global,
        "count",
        "(name: string, amount: number?) -> ()",
        "Adds to a number of the game, 1 if nothing else is said: the console and `/metrics` show it as `game_NAME`. Small letters, digits and `_`.",
    ),
    entry(On::Global, "gauge", "(name: string, value: number) -> ()", "Sets such a number."),
    entry(On::Global, "space.name", "string", "In cell parts, the name of the space that the present entity is in."),
    entry(On::Global, "space.least", "vector", "The least x, y and z of that space, in metres."),
    entry(On::Global, "space.greatest", "vector", "The greatest x, y and z of that space, in metres."),
    entry(On::Global, "space.population", "number", "How many entities are in that space now."),
    entry(On::EntityField, "id", "number", "The run-time id."),
    entry(On::EntityField, "type", "string", "The type's name."),
    entry(On::EntityField, "record", "number?", "The durable id, when it has one."),
    entry(
        On::EntityField,
        "base",
        "Calls",
        "Calls methods of its base part: `self.base:give(1)`; `:await()` on the result waits for the answer, `:await(2)` at most two seconds. A component's: `self.base.stats:heal(1)`.",
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
    entry(
        On::Entity,
        "cancel",
        "(timer: number | string) -> ()",
        "Ends a timer, by the number that `after` and `every` gave, or all that call the method of this name.",
    ),
    entry(On::Entity, "destroy", "(forever: boolean?) -> ()", "Ends the entity; `forever` deletes its record too."),
    entry(
        On::Entity,
        "provide",
        "(service: Service) -> Pending<boolean>",
        "Its base part provides a service from now on (its cell part, of a type without base parts), until it withdraws, ends, or its process does. Several may provide one.",
    ),
    entry(On::Entity, "withdraw", "(service: Service) -> ()", "Provides a service no more."),
    entry(
        On::Entity,
        "claim_name",
        "(name: string) -> Pending<boolean>",
        "Takes a global name, which one entity at a time can hold: refused with `NameTaken` while another does.",
    ),
    entry(On::Entity, "release_name", "(name: string) -> ()", "Gives a global name up."),
    entry(
        On::Entity,
        "watch",
        "(key: string) -> ()",
        "Be told of changes of a shared value, in `on_shared`. Each part watches for itself.",
    ),
    entry(On::Entity, "unwatch", "(key: string) -> ()", "Be told no more."),
    entry(
        On::Base,
        "join",
        "(group: string) -> ()",
        "Its client is in a group from now on, until it leaves or the entity ends.",
    ),
    entry(On::Base, "leave", "(group: string) -> ()", "Its client is in the group no more."),
    entry(
        On::Base,
        "save",
        "() -> Pending<boolean>",
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
    entry(On::Cell, "viewers", "() -> {Entity}", "The entities whose clients see it, nearest first."),
    entry(On::Cell, "in_view", "() -> {Entity}", "The entities that its own client sees, nearest first."),
    entry(On::ReferenceField, "id", "number", "The run-time id."),
    entry(On::ReferenceField, "type", "string?", "The type's name, when it is known here."),
    entry(On::ReferenceField, "base", "Calls", "Calls methods of its base part."),
    entry(On::ReferenceField, "cell", "Calls", "Calls methods of its cell part."),
    entry(On::ReferenceField, "position", "vector?", "In cell parts, where it is, when it is in the same cell."),
    entry(On::ReferenceField, "yaw", "number?", "In cell parts, its facing in radians, when it is in the same cell."),
    entry(
        On::Reference,
        "destroy",
        "(forever: boolean?) -> Pending<boolean>",
        "Asks for its end; `forever` deletes its record too.",
    ),
    entry(
        On::Cell,
        "add_trigger",
        "(radius: number) -> ()",
        "Be told of entities that come and go: `on_trigger_enter`, `on_trigger_leave`.",
    ),
];
