//! One cell part: its property values by dense position, its histories, and what its base has not heard of yet.

mod apart;
mod encode;
mod layout;

use std::rc::Rc;

use kuafu_core::{Change, EntityId, PropertyNo, Value};
use kuafu_space::{Record, TriggerNo, WitnessNo};

use crate::history::History;
use crate::links::PeerNo;
use apart::Apart;
pub(crate) use layout::{Band, Layout, Layouts, Movement};

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
    /// What all others get.
    others: History,
    /// What only some of them get, or not at once.
    apart: Option<Box<Apart>>,
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
        let apart = Apart::new(&layout, &values);
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
            apart,
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
