//! Made by `kuafu sdk rich --lang rust` from definitions with the client digest 1adc4eaefd7ac0b8b8edd35d2a595cc1. Make it again; do not edit.

#![allow(dead_code, unreachable_pub, clippy::all, reason = "a client uses what it needs of its game")]

/// The client digest of these definitions: views and calls work with a game of the same one.
pub const DIGEST: &str = "1adc4eaefd7ac0b8b8edd35d2a595cc1";

kuafu_client::value_enum! {
    /// The enum `Mood`.
    pub enum Mood {
        Calm = "calm",
        VeryMerry = "very_merry",
    }
}

kuafu_client::value_struct! {
    /// The struct `Item`.
    pub struct Item {
        /// `Mood`
        pub mood: Mood,
        /// `string`
        pub r#type: String,
        /// `list<float32>`
        pub weights: Vec<f32>,
        /// `entity`
        pub owner: Option<kuafu_client::EntityId>,
        /// `vec3`
        pub at: [f32; 3],
        /// `uint64 wide`
        pub serial: kuafu_client::typed::WideU64,
    }
}

impl Default for Item {
    fn default() -> Self {
        Self {
            mood: Mood::VeryMerry,
            r#type: "a \"box\"".to_owned(),
            weights: Default::default(),
            owner: Default::default(),
            at: [0.0, 0.0, 0.0],
            serial: kuafu_client::typed::WideU64(0),
        }
    }
}

/// The entity type `hero`. What a player plays.
pub mod hero {
    /// The type's name.
    pub const TYPE: &str = "hero";

