//! Calls of other parts and of clients, saving, and waiting for how they end.

use std::sync::Arc;

use kuafu_core::{EntityId, Value};
use kuafu_def::Part;
use kuafu_logic::{Audience, AwaitId, Effect, coerce};

use crate::context::Context;
use crate::handler::{Arguments, Later};
use crate::state::{NATIVE_BIT, Waiting};

/// Something that was asked for and has an end that can be waited for.
#[derive(Debug)]
pub struct Pending<'c, 'h> {
    cx: &'c mut Context<'h>,
    /// Its place among the effects of the entry; `None` when it was asked for wrongly.
    index: Option<usize>,
}

impl<'h> Context<'h> {
    /// Calls a method of the base or cell part of an entity. It is sent when the entry ends well; the receiver checks and
    /// converts the arguments.
    pub fn call(&mut self, to: EntityId, part: Part, method: &str, arguments: impl Arguments) -> Pending<'_, 'h> {
        let known = self.state.type_of(to);
        let why = match &known {
            _ if to.is_none() => Some(format!("{method} is called on no entity")),
            _ if part == Part::Client => {
                Some(format!("{method}: clients are called with `client`, `others`, `clients`"))
            }
            Some(ty) if ty.method_by_name(part, method).is_none() => {
                Some(format!("{} has no method `{method}` in its {part} part", ty.name))
            }
            _ => None,
        };
        if let Some(why) = why {
            return self.refused(why);
        }
        let from = self.run.entity;
        let (method, arguments) = (Arc::from(method), arguments.into_values());
        self.pending(Effect::Call { from, to, part, method, arguments, awaiting: None })
    }

    /// Asks for something that can be awaited.
    pub(crate) fn pending(&mut self, effect: Effect) -> Pending<'_, 'h> {
        self.ask(effect);
        Pending { index: self.run.effects.len().checked_sub(1), cx: self }
    }

    /// Something that was asked for wrongly.
    pub(crate) fn refused(&mut self, why: String) -> Pending<'_, 'h> {
        self.wrong(why);
        Pending { cx: self, index: None }
    }

    /// Calls a method of this entity's base part.
    pub fn base(&mut self, method: &str, arguments: impl Arguments) -> Pending<'_, 'h> {
        self.call(self.run.entity, Part::Base, method, arguments)
    }

    /// Calls a method of this entity's cell part.
    pub fn cell(&mut self, method: &str, arguments: impl Arguments) -> Pending<'_, 'h> {
        self.call(self.run.entity, Part::Cell, method, arguments)
    }

    /// Saves now. It ends with `true` when the database has committed. What one entry saves, creates and deletes is one
    /// transaction. Base parts only.
    pub fn save(&mut self) -> Pending<'_, 'h> {
        if self.state.part != Part::Base {
            return self.refused("only base parts are saved".to_owned());
        }
        let (entity, step) = (self.run.entity, self.run.step);
        self.pending(Effect::Save { entity, awaiting: None, step })
    }

    /// Calls a method of its own client.
    pub fn client(&mut self, method: &str, arguments: impl Arguments) {
        self.tell(Audience::Own, method, arguments.into_values());
    }

    /// Cell part: calls a client method on the clients of others that see it.
    pub fn others(&mut self, method: &str, arguments: impl Arguments) {
        self.tell(Audience::Others, method, arguments.into_values());
    }

    /// Cell part: the same, its own client too.
    pub fn clients(&mut self, method: &str, arguments: impl Arguments) {
        self.tell(Audience::All, method, arguments.into_values());
    }

    /// Cell part: the same, for entities within so many metres that see it.
    pub fn clients_within(&mut self, radius: f32, method: &str, arguments: impl Arguments) {
        match self.checked_radius(radius) {
            Ok(radius) => self.tell(Audience::Within(radius), method, arguments.into_values()),
            Err(why) => self.wrong(why),
        }
    }

