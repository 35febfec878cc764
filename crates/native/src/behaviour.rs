//! What a game implements for one part of one entity type.

use kuafu_core::change::Misfit;
use kuafu_core::typed::Unfit;
use kuafu_core::{Code, EntityId, Refusal, Value};
use kuafu_logic::{Failure, Hook};

use crate::{Context, Methods};

/// What an entry into logic ends with.
pub type Done<T = ()> = Result<T, Stop>;

/// Why an entry ended early. Its effects are dropped; changes that it made to properties stay.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Stop {
    /// The caller is told no: nothing is wrong.
    #[error("{0}")]
    Refused(Refusal),
    /// An error in the game's logic: logged, counted and shown in the console; the caller is told `ScriptFailed`.
    #[error("{0}")]
    Fault(String),
}

/// Tells the caller no, with a text for people: `return Err(refuse("your bag is full"))`.
#[must_use]
pub fn refuse(text: impl Into<String>) -> Stop {
    Stop::Refused(Refusal::new(Code::Refused, text))
}

impl Stop {
    /// An error in the game's logic.
    #[must_use]
    pub fn fault(text: impl Into<String>) -> Self {
        Self::Fault(text.into())
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Unknown => Self::Refused(Code::DeadlinePassed.into()),
        }
    }
}

impl From<Unfit> for Stop {
    fn from(unfit: Unfit) -> Self {
        Self::Fault(unfit.to_string())
    }
}

impl From<Misfit> for Stop {
    fn from(misfit: Misfit) -> Self {
        Self::Fault(misfit.to_string())
    }
}

/// The logic of one part of one entity type; one value of it stands beside each entity part.
///
/// Its fields are lost with the part: with the process, and when the part moves. What must last or be seen belongs into
/// properties, which [`Context`] reads and writes. Hooks that a part does not want are left out.
pub trait Behaviour: Sized + 'static {
    /// The methods that calls, timers and continuations reach, by name: `methods![buy, restock]`. All that the
    /// definition declares for the part must be among them.
    fn methods() -> Methods<Self> {
        Methods::new()
    }

    /// The part was created; for a persistent entity, for the first time ever.
    ///
    /// # Errors
    /// As every hook: a [`Stop`] ends it.
    fn on_create(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// The part was created from what the database holds.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_load(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// The part is about to go. Calls made here are sent; nothing can be awaited.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_destroy(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// A client took the entity; `resumed` says that it was here before, within the grace time.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_client_attached(&mut self, _cx: &mut Context<'_>, _resumed: bool) -> Done {
        Ok(())
    }

    /// The client is gone; the entity stays for the grace time.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_client_lost(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// Base part: the cell part stands in its space.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_cell_ready(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// Base part: the cell part is gone.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_cell_lost(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// Cell part: [`Context::move_to`] reached its target.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_arrive(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// Cell part: an entity came within a trigger of so many metres.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_trigger_enter(&mut self, _cx: &mut Context<'_>, _other: EntityId, _radius: f32) -> Done {
        Ok(())
    }

    /// Cell part: an entity left a trigger of so many metres.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_trigger_leave(&mut self, _cx: &mut Context<'_>, _other: EntityId, _radius: f32) -> Done {
        Ok(())
    }

    /// The server stops; what must last is saved after this.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_shutdown(&mut self, _cx: &mut Context<'_>) -> Done {
        Ok(())
    }

    /// A shared value that the part watches ([`Context::watch`]) changed; [`Value::Nil`] when it was taken out.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_shared(&mut self, _cx: &mut Context<'_>, _key: &str, _value: &Value) -> Done {
        Ok(())
    }

    /// A global name that the entity held is held by another now.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_name_lost(&mut self, _cx: &mut Context<'_>, _name: &str) -> Done {
        Ok(())
    }

    /// Any other hook, with its arguments. A method of [`Behaviour::methods`] with the hook's name goes before it.
    ///
    /// # Errors
    /// [`Stop`].
    fn on_hook(&mut self, _cx: &mut Context<'_>, _hook: Hook, _arguments: &[Value]) -> Done {
        Ok(())
    }
}
