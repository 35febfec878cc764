//! The checks on whole projects: wrong ones, whose problems are a snapshot, and right ones, which have none.

mod corpus;
mod hostile;
mod many;
mod projects;
mod syntax;