    /// Asks for something that ends with an outcome: `effect` is given the number under which the engine ends it, and
    /// `method` of this part gets the outcome.
    pub fn ask_then(&mut self, method: &str, effect: impl FnOnce(AwaitId) -> Effect) -> Later {
        match self.wait(method, Vec::new()) {
            Ok(id) => {
                self.ask(effect(id));
                Later(id)
            }
            Err(why) => self.nothing(why),
        }
    }

    fn tell(&mut self, audience: Audience, method: &str, arguments: Vec<Value>) {
        if self.state.part != Part::Cell && audience != Audience::Own {
            return self.wrong("only a cell part knows who sees it".to_owned());
        }
        match self.client_call(audience, method, arguments) {
            Ok(effect) => self.ask(effect),
            Err(why) => self.wrong(why),
        }
    }

    fn client_call(&self, audience: Audience, name: &str, arguments: Vec<Value>) -> Result<Effect, String> {
        let ty = &self.run.ty;
        let method = ty.method_by_name(Part::Client, name);
        let method = method.ok_or_else(|| format!("{} has no client method `{name}`", ty.name))?;
        if arguments.len() != method.arguments.len() {
            return Err(format!("{name} takes {} arguments, not {}", method.arguments.len(), arguments.len()));
        }
        let checked = method.arguments.iter().zip(arguments).map(|(declared, value)| {
            let at = |why| format!("{name}, argument {}: {why}", declared.name);
            let value = coerce(&declared.ty, value).map_err(at)?;
            declared.check(&value, &self.state.limits).map_err(at)?;
            Ok(value)
        });
        let arguments = checked.collect::<Result<_, String>>()?;
        Ok(Effect::CallClient { entity: self.run.entity, audience, method: method.no, arguments })
    }

    /// A number under which something is awaited; `method` gets its outcome and `more`.
    fn wait(&mut self, method: &str, more: Vec<Value>) -> Result<AwaitId, String> {
        if !self.run.may_wait {
            return Err("nothing can be awaited here: the entity is about to go".to_owned());
        }
        if self.run.class.count(method).is_none() {
            return Err(self.no_method(method));
        }
        let entity = self.run.entity;
        let max = self.state.limits.script_tasks_per_entity_max as usize;
        self.state.last_await += 1;
        let id = AwaitId(self.state.last_await | NATIVE_BIT);
        let waits = self.state.entities.get_mut(&entity).map(|entity| &mut entity.awaits);
        let waits = waits.ok_or_else(|| "the entity is gone".to_owned())?;
        if waits.len() >= max {
            return Err(format!("the entity waits for {max} things already (script_tasks_per_entity_max)"));
        }
        waits.push(id);
        self.run.awaits.push(id);
        self.state.waiting.insert(id, Waiting { entity, method: method.to_owned(), more, call: None });
        Ok(id)
    }

    fn nothing(&mut self, why: String) -> Later {
        self.wrong(why);
        Later(AwaitId(NATIVE_BIT))
    }
}

impl Pending<'_, '_> {
    /// Has `method` of this part called with the [`Outcome`](crate::Outcome) when it is there. A method that returns the
    /// [`Later`] answers its own caller with what `method` returns.
    pub fn then(self, method: &str) -> Later {
        self.then_with(method, ())
    }

    /// The same; `method` is given more after the outcome, such as what it must know of this entry.
    pub fn then_with(self, method: &str, more: impl Arguments) -> Later {
        let Self { cx, index } = self;
        let id = match (index, cx.run.wrong.is_some()) {
            (Some(_), false) => cx.wait(method, more.into_values()),
            // Something is wrong already, and said.
            _ => return Later(AwaitId(NATIVE_BIT)),
        };
        let effect = index.and_then(|index| cx.run.effects.get_mut(index));
        match (id, effect.and_then(Effect::awaiting_mut)) {
            (Ok(id), Some(awaiting)) => {
                *awaiting = Some(id);
                Later(id)
            }
            // Everything that is pending can be awaited; without a place for the number nothing would ever come.
            (Ok(_), None) => cx.nothing("this cannot be awaited".to_owned()),
            (Err(why), _) => cx.nothing(why),
        }
    }
}
