//! What a listener counts, and who is connected from where.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kuafu_core::{Code, Limits};

/// Totals since the start, and the connections of now.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    connections: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    closed: AtomicU64,
    by_address: Mutex<HashMap<IpAddr, u32>>,
}

/// One admitted connection; counts it until it is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    counts: Arc<Counts>,
    address: Option<IpAddr>,
}

impl Counts {
    /// Takes a place for a connection, or tells with which code to turn it away.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr, limits: &Limits) -> Result<Admission, Code> {
        self.accepted.fetch_add(1, Relaxed);
        let address = counted_address(ip, limits.loopback);
        if self.connections.fetch_add(1, Relaxed) >= u64::from(limits.connections_max) {
            return self.turn_away(Code::Busy);
        }
        if let Some(address) = address {
            let mut by_address = self.by_address();
            let count = by_address.entry(address).or_default();
            if *count >= limits.connections_per_address_max {
                drop(by_address);
                return self.turn_away(Code::TooManyConnections);
            }
            *count += 1;
        }
        Ok(Admission { counts: Arc::clone(self), address })
    }

    fn turn_away(&self, code: Code) -> Result<Admission, Code> {
        self.connections.fetch_sub(1, Relaxed);
        self.refused.fetch_add(1, Relaxed);
        Err(code)
    }

    pub(crate) fn count_cut(&self) {
        self.cut.fetch_add(1, Relaxed);
    }

    /// Name and value of each count, sorted by name.
    pub(crate) fn numbers(&self) -> [(&'static str, u64); 5] {
        [
            ("edge_accepted_total", self.accepted.load(Relaxed)),
            ("edge_closed_total", self.closed.load(Relaxed)),
            ("edge_connections", self.connections.load(Relaxed)),
            ("edge_cut_total", self.cut.load(Relaxed)),
            ("edge_refused_total", self.refused.load(Relaxed)),
        ]
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.counts.connections.fetch_sub(1, Relaxed);
        self.counts.closed.fetch_add(1, Relaxed);
        let Some(address) = self.address else { return };
        let mut by_address = self.counts.by_address();
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

/// Whom a connection counts for, wherever limits hold per address. An IPv6 client owns its /64, so that is one address;
/// `None` for loopback, unless it counts.
#[must_use]
pub fn counted_address(ip: IpAddr, loopback_counts: bool) -> Option<IpAddr> {
    let ip = ip.to_canonical();
    if ip.is_loopback() && !loopback_counts {
        return None;
    }
    Some(match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_gets_its_places_back_and_others_have_their_own() {
        let counts = Arc::new(Counts::default());
        let limits = Limits { connections_per_address_max: 2, connections_max: 3, ..Limits::default() };
        let first = counts.admit(ip("192.0.2.1"), &limits).expect("room");
        let _second = counts.admit(ip("192.0.2.1"), &limits).expect("room");
        assert_eq!(counts.admit(ip("192.0.2.1"), &limits).err(), Some(Code::TooManyConnections));
        let _other = counts.admit(ip("192.0.2.2"), &limits).expect("room");
        assert_eq!(counts.admit(ip("192.0.2.3"), &limits).err(), Some(Code::Busy));
        drop(first);
        counts.admit(ip("192.0.2.1"), &limits).expect("room again");
        assert_eq!(counts.by_address().len(), 2);
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_mapped_ipv4_is_ipv4() {
        assert_eq!(counted_address(ip("2001:db8::1"), false), counted_address(ip("2001:db8::ffff"), false));
        assert_ne!(counted_address(ip("2001:db8:0:1::1"), false), counted_address(ip("2001:db8::1"), false));
        assert_eq!(counted_address(ip("::ffff:192.0.2.1"), false), Some(ip("192.0.2.1")));
        assert_eq!(counted_address(ip("::1"), false), None);
        assert_eq!(counted_address(ip("127.0.0.1"), true), Some(ip("127.0.0.1")));
    }
}
