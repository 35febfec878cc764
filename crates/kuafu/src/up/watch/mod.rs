//! The watcher: sees that files of the project were saved, and brings what comes of it to the role `config`.
//!
//! It polls: a few hundred `stat` calls ten times a second cost next to nothing, work on every file system, and cannot
//! miss what an editor does behind a rename. Compiling and checking is done here, on a thread of its own, so that no
//! tick waits for it.

mod files;
mod reload;
mod standing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};
use kuafu_config::In;
use kuafu_def::Definitions;
use kuafu_node::ExternalSender;

use super::queries::Asker;
use files::Files;
use reload::Reloader;
use standing::Standing;

/// How often the files are looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// Files that were not touched for so long are complete: editors save in several steps, and a checkout takes a while.
const QUIET: Duration = Duration::from_millis(100);

/// When something writes without pause, what is there is taken after so many looks.
const LOOKS_MAX: u32 = 40;

/// The state of a project's files when it was started.
#[derive(Debug)]
pub(super) struct Start {
    folder: PathBuf,
    files: Files,
    standing: Standing,
}

impl Start {
    /// Notes it. To be called before the project is read, so that nothing that is saved meanwhile is missed.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: Files::look(folder), standing: Standing::read(folder) }
    }

    /// Starts to watch. `definitions` are those that run; `asker` brings the rows of queries.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn watch(
        self,
        definitions: Arc<Definitions>,
        tell: ExternalSender<In>,
        asker: Asker,
    ) -> anyhow::Result<Watcher> {
        let (stop, stopped) = bounded(0);
        let ends = stopped.clone();
        let ask = Box::new(move |sql: &str| asker.rows_until(sql, &ends));
        let reloader = Reloader::new(self.folder.clone(), self.standing, definitions, ask);
        let eye = Eye { folder: self.folder, released: self.files.clone(), seen: self.files, reloader, tell };
        let thread = std::thread::Builder::new().name("watcher".into());
        let thread = thread.spawn(move || eye.watch(&stopped)).context("no thread to watch the project's files on")?;
        Ok(Watcher { stop: Some(stop), thread: Some(thread) })
    }
}

/// A watcher at work. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the watcher of the project's files panicked; this is a fault of Kuafu");
        }
    }
}

struct Eye {
    folder: PathBuf,
    /// What was last handed over without problems.
    released: Files,
    seen: Files,
    reloader: Reloader,
    tell: ExternalSender<In>,
}

impl Eye {
    fn watch(mut self, stopped: &Receiver<()>) {
        while !wait(stopped, LOOK_PERIOD) {
            let mut now = Files::look(&self.folder);
            if now == self.seen {
                continue;
            }
            for _ in 0..LOOKS_MAX {
                if wait(stopped, QUIET) {
                    return;
                }
                let before = std::mem::replace(&mut now, Files::look(&self.folder));
                if before == now {
                    break;
                }
            }
            self.take(now);
        }
    }

    fn take(&mut self, now: Files) {
        let changed = now.changes_since(&self.released);
        let news = self.reloader.reload(&changed);
        if !news.iter().any(|news| matches!(news, In::Refused { .. })) {
            self.released = now.clone();
        }
        self.seen = now;
        for news in news {
            if self.tell.send(news).is_err() {
                tracing::warn!("files were saved, and the config role is gone");
            }
        }
    }
}

/// Waits; `true` when it is time to end.
fn wait(stopped: &Receiver<()>, span: Duration) -> bool {
    !matches!(stopped.recv_timeout(span), Err(crossbeam_channel::RecvTimeoutError::Timeout))
}
