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
    /// The page could not be made from its template.
    #[error("the console's page could not be made: {0}")]
    Page(#[from] askama::Error),
}
