//! Where to play, as whom, and how patiently.

use std::sync::Arc;
use std::time::Duration;

use kuafu_core::Limits;
use kuafu_def::Definitions;

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    #[default]
    Tcp,
    /// WebSocket, as browsers use it.
    WebSocket,
}

/// The login server to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// For this connection and the one to the base.
    pub transport: Transport,
}

impl Target {
    /// A login server over TCP.
    #[must_use]
    pub fn tcp(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, transport: Transport::Tcp }
    }

    /// A login server over WebSocket.
    #[must_use]
    pub fn web_socket(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, transport: Transport::WebSocket }
    }
}

/// Whom [`crate::Client::play`] plays as.
#[derive(Clone)]
pub struct Account {
    /// The account's name.
    pub name: String,
    /// Its password.
    pub password: String,
    /// The name for its first role, when it has none yet.
    pub role: String,
    /// Register the account first; an account that is there already is taken as it is.
    pub register: bool,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the program, told to the server.
    pub name: String,
    /// What an earlier connection learned of the game ([`crate::Client::schema`]). Without it the server is asked.
    pub schema: Option<Arc<Definitions>>,
    /// Bounds of values and queues.
    pub limits: Limits,
    /// After how many frames one acknowledgement goes to the server.
    pub ack_every: u32,
    /// The longest wait for a connection, for each answer of the handshake and login, and for the last answer at
    /// leaving. Waiting in the login queue is not bounded by it.
    pub answer_timeout: Duration,
    /// The longest wait for the result of a call; then it ends as unknown.
    pub call_timeout: Duration,
    /// The most events that wait to be taken; then the oldest is dropped and counted.
    pub events_max: usize,
    /// The greatest packet taken from a server, in bytes.
    pub packet_bytes_max: u32,
    /// What to do when the connection breaks.
    pub reconnect: Reconnect,
    /// For the spread of waiting times.
    pub seed: u64,
}

/// How a broken connection is made again. The waits double from `wait_min` to `wait_max`, each cut by chance to
/// between half and all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// The most tries in a row; 0 for none. A connection that held for `wait_max` counts as new.
    pub tries_max: u32,
    /// The wait before the first try.
    pub wait_min: Duration,
    /// The longest wait between two tries.
    pub wait_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: concat!("kuafu-client ", env!("CARGO_PKG_VERSION")).to_owned(),
            schema: None,
            limits: Limits::default(),
            ack_every: 10,
            answer_timeout: Duration::from_secs(15),
            call_timeout: Duration::from_secs(10),
            events_max: 4_096,
            packet_bytes_max: 4 << 20,
            reconnect: Reconnect::default(),
            seed: 0,
        }
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { tries_max: 20, wait_min: Duration::from_millis(200), wait_max: Duration::from_secs(10) }
    }
}

impl Reconnect {
    /// A broken connection is the end.
    pub const NEVER: Self = Self { tries_max: 0, wait_min: Duration::ZERO, wait_max: Duration::ZERO };

    /// The wait before try number `tried` (from 0); `unit` is chance in `0.0..1.0`.
    pub(crate) fn wait(&self, tried: u32, unit: f64) -> Duration {
        let doubled = self.wait_min.saturating_mul(1 << tried.min(20));
        doubled.min(self.wait_max).mul_f64(0.5 + unit / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let reconnect = Reconnect::default();
        assert_eq!(reconnect.wait(0, 0.0), Duration::from_millis(100));
        assert!(reconnect.wait(3, 0.99) < Duration::from_millis(1_600));
        assert!(reconnect.wait(3, 0.99) > reconnect.wait(2, 0.99));
        assert!(reconnect.wait(u32::MAX, 0.99) <= reconnect.wait_max);
    }
}
