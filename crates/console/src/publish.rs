//! Between the role's thread and the HTTP side: the newest picture and the newest maps, each encoded once for all
//! viewers.
//!
//! The role's side never waits. A viewer that is slow sees fewer pictures, never older ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use kuafu_contract::Address;
use kuafu_contract::console::Map;
use kuafu_core::{Clock, SpaceId};
use kuafu_node::{Executor, ExternalSender, Node, RoleHandle};
use tokio::sync::watch;

use crate::answers::Answers;
use crate::config::ConsoleConfig;
use crate::http::json;
use crate::picture::Picture;
use crate::role::{ConsoleRole, In, Out};

/// A picture, and the same as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) picture: Arc<Picture>,
    pub(crate) json: Arc<str>,
}

/// Maps as JSON, each with a number that changes with it.
pub(crate) type Maps = BTreeMap<SpaceId, (u64, Arc<str>)>;

/// The role's side: its executor.
#[derive(Debug)]
pub struct Board {
    published: watch::Sender<Published>,
    maps: watch::Sender<Maps>,
    map_number: u64,
    answers: Answers,
}

/// The HTTP side.
#[derive(Clone, Debug)]
pub struct Views {
    pub(crate) published: watch::Receiver<Published>,
    pub(crate) maps: watch::Receiver<Maps>,
    pub(crate) answers: Answers,
}

/// What [`crate::serve`] needs of a running console role.
#[derive(Clone)]
pub struct Desk {
    /// What it publishes.
    pub views: Views,
    /// What can be asked of it.
    pub requests: ExternalSender<In>,
    /// What the time is.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("views", &self.views).finish_non_exhaustive()
    }
}

/// Both sides, with an empty picture between them.
#[must_use]
pub fn board(console: Address) -> (Board, Views) {
    let picture = Arc::new(Picture::empty(console));
    let json = json::status(&picture);
    let (published, published_out) = watch::channel(Published { picture, json });
    let (maps, maps_out) = watch::channel(Maps::new());
    let answers = Answers::default();
    let views = Views { published: published_out, maps: maps_out, answers: answers.clone() };
    (Board { published, maps, map_number: 0, answers }, views)
}

/// Starts the console role on its own thread.
///
/// # Errors
/// That no thread could be started.
pub fn start(node: &Node, config: ConsoleConfig) -> Result<(RoleHandle, Desk), String> {
    let (board, views) = board(config.address);
    let (requests_in, requests) = sync_channel(1);
    let handle = node.start(config.address, move |external| {
        // The receiver waits below until the role is built; there is room for the one sender.
        let _ = requests_in.try_send(external);
        Ok((ConsoleRole::new(config), board))
    })?;
    let requests = requests.recv().map_err(|_| "the console ended while it started".to_owned())?;
    Ok((handle, Desk { views, requests, clock: node.clock().clone() }))
}

impl Board {
    fn show_map(&mut self, map: &Map) {
        self.map_number += 1;
        let (number, text) = (self.map_number, json::map(map, self.published.borrow().picture.now.wall));
        self.maps.send_modify(|maps| {
            maps.insert(map.space, (number, text));
        });
    }
}

impl Executor<Out> for Board {
    fn execute(&mut self, what: Out) {
        match what {
            Out::Picture(picture) => {
                let json = json::status(&picture);
                self.published.send_replace(Published { picture, json });
            }
            Out::Map(map) => self.show_map(&map),
            Out::Answered { number, outcome } => self.answers.bring(number, outcome),
            Out::MapOver(space) => self.maps.send_modify(|maps| {
                maps.remove(&space);
            }),
        }
    }
}
