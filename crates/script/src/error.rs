//! What can go wrong when a host is made, and the errors that travel through the virtual machine.

/// Why a [`crate::ScriptHost`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The virtual machine itself failed.
    #[error("the script machine could not be set up: {0}")]
    Machine(String),
    /// The binding and the API table name different functions.
    #[error("the script API table and its binding differ: missing {missing:?}, not in the table {extra:?}")]
    Api {
        /// In the table, not bound.
        missing: Vec<String>,
        /// Bound, not in the table.
        extra: Vec<String>,
    },
    /// A script could not be loaded.
    #[error("{file}:{line}: {message}")]
    Script {
        /// The file's name below `scripts/`.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What went wrong.
        message: String,
    },
    /// Bytes that are no release, or one that does not fit what runs.
    #[error("{0}")]
    Release(String),
}

impl From<mlua::Error> for ScriptError {
    fn from(error: mlua::Error) -> Self {
        Self::Machine(error.to_string())
    }
}

/// Raised by `kuafu.refuse`: ends the call with this text.
#[derive(Clone, Debug, thiserror::Error)]
#[error("refused: {0}")]
pub(crate) struct Refused(pub(crate) String);

/// Raised again and again once a budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Spent {
    #[error("the script used more than its budget of steps (script_steps_max)")]
    Steps,
    #[error("the script used more than its budget of memory (script_memory_bytes_max)")]
    Memory,
    #[error("the script asked for more than effects_per_entry_max things")]
    Effects,
    #[error("the script was stopped from outside: it held its thread for too long")]
    Halted,
}

/// Raised where code of an older release would wait once more: it ends there.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the code was replaced by that of release {0}, and its time to finish is over")]
pub(crate) struct Replaced(pub(crate) u64);
