//! The `config` role: keeps the releases of game logic.
