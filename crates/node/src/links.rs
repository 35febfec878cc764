//! The two ends of a link as a role keeps them: numbers, credit, gaps.

/// The sending end: numbers frames, and knows how many the peer still can take.
#[derive(Debug)]
pub struct LinkSender {
    next: u32,
    in_flight: u32,
    frames_max: u32,
}

impl LinkSender {
    /// A fresh end that may have `frames_max` frames (`Limits::link_frames_max`) on the way.
    #[must_use]
    pub fn new(frames_max: u32) -> Self {
        Self { next: 1, in_flight: 0, frames_max }
    }

    /// The number of the next frame; `None` when the peer has not taken enough of those before.
    pub fn take(&mut self) -> Option<u32> {
        if self.is_blocked() {
            return None;
        }
        let sequence = self.next;
        self.next = self.next.wrapping_add(1);
        self.in_flight += 1;
        Some(sequence)
    }

    /// Whether a frame would have to wait.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.in_flight >= self.frames_max
    }

    /// The peer took frames.
    pub fn credit(&mut self, frames: u32) {
        self.in_flight = self.in_flight.saturating_sub(frames);
    }
}

/// The receiving end: notices gaps.
#[derive(Debug, Default)]
pub struct LinkReceiver {
    last: Option<u32>,
}

/// How a frame stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The next one.
    InOrder,
    /// Frames before it are missing: apply it after a resync was asked for.
    Gap,
    /// It was here before: drop it.
    Old,
}

impl LinkReceiver {
    /// Notes a frame's number.
    pub fn receive(&mut self, sequence: u32) -> Received {
        let expected = self.last.map_or(1, |last| last.wrapping_add(1));
        let ahead = sequence.wrapping_sub(expected);
        if ahead > u32::MAX / 2 {
            return Received::Old;
        }
        self.last = Some(sequence);
        if ahead == 0 { Received::InOrder } else { Received::Gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_stops_until_it_has_credit() {
        let mut sender = LinkSender::new(2);
        assert_eq!((sender.take(), sender.take(), sender.take()), (Some(1), Some(2), None));
        sender.credit(1);
        assert_eq!((sender.take(), sender.take()), (Some(3), None));
    }

    #[test]
    fn a_receiver_tells_gaps_and_repetitions_from_order() {
        let mut receiver = LinkReceiver::default();
        let seen = [1, 2, 4, 4, 3, 5].map(|sequence| receiver.receive(sequence));
        use Received::{Gap, InOrder, Old};
        assert_eq!(seen, [InOrder, InOrder, Gap, Old, Old, InOrder]);
    }
}
