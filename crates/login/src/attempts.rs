//! How often an address may try to log in or register.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use kuafu_core::{Limits, Moment, Rate, TokenBucket};
use kuafu_edge::counted_address;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Recent attempts by address. It remembers at most `connections_max` addresses; beyond, the one that was silent for
/// longest is forgotten, so that a flood of addresses costs memory to a bound and no stranger his login.
#[derive(Debug)]
pub(crate) struct Attempts {
    loopback_counts: bool,
    addresses_max: usize,
    logins: Rate,
    registrations: Rate,
    by_address: HashMap<IpAddr, Address>,
    by_use: BTreeMap<u64, IpAddr>,
    uses: u64,
}

#[derive(Debug)]
struct Address {
    logins: TokenBucket,
    registrations: TokenBucket,
    last: Moment,
    used: u64,
}

impl Attempts {
    pub(crate) fn new(limits: &Limits) -> Self {
        let rate = |count: u32, span| Rate { count: count.max(1), span };
        Self {
            loopback_counts: limits.loopback,
            addresses_max: limits.connections_max.max(1) as usize,
            logins: rate(limits.login_attempts_per_address_per_min, MINUTE),
            registrations: rate(limits.registrations_per_address_per_hour, HOUR),
            by_address: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
        }
    }

    /// Notes a login attempt. `false` when the address has had its share.
    pub(crate) fn login(&mut self, ip: IpAddr, now: Moment) -> bool {
        let rate = self.logins;
        self.entry(ip, now).is_none_or(|address| address.logins.take(rate, now))
    }

    /// Notes a registration. `false` when the address has had its share.
    pub(crate) fn registration(&mut self, ip: IpAddr, now: Moment) -> bool {
        let rate = self.registrations;
        self.entry(ip, now).is_none_or(|address| address.registrations.take(rate, now))
    }

    /// Forgets addresses that have all their attempts back.
    pub(crate) fn expire(&mut self, now: Moment) {
        while let Some((_, ip)) = self.by_use.first_key_value() {
            if now.since(self.by_address[ip].last) < HOUR {
                break;
            }
            self.forget_oldest();
        }
    }

    /// `None` for an address that is not limited.
    fn entry(&mut self, ip: IpAddr, now: Moment) -> Option<&mut Address> {
        let ip = counted_address(ip, self.loopback_counts)?;
        self.uses += 1;
        let used = self.uses;
        if !self.by_address.contains_key(&ip) && self.by_address.len() >= self.addresses_max {
            self.forget_oldest();
        }
        let full = TokenBucket::full(now);
        let address =
            self.by_address.entry(ip).or_insert(Address { logins: full, registrations: full, last: now, used });
        self.by_use.remove(&address.used);
        self.by_use.insert(used, ip);
        (address.last, address.used) = (now, used);
        Some(address)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, ip)) = self.by_use.pop_first() {
            self.by_address.remove(&ip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn each_address_has_its_own_attempts_and_gets_them_back() {
        let limits = Limits { login_attempts_per_address_per_min: 2, ..Limits::default() };
        let mut attempts = Attempts::new(&limits);
        let start = Moment(0);
        assert!(attempts.login(ip(1), start) && attempts.login(ip(1), start));
        assert!(!attempts.login(ip(1), start));
        assert!(attempts.login(ip(2), start), "another address");
        assert!(attempts.registration(ip(1), start), "another kind");
        assert!(attempts.login(ip(1), start + MINUTE));
    }

    #[test]
    fn loopback_is_exempt_unless_configured() {
        let mut limits = Limits { login_attempts_per_address_per_min: 1, ..Limits::default() };
        for (loopback, passed) in [(false, 5), (true, 1)] {
            limits.loopback = loopback;
            let mut attempts = Attempts::new(&limits);
            let count = (0..5).filter(|_| attempts.login(IpAddr::from([127, 0, 0, 1]), Moment(0))).count();
            assert_eq!(count, passed);
        }
    }

    #[test]
    fn it_remembers_so_many_addresses_and_for_so_long() {
        let mut attempts = Attempts::new(&Limits { connections_max: 10, ..Limits::default() });
        for n in 0..100 {
            attempts.login(ip(n), Moment(u64::from(n)));
            attempts.login(ip(0), Moment(u64::from(n)));
        }
        assert_eq!((attempts.by_address.len(), attempts.by_use.len()), (10, 10));
        assert!(attempts.by_address.contains_key(&ip(0)), "the busiest stays");
        attempts.expire(Moment(0) + HOUR + HOUR);
        assert_eq!((attempts.by_address.len(), attempts.by_use.len()), (0, 0));
    }
}
