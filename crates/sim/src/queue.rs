//! What happens next: events by virtual time, and by a seeded draw where the time is the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kuafu_core::Moment;

/// Events that wait for their time.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    due: BinaryHeap<Reverse<Due<E>>>,
    next: u64,
}

#[derive(Debug)]
struct Due<E> {
    at: Moment,
    /// Orders events of one moment by chance.
    draw: u64,
    number: u64,
    event: E,
}

impl<E> Due<E> {
    fn key(&self) -> (Moment, u64, u64) {
        (self.at, self.draw, self.number)
    }
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Due<E> {}

impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Due<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self { due: BinaryHeap::new(), next: 0 }
    }

    pub(crate) fn push(&mut self, at: Moment, draw: u64, event: E) {
        self.next += 1;
        self.due.push(Reverse(Due { at, draw, number: self.next, event }));
    }

    pub(crate) fn pop(&mut self) -> Option<(Moment, E)> {
        self.due.pop().map(|Reverse(due)| (due.at, due.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_by_draw() {
        let mut queue = Queue::new();
        for (at, draw, event) in [(2, 1, 'c'), (1, 9, 'b'), (1, 3, 'a'), (2, 1, 'd')] {
            queue.push(Moment(at), draw, event);
        }
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(order, "abcd");
    }
}
