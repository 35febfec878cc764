//! From calls to Rust methods: arguments by type, and what a method may return.

use kuafu_core::Value;
use kuafu_core::typed::{FromValue, IntoValue, Unfit};
use kuafu_logic::{AwaitId, Failure};

use crate::behaviour::{Done, Stop};
use crate::context::Context;

/// What a method is given in one place.
#[derive(Clone, Debug)]
pub enum Given {
    /// An argument of a call or a timer.
    Value(Value),
    /// How something awaited ended; the first argument of a continuation.
    Outcome(Result<Value, Failure>),
}

/// How something awaited ended: what a continuation takes first.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<T = Value>(pub Result<T, Failure>);

/// A type that a method may take.
pub trait Argument: Sized {
    /// Reads what is given.
    ///
    /// # Errors
    /// [`Unfit`] when it is something else.
    fn take(given: &Given) -> Result<Self, Unfit>;
}

impl<T: FromValue> Argument for T {
    fn take(given: &Given) -> Result<Self, Unfit> {
        match given {
            Given::Value(value) => T::from_value(value),
            Given::Outcome(_) => Err(Unfit { expected: "an Outcome", found: "a plain argument".to_owned() }),
        }
    }
}

impl<T: FromValue> Argument for Outcome<T> {
    fn take(given: &Given) -> Result<Self, Unfit> {
        match given {
            Given::Value(value) => T::from_value(value).map(|value| Self(Ok(value))),
            Given::Outcome(Ok(value)) => T::from_value(value).map(|value| Self(Ok(value))),
            Given::Outcome(Err(failure)) => Ok(Self(Err(failure.clone()))),
        }
    }
}

impl<T> Outcome<T> {
    /// The value; a refusal is passed on to whoever called, and so is that nothing is known.
    ///
    /// # Errors
    /// [`Stop::Refused`].
    pub fn or_refuse(self) -> Done<T> {
        self.0.map_err(Stop::from)
    }
}

/// Stands for a value that a continuation will give. A method that returns it answers its caller with what the
/// continuation returns.
#[derive(Debug)]
#[must_use = "return it when the continuation is to answer the caller; else drop it with `let _ =`"]
pub struct Later(pub(crate) AwaitId);

/// An answer that is there, or one that comes later.
#[derive(Debug)]
pub enum Reply<T = Value> {
    /// It is there.
    Now(T),
    /// A continuation gives it.
    Later(Later),
}

/// What a method came to.
#[derive(Debug)]
pub(crate) enum Ran {
    Value(Value),
    Later(AwaitId),
}

/// Seals [`Returns`] and keeps its outcome to this crate.
#[derive(Debug)]
pub struct Returned(pub(crate) Ran);

/// A type that a method may return: nothing, `Done<T>` (or any `Result` whose error becomes a [`Stop`]) where `T` is a
/// value, a [`Later`] or a [`Reply`].
pub trait Returns {
    /// What it comes to.
    ///
    /// # Errors
    /// The [`Stop`] inside.
    fn returned(self) -> Done<Returned>;
}

/// The good side of [`Returns`].
pub trait Answers {
    /// What it comes to.
    fn answered(self) -> Returned;
}

impl<T: IntoValue> Answers for T {
    fn answered(self) -> Returned {
        Returned(Ran::Value(self.into_value()))
    }
}

impl Answers for Later {
    fn answered(self) -> Returned {
        Returned(Ran::Later(self.0))
    }
}

impl<T: IntoValue> Answers for Reply<T> {
    fn answered(self) -> Returned {
        match self {
            Self::Now(value) => value.answered(),
            Self::Later(later) => later.answered(),
        }
    }
}

impl Returns for () {
    fn returned(self) -> Done<Returned> {
        Ok(self.answered())
    }
}

impl<T: Answers, E: Into<Stop>> Returns for Result<T, E> {
    fn returned(self) -> Done<Returned> {
        self.map(T::answered).map_err(Into::into)
    }
}

/// A Rust method as the host enters it. Implemented for methods of up to eight arguments.
pub trait Handler<B, M>: Send + Sync + 'static {
    /// How many arguments it takes.
    const COUNT: usize;

    /// Whether its argument number `no`, from 0, can be the value.
    ///
    /// # Errors
    /// [`Unfit`] when it cannot.
    fn accepts(no: usize, value: &Value) -> Result<(), Unfit>;

    /// Runs it.
    ///
    /// # Errors
    /// What it ended with, or the argument that does not fit.
    fn run(&self, behaviour: &mut B, cx: &mut Context<'_>, given: &[Given]) -> Done<Returned>;
}

macro_rules! handlers {
    ($($count:literal ($($ty:ident $no:tt)*))*) => {
        $(
            impl<B, F, R, $($ty),*> Handler<B, (R, $($ty,)*)> for F
            where
                F: for<'a, 'b, 'c> Fn(&'a mut B, &'b mut Context<'c>, $($ty),*) -> R + Send + Sync + 'static,
                R: Returns,
                $($ty: Argument,)*
            {
                const COUNT: usize = $count;

                fn accepts(no: usize, value: &Value) -> Result<(), Unfit> {
                    match no {
                        $($no => $ty::take(&Given::Value(value.clone())).map(drop),)*
                        _ => Err(Unfit { expected: "no such argument", found: value.kind().to_owned() }),
                    }
                }

                fn run(&self, behaviour: &mut B, cx: &mut Context<'_>, given: &[Given]) -> Done<Returned> {
                    if given.len() != $count {
                        let (takes, got) = ($count, given.len());
                        return Err(Stop::Fault(format!("it takes {takes} arguments and was given {got}")));
                    }
                    (self)(
                        behaviour,
                        cx,
                        $($ty::take(&given[$no])
                            .map_err(|unfit| Stop::Fault(format!("argument {}: {unfit}", $no + 1)))?,)*
                    )
                    .returned()
                }
            }
        )*
    };
}

handlers! {
    0 ()
    1 (A 0)
    2 (A 0 C 1)
    3 (A 0 C 1 D 2)
    4 (A 0 C 1 D 2 E 3)
    5 (A 0 C 1 D 2 E 3 G 4)
    6 (A 0 C 1 D 2 E 3 G 4 H 5)
    7 (A 0 C 1 D 2 E 3 G 4 H 5 I 6)
    8 (A 0 C 1 D 2 E 3 G 4 H 5 I 6 J 7)
}

/// What calls and timers carry: a tuple of up to eight values, or a list of values.
pub trait Arguments {
    /// The values in order.
    fn into_values(self) -> Vec<Value>;
}

impl Arguments for Vec<Value> {
    fn into_values(self) -> Vec<Value> {
        self
    }
}

macro_rules! arguments {
    ($(($($ty:ident $no:tt)*))*) => {
        $(
            impl<$($ty: IntoValue),*> Arguments for ($($ty,)*) {
                fn into_values(self) -> Vec<Value> {
                    vec![$(self.$no.into_value()),*]
                }
            }
        )*
    };
}

arguments! {
    ()
    (A 0)
    (A 0 C 1)
    (A 0 C 1 D 2)
    (A 0 C 1 D 2 E 3)
    (A 0 C 1 D 2 E 3 G 4)
    (A 0 C 1 D 2 E 3 G 4 H 5)
    (A 0 C 1 D 2 E 3 G 4 H 5 I 6)
    (A 0 C 1 D 2 E 3 G 4 H 5 I 6 J 7)
}
