//! The catch boundary around a behaviour: a panic becomes a text, and the place where it happened.
//!
//! The process's panic hook is wrapped once; for panics outside of behaviours it does what it did before.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs logic; a panic in it is an error text.
///
/// What the closure can reach may be left half-changed by a panic. It is the game's own state and properties, each of
/// which is whole in itself: as after any error in logic, the game must cope with what was done so far.
pub(crate) fn guard<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    wrap_hook();
    let outer = INSIDE.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    INSIDE.set(outer);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".to_owned());
        match PLACE.take() {
            Some(place) => format!("{place}: {text}"),
            None => text,
        }
    })
}

fn wrap_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if INSIDE.get() {
                PLACE.set(info.location().map(ToString::to_string));
            } else {
                before(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_tells_its_text_and_its_place() {
        assert_eq!(guard(|| 5), Ok(5));
        let text = guard(|| panic!("lost the {}", "thread")).expect_err("it panics");
        assert!(text.contains("panic.rs") && text.ends_with("lost the thread"), "{text}");
    }
}
