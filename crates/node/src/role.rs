//! What a role is: a state machine that handles inputs and is polled for outputs.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use bytes::Bytes;
use kuafu_contract::{Address, CallId, Outcome, Reply, Request, Target};
use kuafu_core::{Moment, Now, Refusal};

/// Something that happens to a role. `E` is what its own executor brings: connections, database results.
#[derive(Debug)]
pub enum Input<E> {
    /// The first input of a life: calls and frames may be sent from here.
    Start,
    /// Somebody wants an answer: exactly one [`Output::Answer`] follows, now or later.
    Call {
        /// To whom and under which number the answer goes.
        from: CallRef,
        /// What is wanted.
        request: Request,
    },
    /// Somebody tells something.
    Notice {
        /// The sender.
        from: Address,
        /// What it tells.
        request: Request,
    },
    /// A call of this role ended.
    Answer {
        /// Its number.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
    },
    /// A frame came over a link.
    Frame {
        /// From whom.
        peer: Address,
        /// A frame of [`kuafu_contract::link`].
        frame: Bytes,
    },
    /// The peer of a link took so many frames of ours.
    Credit {
        /// Which peer.
        peer: Address,
        /// How many frames it took since the last time.
        frames: u32,
    },
    /// The peer of a link is gone: what was sent to it may be lost.
    LinkDown {
        /// Which peer.
        peer: Address,
    },
    /// The time that [`Role::next_wake`] named has come.
    Wake,
    /// From the role's own executor.
    External(E),
    /// Finish: save, tell clients, end; [`Output::Drained`] says that it is done.
    Drain,
}

/// Something that a role wants carried. `X` goes to its own executor.
#[derive(Debug)]
pub enum Output<X> {
    /// A call; an [`Input::Answer`] follows in any case.
    Call {
        /// The role's number for it, from its [`CallBook`].
        call: CallId,
        /// To whom.
        to: Target,
        /// What is wanted.
        request: Request,
    },
    /// A notice.
    Notice {
        /// To whom.
        to: Target,
        /// What is told.
        request: Request,
    },
    /// The answer to a call.
    Answer {
        /// Which call.
        to: CallRef,
        /// The answer.
        result: Result<Reply, Refusal>,
    },
    /// A frame for a link; the link is made when it is the first.
    Frame {
        /// To whom.
        peer: Address,
        /// A frame of [`kuafu_contract::link`].
        frame: Bytes,
    },
    /// To the role's own executor.
    External(X),
    /// All is saved and told; the role can be dropped.
    Drained,
}

/// Whom a call came from, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallRef {
    /// The caller.
    pub from: Address,
    /// Its number.
    pub call: CallId,
}

/// A job without I/O. Built on its own thread, where it stays.
pub trait Role {
    /// What its executor brings.
    type In;
    /// What it asks of its executor.
    type Out;

    /// Takes one input. Never blocks, never fails: what cannot be done becomes an answer or a count.
    fn handle(&mut self, now: Now, input: Input<Self::In>);

    /// The next output; called until it gives `None` after each input.
    fn poll_output(&mut self) -> Option<Output<Self::Out>>;

    /// When it wants [`Input::Wake`], if at all.
    fn next_wake(&self) -> Option<Moment>;
}

/// A role's outputs in order, and what it meant by the calls that it has made.
///
/// `P` is the role's purpose of a call: what to do when it ends.
#[derive(Debug)]
pub struct CallBook<X, P> {
    outputs: VecDeque<Output<X>>,
    open: BTreeMap<CallId, P>,
    next: u64,
}

impl<X, P> Default for CallBook<X, P> {
    fn default() -> Self {
        Self { outputs: VecDeque::new(), open: BTreeMap::new(), next: 1 }
    }
}

impl<X, P> CallBook<X, P> {
    /// Makes a call; `purpose` comes back from [`CallBook::close`].
    pub fn call(&mut self, to: impl Into<Target>, request: impl Into<Request>, purpose: P) -> CallId {
        let call = CallId(self.next);
        self.next += 1;
        self.open.insert(call, purpose);
        self.outputs.push_back(Output::Call { call, to: to.into(), request: request.into() });
        call
    }

    /// The purpose of a call that ended. `None` when it is none of ours.
    pub fn close(&mut self, call: CallId) -> Option<P> {
        self.open.remove(&call)
    }

    /// Calls that have not ended.
    #[must_use]
    pub fn open_len(&self) -> usize {
        self.open.len()
    }

    /// Tells something.
    pub fn notice(&mut self, to: impl Into<Target>, request: impl Into<Request>) {
        self.outputs.push_back(Output::Notice { to: to.into(), request: request.into() });
    }

    /// Answers a call.
    pub fn answer(&mut self, to: CallRef, result: Result<impl Into<Reply>, Refusal>) {
        self.outputs.push_back(Output::Answer { to, result: result.map(Into::into) });
    }

    /// Sends a frame.
    pub fn frame(&mut self, peer: Address, frame: Bytes) {
        self.outputs.push_back(Output::Frame { peer, frame });
    }

    /// Asks the executor.
    pub fn external(&mut self, what: X) {
        self.outputs.push_back(Output::External(what));
    }

    /// Says that the drain is done.
    pub fn drained(&mut self) {
        self.outputs.push_back(Output::Drained);
    }

    /// The next output, for [`Role::poll_output`].
    pub fn poll(&mut self) -> Option<Output<X>> {
        self.outputs.pop_front()
    }
}
