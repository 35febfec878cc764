//! Recent faults of scripts, bounded: equal ones are one entry with a count.

use std::collections::VecDeque;

use kuafu_contract::Address;
use kuafu_core::WallTime;

use crate::gather::text::shortened;
use crate::picture::FaultPicture;

/// The most different faults that are kept; the one that was silent longest leaves first.
pub(crate) const FAULTS_MAX: usize = 100;
/// The longest type or entry name, in bytes; a longer one is cut.
const NAME_BYTES_MAX: usize = 128;
/// The longest message with its stack, in bytes; a longer one is cut.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// Faults, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    recent: VecDeque<FaultPicture>,
    total: u64,
}

impl Faults {
    pub(crate) fn take(&mut self, at: WallTime, from: Address, type_name: String, entry: String, message: String) {
        self.total += 1;
        let type_name = shortened(type_name, NAME_BYTES_MAX);
        let entry = shortened(entry, NAME_BYTES_MAX);
        let message = shortened(message, MESSAGE_BYTES_MAX);
        let same =
            |known: &FaultPicture| known.entry == entry && known.type_name == type_name && known.message == message;
        let known = self.recent.iter().position(same).and_then(|index| self.recent.remove(index));
        let mut fault =
            known.unwrap_or(FaultPicture { from, type_name, entry, message, times: 0, first: at, last: at });
        fault.times += 1;
        fault.last = at;
        fault.from = from;
        self.recent.truncate(FAULTS_MAX - 1);
        self.recent.push_front(fault);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn pictures(&self) -> Vec<FaultPicture> {
        self.recent.iter().cloned().collect()
    }
}
