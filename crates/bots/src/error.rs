//! What keeps bots from playing at all. What goes wrong later is in the report.

use kuafu_client::ClientError;

/// A run that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum BotsError {
    /// A setting makes no sense.
    #[error("{0}")]
    Setting(String),
    /// There is no game.
    #[error(
        "no game answers at {url}: {why}; start one with `kuafu up PROJECT`, or say where it is with --port-base or --url"
    )]
    NoGame {
        /// Where it was looked for.
        url: String,
        /// What happened.
        why: String,
    },
    /// The first bot did not get in.
    #[error("the first bot could not enter the game: {0}")]
    Enter(#[from] ClientError),
    /// The first bot is in no space.
    #[error("the first bot is in the game and in no space: {0}")]
    NoSpace(String),
}
