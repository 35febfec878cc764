//! The way into the game, patient where trying again can help.

use std::sync::Arc;
use std::time::Duration;

use kuafu_client::{Account, Client, ClientError, Loss, Options, Reconnect, Target};
use kuafu_core::Code;
use kuafu_def::Definitions;
use tokio::time::sleep;

use crate::settings::Settings;

/// How often a login is tried.
const TRIES: u32 = 6;
/// The wait before the second try; it doubles.
const WAIT: Duration = Duration::from_millis(250);

/// How bots come in.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    target: Target,
    options: Options,
    password: String,
    seed: u64,
}

impl Entrance {
    pub(crate) fn new(settings: &Settings, login_port: u16) -> Self {
        let options = Options {
            name: concat!("kuafu-bots ", env!("CARGO_PKG_VERSION")).to_owned(),
            // A server that a thousand bots come back to at once answers late.
            answer_timeout: Duration::from_secs(30),
            reconnect: Reconnect {
                tries_max: 100,
                wait_min: Duration::from_millis(100),
                wait_max: Duration::from_secs(4),
            },
            ..Options::default()
        };
        let host = settings.console.host.clone();
        let target = Target { host, port: login_port, transport: settings.transport };
        Self { target, options, password: settings.password(), seed: settings.seed }
    }

    /// The same for a game whose definitions are known.
    pub(crate) fn knowing(mut self, schema: Arc<Definitions>) -> Self {
        self.options.schema = Some(schema);
        self
    }

    /// Brings a bot into the game; registers it when it is not known there.
    pub(crate) async fn enter(&self, number: usize, name: &str) -> Result<Client, ClientError> {
        let mut wait = WAIT;
        for _ in 1..TRIES {
            match self.try_enter(number, name).await {
                Err(error) if may_pass(&error) => sleep(wait).await,
                result => return result,
            }
            wait *= 2;
        }
        self.try_enter(number, name).await
    }

    async fn try_enter(&self, number: usize, name: &str) -> Result<Client, ClientError> {
        let seed = self.seed.wrapping_add(number as u64);
        let options = Options { seed, ..self.options.clone() };
        let account =
            Account { name: name.to_owned(), password: self.password.clone(), role: name.to_owned(), register: true };
        Client::play(self.target.clone(), options, account).await
    }
}

/// Whether the same may succeed a little later.
fn may_pass(error: &ClientError) -> bool {
    use Code::{
        Busy, Idle, QueueFull, ServerStopping, TicketInvalid, TooManyAttempts, TooManyConnections, Unavailable,
    };
    match error {
        ClientError::Lost(Loss::Closed | Loss::Io(_)) | ClientError::TimedOut(_) => true,
        error => matches!(
            error.code(),
            Some(
                Busy | Idle
                    | QueueFull
                    | ServerStopping
                    | TicketInvalid
                    | TooManyAttempts
                    | TooManyConnections
                    | Unavailable
            )
        ),
    }
}
