//! The audit log: everything that was steered, one JSON object a line, bounded by rotation.
//!
//! The file can be read by its owner only, because sources may hold what is nobody else's business. What must hold: a
//! line is whole or not there; what was steered is written before whoever steered hears how it went; and while nothing
//! can be written nothing can be steered.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// Bytes of the audit log; a fuller one takes the place of the one before, whose name ends in `.1`, and is begun anew.
pub(crate) const AUDIT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The newest lines that are shown.
pub(crate) const RECENT_MAX: usize = 50;
/// Bytes of what came of it that a line holds; the rest is cut off.
const ANSWER_BYTES_MAX: usize = 1_024;
/// Bytes at the end of an older file that are looked at for recent lines.
const TAIL_BYTES: u64 = 256 * 1024;

/// Something that was steered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Deed {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    /// The address of who did it.
    pub(crate) from: String,
    /// `evaluate`, `watch`, `profile` or `heap`.
    pub(crate) action: &'static str,
    /// Whose logic.
    pub(crate) role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
}

/// How it went.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ended {
    /// `done`, or the name of an error code.
    pub(crate) outcome: &'static str,
    /// What came of it, or why it was not done.
    pub(crate) answer: String,
    pub(crate) took_ms: f64,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    deed: &'a Deed,
    #[serde(flatten)]
    ended: &'a Ended,
}

/// An open audit log.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// None after a failure.
    file: Option<(File, u64)>,
    /// The oldest first.
    recent: VecDeque<Value>,
}

impl Audit {
    /// Opens or begins the log, and reads its last lines.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::open_bounded(path, AUDIT_BYTES_MAX)
    }

    fn open_bounded(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let mut recent = VecDeque::new();
        for file in [rotated(path), path.to_owned()] {
            read_tail(&file, &mut recent);
        }
        let file = Some(open(path)?);
        Ok(Self { path: path.to_owned(), bytes_max, state: Mutex::new(State { file, recent }) })
    }

    /// Whether a line can be written, as far as is known; tries again after a failure.
    pub(crate) fn is_ready(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.file.is_none() {
            state.file = Some(open(&self.path)?);
        }
        Ok(())
    }

    /// Writes a line.
    pub(crate) fn note(&self, deed: &Deed, mut ended: Ended) -> io::Result<()> {
        ended.answer.truncate(ended.answer.floor_char_boundary(ANSWER_BYTES_MAX));
        let value = serde_json::to_value(Line { deed, ended: &ended })?;
        let line = format!("{value}\n");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.recent.len() >= RECENT_MAX {
            state.recent.pop_front();
        }
        state.recent.push_back(value);
        let written = self.write(state.file.take(), line.as_bytes());
        state.file = Some(written?);
        Ok(())
    }

    fn write(&self, file: Option<(File, u64)>, line: &[u8]) -> io::Result<(File, u64)> {
        let mut file = match file {
            Some(file) => file,
            None => open(&self.path)?,
        };
        if file.1 > 0 && file.1 + line.len() as u64 > self.bytes_max {
            std::fs::rename(&self.path, rotated(&self.path))?;
            file = open(&self.path)?;
        }
        file.0.write_all(line)?;
        file.1 += line.len() as u64;
        Ok(file)
    }

    /// The last lines, the newest first.
    pub(crate) fn recent(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.recent.iter().rev().cloned().collect()
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Adds the last lines of a file, as far as they can be read.
fn read_tail(path: &Path, into: &mut VecDeque<Value>) {
    let Ok(mut file) = File::open(path) else { return };
    let bytes = file.metadata().map_or(0, |known| known.len());
    let mut text = Vec::new();
    let start = bytes.saturating_sub(TAIL_BYTES);
    if file.seek(SeekFrom::Start(start)).and_then(|_| file.take(TAIL_BYTES).read_to_end(&mut text)).is_err() {
        return;
    }
    // A first line that begins before the tail is no JSON, and falls out.
    for value in text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        if value.is_object() {
            into.push_back(value);
        }
        if into.len() > RECENT_MAX {
            into.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn deed(number: u64) -> Deed {
        Deed {
            at: number,
            from: "127.0.0.1:5".to_owned(),
            action: "evaluate",
            role: "cell#4".to_owned(),
            entity: Some(7),
            source: Some("self.hue = 10\nreturn 'ü'".to_owned()),
            keep: Some(true),
            seconds: None,
        }
    }

    fn ended() -> Ended {
        Ended { outcome: "done", answer: "夸".repeat(1_000), took_ms: 1.5 }
    }

    #[test]
    fn a_line_is_one_json_object_that_its_owner_alone_can_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("audit.log");
        let audit = Audit::open(&path).expect("it can be made");
        audit.note(&deed(1), ended()).expect("it can be written");
        let text = std::fs::read_to_string(&path).expect("it is there");
        let line: Value = serde_json::from_str(text.strip_suffix('\n').expect("a whole line")).expect("JSON");
        assert_eq!((&line["entity"], &line["outcome"], &line["keep"]), (&7.into(), &"done".into(), &true.into()));
        assert_eq!(line["source"], "self.hue = 10\nreturn 'ü'");
        assert!(line.get("seconds").is_none());
        assert!(line["answer"].as_str().is_some_and(|answer| answer.len() <= ANSWER_BYTES_MAX));
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_log_is_bounded_and_its_last_lines_outlive_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("audit.log");
        let audit = Audit::open_bounded(&path, 20_000).expect("it can be made");
        (0..200).for_each(|number| audit.note(&deed(number), ended()).expect("it can be written"));
        let bytes = |path: &Path| std::fs::metadata(path).expect("it is there").len();
        assert!(bytes(&path) <= 20_000 && bytes(&rotated(&path)) <= 20_000);
        let newest = |audit: &Audit| audit.recent().iter().map(|line| line["at"].as_u64()).collect::<Vec<_>>();
        assert_eq!((newest(&audit).len(), newest(&audit)[0]), (RECENT_MAX, Some(199)));
        // A torn line is no line.
        std::fs::OpenOptions::new().append(true).open(&path).expect("there").write_all(b"{\"at\":").expect("written");
        let again = Audit::open_bounded(&path, 20_000).expect("it is there");
        let seen = newest(&again);
        assert_eq!(seen[..10], newest(&audit)[..10]);
        assert!(seen.len() > 10 && seen.len() <= RECENT_MAX);
    }

    #[test]
    fn a_log_that_cannot_be_written_says_so_and_is_tried_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("below/audit.log");
        assert!(Audit::open(&path).is_err());
        std::fs::create_dir(folder.path().join("below")).expect("a folder");
        let audit = Audit::open_bounded(&path, 10).expect("it can be made");
        audit.note(&deed(1), ended()).expect("a first line always fits");
        std::fs::remove_dir_all(folder.path().join("below")).expect("it is gone");
        assert!(audit.note(&deed(2), ended()).is_err());
        assert!(audit.is_ready().is_err());
        std::fs::create_dir(folder.path().join("below")).expect("a folder");
        assert!(audit.is_ready().is_ok());
        audit.note(&deed(3), ended()).expect("it can be written again");
    }
}
