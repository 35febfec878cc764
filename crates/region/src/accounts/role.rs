//! The role: requests in; store commands and hash jobs out; their results in; answers out.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::accounts::{Reply, Request};
use kuafu_contract::{Address, RoleKind, console};
use kuafu_core::{AccountId, Chance, Code, Limits, Moment, Now, Refusal, WallTime};
use kuafu_node::{CallBook, CallRef, Counters, Input, Output, Role};
use kuafu_store::{AccountCommand, StoreCommand, StoreReply, StoreResult, Ticket};

use crate::accounts::attempts::{ATTEMPT_NAMES_MAX, Attempts};
use crate::accounts::checks::{Checks, Next};
use crate::accounts::{HashJob, HashOutcome, name_is_valid, name_key, password_is_valid};

/// Requests being worked on; a further one is refused with Busy.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 8_192;

const REPORT_PERIOD: Duration = Duration::from_secs(1);
const PURGE_PERIOD: Duration = Duration::from_secs(60);

/// What the accounts centre needs to know.
#[derive(Debug)]
pub struct AccountsConfig {
    /// Its own address.
    pub address: Address,
    /// The bounds of the system.
    pub limits: Limits,
    /// Where salts come from.
    pub chance: Chance,
}

/// What the centre asks of its executors.
#[derive(Debug, PartialEq)]
pub enum AccountsOut {
    /// Of the store.
    Store(Ticket, StoreCommand),
    /// Of the hashing threads.
    Hash(Ticket, HashJob),
}

/// What its executors bring.
#[derive(Debug)]
pub enum AccountsIn {
    /// From the store.
    Store(Ticket, StoreResult),
    /// From the hashing threads.
    Hashed(Ticket, HashOutcome),
}

/// The accounts centre.
#[derive(Debug)]
pub struct AccountsRole {
    config: AccountsConfig,
    book: CallBook<AccountsOut, ()>,
    steps: BTreeMap<Ticket, Step>,
    next_ticket: u64,
    attempts: Attempts,
    checks: Checks,
    counters: Counters,
    next_report: Moment,
    next_purge: Moment,
    draining: bool,
    drained: bool,
}

/// What a ticket stands for: whom it is for and what comes next.
#[derive(Debug)]
enum Step {
    /// Is the name free, before a hash is spent on it?
    RegisterFind {
        from: CallRef,
        name: String,
        password: String,
    },
    RegisterHash {
        from: CallRef,
        name: String,
    },
    LoginFind {
        from: CallRef,
        password: String,
    },
    LoginCheck {
        from: CallRef,
        account: Option<AccountId>,
    },
    /// The store's reply is the answer.
    Answer {
        from: CallRef,
    },
    /// Nobody wants an answer.
    Quiet,
}

impl Step {
    fn from(&self) -> Option<CallRef> {
        match self {
            Self::RegisterFind { from, .. }
            | Self::RegisterHash { from, .. }
            | Self::LoginFind { from, .. }
            | Self::LoginCheck { from, .. }
            | Self::Answer { from } => Some(*from),
            Self::Quiet => None,
        }
    }
}

impl AccountsRole {
    /// A centre that has not started.
    #[must_use]
    pub fn new(config: AccountsConfig) -> Self {
        let limits = &config.limits;
        Self {
            attempts: Attempts::new(limits.login_attempts_per_account_per_min, ATTEMPT_NAMES_MAX),
            checks: Checks::new(limits.password_checks_in_flight_max, Duration::from_millis(limits.call_deadline_ms)),
            config,
            book: CallBook::default(),
            steps: BTreeMap::new(),
            next_ticket: 1,
            counters: Counters::default(),
            next_report: Moment::default(),
            next_purge: Moment::default(),
            draining: false,
            drained: false,
        }
    }

    fn handle_call(&mut self, now: Now, from: CallRef, request: kuafu_contract::Request) {
        let taken = match request {
            _ if self.draining => Err(Code::ServerStopping),
            _ if self.steps.len() >= REQUESTS_IN_FLIGHT_MAX => Err(Code::Busy),
            kuafu_contract::Request::Accounts(request) => self.take_request(now, from, request),
            _ => Err(Code::Malformed),
        };
        if let Err(code) = taken {
            self.refuse(from, code.into());
        }
    }

