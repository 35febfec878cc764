//! A behaviour without its type: what the host keeps beside an entity and enters.

use std::sync::Arc;

use kuafu_core::typed::{FromValue, Unfit};
use kuafu_core::{EntityId, Value};
use kuafu_logic::Hook;

use crate::behaviour::{Behaviour, Done, Stop};
use crate::context::Context;
use crate::handler::{Given, Ran};
use crate::method::Methods;

/// The logic of one part of one entity type.
pub(crate) trait Class: Send + Sync {
    /// The logic of a new entity part.
    fn make(&self) -> Box<dyn Logic>;

    /// The names of its methods.
    fn names(&self) -> Vec<&'static str>;

    /// How many arguments a method takes; `None` when there is no such method.
    fn count(&self, method: &str) -> Option<usize>;

    /// Whether a method's argument can be a value.
    fn accepts(&self, method: &str, no: usize, value: &Value) -> Result<(), Unfit>;
}

/// What is entered.
pub(crate) enum Entry<'a> {
    Hook(Hook, &'a [Value]),
    Method(&'a str, &'a [Given]),
}

/// The logic of one entity part.
pub(crate) trait Logic {
    fn run(&mut self, cx: &mut Context<'_>, entry: &Entry<'_>) -> Done<Ran>;
}

/// A class of behaviours of one type.
pub(crate) struct ClassOf<B, F> {
    make: F,
    methods: Arc<Methods<B>>,
}

struct LogicOf<B> {
    behaviour: B,
    methods: Arc<Methods<B>>,
}

impl<B: Behaviour, F: Fn() -> B + Send + Sync> ClassOf<B, F> {
    pub(crate) fn new(make: F) -> Self {
        Self { make, methods: Arc::new(B::methods()) }
    }
}

impl<B: Behaviour, F: Fn() -> B + Send + Sync> Class for ClassOf<B, F> {
    fn make(&self) -> Box<dyn Logic> {
        Box::new(LogicOf { behaviour: (self.make)(), methods: Arc::clone(&self.methods) })
    }

    fn names(&self) -> Vec<&'static str> {
        self.methods.0.iter().map(|method| method.name).collect()
    }

    fn count(&self, method: &str) -> Option<usize> {
        self.methods.find(method).map(|method| method.count)
    }

    fn accepts(&self, method: &str, no: usize, value: &Value) -> Result<(), Unfit> {
        self.methods.find(method).map_or(Ok(()), |method| (method.accepts)(no, value))
    }
}

impl<B: Behaviour> Logic for LogicOf<B> {
    fn run(&mut self, cx: &mut Context<'_>, entry: &Entry<'_>) -> Done<Ran> {
        match entry {
            Entry::Hook(hook, arguments) => self.hook(cx, *hook, arguments).map(|()| Ran::Value(Value::Nil)),
            Entry::Method(name, given) => match self.methods.find(name) {
                Some(method) => (method.run)(&mut self.behaviour, cx, given).map(|returned| returned.0),
                None => Err(Stop::Fault(format!("there is no method `{name}`"))),
            },
        }
    }
}

impl<B: Behaviour> LogicOf<B> {
    fn hook(&mut self, cx: &mut Context<'_>, hook: Hook, arguments: &[Value]) -> Done {
        if let Some(method) = self.methods.find(hook.method()) {
            let given: Vec<Given> = arguments.iter().cloned().map(Given::Value).collect();
            return (method.run)(&mut self.behaviour, cx, &given).map(drop);
        }
        let behaviour = &mut self.behaviour;
        match hook.method() {
            "on_create" => behaviour.on_create(cx),
            "on_load" => behaviour.on_load(cx),
            "on_destroy" => behaviour.on_destroy(cx),
            "on_client_attached" => behaviour.on_client_attached(cx, argument(arguments, 0)?),
            "on_client_lost" => behaviour.on_client_lost(cx),
            "on_cell_ready" => behaviour.on_cell_ready(cx),
            "on_cell_lost" => behaviour.on_cell_lost(cx),
            "on_arrive" => behaviour.on_arrive(cx),
            "on_trigger_enter" => {
                let (other, radius): (EntityId, f32) = (argument(arguments, 0)?, argument(arguments, 1)?);
                behaviour.on_trigger_enter(cx, other, radius)
            }
            "on_trigger_leave" => {
                let (other, radius): (EntityId, f32) = (argument(arguments, 0)?, argument(arguments, 1)?);
                behaviour.on_trigger_leave(cx, other, radius)
            }
            "on_shared" => {
                let key: Arc<str> = argument(arguments, 0)?;
                behaviour.on_shared(cx, &key, arguments.get(1).unwrap_or(&Value::Nil))
            }
            "on_name_lost" => {
                let name: Arc<str> = argument(arguments, 0)?;
                behaviour.on_name_lost(cx, &name)
            }
            "on_shutdown" => behaviour.on_shutdown(cx),
            _ => behaviour.on_hook(cx, hook, arguments),
        }
    }
}

fn argument<T: FromValue>(arguments: &[Value], no: usize) -> Done<T> {
    Ok(T::from_value(arguments.get(no).unwrap_or(&Value::Nil))?)
}
