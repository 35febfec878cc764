//! A game's own program: all of `kuafu`, with logic in Rust.

use std::borrow::Cow;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use kuafu_core::{Chance, Limits};
use kuafu_def::{Definitions, Part, Problem};
use kuafu_logic::World;
use kuafu_native::{Native, NativeConfig, NativeHost};

/// Logic in Rust is part of the program: one process has one set of it for its whole life, as it has one `main`.
static NATIVE: OnceLock<Native> = OnceLock::new();

/// A program that does what the `kuafu` command does, for games with logic of their own.
///
/// ```no_run
/// use kuafu::{Behaviour, Game, Native};
///
/// #[derive(Default)]
/// struct Wisp;
///
/// impl Behaviour for Wisp {}
///
/// fn main() -> std::process::ExitCode {
///     Game::new().native(Native::new().cell::<Wisp>("wisp")).main()
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Game {
    native: Native,
}

impl Game {
    /// A game whose logic is in Luau.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With logic in Rust; types that have none there have theirs in `scripts/`.
    #[must_use]
    pub fn native(mut self, native: Native) -> Self {
        self.native = native;
        self
    }

    /// Takes the process's arguments, as the `kuafu` command does: `up`, `check`, `bots` …; gives the exit code.
    #[must_use]
    pub fn main(self) -> ExitCode {
        // A second game in one process would be a mistake; the first one stays.
        let _ = NATIVE.set(self.native);
        // Another provider that was installed before will do as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        crate::cli::run()
    }
}

fn native() -> Option<&'static Native> {
    NATIVE.get().filter(|native| !native.is_empty())
}

/// The host of the game's logic in Rust, when it has some.
pub(crate) fn native_host(
    part: Part,
    definitions: &Arc<Definitions>,
    limits: &Limits,
    world: &Rc<dyn World>,
) -> Option<NativeHost> {
    let (definitions, limits, world) = (Arc::clone(definitions), limits.clone(), Rc::clone(world));
    let native = native()?.clone();
    Some(NativeHost::new(NativeConfig { part, definitions, native, limits, world, chance: Chance::from_system() }))
}

/// The logic in Rust that does not fit the definitions.
pub(crate) fn native_problems(definitions: &Definitions) -> Vec<Problem> {
    let mismatches = native().map(|native| native.check(definitions)).unwrap_or_default();
    let problem = |mismatch: kuafu_native::Mismatch| Problem {
        file: Path::new("entities").join(format!("{}.toml", mismatch.ty)),
        line: 1,
        column: 1,
        code: "native",
        message: mismatch.to_string(),
        help: mismatch.help,
    };
    mismatches.into_iter().map(problem).collect()
}

/// The definitions as scripts must fulfil them: without the methods that Rust has.
pub(crate) fn left_to_scripts(definitions: &Definitions) -> Cow<'_, Definitions> {
    match native() {
        Some(native) => Cow::Owned(without(native, definitions)),
        None => Cow::Borrowed(definitions),
    }
}

fn without(native: &Native, definitions: &Definitions) -> Definitions {
    let mut left = definitions.clone();
    for ty in left.types.values_mut().filter(|ty| Part::ALL.iter().any(|part| native.has(&ty.name, *part))) {
        let ty = Arc::make_mut(ty);
        let name = ty.name.clone();
        ty.methods.retain(|method| !native.has(&name, method.part));
    }
    left
}

/// The page's examples are built with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/native.md")]
struct NativePage;

#[cfg(test)]
mod tests {
    use kuafu_native::Behaviour;

    use super::*;

    #[derive(Default)]
    struct Silent;

    impl Behaviour for Silent {}

    #[test]
    fn scripts_need_not_have_what_rust_has() {
        let plaza = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plaza/entities");
        let definitions = Definitions::load(&plaza).expect("the plaza has no problems").definitions;
        let native = Native::new().base::<Silent>("avatar");
        let left = without(&native, &definitions);
        let methods = |definitions: &Definitions, part| {
            let avatar = definitions.by_name("avatar").expect("it is defined");
            avatar.methods.iter().filter(|method| method.part == part).count()
        };
        assert_eq!(methods(&left, Part::Base), 0);
        assert_eq!(methods(&left, Part::Cell), methods(&definitions, Part::Cell));
        assert!(methods(&definitions, Part::Base) > 0, "the definitions that run are whole");
        assert!(native.check(&definitions).iter().any(|mismatch| mismatch.message.contains("declared and missing")));
    }
}