    fn take_request(&mut self, now: Now, from: CallRef, request: Request) -> Result<(), Code> {
        match request {
            Request::Register { name, password } => self.register(from, name, password)?,
            Request::Authenticate { name, password } => self.authenticate(now, from, &name, password)?,
            Request::CreateRole { account, realm, name } => {
                if !name_is_valid(&name) {
                    return Err(Code::NameInvalid);
                }
                let (key, roles_max) = (name_key(&name), self.config.limits.roles_per_account_max);
                let command = AccountCommand::CreateRole { account, realm, name, key, roles_max, at: now.wall };
                self.store(Step::Answer { from }, command);
            }
            Request::DeleteRole { account, role } => {
                let delay_ms = self.config.limits.role_delete_delay_s.saturating_mul(1_000);
                // Never 0, which would be no mark.
                let deleted_at = WallTime(now.wall.0.saturating_add(delay_ms).clamp(1, i64::MAX as u64));
                self.store(Step::Answer { from }, AccountCommand::MarkRole { account, role, deleted_at });
            }
            Request::RestoreRole { account, role } => {
                let deleted_at = WallTime(0);
                self.store(Step::Answer { from }, AccountCommand::MarkRole { account, role, deleted_at });
            }
            Request::OpenSession { account, role } => {
                self.counters.count("sessions_opened");
                self.store(Step::Answer { from }, AccountCommand::OpenSession { account, role });
            }
            Request::PlaceSession { account, epoch, base } => {
                let base = base.incarnation;
                self.store(Step::Answer { from }, AccountCommand::PlaceSession { account, epoch, base });
            }
            // A notice by contract; as a call it is answered as what it did: the session has no place any more.
            Request::CloseSession { account, epoch } => {
                self.store(Step::Answer { from }, AccountCommand::CloseSession { account, epoch });
            }
        }
        Ok(())
    }

    fn register(&mut self, from: CallRef, name: String, password: String) -> Result<(), Code> {
        if !name_is_valid(&name) {
            return Err(Code::NameInvalid);
        }
        if !password_is_valid(&password) {
            return Err(Code::PasswordInvalid);
        }
        let key = name_key(&name);
        self.store(Step::RegisterFind { from, name, password }, AccountCommand::Find { key });
        Ok(())
    }

    fn authenticate(&mut self, now: Now, from: CallRef, name: &str, password: String) -> Result<(), Code> {
        // Nobody has such a name or password, and everybody may know that.
        if !name_is_valid(name) || !password_is_valid(&password) {
            self.counters.count("login_failures");
            return Err(Code::LoginFailed);
        }
        let key = name_key(name);
        if !self.attempts.take(&key, now.at) {
            self.counters.count("login_attempts_per_account_per_min");
            return Err(Code::TooManyAttempts);
        }
        self.store(Step::LoginFind { from, password }, AccountCommand::Find { key });
        Ok(())
    }

    fn handle_notice(&mut self, request: kuafu_contract::Request) {
        let kuafu_contract::Request::Accounts(Request::CloseSession { account, epoch }) = request else { return };
        // Taken also while draining: bases that end close their sessions late. When there is no room for it, the
        // next opening hears of a place that is gone, and finds it gone.
        if self.steps.len() < REQUESTS_IN_FLIGHT_MAX && !self.drained {
            self.counters.count("sessions_closed");
            self.store(Step::Quiet, AccountCommand::CloseSession { account, epoch });
        }
    }

    fn handle_store(&mut self, now: Now, ticket: Ticket, result: StoreResult) {
        let Some(step) = self.steps.remove(&ticket) else {
            self.counters.count("results_unexpected");
            return;
        };
        match (step, result) {
            (step, Err(refusal)) => {
                if let Some(from) = step.from() {
                    self.refuse(from, refusal);
                }
            }
            (Step::RegisterFind { from, .. }, Ok(StoreReply::Found(Some(_)))) => {
                self.refuse(from, Code::NameTaken.into());
            }
            (Step::RegisterFind { from, name, password }, Ok(StoreReply::Found(None))) => {
                let job = HashJob::Make { password, salt: self.config.chance.token() };
                self.hash(now, Step::RegisterHash { from, name }, job);
            }
            (Step::LoginFind { from, password }, Ok(StoreReply::Found(found))) => {
                let (account, stored) = found.map(|found| (found.account, found.hash)).unzip();
                self.hash(now, Step::LoginCheck { from, account }, HashJob::Check { password, stored });
            }
            (Step::Answer { from }, Ok(StoreReply::Account(reply))) => self.answer(from, reply),
            (Step::Answer { from }, Ok(StoreReply::Done)) => self.answer(from, Reply::Placed),
            (step, Ok(_)) => {
                if let Some(from) = step.from() {
                    self.refuse(from, Code::ServerFault.into());
                }
            }
        }
    }

