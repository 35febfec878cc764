//! kuafu
