//! Roles of any kind behind one face: what executors bring and what roles want of them, as one type each.

use std::convert::Infallible;

use kuafu_core::{Moment, Now};
use kuafu_edge::{EdgeCommand, EdgeEvent};
use kuafu_node::{Input, Output, Role};
use kuafu_region::accounts::{AccountsIn, AccountsOut, HashJob, HashOutcome};
use kuafu_store::{StoreCommand, StoreResult, Ticket};

/// What the executors of the simulated realm bring.
#[derive(Debug)]
pub(crate) enum Brought {
    Edge(EdgeEvent),
    Store(Ticket, StoreResult),
    Hashed(Ticket, HashOutcome),
}

/// What roles ask of them.
#[derive(Debug)]
pub(crate) enum Wanted {
    Edge(EdgeCommand),
    Store(Ticket, StoreCommand),
    Hash(Ticket, HashJob),
    Nothing,
}

/// A role whose kind is forgotten.
pub(crate) trait Part {
    fn handle(&mut self, now: Now, input: Input<Brought>);
    fn poll(&mut self) -> Option<Output<Wanted>>;
    fn next_wake(&self) -> Option<Moment>;
}

pub(crate) struct Driven<R>(pub(crate) R);

impl<R> Part for Driven<R>
where
    R: Role,
    R::In: TryFrom<Brought, Error = Misdirected>,
    R::Out: Into<Wanted>,
{
    fn handle(&mut self, now: Now, input: Input<Brought>) {
        let input = match input {
            Input::External(what) => {
                Input::External(what.try_into().expect("an executor brings a role what the role asked for"))
            }
            Input::Start => Input::Start,
            Input::Call { from, request } => Input::Call { from, request },
            Input::Notice { from, request } => Input::Notice { from, request },
            Input::Answer { call, outcome } => Input::Answer { call, outcome },
            Input::Frame { peer, frame } => Input::Frame { peer, frame },
            Input::Credit { peer, frames } => Input::Credit { peer, frames },
            Input::LinkDown { peer } => Input::LinkDown { peer },
            Input::Wake => Input::Wake,
            Input::Drain => Input::Drain,
        };
        self.0.handle(now, input);
    }

    fn poll(&mut self) -> Option<Output<Wanted>> {
        Some(match self.0.poll_output()? {
            Output::External(what) => Output::External(what.into()),
            Output::Call { call, to, request } => Output::Call { call, to, request },
            Output::Notice { to, request } => Output::Notice { to, request },
            Output::Answer { to, result } => Output::Answer { to, result },
            Output::Frame { peer, frame } => Output::Frame { peer, frame },
            Output::Drained => Output::Drained,
        })
    }

    fn next_wake(&self) -> Option<Moment> {
        self.0.next_wake()
    }
}

/// Something was brought to a role that has no use for it.
#[derive(Debug)]
pub(crate) struct Misdirected;

impl TryFrom<Brought> for EdgeEvent {
    type Error = Misdirected;

    fn try_from(what: Brought) -> Result<Self, Misdirected> {
        if let Brought::Edge(event) = what { Ok(event) } else { Err(Misdirected) }
    }
}

impl TryFrom<Brought> for (Ticket, StoreResult) {
    type Error = Misdirected;

    fn try_from(what: Brought) -> Result<Self, Misdirected> {
        if let Brought::Store(ticket, result) = what { Ok((ticket, result)) } else { Err(Misdirected) }
    }
}

impl TryFrom<Brought> for AccountsIn {
    type Error = Misdirected;

    fn try_from(what: Brought) -> Result<Self, Misdirected> {
        match what {
            Brought::Store(ticket, result) => Ok(Self::Store(ticket, result)),
            Brought::Hashed(ticket, outcome) => Ok(Self::Hashed(ticket, outcome)),
            Brought::Edge(_) => Err(Misdirected),
        }
    }
}

impl TryFrom<Brought> for () {
    type Error = Misdirected;

    fn try_from(_: Brought) -> Result<Self, Misdirected> {
        Err(Misdirected)
    }
}

impl TryFrom<Brought> for Infallible {
    type Error = Misdirected;

    fn try_from(_: Brought) -> Result<Self, Misdirected> {
        Err(Misdirected)
    }
}

impl From<EdgeCommand> for Wanted {
    fn from(command: EdgeCommand) -> Self {
        Self::Edge(command)
    }
}

impl From<(Ticket, StoreCommand)> for Wanted {
    fn from((ticket, command): (Ticket, StoreCommand)) -> Self {
        Self::Store(ticket, command)
    }
}

impl From<AccountsOut> for Wanted {
    fn from(what: AccountsOut) -> Self {
        match what {
            AccountsOut::Store(ticket, command) => Self::Store(ticket, command),
            AccountsOut::Hash(ticket, job) => Self::Hash(ticket, job),
        }
    }
}

impl From<()> for Wanted {
    fn from((): ()) -> Self {
        Self::Nothing
    }
}

impl From<Infallible> for Wanted {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
