//! def
