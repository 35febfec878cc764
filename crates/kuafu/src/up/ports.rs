//! Which port is whose: all of a run follow from one number.

use std::net::{IpAddr, SocketAddr, TcpListener};

use anyhow::{Context, bail};

/// How many ports a run may use.
const PORTS_MAX: u16 = 40;

/// The addresses of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    bind: IpAddr,
    base: u16,
    bases: u16,
}

impl Ports {
    pub(super) fn new(bind: IpAddr, base: u16, bases: u32) -> anyhow::Result<Self> {
        if base == 0 || base.checked_add(PORTS_MAX).is_none() {
            bail!("--port-base {base}: choose 1 to {}", u16::MAX - PORTS_MAX);
        }
        Ok(Self { bind, base, bases: bases as u16 })
    }

    pub(super) fn console(&self) -> SocketAddr {
        SocketAddr::new(self.bind, self.base)
    }

    pub(super) fn login(&self) -> SocketAddr {
        SocketAddr::new(self.bind, self.base + 1)
    }

    pub(super) fn base(&self, number: u16) -> SocketAddr {
        SocketAddr::new(self.bind, self.base + 2 + number)
    }

    /// Where a person on this machine reaches the console.
    pub(super) fn console_url(&self) -> String {
        let host = if self.bind.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { self.bind };
        format!("http://{}", SocketAddr::new(host, self.base))
    }

    /// Tries every port, so that one in use is told before anything starts.
    pub(super) fn try_all(&self) -> anyhow::Result<()> {
        let bases = (0..self.bases).map(|number| ("a base", self.base(number)));
        for (who, address) in [("the console", self.console()), ("the login", self.login())].into_iter().chain(bases) {
            TcpListener::bind(address).with_context(|| {
                let port = address.port();
                format!(
                    "port {port}, for {who}, cannot be used on {}: stop what listens there \
                     (`ss -ltnp 'sport = :{port}'` shows it), or choose other ports with --port-base",
                    address.ip()
                )
            })?;
        }
        Ok(())
    }
}
