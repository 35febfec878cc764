//! A release as bytes: the sources of all scripts and the data tables, for a role in another process.
//!
//! Sources travel rather than what the compiler makes of them: a machine trusts bytecode, so bytes from outside would be
//! its end, while any text is at worst an error. Compiling takes one or two milliseconds for a thousand lines; it is done
//! once in a process: whoever made the bytes, or read them first, leaves the set for the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use kuafu_def::Definitions;
use kuafu_def::model::Digest;
use kuafu_tables::DataSet;
use serde::{Deserialize, Serialize};

use super::files::{FILE_BYTES_MAX, FILES_MAX};
use super::{ScriptSet, compile};
use crate::error::ScriptError;

/// Of the form of the bytes.
const VERSION: u32 = 1;

/// Sets that this process read or made last: those that run, ran before, and are staged.
const RECENT_MAX: usize = 4;

/// The newest last, with the digests of their bytes and of the definitions. Only a memory: the same bytes give the same
/// set.
static RECENT: Mutex<VecDeque<(Digest, Digest, Arc<ScriptSet>)>> = Mutex::new(VecDeque::new());

fn recent(bytes: Digest, definitions: Digest) -> Option<Arc<ScriptSet>> {
    let recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.iter().find(|(b, d, _)| (*b, *d) == (bytes, definitions)).map(|(_, _, set)| Arc::clone(set))
}

fn remember(bytes: Digest, definitions: Digest, set: &Arc<ScriptSet>) {
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.retain(|(b, d, _)| (*b, *d) != (bytes, definitions));
    recent.push_back((bytes, definitions, Arc::clone(set)));
    if recent.len() > RECENT_MAX {
        recent.pop_front();
    }
}

#[derive(Serialize, Deserialize)]
struct Bytes<'a> {
    version: u32,
    /// Of the definitions that the scripts were checked against.
    definitions: [u8; 16],
    /// Modules and their sources.
    #[serde(borrow)]
    scripts: Vec<(&'a str, &'a str)>,
    data: &'a [u8],
}

impl ScriptSet {
    /// The set as bytes.
    #[must_use]
    pub fn to_bytes(&self, definitions: &Definitions) -> Vec<u8> {
        let scripts = self.scripts.iter().map(|script| (script.module.as_str(), &*script.source)).collect();
        let data = self.data.to_bytes();
        let bytes = Bytes { version: VERSION, definitions: definitions.digest_full.0, scripts, data: &data };
        let bytes = postcard::to_stdvec(&bytes).expect("plain texts and bytes can always be written");
        remember(Digest::of(&bytes), definitions.digest_full, &Arc::new(self.clone()));
        bytes
    }

    /// As [`ScriptSet::from_bytes`], without the work when this process has done it.
    ///
    /// # Errors
    /// As [`ScriptSet::from_bytes`].
    pub fn shared_from_bytes(bytes: &[u8], definitions: &Definitions) -> Result<Arc<Self>, ScriptError> {
        let digest = Digest::of(bytes);
        if let Some(set) = recent(digest, definitions.digest_full) {
            return Ok(set);
        }
        let set = Arc::new(Self::from_bytes(bytes, definitions)?);
        remember(digest, definitions.digest_full, &set);
        Ok(set)
    }

    /// Reads and compiles a set. The scripts are not run here.
    ///
    /// # Errors
    /// Bytes that are no release, one for other definitions, and scripts that do not compile, with file and line.
    pub fn from_bytes(bytes: &[u8], definitions: &Definitions) -> Result<Self, ScriptError> {
        let wrong = |why: &str| ScriptError::Release(format!("the release cannot be read: {why}"));
        let (read, rest): (Bytes<'_>, _) =
            postcard::take_from_bytes(bytes).map_err(|error| wrong(&error.to_string()))?;
        if read.version != VERSION {
            return Err(wrong(&format!("its form is {}, this server reads {VERSION}", read.version)));
        }
        if !rest.is_empty() || read.scripts.len() > FILES_MAX {
            return Err(wrong("there is more in it than there should be"));
        }
        if read.definitions != definitions.digest_full.0 {
            return Err(ScriptError::Release("the entity definitions have changed: a restart is needed".to_owned()));
        }
        let mut scripts = Vec::with_capacity(read.scripts.len());
        for (module, source) in read.scripts {
            if source.len() as u64 > FILE_BYTES_MAX || module.split('/').any(|name| name.is_empty() || name == "..") {
                return Err(wrong(&format!("`{module}` is no script")));
            }
            let file = format!("{module}.luau");
            let script = compile(&file, source.to_owned(), definitions).map_err(|problem| ScriptError::Script {
                file: problem.file.display().to_string(),
                line: problem.line,
                message: problem.message,
            })?;
            scripts.push(script);
        }
        scripts.sort_by(|a, b| a.module.cmp(&b.module));
        if scripts.windows(2).any(|pair| pair[0].module == pair[1].module) {
            return Err(wrong("a script is in it twice"));
        }
        let data = DataSet::from_bytes(read.data, definitions).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { scripts, data })
    }
}
