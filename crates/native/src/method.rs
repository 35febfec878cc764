//! The methods of a behaviour, by name.

use kuafu_core::Value;
use kuafu_core::typed::Unfit;

use crate::behaviour::Done;
use crate::context::Context;
use crate::handler::{Given, Handler, Returned};

type Run<B> = Box<dyn Fn(&mut B, &mut Context<'_>, &[Given]) -> Done<Returned> + Send + Sync>;

/// One method.
pub(crate) struct Method<B> {
    pub(crate) name: &'static str,
    pub(crate) count: usize,
    pub(crate) accepts: fn(usize, &Value) -> Result<(), Unfit>,
    pub(crate) run: Run<B>,
}

/// The methods of a behaviour; made by [`methods!`](crate::methods).
pub struct Methods<B>(pub(crate) Vec<Method<B>>);

impl<B: 'static> Methods<B> {
    /// No methods.
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a method. A later one of the same name takes its place.
    #[must_use]
    pub fn with<M, H: Handler<B, M>>(mut self, name: &'static str, handler: H) -> Self {
        self.0.retain(|method| method.name != name);
        let run: Run<B> = Box::new(move |behaviour, cx, given| handler.run(behaviour, cx, given));
        self.0.push(Method { name, count: H::COUNT, accepts: H::accepts, run });
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Method<B>> {
        self.0.iter().find(|method| method.name == name)
    }
}

impl<B: 'static> Default for Methods<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B> std::fmt::Debug for Methods<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|method| method.name)).finish()
    }
}

/// The methods of a behaviour by name: `methods![buy, restock]` inside `impl Behaviour for Shop` names `Shop::buy` and
/// `Shop::restock`. A method whose declared name is no Rust name, such as one of a component, is given its own:
/// `methods!["stats.heal" => heal]`.
#[macro_export]
macro_rules! methods {
    (@with $methods:expr,) => { $methods };
    (@with $methods:expr, $name:literal => $method:ident $(, $($rest:tt)*)?) => {
        $crate::methods!(@with $methods.with($name, Self::$method), $($($rest)*)?)
    };
    (@with $methods:expr, $method:ident $(, $($rest:tt)*)?) => {
        $crate::methods!(@with $methods.with(stringify!($method), Self::$method), $($($rest)*)?)
    };
    ($($list:tt)*) => { $crate::methods!(@with $crate::Methods::<Self>::new(), $($list)*) };
}
