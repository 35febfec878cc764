//! Why a store cannot be opened. Each message names the file or folder and says what to do.

use std::path::PathBuf;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process works on the folder.
    #[error("the data folder {} is in use by another process: stop that one, or give this one another folder with --data", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The file system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A newer program wrote the folder.
    #[error("data folder {} is of version {found}, this program knows {known}: use a newer kuafu", folder.display())]
    NewerVersion {
        /// The data folder.
        folder: PathBuf,
        /// The version of the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The file is no database, or a damaged one.
    #[error("{} is damaged or no database ({message}): move it away, or put a backup in its place", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        message: String,
    },
    /// The file is a database of something else.
    #[error("{} is a database, but not one of kuafu's: give another folder with --data", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// The definitions and the stored data do not go together.
    #[error("the entity definitions do not fit the stored data:\n{}", list(problems))]
    Definitions {
        /// Everything that does not fit.
        problems: Vec<SchemaProblem>,
    },
    /// SQL failed.
    #[error("the database {} failed: {source}", file.display())]
    Sql {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
}

/// A property that does not fit what is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{type_name}.{property}`: {what}; {help}")]
pub struct SchemaProblem {
    /// The entity type.
    pub type_name: String,
    /// The property.
    pub property: String,
    /// What does not fit.
    pub what: String,
    /// What to do.
    pub help: String,
}

fn list(problems: &[SchemaProblem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}
