//! What the console is told when it is made, and how its start can fail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use kuafu_contract::Address;
use kuafu_core::SpaceId;

/// What the role needs to know.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// Its own address, to which cells send their maps.
    pub address: Address,
    /// The spaces of the project; others are added when a cell reports them.
    pub spaces: Vec<SpaceName>,
    /// The pace of cells, which gives the time that a tick may take.
    pub tick_hz: u32,
}

/// A space and how people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceName {
    /// Its number.
    pub id: SpaceId,
    /// The name of its file.
    pub name: String,
}

/// What the HTTP side needs to know.
#[derive(Clone, Debug)]
pub struct ConsoleHttp {
    /// Where it listens. A loopback address admits only requests that name a loopback host.
    pub bind: SocketAddr,
    /// Further host names by which browsers may call it, without ports. IP addresses need not be listed.
    pub hosts: Vec<String>,
    /// The name of the game.
    pub game: String,
    /// The project's client folder, served under `/play/`. It need not exist.
    pub client: PathBuf,
    /// Where clients log in, on the same host.
    pub login_port: u16,
    /// Names of entity types by their numbers, for the map's legend.
    pub types: BTreeMap<u16, String>,
    /// The browser client library: name below `/sdk/` and text. [`crate::SDK_FILES`] unless a test has its own.
    pub sdk: &'static [(&'static str, &'static str)],
    /// Who may steer the game, and where that is written down; `None` when nobody may.
    pub operator: Option<Operator>,
}

/// What steering needs.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Who has it may steer.
    pub token: OperatorToken,
    /// The audit log: everything that was steered, one JSON object a line. When it is full it is renamed to the same
    /// path with `.1` added, and begun anew.
    pub audit: PathBuf,
}

/// The secret of an operator. Only its hash is kept, which is also what makes comparing take the same time whatever is
/// offered.
#[derive(Clone)]
pub struct OperatorToken(blake3::Hash);

impl OperatorToken {
    /// The token that this text is.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()))
    }

    /// Whether somebody has it. Takes as long when nearly right as when all wrong.
    #[must_use]
    pub fn is(&self, offered: &str) -> bool {
        // Hashes compare in constant time.
        self.0 == blake3::hash(offered.as_bytes())
    }
}

impl std::fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// Why the console could not start to listen.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Somebody else has the port.
    #[error(
        "the console's port {} at {} is in use; end the program that has it, or choose other ports with --port-base N",
        bind.port(), bind.ip()
    )]
    PortInUse {
        /// The address that was asked for.
        bind: SocketAddr,
    },
    /// The address cannot be listened at.
    #[error("the console cannot listen at {bind}: {why}")]
    Bind {
        /// The address that was asked for.
        bind: SocketAddr,
        /// What the system said.
        #[source]
        why: std::io::Error,
    },
    /// The audit log cannot be written.
    #[error("the audit log {} cannot be written: {why}", path.display())]
    Audit {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        #[source]
        why: std::io::Error,
    },
    /// The page could not be made from its template.
    #[error("the console's page could not be made: {0}")]
    Page(#[from] askama::Error),
}
