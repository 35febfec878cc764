//! Questions of the HTTP side that the role has not answered yet.
//!
//! The role knows only numbers; who waits for which is known here. Each number is answered once, because each call ends.
//! Who stops waiting is forgotten with the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kuafu_contract::Outcome;
use tokio::sync::oneshot;

/// Shared by the HTTP side, which waits, and the role's executor, which brings the answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    by_number: HashMap<u64, oneshot::Sender<Outcome>>,
}

impl Answers {
    /// A number for a question, and where its answer will come.
    pub(crate) fn expect(&self) -> (u64, oneshot::Receiver<Outcome>) {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.last += 1;
        let number = waiting.last;
        waiting.by_number.insert(number, tell);
        (number, told)
    }

    /// The question was not asked after all.
    pub(crate) fn forget(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_number.remove(&number);
    }

    /// The answer came.
    pub(crate) fn bring(&self, number: u64, outcome: Outcome) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).by_number.remove(&number);
        if let Some(waiting) = waiting {
            // Nobody waits any more: then nobody has to know.
            let _ = waiting.send(outcome);
        }
    }
}
