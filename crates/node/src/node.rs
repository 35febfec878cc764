//! A node: the role instances of one process, each on its own thread.

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use kuafu_bus::LocalBus;
use kuafu_contract::Address;
use kuafu_core::{Clock, Limits};

use crate::driver::{Driver, End, Executor, Pulse, Rush};
use crate::mailbox::{ExternalSender, Post, mailbox};
use crate::role::Role;

/// Starts roles and joins them to the bus.
#[derive(Clone)]
pub struct Node {
    bus: LocalBus,
    clock: Arc<dyn Clock>,
    limits: Limits,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("bus", &self.bus).finish_non_exhaustive()
    }
}

/// How a role instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It drained.
    Drained,
    /// It was killed.
    Killed,
    /// It panicked: a bug of ours, logged with its message.
    Panicked,
}

/// A running role instance.
#[derive(Debug)]
pub struct RoleHandle {
    address: Address,
    post: Arc<Post>,
    pulse: Arc<Pulse>,
    ended: Receiver<Ended>,
    thread: JoinHandle<()>,
}

impl Node {
    /// A node on this bus.
    #[must_use]
    pub fn new(bus: LocalBus, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self { bus, clock, limits }
    }

    /// The bus that its roles are on.
    #[must_use]
    pub fn bus(&self) -> &LocalBus {
        &self.bus
    }

    /// The clock of its roles.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Starts a role instance. `build` runs on the role's thread with the sender of its external lane, and gives the
    /// role and its executor; the call returns when the role can be reached, or with what `build` said.
    ///
    /// # Errors
    /// What `build` said, or that no thread could be started.
    pub fn start<R, X, B>(&self, address: Address, build: B) -> Result<RoleHandle, String>
    where
        R: Role + 'static,
        R::In: Send + 'static,
        X: Executor<R::Out> + 'static,
        B: FnOnce(ExternalSender<R::In>) -> Result<(R, X), String> + Send + 'static,
    {
        let (mailbox, post, external) = mailbox(&self.limits);
        let (ended_in, ended) = bounded(1);
        let (built_in, built) = bounded(1);
        let pulse = Arc::new(Pulse::default());
        let seen = pulse.clone();
        let node = self.clone();
        let inbox = post.clone();
        let work = move || {
            let (role, executor) = match build(external) {
                Ok(built) => built,
                Err(why) => {
                    let _ = built_in.send(Err(why));
                    return;
                }
            };
            node.bus.register(address, inbox);
            let _ = built_in.send(Ok(()));
            let driver = Driver {
                role,
                address,
                mailbox,
                bus: node.bus.clone(),
                clock: &*node.clock,
                executor,
                limits: node.limits.clone(),
                deadlines: VecDeque::new(),
                open: BTreeSet::new(),
                instant: VecDeque::new(),
                external_open: true,
                drained: false,
                rush: Rush::default(),
                pulse,
            };
            let end = catch_unwind(AssertUnwindSafe(|| driver.run()));
            node.bus.deregister(address);
            let _ = ended_in.send(tell(address, end));
        };
        let thread = std::thread::Builder::new()
            .name(format!("{address}"))
            .spawn(work)
            .map_err(|why| format!("no thread for {address}: {why}"))?;
        match built.recv() {
            Ok(Ok(())) => Ok(RoleHandle { address, post, pulse: seen, ended, thread }),
            Ok(Err(why)) => Err(why),
            Err(_) => Err(format!("{address} panicked while it was built; the log has the message")),
        }
    }
}

fn tell(address: Address, end: std::thread::Result<End>) -> Ended {
    match end {
        Ok(End::Drained) => Ended::Drained,
        Ok(End::Died) => Ended::Killed,
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!(role = %address, message, "a role panicked; this is a fault of Kuafu");
            Ended::Panicked
        }
    }
}

impl RoleHandle {
    /// Which instance.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// Since when it is at its present input; `None` while it waits for one.
    #[must_use]
    pub fn busy_since(&self) -> Option<kuafu_core::Moment> {
        self.pulse.since()
    }

    /// Asks it to finish.
    pub fn drain(&self) {
        self.post.drain();
    }

    /// Drops it as it stands, as a dead process would: nothing is saved, nobody is told but by its absence.
    pub fn kill(&self) {
        self.post.die();
    }

    /// Waits until it has ended; `None` when it has not within `timeout`.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<Ended> {
        match self.ended.recv_timeout(timeout) {
            Ok(ended) => Some(ended),
            Err(_) if self.thread.is_finished() => Some(Ended::Panicked),
            Err(_) => None,
        }
    }
}
