//! The console: what the roles report, gathered into one picture and shown in a browser.
//!
//! [`ConsoleRole`] is a value without I/O: it takes reports, maps and faults, and publishes a [`Picture`] each second.
//! [`serve`] shows the newest picture over HTTP, with the project's web client beside it, and puts an operator's
//! questions to the logic of bases and cells. What must hold: only who has the operator's token steers anything, and
//! everything steered is in the audit log; a lost, late or senseless report costs one gap in a curve, never the console; nothing that a viewer
//! does can grow memory without a named bound, and no foreign web page can read or steer it.
//!
#![doc = include_str!("../API.md")]

mod answers;
mod config;
mod gather;
mod http;
mod picture;
mod publish;
mod role;

pub use config::{ConsoleConfig, ConsoleError, ConsoleHttp, Operator, OperatorToken, SpaceName};
pub use http::sdk::FILES as SDK_FILES;
pub use http::{ConsoleServer, serve};
pub use picture::{
    FaultPicture, MeasureWindow, Measured, Picture, RolePicture, Sample, SpacePicture, TickPicture, TickTimes,
};
pub use publish::{Board, Desk, Views, board, start};
pub use role::{ConsoleRole, In, Out};
