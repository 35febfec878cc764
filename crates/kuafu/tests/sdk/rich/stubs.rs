//! Made by `kuafu sdk rich --lang rust --server` from definitions with the full digest 8acf6911664c5f01f03db137031037b9. Make it again; do not edit.

#![allow(dead_code, unreachable_pub, clippy::all, reason = "a game uses what it needs")]

kuafu::native::value_enum! {
    /// The enum `Mood`.
    pub enum Mood {
        Calm = "calm",
        VeryMerry = "very_merry",
    }
}

kuafu::native::value_struct! {
    /// The struct `Hidden`.
    pub struct Hidden {
        /// `int8`
        pub secret: i8,
    }
}

impl Default for Hidden {
    fn default() -> Self {
        Self {
            secret: 0,
        }
    }
}

kuafu::native::value_struct! {
    /// The struct `Item`.
    pub struct Item {
        /// `Mood`
        pub mood: Mood,
        /// `string`
        pub r#type: String,
        /// `list<float32>`
        pub weights: Vec<f32>,
        /// `entity`
        pub owner: Option<kuafu::native::EntityId>,
        /// `vec3`
        pub at: [f32; 3],
        /// `uint64 wide`
        pub serial: kuafu::native::typed::WideU64,
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
            serial: kuafu::native::typed::WideU64(0),
        }
    }
}

/// The properties of the base part of `hero`, on the context of an entry.
pub trait HeroBase {
    /// `map<Mood, list<Item>>`
    fn marks(&self) -> kuafu::native::Done<std::collections::BTreeMap<Mood, Vec<Item>>>;

    /// Writes `marks`.
    fn set_marks(&mut self, value: std::collections::BTreeMap<Mood, Vec<Item>>) -> kuafu::native::Done;

    /// `Hidden`
    fn plan(&self) -> kuafu::native::Done<Hidden>;

    /// Writes `plan`.
    fn set_plan(&mut self, value: Hidden) -> kuafu::native::Done;

    /// `vec2` Hides the field of the library.
    fn position_(&self) -> kuafu::native::Done<[f32; 2]>;

    /// Writes `position`.
    fn set_position(&mut self, value: [f32; 2]) -> kuafu::native::Done;

    /// `int64 wide`
    fn total(&self) -> kuafu::native::Done<i64>;

    /// Writes `total`.
    fn set_total(&mut self, value: i64) -> kuafu::native::Done;
}

impl HeroBase for kuafu::native::Context<'_> {
    fn marks(&self) -> kuafu::native::Done<std::collections::BTreeMap<Mood, Vec<Item>>> {
        self.get("marks")
    }

    fn set_marks(&mut self, value: std::collections::BTreeMap<Mood, Vec<Item>>) -> kuafu::native::Done {
        self.set("marks", value)
    }

    fn plan(&self) -> kuafu::native::Done<Hidden> {
        self.get("plan")
    }

    fn set_plan(&mut self, value: Hidden) -> kuafu::native::Done {
        self.set("plan", value)
    }

    fn position_(&self) -> kuafu::native::Done<[f32; 2]> {
        self.get("position")
    }

    fn set_position(&mut self, value: [f32; 2]) -> kuafu::native::Done {
        self.set("position", value)
    }

    fn total(&self) -> kuafu::native::Done<i64> {
        self.get("total")
    }

    fn set_total(&mut self, value: i64) -> kuafu::native::Done {
        self.set("total", value)
    }
}

/// The properties of the cell part of `hero`, on the context of an entry.
pub trait HeroCell {
    /// `bytes`
    fn face(&self) -> kuafu::native::Done<std::sync::Arc<[u8]>>;

    /// Writes `face`.
    fn set_face(&mut self, value: std::sync::Arc<[u8]>) -> kuafu::native::Done;

    /// `int16` What is left.
    fn pet_hp(&self) -> kuafu::native::Done<i16>;

    /// Writes `pet.hp`.
    fn set_pet_hp(&mut self, value: i16) -> kuafu::native::Done;

    /// `map<entity, int64>`
    fn scores(&self) -> kuafu::native::Done<std::collections::BTreeMap<kuafu::native::EntityId, i64>>;

    /// Writes `scores`.
    fn set_scores(&mut self, value: std::collections::BTreeMap<kuafu::native::EntityId, i64>) -> kuafu::native::Done;

    /// `int16` What is left.
    fn stats_hp(&self) -> kuafu::native::Done<i16>;

    /// Writes `stats.hp`.
    fn set_stats_hp(&mut self, value: i16) -> kuafu::native::Done;
}

impl HeroCell for kuafu::native::Context<'_> {
    fn face(&self) -> kuafu::native::Done<std::sync::Arc<[u8]>> {
        self.get("face")
    }

    fn set_face(&mut self, value: std::sync::Arc<[u8]>) -> kuafu::native::Done {
        self.set("face", value)
    }

    fn pet_hp(&self) -> kuafu::native::Done<i16> {
        self.get("pet.hp")
    }

    fn set_pet_hp(&mut self, value: i16) -> kuafu::native::Done {
        self.set("pet.hp", value)
    }

    fn scores(&self) -> kuafu::native::Done<std::collections::BTreeMap<kuafu::native::EntityId, i64>> {
        self.get("scores")
    }

    fn set_scores(&mut self, value: std::collections::BTreeMap<kuafu::native::EntityId, i64>) -> kuafu::native::Done {
        self.set("scores", value)
    }

    fn stats_hp(&self) -> kuafu::native::Done<i16> {
        self.get("stats.hp")
    }

    fn set_stats_hp(&mut self, value: i16) -> kuafu::native::Done {
        self.set("stats.hp", value)
    }
}

/// The properties of the cell part of `item`, on the context of an entry.
pub trait ItemCell {
    /// `Item`
    fn of(&self) -> kuafu::native::Done<Item>;

    /// Writes `of`.
    fn set_of(&mut self, value: Item) -> kuafu::native::Done;
}

impl ItemCell for kuafu::native::Context<'_> {
    fn of(&self) -> kuafu::native::Done<Item> {
        self.get("of")
    }

    fn set_of(&mut self, value: Item) -> kuafu::native::Done {
        self.set("of", value)
    }
}

/// The properties of the cell part of `rock`, on the context of an entry.
pub trait RockCell {
    /// `float64`
    fn weight(&self) -> kuafu::native::Done<f64>;

    /// Writes `weight`.
    fn set_weight(&mut self, value: f64) -> kuafu::native::Done;
}

impl RockCell for kuafu::native::Context<'_> {
    fn weight(&self) -> kuafu::native::Done<f64> {
        self.get("weight")
    }

    fn set_weight(&mut self, value: f64) -> kuafu::native::Done {
        self.set("weight", value)
    }
}
