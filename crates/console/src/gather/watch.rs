//! Which maps are looked at, and when the cells must be asked again.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_core::{Moment, SpaceId};

/// The most spaces whose maps are drawn at a time; a further one is not watched until another is let go.
pub(crate) const SPACES_MAX: usize = 16;
/// How long one look keeps a space watched.
const KEPT: Duration = Duration::from_secs(6);
/// How often the cell is asked again; it sends for five seconds.
const RENEW_AFTER: Duration = Duration::from_millis(2_500);

#[derive(Clone, Copy, Debug)]
struct Watch {
    until: Moment,
    asked: Option<Moment>,
}

#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_space: BTreeMap<SpaceId, Watch>,
}

impl Watches {
    /// Somebody looks. `false` when too many spaces are looked at.
    pub(crate) fn look(&mut self, now: Moment, space: SpaceId) -> bool {
        if !self.by_space.contains_key(&space) && self.by_space.len() >= SPACES_MAX {
            return false;
        }
        let watch = self.by_space.entry(space).or_insert(Watch { until: now, asked: None });
        watch.until = now + KEPT;
        true
    }

    pub(crate) fn is_watched(&self, space: SpaceId) -> bool {
        self.by_space.contains_key(&space)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_space.len()
    }

    /// Lets go of what nobody looks at any more, and names it.
    pub(crate) fn expire(&mut self, now: Moment) -> Vec<SpaceId> {
        let over: Vec<_> =
            self.by_space.iter().filter(|(_, watch)| watch.until <= now).map(|(space, _)| *space).collect();
        for space in &over {
            self.by_space.remove(space);
        }
        over
    }

    /// The spaces whose cells must be asked now; they count as asked.
    pub(crate) fn take_due(&mut self, now: Moment) -> Vec<SpaceId> {
        let due = |watch: &Watch| watch.asked.is_none_or(|asked| now.since(asked) >= RENEW_AFTER);
        let spaces: Vec<_> = self.by_space.iter().filter(|(_, watch)| due(watch)).map(|(space, _)| *space).collect();
        for space in &spaces {
            if let Some(watch) = self.by_space.get_mut(space) {
                watch.asked = Some(now);
            }
        }
        spaces
    }
}
