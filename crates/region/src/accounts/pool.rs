//! The threads on which passwords are hashed: the executor of the accounts centre's slow work.
//!
//! They yield to everything else on the machine, so that a rush of logins does not make cells late.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use kuafu_store::Ticket;

use crate::accounts::Hasher;

/// How much less urgent hashing is than the rest, in steps of `nice`.
const NICE: i32 = 5;

/// What is to be hashed.
#[derive(Clone, PartialEq, Eq)]
pub enum HashJob {
    /// A new hash.
    Make {
        /// The password.
        password: String,
        /// Unguessable, and used for this hash only.
        salt: [u8; 16],
    },
    /// Whether a password is the right one.
    Check {
        /// The password.
        password: String,
        /// The stored hash; `None` takes the same time and is never right.
        stored: Option<String>,
    },
}

impl std::fmt::Debug for HashJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Make { .. } => "HashJob::Make",
            Self::Check { .. } => "HashJob::Check",
        })
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashOutcome {
    /// To `Make`.
    Made(String),
    /// To `Check`.
    Checked(bool),
    /// It could not be done: the pool is full or gone.
    Failed,
}

/// Threads that hash. Dropping it ends them after what they are at.
pub struct HashPool {
    jobs: Option<SyncSender<(Ticket, HashJob)>>,
    back: Arc<dyn Fn(Ticket, HashOutcome) + Send + Sync>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for HashPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashPool").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl HashPool {
    /// Starts so many threads, at least one. `back` gets each outcome with its ticket; it must not wait for the role.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize, back: impl Fn(Ticket, HashOutcome) + Send + Sync + 'static) -> std::io::Result<Self> {
        let threads = threads.max(1);
        // The role keeps no more jobs in flight than its limit; the rest is room for a change of that limit.
        let (jobs, queue) = sync_channel(threads.max(1_024));
        let (queue, back) = (Arc::new(Mutex::new(queue)), Arc::new(back));
        let mut pool = Self { jobs: Some(jobs), back: back.clone(), threads: Vec::new() };
        for number in 0..threads {
            let (queue, back) = (queue.clone(), back.clone());
            let thread = std::thread::Builder::new().name(format!("hash-{number}"));
            pool.threads.push(thread.spawn(move || work(&queue, &*back))?);
        }
        Ok(pool)
    }

    /// Puts a job in line. Never blocks; a pool that is full answers at once that it failed.
    pub fn submit(&self, ticket: Ticket, job: HashJob) {
        let sent = self.jobs.as_ref().map(|jobs| jobs.try_send((ticket, job)));
        if !matches!(sent, Some(Ok(()))) {
            if let Some(Err(TrySendError::Disconnected(_))) = sent {
                tracing::error!("the threads that hash passwords are gone");
            }
            (self.back)(ticket, HashOutcome::Failed);
        }
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that hashes passwords failed");
            }
        }
    }
}

fn work(queue: &Mutex<Receiver<(Ticket, HashJob)>>, back: &dyn Fn(Ticket, HashOutcome)) {
    // On Linux this is about the calling thread alone. Where it is refused, hashing is as urgent as the rest.
    let _ = rustix::process::nice(NICE);
    let mut hasher = Hasher::default();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((ticket, job)) = job else { return };
        let outcome = match job {
            HashJob::Make { password, salt } => {
                hasher.hash(&password, &salt).map_or(HashOutcome::Failed, HashOutcome::Made)
            }
            HashJob::Check { password, stored } => HashOutcome::Checked(hasher.check(&password, stored.as_deref())),
        };
        back(ticket, outcome);
    }
}
