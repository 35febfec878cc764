//! Password work that runs and that waits: at most `password_checks_in_flight_max` at once, the rest in order.

use std::collections::VecDeque;
use std::time::Duration;

use kuafu_core::Moment;
use kuafu_store::Ticket;

use crate::accounts::HashJob;

/// Jobs that wait; a further one is refused with Busy.
pub const CHECKS_WAITING_MAX: usize = 1_024;

/// The line for hashing.
#[derive(Debug)]
pub(crate) struct Checks {
    running_max: usize,
    /// After so long nobody waits for the answer any more.
    age_max: Duration,
    running: usize,
    waiting: VecDeque<(Ticket, HashJob, Moment)>,
}

/// What comes off the line.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// To be hashed now.
    Run(Ticket, HashJob),
    /// Waited too long.
    Expired(Ticket),
}

impl Checks {
    pub(crate) fn new(running_max: u32, age_max: Duration) -> Self {
        Self { running_max: running_max.max(1) as usize, age_max, running: 0, waiting: VecDeque::new() }
    }

    /// Puts a job in line. `false` when the line is full.
    pub(crate) fn push(&mut self, ticket: Ticket, job: HashJob, now: Moment) -> bool {
        let room = self.waiting.len() < CHECKS_WAITING_MAX;
        if room {
            self.waiting.push_back((ticket, job, now));
        }
        room
    }

    /// The next one that may go; call it until there is none.
    pub(crate) fn next(&mut self, now: Moment) -> Option<Next> {
        if self.running >= self.running_max {
            return None;
        }
        let (ticket, job, since) = self.waiting.pop_front()?;
        if now.since(since) > self.age_max {
            return Some(Next::Expired(ticket));
        }
        self.running += 1;
        Some(Next::Run(ticket, job))
    }

    /// One that ran has ended.
    pub(crate) fn done(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    pub(crate) fn running(&self) -> usize {
        self.running
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> HashJob {
        HashJob::Check { password: "secret".to_owned(), stored: None }
    }

    #[test]
    fn so_many_run_the_rest_wait_and_what_waited_too_long_is_not_run() {
        let mut checks = Checks::new(2, Duration::from_secs(5));
        for number in 0..4 {
            assert!(checks.push(Ticket(number), job(), Moment(0)));
        }
        assert_eq!(checks.next(Moment(0)), Some(Next::Run(Ticket(0), job())));
        assert_eq!(checks.next(Moment(0)), Some(Next::Run(Ticket(1), job())));
        assert_eq!(checks.next(Moment(0)), None);
        checks.done();
        assert_eq!(checks.next(Moment(5_000_000)), Some(Next::Run(Ticket(2), job())));
        checks.done();
        assert_eq!(checks.next(Moment(5_000_001)), Some(Next::Expired(Ticket(3))));
        assert_eq!((checks.next(Moment(5_000_001)), checks.running(), checks.waiting()), (None, 1, 0));
    }

    #[test]
    fn a_full_line_takes_no_more() {
        let mut checks = Checks::new(1, Duration::from_secs(5));
        let taken = (0..2_000).filter(|number| checks.push(Ticket(*number), job(), Moment(0))).count();
        assert_eq!(taken, CHECKS_WAITING_MAX);
    }
}
