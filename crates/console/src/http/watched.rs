//! Which watch expressions are in the audit log already: one that runs twice a second is one line in ten minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_core::Moment;

use crate::http::audit::Deed;

/// How long an equal expression is not written again.
const WRITTEN_FOR: Duration = Duration::from_secs(600);
/// The most expressions that are remembered; of more, the one written longest ago is forgotten, and written again.
const WATCHED_MAX: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Watched {
    written: BTreeMap<[u8; 32], Moment>,
}

impl Watched {
    /// Whether it is to be written; then it counts as written.
    pub(crate) fn is_new(&mut self, deed: &Deed, now: Moment) -> bool {
        let host = deed.from.rsplit_once(':').map_or(deed.from.as_str(), |(host, _)| host);
        let key = (host, &deed.role, deed.entity, &deed.source);
        let key = *blake3::hash(format!("{key:?}").as_bytes()).as_bytes();
        if self.written.get(&key).is_some_and(|written| now.since(*written) < WRITTEN_FOR) {
            return false;
        }
        if self.written.len() >= WATCHED_MAX && !self.written.contains_key(&key) {
            let oldest = self.written.iter().min_by_key(|(_, written)| **written).map(|(key, _)| *key);
            oldest.and_then(|oldest| self.written.remove(&oldest));
        }
        self.written.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(port: u16, source: &str) -> Deed {
        Deed {
            at: 0,
            from: format!("127.0.0.1:{port}"),
            action: "watch",
            role: "cell#1".to_owned(),
            entity: Some(1),
            source: Some(source.to_owned()),
            keep: Some(false),
            seconds: None,
        }
    }

    #[test]
    fn an_expression_is_written_once_in_a_while_whatever_connection_it_comes_over() {
        let mut watched = Watched::default();
        let at = |seconds: u64| Moment(seconds * 1_000_000);
        assert!(watched.is_new(&deed(1, "self.hue"), at(1)));
        assert!(!watched.is_new(&deed(2, "self.hue"), at(600)));
        assert!(watched.is_new(&deed(2, "self.gold"), at(600)));
        assert!(watched.is_new(&deed(2, "self.hue"), at(601)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut watched = Watched::default();
        for number in 0..1_000 {
            assert!(watched.is_new(&deed(1, &number.to_string()), Moment(number)));
        }
        assert_eq!(watched.written.len(), WATCHED_MAX);
        assert!(!watched.is_new(&deed(1, "999"), Moment(1_000)) && watched.is_new(&deed(1, "0"), Moment(1_000)));
    }
}
