//! Cell parts come and go as their bases say, fenced by the real-epoch.

use std::rc::Rc;

use kuafu_contract::Address;
use kuafu_contract::link::Event;
use kuafu_core::{Code, EntityId, Now, Refusal};
use kuafu_logic::{EntitySeed, Hook};
use kuafu_space::Position;

use crate::links::PeerNo;
use crate::part::PartSeed;
use crate::role::CellRole;
use crate::simulate::Entry;
use crate::world::Home;

impl CellRole {
    /// Takes a [`Event::CreatePart`].
    pub(crate) fn create_part(&mut self, now: Now, peer: PeerNo, event: Event) {
        let Event::CreatePart { entity, real_epoch, .. } = &event else { return };
        let (entity, real_epoch) = (*entity, *real_epoch);
        // What is still to happen to an older part of this entity happens first.
        if self.world.spaces.borrow().home(entity).is_some() {
            self.run_entries(now);
        }
        let standing = self.world.spaces.borrow().part(entity).map(|(_, part)| part.real_epoch);
        match standing {
            Some(epoch) if epoch > real_epoch => return self.counters.count("stale_dropped"),
            Some(epoch) if epoch == real_epoch => {
                return self.tell_first(peer, Event::PartCreated { entity, real_epoch });
            }
            Some(_) => self.remove_part(entity),
            None => {}
        }
        let event = match self.insert_part(peer, event) {
            Ok(()) => return self.tell_first(peer, Event::PartCreated { entity, real_epoch }),
            Err(refusal) => Event::PartRefused { entity, real_epoch, refusal },
        };
        self.counters.count("parts_refused");
        self.tell(peer, event);
    }

    fn insert_part(&mut self, peer: PeerNo, event: Event) -> Result<(), Refusal> {
        let Event::CreatePart { entity, ty, record, real_epoch, space, position, values, loaded } = event else {
            return Err(Code::ServerFault.into());
        };
        let layout = self.layouts.get(&ty).cloned().ok_or_else(|| {
            Refusal::new(Code::ArgumentInvalid, format!("type {ty} is unknown here or has no cell part"))
        })?;
        let Some(at) = self.world.spaces.borrow().find(space) else {
            return Err(Refusal::new(Code::Unavailable, format!("space {space} is not open here")));
        };
        let (place, yaw) = self.begin_at(at, position);
        let (dense, misfits) = layout.initial_values(&values, &self.limits);
        self.counters.add("values_misfit", f64::from(misfits));
        let ty = layout.ty.clone();
        let seed = PartSeed { id: entity, layout, real_epoch, base: Some(peer), values: dense };
        self.put_part(at, seed, place, yaw)?;
        self.host.create(EntitySeed { id: entity, ty, record, values });
        let hook = if loaded { Hook::Load } else { Hook::Create };
        self.entries.hook(entity, hook, Vec::new());
        Ok(())
    }

    /// Puts a part into a space and into the directory.
    ///
    /// # Errors
    /// A refusal with what the space says, or because the cell is full.
    pub(crate) fn put_part(&mut self, at: usize, seed: PartSeed, place: Position, yaw: f32) -> Result<(), Refusal> {
        let mut spaces = self.world.spaces.borrow_mut();
        if spaces.len() >= self.limits.entities_per_cell_max as usize {
            return Err(Refusal::new(Code::Busy, "the cell is full (entities_per_cell_max)"));
        }
        let entity = seed.id;
        if spaces.home(entity).is_some() {
            return Err(Refusal::new(Code::Owned, format!("entity {entity} is here already")));
        }
        let index = spaces.open[at].insert(seed, place, yaw).map_err(|error| match error {
            kuafu_space::SpaceError::Full(_) => Refusal::new(Code::Busy, error.to_string()),
            kuafu_space::SpaceError::OutOfBounds => Refusal::new(Code::OutOfBounds, error.to_string()),
            error => Refusal::new(Code::ArgumentInvalid, error.to_string()),
        })?;
        spaces.directory.insert(entity, Home { space: at, index });
        Ok(())
    }

    /// The place that was asked for; the spawn point when there is none, or when it is none of this space.
    fn begin_at(&mut self, at: usize, position: Option<([f32; 3], f32)>) -> (Position, f32) {
        let spaces = self.world.spaces.borrow();
        let open = &spaces.open[at];
        if let Some(([x, y, z], yaw)) = position {
            let place = Position::new(x, y, z);
            if yaw.is_finite() && open.bounds.contains(place) {
                return (place, yaw);
            }
            self.counters.count("places_misfit");
        }
        let (spawn, radius) = (open.config.spawn, open.config.spawn_radius);
        (crate::simulate::scatter(&mut self.chance, spawn, radius, &open.bounds), 0.0)
    }

    /// Takes a [`Event::DestroyPart`].
    ///
    /// It happens at once, after what logic was to hear before, so that whatever follows finds the part gone.
    pub(crate) fn destroy_part(&mut self, now: Now, peer: PeerNo, entity: EntityId, real_epoch: u32) {
        let standing = self.world.spaces.borrow().part(entity).map(|(_, part)| part.real_epoch);
        match standing {
            Some(epoch) if epoch <= real_epoch => {
                self.entries.push(Entry::Destroy { entity, real_epoch: epoch, forever: None });
                self.run_entries(now);
            }
            Some(_) => self.counters.count("stale_dropped"),
            // Its end was told before, and maybe lost: whoever waits for it hears of it again.
            None => self.tell(peer, Event::PartGone { entity, real_epoch, forever: None }),
        }
    }

    /// A base is gone, and the anchors of its parts with it: its eyes close now, its parts end in the next tick.
    pub(crate) fn handle_link_down(&mut self, now: Now, address: Address) {
        let Some(no) = self.peers.find(address) else { return };
        // What it sent before still counts.
        self.ingress(now);
        self.counters.count("links_down");
        self.end_calls_to(address);
        let world = Rc::clone(&self.world);
        let mut spaces = world.spaces.borrow_mut();
        for open in &mut spaces.open {
            let theirs = |part: &crate::part::Part| part.base == Some(no);
            let parts: Vec<_> = open
                .each_part()
                .filter(|(_, part)| theirs(part))
                .map(|(index, part)| (index, part.id, part.real_epoch))
                .collect();
            for (index, entity, real_epoch) in parts {
                open.orphan(index);
                self.counters.count("parts_orphaned");
                self.entries.push(Entry::Destroy { entity, real_epoch, forever: None });
            }
        }
        let Some(peer) = self.peers.forget(no) else { return };
        let mut witnesses: Vec<_> = peer.witnesses.values().copied().collect();
        witnesses.sort_unstable_by_key(|at| (at.space, at.no));
        for at in witnesses {
            spaces.open[at.space].detach(at.no);
        }
        if let Some(builder) = self.builders.get_mut(no.at()) {
            *builder = crate::egress::FrameBuilder::default();
        }
    }

    /// Takes a [`Event::BackUp`].
    pub(crate) fn back_up_on_demand(&mut self, peer: PeerNo, entity: EntityId, token: u64) {
        let is_theirs = self.world.spaces.borrow().part(entity).is_some_and(|(_, part)| part.base == Some(peer));
        if is_theirs {
            self.back_up(entity, token);
        } else {
            self.counters.count("stale_dropped");
        }
    }
}
