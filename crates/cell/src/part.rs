//! One cell part: its property values by dense position, its histories, and what its base has not heard of yet.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use kuafu_core::{Change, EntityId, PropertyNo, TypeNo, Value};
use kuafu_def::{Definitions, EntityType, Part as PartKind, Property};
use kuafu_space::{MoveRule, Record, TriggerNo, WitnessNo};
use kuafu_wire::{Writer, encode_changes};

use crate::history::{BLOB_OVERHEAD_BYTES, History};
use crate::links::PeerNo;

/// How fast a client may move its entity up or down, in metres per second: falling is quick.
const VERTICAL_SPEED: f32 = 30.0;

/// The bytes of an enter in a client's frame besides its properties: slot, id, type, record, length.
const ENTER_OVERHEAD_BYTES: u32 = 22;

/// The cell properties of a type, by dense position.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) ty: Arc<EntityType>,
    /// The numbers of the cell properties, rising; a position in here is a position in [`Part::values`].
    numbers: Vec<PropertyNo>,
    /// Which property of the type stands at each position.
    places: Vec<usize>,
    own: Vec<usize>,
    others: Vec<usize>,
    persistent: Vec<usize>,
    pub(crate) rule: MoveRule,
}

/// The layouts of all types that have a cell part.
pub(crate) type Layouts = BTreeMap<TypeNo, Rc<Layout>>;

/// For whom something is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Audience {
    Others,
    Own,
}

impl From<Audience> for kuafu_space::Audience {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Others => Self::Others,
            Audience::Own => Self::Own,
        }
    }
}

impl Layout {
    fn new(ty: &Arc<EntityType>) -> Self {
        let in_cell = |property: &Property| property.part == PartKind::Cell;
        let places: Vec<usize> = (0..ty.properties.len()).filter(|at| in_cell(&ty.properties[*at])).collect();
        let those = |wanted: fn(&Property) -> bool| {
            (0..places.len()).filter(|at| wanted(&ty.properties[places[*at]])).collect::<Vec<_>>()
        };
        let top_speed = ty.top_speed.unwrap_or(f32::INFINITY);
        Self {
            ty: ty.clone(),
            numbers: places.iter().map(|at| ty.properties[*at].no).collect(),
            own: those(|property| property.own_client),
            others: those(|property| property.other_clients),
            persistent: those(|property| property.persistent),
            rule: MoveRule { top_speed, vertical_speed: VERTICAL_SPEED.max(top_speed) },
            places,
        }
    }

    /// One a type with a cell part.
    pub(crate) fn all(definitions: &Definitions) -> Layouts {
        let with_cell = definitions.types.values().filter(|ty| ty.parts.cell);
        with_cell.map(|ty| (ty.no, Rc::new(Self::new(ty)))).collect()
    }

    pub(crate) fn position(&self, no: PropertyNo) -> Option<usize> {
        self.numbers.binary_search(&no).ok()
    }

    pub(crate) fn property(&self, at: usize) -> &Property {
        &self.ty.properties[self.places[at]]
    }

    fn visible(&self, audience: Audience) -> &[usize] {
        match audience {
            Audience::Others => &self.others,
            Audience::Own => &self.own,
        }
    }

    /// The defaults, overwritten by those values that fit; tells how many did not.
    pub(crate) fn initial_values(
        &self,
        given: &[(PropertyNo, Value)],
        limits: &kuafu_core::Limits,
    ) -> (Vec<Value>, u32) {
        let mut values: Vec<Value> = self.places.iter().map(|at| self.ty.properties[*at].default.clone()).collect();
        let mut misfits = 0;
        for (no, value) in given {
            let Some(at) = self.position(*no) else { continue };
            match self.property(at).check(value, limits) {
                Ok(()) => values[at] = value.clone(),
                Err(_) => misfits += 1,
            }
        }
        (values, misfits)
    }
}

/// One cell part.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) id: EntityId,
    pub(crate) layout: Rc<Layout>,
    pub(crate) real_epoch: u32,
    /// The base that holds its anchor; `None` for an entity without a base part, or whose base is gone.
    pub(crate) base: Option<PeerNo>,
    pub(crate) values: Vec<Value>,
    pub(crate) witness: Option<WitnessNo>,
    /// A client has seen through it before.
    pub(crate) had_witness: bool,
    pub(crate) triggers: Vec<(TriggerNo, f32)>,
    /// It is on its way out: the last hook is queued.
    pub(crate) leaving: bool,
    /// Changes of this tick that some client sees.
    pending: Vec<Change>,
    others: History,
    own: History,
    dirty: Vec<bool>,
    any_dirty: bool,
    backed_up_at: Option<Record>,
}

/// What must be known to make one.
#[derive(Debug)]
pub(crate) struct PartSeed {
    pub(crate) id: EntityId,
    pub(crate) layout: Rc<Layout>,
    pub(crate) real_epoch: u32,
    pub(crate) base: Option<PeerNo>,
    pub(crate) values: Vec<Value>,
}

