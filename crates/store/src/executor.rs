//! Carries commands from roles to an engine and results back: bounded queues, one writer that groups, some readers.
//!
//! The writer takes all that waits, up to [`GROUP_COMMANDS_MAX`] commands and [`GROUP_WRITES_MAX`] rows, and gives it to
//! the engine as one batch, which is one synced commit: the busier the store, the larger the groups. A command that
//! finds its queue full is refused with Busy; one whose engine is gone ends as unknown. Every command is answered once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kuafu_core::{Code, Refusal};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::{Engine, StoreCommand, StoreResult, Ticket};

/// Commands that wait for the writer, and for the readers; a further one is refused with Busy.
pub const QUEUED_COMMANDS_MAX: usize = 8_192;

/// Commands in one group; further ones wait for the next.
pub const GROUP_COMMANDS_MAX: usize = 512;

/// Rows in one group; the command that reaches it is the last one.
pub const GROUP_WRITES_MAX: usize = 8_192;

type Done = Box<dyn FnOnce(StoreResult) + Send>;

/// A command and where its result goes, which hears of it even when the engine dies.
struct Job {
    command: Option<StoreCommand>,
    done: Option<Done>,
}

impl Job {
    fn finish(mut self, result: StoreResult) {
        if let Some(done) = self.done.take() {
            done(result);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(Err(unknown("the store ended before it answered")));
        }
    }
}

/// The refusal of what may have been done.
pub(crate) fn unknown(text: &str) -> Refusal {
    Refusal::new(Code::DeadlinePassed, format!("{text}; it may have happened"))
}

/// What a store has done since it was opened.
#[derive(Debug, Default)]
pub struct StoreStats {
    /// Groups that were committed.
    pub groups: AtomicU64,
    /// Commands in them.
    pub commands: AtomicU64,
}

/// Where commands go in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StoreHandle {
    writes: mpsc::Sender<Job>,
    reads: mpsc::Sender<Job>,
    stats: Arc<StoreStats>,
}

impl StoreHandle {
    /// Puts a command in line; `done` is called exactly once, on a thread of the store or, when it is refused at once,
    /// on this one. Never blocks.
    pub fn submit(&self, command: StoreCommand, done: impl FnOnce(StoreResult) + Send + 'static) {
        let queue = if command.is_read() { &self.reads } else { &self.writes };
        let job = Job { command: Some(command), done: Some(Box::new(done)) };
        match queue.try_send(job) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(job)) => job.finish(Err(Code::Busy.into())),
            Err(mpsc::error::TrySendError::Closed(job)) => job.finish(Err(Code::Unavailable.into())),
        }
    }

    /// The executor of a role whose outputs are commands under tickets: `back` gets each result with its ticket.
    ///
    /// `back` must not wait for the role: a result may come on the role's own thread.
    pub fn executor<B>(&self, back: B) -> impl FnMut((Ticket, StoreCommand)) + Send + 'static + use<B>
    where
        B: Fn(Ticket, StoreResult) + Clone + Send + 'static,
    {
        let handle = self.clone();
        move |(ticket, command)| {
            let back = back.clone();
            handle.submit(command, move |result| back(ticket, result));
        }
    }

    /// Does one command and waits for its result.
    ///
    /// # Errors
    /// As the command is refused.
    pub async fn execute(&self, command: StoreCommand) -> StoreResult {
        let (done, result) = oneshot::channel();
        self.submit(command, move |result| {
            // The caller may have gone away meanwhile.
            let _ = done.send(result);
        });
        result.await.unwrap_or_else(|_| Err(unknown("the store ended before it answered")))
    }

    /// What the store has done so far.
    #[must_use]
    pub fn stats(&self) -> &StoreStats {
        &self.stats
    }
}

/// The tasks behind a handle.
#[derive(Debug)]
pub struct Executor {
    tasks: Vec<JoinHandle<()>>,
    closing: watch::Sender<bool>,
}

impl Executor {
    /// Starts a writer, and a task for each reader. Without readers the writer does the reads too.
    pub fn start<W: Engine, R: Engine>(runtime: &Handle, writer: W, readers: Vec<R>) -> (StoreHandle, Self) {
        let (writes, write_queue) = mpsc::channel(QUEUED_COMMANDS_MAX);
        let (closing, closed) = watch::channel(false);
        let stats = Arc::new(StoreStats::default());
        let mut tasks = vec![runtime.spawn(write(writer, write_queue, closed.clone(), stats.clone()))];
        let reads = if readers.is_empty() {
            writes.clone()
        } else {
            let (reads, read_queue) = mpsc::channel(QUEUED_COMMANDS_MAX);
            let queue = Arc::new(Mutex::new(read_queue));
            tasks.extend(readers.into_iter().map(|reader| runtime.spawn(read(reader, queue.clone(), closed.clone()))));
            reads
        };
        (StoreHandle { writes, reads, stats }, Self { tasks, closing })
    }

    /// Takes no more commands, finishes those that wait, and ends the engines in good order.
    pub async fn close(self) {
        self.closing.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the store failed");
            }
        }
    }
}

async fn write<E: Engine>(
    mut engine: E,
    mut queue: mpsc::Receiver<Job>,
    mut closed: watch::Receiver<bool>,
    stats: Arc<StoreStats>,
) {
    while let Some(first) = next(&mut queue, &mut closed).await {
        let mut weight = first.command.as_ref().map_or(0, StoreCommand::weight);
        let mut jobs = vec![first];
        while jobs.len() < GROUP_COMMANDS_MAX && weight < GROUP_WRITES_MAX {
            let Ok(job) = queue.try_recv() else { break };
            weight += job.command.as_ref().map_or(0, StoreCommand::weight);
            jobs.push(job);
        }
        stats.groups.fetch_add(1, Ordering::Relaxed);
        stats.commands.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        answer(&mut engine, jobs).await;
    }
    engine.close().await;
}

async fn read<E: Engine>(mut engine: E, queue: Arc<Mutex<mpsc::Receiver<Job>>>, mut closed: watch::Receiver<bool>) {
    loop {
        // The lock is held while this reader is the one that waits; it is free again before the command runs.
        let job = next(&mut *queue.lock().await, &mut closed).await;
        let Some(job) = job else { break };
        answer(&mut engine, vec![job]).await;
    }
    engine.close().await;
}

/// The next job; `None` when the queue is closed and empty.
async fn next(queue: &mut mpsc::Receiver<Job>, closed: &mut watch::Receiver<bool>) -> Option<Job> {
    // `false` says that the executor was dropped unclosed: the handles alone keep the store going then.
    let closing = async { closed.wait_for(|closed| *closed).await.is_ok() };
    tokio::select! {
        job = queue.recv() => return job,
        true = closing => {}
    }
    queue.close();
    queue.recv().await
}

async fn answer<E: Engine>(engine: &mut E, mut jobs: Vec<Job>) {
    let commands = jobs.iter_mut().filter_map(|job| job.command.take()).collect();
    let results = engine.execute(commands).await;
    for (job, result) in jobs.into_iter().zip(results) {
        job.finish(result);
    }
}
