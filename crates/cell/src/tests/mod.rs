//! Behaviour of the roles as pure values: inputs go in, frames come out and are read as a base reads them.

mod calls;
mod directory;
mod inspect;
mod levels;
mod lifecycle;
mod manager;
mod movement;
mod pressure;
mod random;
mod release;
mod rig;
mod view;
