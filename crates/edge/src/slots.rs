//! The table of connections: dense, made once, with generations.
//!
//! A role's thread looks connections up here for every packet and asks how much waits for them at every tick, so both
//! are an index and a few loads. What must hold: a [`ConnId`] whose connection is over finds nothing, even when its
//! index is in use again.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ConnId;
use crate::outbox::Outbox;

#[derive(Debug)]
pub(crate) struct Slots {
    slots: Box<[Slot]>,
    free: Mutex<Vec<u32>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Of the connection that is here, or was here last.
    generation: AtomicU32,
    /// Bytes that wait for the connection; written by its outbox only.
    queued: Arc<AtomicU32>,
    outbox: Mutex<Option<Arc<Outbox>>>,
}

impl Slots {
    pub(crate) fn new(count: u32) -> Self {
        let slots = (0..count).map(|_| Slot::default()).collect();
        Self { slots, free: Mutex::new((0..count).rev().collect()) }
    }

    /// Gives a connection its number; `make` gets the number and the count of its waiting bytes. `None` when all slots
    /// are taken.
    pub(crate) fn open(&self, make: impl FnOnce(ConnId, Arc<AtomicU32>) -> Outbox) -> Option<Arc<Outbox>> {
        let index = lock(&self.free).pop()?;
        let slot = &self.slots[index as usize];
        let mut place = lock(&slot.outbox);
        let generation = slot.generation.load(Relaxed).wrapping_add(1);
        slot.generation.store(generation, Relaxed);
        slot.queued.store(0, Relaxed);
        let outbox = Arc::new(make(ConnId::new(index, generation), Arc::clone(&slot.queued)));
        *place = Some(Arc::clone(&outbox));
        Some(outbox)
    }

    /// Ends a number. Nothing may be written through its outbox after this.
    pub(crate) fn close(&self, conn: ConnId) {
        let Some(slot) = self.slots.get(conn.index() as usize) else { return };
        let mut place = lock(&slot.outbox);
        if slot.generation.load(Relaxed) == conn.generation() && place.take().is_some() {
            slot.queued.store(0, Relaxed);
            drop(place);
            lock(&self.free).push(conn.index());
        }
    }

    /// Works on a connection, if it is still there.
    pub(crate) fn with<T>(&self, conn: ConnId, work: impl FnOnce(&Outbox) -> T) -> Option<T> {
        let slot = self.slots.get(conn.index() as usize)?;
        let place = lock(&slot.outbox);
        if slot.generation.load(Relaxed) != conn.generation() {
            return None;
        }
        place.as_deref().map(work)
    }

    /// Bytes that wait for a connection, 0 when it is over. Without a lock: it may be a moment old.
    pub(crate) fn queued(&self, conn: ConnId) -> u32 {
        match self.slots.get(conn.index() as usize) {
            Some(slot) if slot.generation.load(Relaxed) == conn.generation() => slot.queued.load(Relaxed),
            _ => 0,
        }
    }

    /// All that are open now.
    pub(crate) fn all(&self) -> Vec<Arc<Outbox>> {
        self.slots.iter().filter_map(|slot| lock(&slot.outbox).clone()).collect()
    }
}

/// What a mutex here guards is whole between any two statements, so a panic elsewhere does not spoil it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Framing;
    use crate::outbox::Way;

    fn open(slots: &Slots) -> Option<Arc<Outbox>> {
        slots.open(|conn, queued| Outbox::new(conn, queued, Framing::Tcp, Way::Task, 100))
    }

    #[test]
    fn an_old_number_finds_nothing_when_its_slot_is_used_again() {
        let slots = Slots::new(1);
        let first = open(&slots).expect("a free slot").conn;
        assert!(open(&slots).is_none());
        slots.close(first);
        let second = open(&slots).expect("the slot again").conn;
        assert_eq!((first.index(), second.index()), (0, 0));
        assert!(slots.with(first, |_| ()).is_none());
        slots.close(first);
        assert_eq!(slots.with(second, |outbox| outbox.conn), Some(second));
        assert_eq!(slots.queued(ConnId::new(7, 1)), 0);
    }
}