    /// What a client knows of an entity of the type `hero`.
    #[derive(Clone, Copy, Debug)]
    pub struct View<'w>(kuafu_client::stub::Seen<'w>);

    impl<'w> View<'w> {
        /// An entity in view; `None` when it is not there, of another type, or the game has other definitions.
        pub fn of(world: &'w kuafu_client::World, entity: kuafu_client::EntityId) -> Option<Self> {
            kuafu_client::stub::Seen::of(world, entity, TYPE, super::DIGEST).map(Self)
        }

        /// The own entity, with its own properties too.
        pub fn own(world: &'w kuafu_client::World) -> Option<Self> {
            kuafu_client::stub::Seen::own(world, TYPE, super::DIGEST).map(Self)
        }

        /// All of the type in view.
        pub fn all(world: &'w kuafu_client::World) -> impl Iterator<Item = Self> {
            kuafu_client::stub::Seen::all(world, TYPE, super::DIGEST).map(Self)
        }

        /// Its id, and where it is.
        pub fn seen(&self) -> &kuafu_client::stub::Seen<'w> {
            &self.0
        }

        /// The component `pet`.
        pub fn pet(&self) -> ViewPet<'w> {
            ViewPet(self.0)
        }

        /// The component `stats`.
        pub fn stats(&self) -> ViewStats<'w> {
            ViewStats(self.0)
        }

        /// `bytes`
        pub fn face(&self) -> std::sync::Arc<[u8]> {
            self.0.read("face")
        }

        /// `map<Mood, list<Item>>`
        pub fn marks(&self) -> std::collections::BTreeMap<super::Mood, Vec<super::Item>> {
            self.0.read("marks")
        }

        /// `vec2` Hides the field of the library.
        pub fn position(&self) -> [f32; 2] {
            self.0.read("position")
        }

        /// `map<entity, int64>`
        pub fn scores(&self) -> std::collections::BTreeMap<kuafu_client::EntityId, i64> {
            self.0.read("scores")
        }

        /// `int64 wide`
        pub fn total(&self) -> i64 {
            self.0.read("total")
        }
    }

    /// What a client knows of the component `pet`.
    #[derive(Clone, Copy, Debug)]
    pub struct ViewPet<'w>(kuafu_client::stub::Seen<'w>);

    impl ViewPet<'_> {
        /// `int16` What is left.
        pub fn hp(&self) -> i16 {
            self.0.read("pet.hp")
        }
    }

    /// What a client knows of the component `stats`.
    #[derive(Clone, Copy, Debug)]
    pub struct ViewStats<'w>(kuafu_client::stub::Seen<'w>);

    impl ViewStats<'_> {
        /// `int16` What is left.
        pub fn hp(&self) -> i16 {
            self.0.read("stats.hp")
        }
    }

    /// Calls of the base part of an entity of the type `hero`.
    #[derive(Debug)]
    pub struct Base<'c>(kuafu_client::stub::Remote<'c>);

    impl<'c> Base<'c> {
        /// Of the own entity.
        pub fn own(client: &'c mut kuafu_client::Client) -> Self {
            Self(kuafu_client::stub::Remote::own(client, TYPE, super::DIGEST))
        }

        /// Of an entity in view.
        pub fn of(client: &'c mut kuafu_client::Client, entity: kuafu_client::EntityId) -> Self {
            Self(kuafu_client::stub::Remote::of(client, entity, TYPE, super::DIGEST))
        }

        /// Gives something away.
        ///
        /// # Errors
        /// [`kuafu_client::CallError`].
        pub async fn give(&mut self, to: kuafu_client::EntityId, r#match: super::Item, note: &str) -> Result<std::collections::BTreeMap<String, u8>, kuafu_client::CallError> {
            let arguments = [kuafu_client::typed::IntoValue::into_value(to), kuafu_client::typed::IntoValue::into_value(r#match), kuafu_client::typed::IntoValue::into_value(note)];
            self.0.call(kuafu_client::Part::Base, "give", &arguments).await
        }
    }

    /// Calls of the cell part of an entity of the type `hero`.
    #[derive(Debug)]
    pub struct Cell<'c>(kuafu_client::stub::Remote<'c>);

    impl<'c> Cell<'c> {
        /// Of the own entity.
        pub fn own(client: &'c mut kuafu_client::Client) -> Self {
            Self(kuafu_client::stub::Remote::own(client, TYPE, super::DIGEST))
        }

        /// Of an entity in view.
        pub fn of(client: &'c mut kuafu_client::Client, entity: kuafu_client::EntityId) -> Self {
            Self(kuafu_client::stub::Remote::of(client, entity, TYPE, super::DIGEST))
        }

        /// Of its component `pet`.
        pub fn pet(self) -> CellPet<'c> {
            CellPet(self.0)
        }

        /// Of its component `stats`.
        pub fn stats(self) -> CellStats<'c> {
            CellStats(self.0)
        }

        /// Calls `poke`.
        ///
        /// # Errors
        /// [`kuafu_client::CallError`].
        pub async fn poke(&mut self, others: Vec<Option<kuafu_client::EntityId>>, serial: kuafu_client::typed::WideU64) -> Result<[f32; 4], kuafu_client::CallError> {
            let arguments = [kuafu_client::typed::IntoValue::into_value(others), kuafu_client::typed::IntoValue::into_value(serial)];
            self.0.call(kuafu_client::Part::Cell, "poke", &arguments).await
        }
    }

    /// Calls of the component `pet`.
    #[derive(Debug)]
    pub struct CellPet<'c>(kuafu_client::stub::Remote<'c>);

    impl CellPet<'_> {
        /// Calls `pet.heal`.
        ///
        /// # Errors
        /// [`kuafu_client::CallError`].
        pub async fn heal(&mut self, by: i16) -> Result<(), kuafu_client::CallError> {
            let arguments = [kuafu_client::typed::IntoValue::into_value(by)];
            self.0.call(kuafu_client::Part::Cell, "pet.heal", &arguments).await
        }
    }

    /// Calls of the component `stats`.
    #[derive(Debug)]
    pub struct CellStats<'c>(kuafu_client::stub::Remote<'c>);

    impl CellStats<'_> {
        /// Calls `stats.heal`.
        ///
        /// # Errors
        /// [`kuafu_client::CallError`].
        pub async fn heal(&mut self, by: i16) -> Result<(), kuafu_client::CallError> {
            let arguments = [kuafu_client::typed::IntoValue::into_value(by)];
            self.0.call(kuafu_client::Part::Cell, "stats.heal", &arguments).await
        }
    }

    /// What to do when the server calls client methods; the entity comes first.
    pub trait Handler {
        /// `told`
        fn told(&mut self, entity: kuafu_client::EntityId, entity_: Option<kuafu_client::EntityId>, loud: bool) {
            let _ = (entity, entity_, loud);
        }

        /// `pet.healed`
        fn pet_healed(&mut self, entity: kuafu_client::EntityId, by: i16) {
            let _ = (entity, by);
        }

        /// `stats.healed`
        fn stats_healed(&mut self, entity: kuafu_client::EntityId, by: i16) {
            let _ = (entity, by);
        }
    }

    /// Hands an event to the handler; `false` when it is no call of a client method of this type.
    pub fn handle(handler: &mut impl Handler, world: &kuafu_client::World, event: &kuafu_client::Event) -> bool {
        let Some(call) = kuafu_client::stub::Called::of(world, event, TYPE, super::DIGEST) else {
            return false;
        };
        match call.method() {
            "told" => handler.told(call.entity(), call.read(0), call.read(1)),
            "pet.healed" => handler.pet_healed(call.entity(), call.read(0)),
            "stats.healed" => handler.stats_healed(call.entity(), call.read(0)),
            _ => return false,
        }
        true
    }
}

/// The entity type `item`. Lies about.
pub mod item {
    /// The type's name.
    pub const TYPE: &str = "item";

    /// What a client knows of an entity of the type `item`.
    #[derive(Clone, Copy, Debug)]
    pub struct View<'w>(kuafu_client::stub::Seen<'w>);

    impl<'w> View<'w> {
        /// An entity in view; `None` when it is not there, of another type, or the game has other definitions.
        pub fn of(world: &'w kuafu_client::World, entity: kuafu_client::EntityId) -> Option<Self> {
            kuafu_client::stub::Seen::of(world, entity, TYPE, super::DIGEST).map(Self)
        }

        /// The own entity, with its own properties too.
        pub fn own(world: &'w kuafu_client::World) -> Option<Self> {
            kuafu_client::stub::Seen::own(world, TYPE, super::DIGEST).map(Self)
        }

        /// All of the type in view.
        pub fn all(world: &'w kuafu_client::World) -> impl Iterator<Item = Self> {
            kuafu_client::stub::Seen::all(world, TYPE, super::DIGEST).map(Self)
        }

        /// Its id, and where it is.
        pub fn seen(&self) -> &kuafu_client::stub::Seen<'w> {
            &self.0
        }

        /// `Item`
        pub fn of_(&self) -> super::Item {
            self.0.read("of")
        }
    }
}
