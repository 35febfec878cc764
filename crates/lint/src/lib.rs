//! Checks of scripts without running them.
