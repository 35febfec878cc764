//! The operator's token: who has it may steer the running game through its console.
//!
//! It is drawn once and kept beside the data, in a file that its owner alone can read, so that a page that is open
//! outlives a restart. Whoever can read the data may steer the game anyway.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use kuafu_core::Chance;

/// The file's name in the data folder.
const FILE: &str = "operator.token";
/// The audit log's name in the data folder.
pub(super) const AUDIT_FILE: &str = "audit.log";
/// Digits of a token: 256 bits.
const DIGITS: usize = 64;
/// A token that a person wrote is refused when it is shorter.
const DIGITS_MIN: usize = 32;

/// The token of this data folder; made when there is none.
///
/// # Errors
/// The file cannot be read or made, or holds something else.
pub(super) fn token(data: &Path) -> anyhow::Result<String> {
    let path = data.join(FILE);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(file) => make(file).with_context(|| format!("{}: the token cannot be written", path.display())),
        Err(why) if why.kind() == ErrorKind::AlreadyExists => read(&path),
        Err(why) => Err(why).with_context(|| format!("{}: the token cannot be kept", path.display())),
    }
}

fn make(mut file: File) -> std::io::Result<String> {
    let mut chance = Chance::from_system();
    let bytes = [chance.token(), chance.token()].concat();
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    debug_assert_eq!(token.len(), DIGITS);
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(token)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("{}: the token cannot be read", path.display());
    let file = File::open(path).with_context(unreadable)?;
    // A copy of the folder may have lost what its files may not lose.
    if file.metadata().with_context(unreadable)?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).with_context(unreadable)?;
    }
    let mut text = String::new();
    file.take(1_024).read_to_string(&mut text).with_context(unreadable)?;
    let token = text.trim();
    let is_plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if token.len() < DIGITS_MIN || !is_plain {
        bail!(
            "{}: this is no operator's token, which has at least {DIGITS_MIN} letters and digits; delete the file, and \
             a new one is made",
            path.display()
        );
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(data: &Path) -> u32 {
        std::fs::metadata(data.join(FILE)).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn a_token_is_made_once_and_kept_for_its_owner_alone() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let first = token(data.path()).expect("it is made");
        assert_eq!((first.len(), mode(data.path())), (DIGITS, 0o600));
        std::fs::set_permissions(data.path().join(FILE), Permissions::from_mode(0o644)).expect("a file");
        assert_eq!(token(data.path()).expect("it is there"), first);
        assert_eq!(mode(data.path()), 0o600, "it was open to others, and is no more");
        let other = tempfile::tempdir().expect("a temporary folder");
        assert_ne!(token(other.path()).expect("it is made"), first);
    }

    #[test]
    fn what_is_no_token_is_an_error_that_says_what_to_do() {
        let data = tempfile::tempdir().expect("a temporary folder");
        for text in ["", "short", &"ü".repeat(40), &format!("{}\nand more", "a".repeat(40))] {
            std::fs::write(data.path().join(FILE), text).expect("a file");
            let why = token(data.path()).expect_err("no token").to_string();
            assert!(why.contains("delete the file"), "{why}");
        }
        assert!(token(&data.path().join("missing")).is_err());
    }
}
