//! What roles say to each other: one module a role, plain versioned data.
//!
//! A **call** carries a [`Request`] and ends in a [`Reply`], a refusal, or as unknown when its deadline passes. A
//! **notice** carries a [`Request`] and wants no answer. Bulk between bases and cells goes over **links**, whose frames
//! are in [`link`]. Roles meet only here: a role crate never depends on another's.

pub mod accounts;
pub mod base;
pub mod base_manager;
pub mod cell;
pub mod cell_manager;
pub mod config;
pub mod console;
pub mod db;
pub mod directory;
pub mod envelope;
pub mod interfaces;
pub mod link;
pub mod logic;
pub mod login;

pub use envelope::{Address, Body, CONTRACT_VERSION, CallId, Envelope, Outcome, RoleKind, Target};

use serde::{Deserialize, Serialize};

/// What a role is asked, by role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// To the accounts centre.
    Accounts(accounts::Request),
    /// To a base.
    Base(base::Request),
    /// To the base-manager.
    BaseManager(base_manager::Request),
    /// To a cell.
    Cell(cell::Request),
    /// To the cell-manager.
    CellManager(cell_manager::Request),
    /// To the config role.
    Config(config::Request),
    /// To the console.
    Console(console::Request),
    /// To a db.
    Db(db::Request),
    /// To who follows the directory: bases and cells.
    Directory(directory::Feed),
    /// To the interfaces role.
    Interfaces(interfaces::Request),
    /// To the logic of a base or a cell.
    Logic(logic::Request),
    /// To a login.
    Login(login::Request),
}

/// What a role answers, by role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// From the accounts centre.
    Accounts(accounts::Reply),
    /// From a base.
    Base(base::Reply),
    /// From the base-manager.
    BaseManager(base_manager::Reply),
    /// From the cell-manager.
    CellManager(cell_manager::Reply),
    /// From the config role.
    Config(config::Reply),
    /// From a db.
    Db(db::Reply),
    /// From the interfaces role.
    Interfaces(interfaces::Reply),
    /// From the logic of a base or a cell.
    Logic(logic::Reply),
}

impl Request {
    /// How long the answer may take, where that is not the usual deadline of calls (`call_deadline_ms`).
    #[must_use]
    pub fn answer_within(&self) -> Option<std::time::Duration> {
        match self {
            Self::Interfaces(request) => Some(request.answer_within()),
            Self::Logic(request) => request.answer_within(),
            _ => None,
        }
    }
}

macro_rules! joins {
    ($outer:ident: $($variant:ident($inner:path)),*) => {$(
        impl From<$inner> for $outer {
            fn from(inner: $inner) -> Self {
                Self::$variant(inner)
            }
        }
    )*};
}

joins!(Request: Accounts(accounts::Request), Base(base::Request), BaseManager(base_manager::Request),
    Cell(cell::Request), CellManager(cell_manager::Request), Config(config::Request),
    Console(console::Request), Db(db::Request), Directory(directory::Feed), Interfaces(interfaces::Request),
    Logic(logic::Request), Login(login::Request));
joins!(Reply: Accounts(accounts::Reply), Base(base::Reply), BaseManager(base_manager::Reply),
    CellManager(cell_manager::Reply), Config(config::Reply), Db(db::Reply),
    Interfaces(interfaces::Reply), Logic(logic::Reply));
