//! The bound on open files: thousands of connections need more than a shell gives.

/// Raises the bound as far as the system allows.
pub(crate) fn raise() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(why) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%why, "the bound on open files could not be raised");
    }
}