impl Part {
    pub(crate) fn new(seed: PartSeed) -> Self {
        let PartSeed { id, layout, real_epoch, base, values } = seed;
        let dirty = vec![false; values.len()];
        Self {
            id,
            layout,
            real_epoch,
            base,
            values,
            witness: None,
            had_witness: false,
            triggers: Vec::new(),
            leaving: false,
            pending: Vec::new(),
            others: History::default(),
            own: History::default(),
            dirty,
            any_dirty: false,
            backed_up_at: None,
        }
    }

    pub(crate) fn history(&self, audience: Audience) -> &History {
        match audience {
            Audience::Others => &self.others,
            Audience::Own => &self.own,
        }
    }

    /// A property's present value, for the logic of others.
    pub(crate) fn public_value(&self, no: PropertyNo) -> Option<&Value> {
        let at = self.layout.position(no)?;
        let property = self.layout.property(at);
        (property.cell_public || property.other_clients).then(|| &self.values[at])
    }

    /// Takes a change over. Returns whether it fits; `first` tells whether it is the first that clients see this tick.
    pub(crate) fn take_change(&mut self, change: Change, first: &mut bool) -> bool {
        *first = false;
        let Some(at) = self.layout.position(change.property) else { return false };
        if change.apply(&mut self.values[at]).is_err() {
            return false;
        }
        let property = &self.layout.ty.properties[self.layout.places[at]];
        if property.persistent {
            self.dirty[at] = true;
            self.any_dirty = true;
        }
        if property.is_client_visible() {
            *first = self.pending.is_empty();
            self.pending.push(change);
        }
        true
    }

    /// Encodes what changed this tick, once an audience. Calls `note` with audience, sequence and length of each new
    /// blob, and returns whether everything could be encoded.
    pub(crate) fn encode_pending(
        &mut self,
        scratch: &mut BytesMut,
        kept_max: usize,
        mut note: impl FnMut(Audience, u32, u32),
    ) -> bool {
        let mut whole = true;
        for audience in [Audience::Others, Audience::Own] {
            let layout = &self.layout;
            let sees = |change: &&Change| {
                let property = layout.ty.property(change.property);
                property.is_some_and(|property| match audience {
                    Audience::Others => property.other_clients,
                    Audience::Own => property.own_client,
                })
            };
            if !self.pending.iter().any(|change| sees(&change)) {
                continue;
            }
            let history = match audience {
                Audience::Others => &mut self.others,
                Audience::Own => &mut self.own,
            };
            if audience == Audience::Own && self.witness.is_none() {
                history.skip();
                continue;
            }
            scratch.clear();
            let changes = self.pending.iter().filter(sees);
            if encode_changes(&layout.ty, changes, &mut Writer::new(scratch)).is_err() {
                whole = false;
                history.skip();
                continue;
            }
            let sequence = history.push(scratch, kept_max);
            note(audience, sequence, scratch.len() as u32 + BLOB_OVERHEAD_BYTES);
        }
        self.pending.clear();
        whole
    }

    /// All that an audience sees; encoded once a version.
    pub(crate) fn snapshot(&mut self, audience: Audience) -> &[u8] {
        let Self { layout, values, others, own, .. } = self;
        let visible = layout.visible(audience).iter().map(|at| (layout.numbers[*at], &values[*at]));
        let history = if audience == Audience::Own { own } else { others };
        history.snapshot(&layout.ty, visible)
    }

    /// All that an audience sees, as changes; encoded once a version.
    pub(crate) fn catch_up(&mut self, audience: Audience) -> &[u8] {
        let Self { layout, values, others, own, .. } = self;
        let visible = layout.visible(audience).iter().map(|at| (layout.numbers[*at], &values[*at]));
        let history = if audience == Audience::Own { own } else { others };
        history.catch_up(&layout.ty, visible)
    }

    pub(crate) fn enter_bytes(&mut self) -> u32 {
        self.snapshot(Audience::Others).len() as u32 + ENTER_OVERHEAD_BYTES
    }

    pub(crate) fn catch_up_bytes(&mut self, audience: Audience, from: u32) -> u32 {
        match self.history(audience).bytes_after(from) {
            Some(bytes) => bytes,
            None => self.catch_up(audience).len() as u32 + BLOB_OVERHEAD_BYTES,
        }
    }

    /// Whether the base's copy is older than this part, when it stands at `record`.
    pub(crate) fn needs_backup(&self, record: Record) -> bool {
        self.any_dirty || self.backed_up_at != Some(record)
    }

    /// The persistent properties that changed since the last time; they count as told from here.
    pub(crate) fn take_backup(&mut self, record: Record) -> Vec<(PropertyNo, Value)> {
        self.backed_up_at = Some(record);
        if !std::mem::take(&mut self.any_dirty) {
            return Vec::new();
        }
        let mut values = Vec::new();
        for at in 0..self.dirty.len() {
            if std::mem::take(&mut self.dirty[at]) {
                values.push((self.layout.numbers[at], self.values[at].clone()));
            }
        }
        values
    }

    /// The base lost what it was told: all persistent properties go again.
    pub(crate) fn mark_all_dirty(&mut self) {
        for at in &self.layout.persistent {
            self.dirty[*at] = true;
        }
        self.any_dirty = !self.layout.persistent.is_empty();
        self.backed_up_at = None;
    }
}
