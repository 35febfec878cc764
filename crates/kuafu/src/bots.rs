//! `kuafu bots`.