    fn handle_hashed(&mut self, now: Now, ticket: Ticket, outcome: HashOutcome) {
        self.checks.done();
        let step = self.steps.remove(&ticket);
        match (step, outcome) {
            (Some(Step::RegisterHash { from, name }), HashOutcome::Made(hash)) => {
                let key = name_key(&name);
                self.store(Step::Answer { from }, AccountCommand::Register { name, key, hash, at: now.wall });
            }
            (Some(Step::LoginCheck { from, account: Some(account) }), HashOutcome::Checked(true)) => {
                self.counters.count("logins");
                self.store(Step::Answer { from }, AccountCommand::Roles { account });
            }
            (Some(Step::LoginCheck { from, .. }), HashOutcome::Checked(_)) => {
                self.counters.count("login_failures");
                self.refuse(from, Code::LoginFailed.into());
            }
            (Some(step), _) => {
                if let Some(from) = step.from() {
                    self.refuse(from, Code::Busy.into());
                }
            }
            (None, _) => self.counters.count("results_unexpected"),
        }
        self.run_checks(now);
    }

    fn answer(&mut self, from: CallRef, reply: Reply) {
        if matches!(reply, Reply::Registered(_)) {
            self.counters.count("registrations");
        }
        self.book.answer(from, Ok(reply));
    }

    fn refuse(&mut self, from: CallRef, refusal: Refusal) {
        self.counters.count(if refusal.code == Code::Busy { "busy" } else { "refused" });
        self.book.answer(from, Err::<Reply, _>(refusal));
    }

    fn ticket(&mut self, step: Step) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.steps.insert(ticket, step);
        ticket
    }

    fn store(&mut self, step: Step, command: impl Into<StoreCommand>) {
        let ticket = self.ticket(step);
        self.book.external(AccountsOut::Store(ticket, command.into()));
    }

    fn hash(&mut self, now: Now, step: Step, job: HashJob) {
        let ticket = self.ticket(step);
        if !self.checks.push(ticket, job, now.at) {
            self.give_up(ticket);
        }
        self.run_checks(now);
    }

    /// Starts what may start.
    fn run_checks(&mut self, now: Now) {
        while let Some(next) = self.checks.next(now.at) {
            match next {
                Next::Run(ticket, job) => self.book.external(AccountsOut::Hash(ticket, job)),
                Next::Expired(ticket) => self.give_up(ticket),
            }
        }
    }

    fn give_up(&mut self, ticket: Ticket) {
        if let Some(from) = self.steps.remove(&ticket).and_then(|step| step.from()) {
            self.counters.count("password_checks_given_up");
            self.refuse(from, Code::Busy.into());
        }
    }

    fn wake(&mut self, now: Now) {
        if now.at >= self.next_report {
            self.next_report = now.at + REPORT_PERIOD;
            self.report();
        }
        if now.at >= self.next_purge && !self.draining {
            self.next_purge = now.at + PURGE_PERIOD;
            self.store(Step::Quiet, AccountCommand::PurgeRoles { due: now.wall });
        }
    }

    fn report(&mut self) {
        self.counters.set("queue", self.steps.len() as f64);
        self.counters.set("password_checks_running", self.checks.running() as f64);
        self.counters.set("password_checks_waiting", self.checks.waiting() as f64);
        self.counters.set("attempt_names", self.attempts.len() as f64);
        let report = console::Report {
            from: self.config.address,
            state: if self.draining { "draining" } else { "running" }.to_owned(),
            numbers: self.counters.to_numbers(),
            tick_us: Vec::new(),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }

    /// All that was taken in is answered before the role ends.
    fn finish_drain(&mut self) {
        if self.draining && !self.drained && self.steps.is_empty() {
            self.drained = true;
            self.report();
            self.book.drained();
        }
    }
}

impl Role for AccountsRole {
    type In = AccountsIn;
    type Out = AccountsOut;

    fn handle(&mut self, now: Now, input: Input<Self::In>) {
        match input {
            Input::Start | Input::Wake => self.wake(now),
            Input::Call { from, request } => self.handle_call(now, from, request),
            Input::Notice { request, .. } => self.handle_notice(request),
            Input::External(AccountsIn::Store(ticket, result)) => self.handle_store(now, ticket, result),
            Input::External(AccountsIn::Hashed(ticket, outcome)) => self.handle_hashed(now, ticket, outcome),
            Input::Drain => self.draining = true,
            // It makes no calls and has no links.
            Input::Answer { .. } | Input::Frame { .. } | Input::Credit { .. } | Input::LinkDown { .. } => {}
        }
        self.finish_drain();
    }

    fn poll_output(&mut self) -> Option<Output<Self::Out>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        Some(if self.draining { self.next_report } else { self.next_report.min(self.next_purge) })
    }
}
