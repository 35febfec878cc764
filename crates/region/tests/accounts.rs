//! The accounts centre with a real store and real hashing threads: what `login` and bases see of it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use kuafu_contract::accounts::{Previous, Reply, Request, Role as PlayerRole};
use kuafu_contract::{Address, CallId, RoleKind};
use kuafu_core::{AccountId, Chance, Code, Epoch, Incarnation, Limits, Moment, Now, RealmNo, RecordId, WallTime};
use kuafu_def::Definitions;
use kuafu_node::{CallRef, Input, Output, Role};
use kuafu_region::accounts::{AccountsConfig, AccountsIn, AccountsOut, AccountsRole, HashPool};
use kuafu_store::{Store, StoreHandle, StoreOptions};

const DEADLINE: Duration = Duration::from_secs(20);

type Answer = (u64, Result<Reply, Code>);

/// A centre whose executors are the real ones, driven by hand.
struct Centre {
    role: AccountsRole,
    store: StoreHandle,
    pool: HashPool,
    back: std::sync::mpsc::SyncSender<AccountsIn>,
    results: Receiver<AccountsIn>,
    now: Now,
    calls: u64,
    answers: Vec<Answer>,
    drained: bool,
}

impl Centre {
    fn new(store: StoreHandle, limits: Limits) -> Self {
        let address = Address { role: RoleKind::Accounts, incarnation: Incarnation(1) };
        let config = AccountsConfig { address, limits, chance: Chance::from_seed(7) };
        let (back, results) = sync_channel(10_000);
        let hashed = back.clone();
        let pool = HashPool::start(2, move |ticket, outcome| {
            // A test that has ended hears nothing more.
            let _ = hashed.send(AccountsIn::Hashed(ticket, outcome));
        });
        let mut centre = Self {
            role: AccountsRole::new(config),
            store,
            pool: pool.expect("threads"),
            back,
            results,
            now: Now { at: Moment(0), wall: WallTime(1_000_000) },
            calls: 0,
            answers: Vec::new(),
            drained: false,
        };
        centre.feed(Input::Start);
        centre
    }

    fn feed(&mut self, input: Input<AccountsIn>) {
        self.role.handle(self.now, input);
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::External(AccountsOut::Store(ticket, command)) => {
                    let back = self.back.clone();
                    self.store.submit(command, move |result| {
                        let _ = back.send(AccountsIn::Store(ticket, result));
                    });
                }
                Output::External(AccountsOut::Hash(ticket, job)) => self.pool.submit(ticket, job),
                Output::Answer { to, result: Ok(kuafu_contract::Reply::Accounts(reply)) } => {
                    self.answers.push((to.call.0, Ok(reply)));
                }
                Output::Answer { to, result: Err(refusal) } => self.answers.push((to.call.0, Err(refusal.code))),
                Output::Notice { .. } => {}
                Output::Drained => self.drained = true,
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn call(&mut self, request: Request) -> u64 {
        self.calls += 1;
        let login = Address { role: RoleKind::Login, incarnation: Incarnation(9) };
        let from = CallRef { from: login, call: CallId(self.calls) };
        self.feed(Input::Call { from, request: request.into() });
        self.calls
    }

    /// Carries results until so many answers are there.
    fn wait(&mut self, answers: usize) -> Vec<Answer> {
        while self.answers.len() < answers {
            let result = self.results.recv_timeout(DEADLINE).expect("a result in time");
            self.feed(Input::External(result));
        }
        std::mem::take(&mut self.answers)
    }

    fn ask(&mut self, request: Request) -> Result<Reply, Code> {
        let call = self.call(request);
        let answers = self.wait(1);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].0, call);
        answers.into_iter().next().expect("one answer").1
    }

    fn register(&mut self, name: &str, password: &str) -> Result<AccountId, Code> {
        match self.ask(Request::Register { name: name.to_owned(), password: password.to_owned() })? {
            Reply::Registered(account) => Ok(account),
            other => panic!("no registration: {other:?}"),
        }
    }

    fn login(&mut self, name: &str, password: &str) -> Result<AccountId, Code> {
        match self.ask(login(name, password))? {
            Reply::Account { account, .. } => Ok(account),
            other => panic!("no login: {other:?}"),
        }
    }

    fn roles(&mut self, request: Request) -> Result<Vec<PlayerRole>, Code> {
        match self.ask(request)? {
            Reply::Account { roles, .. } => Ok(roles),
            other => panic!("no roles: {other:?}"),
        }
    }
}

fn login(name: &str, password: &str) -> Request {
    Request::Authenticate { name: name.to_owned(), password: password.to_owned() }
}

fn create_role(account: AccountId, name: &str) -> Request {
    Request::CreateRole { account, realm: RealmNo(1), name: name.to_owned() }
}

/// A test body with an open store and a runtime that carries it.
fn with_store(test: impl FnOnce(&tokio::runtime::Runtime, &Store)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let definitions = Arc::new(Definitions::default());
    let store = runtime.block_on(Store::open(folder.path(), definitions, StoreOptions::default())).expect("opens");
    test(&runtime, &store);
    runtime.block_on(store.close());
}

#[test]
fn who_registers_can_log_in_with_the_name_in_any_case_and_the_password_exactly() {
    with_store(|_, store| {
        let mut centre = Centre::new(store.handle(), Limits::default());
        let ann = centre.register("Änn 夸父", "secret password").expect("registered");
        assert_eq!(centre.login("äNN 夸父", "secret password"), Ok(ann));
        assert_eq!(centre.login("änn 夸父", "Secret password"), Err(Code::LoginFailed));
        assert_eq!(centre.login("nobody", "secret password"), Err(Code::LoginFailed));
        assert_eq!(centre.register("ÄNN 夸父", "another password"), Err(Code::NameTaken));
        assert_eq!(centre.register("x' OR 1=1 --", "secret password"), Err(Code::NameInvalid));
        assert_eq!(centre.register("Bob", "short"), Err(Code::PasswordInvalid));
        assert_eq!(centre.login("x' OR 1=1 --", "secret password"), Err(Code::LoginFailed));
    });
}

#[test]
fn one_name_at_the_same_time_is_registered_once() {
    with_store(|_, store| {
        let mut centre = Centre::new(store.handle(), Limits::default());
        for name in ["Ann", "ann", "ANN", "aNN"] {
            centre.call(Request::Register { name: name.to_owned(), password: "secret password".to_owned() });
        }
        let answers = centre.wait(4);
        assert_eq!(answers.iter().filter(|(_, result)| matches!(result, Ok(Reply::Registered(_)))).count(), 1);
        assert_eq!(answers.iter().filter(|(_, result)| *result == Err(Code::NameTaken)).count(), 3);
    });
}

#[test]
fn attempts_for_one_name_are_limited_without_looking_at_the_password() {
    with_store(|_, store| {
        let limits = Limits { login_attempts_per_account_per_min: 3, ..Limits::default() };
        let mut centre = Centre::new(store.handle(), limits);
        let ann = centre.register("Ann", "secret password").expect("registered");
        for name in ["ann", "ANN", "Ann"] {
            assert_eq!(centre.login(name, "wrong password"), Err(Code::LoginFailed));
        }
        assert_eq!(centre.login("ann", "secret password"), Err(Code::TooManyAttempts));
        assert_eq!(centre.login("bob", "secret password"), Err(Code::LoginFailed));
        centre.now.at = Moment(21_000_000);
        assert_eq!(centre.login("ann", "secret password"), Ok(ann));
    });
}

#[test]
fn roles_are_created_deleted_with_a_delay_and_restored() {
    with_store(|_, store| {
        let limits = Limits { roles_per_account_max: 2, role_delete_delay_s: 10, ..Limits::default() };
        let mut centre = Centre::new(store.handle(), limits);
        let ann = centre.register("Ann", "secret password").expect("registered");
        let bob = centre.register("Bob", "secret password").expect("registered");
        let hero = centre.roles(create_role(ann, "Hero")).expect("created")[0].clone();
        assert_eq!((hero.id, hero.name.as_str(), hero.deleted_at), (RecordId(1_000_001), "Hero", 0));
        assert_eq!(centre.roles(create_role(bob, "hero")), Err(Code::NameTaken));
        assert_eq!(centre.roles(create_role(bob, "h'ero")), Err(Code::NameInvalid));
        centre.roles(create_role(ann, "Thief")).expect("created");
        assert_eq!(centre.roles(create_role(ann, "Third")), Err(Code::RoleLimit));
        let delete = |account| Request::DeleteRole { account, role: hero.id };
        assert_eq!(centre.roles(delete(bob)), Err(Code::RoleUnknown));
        assert_eq!(centre.roles(delete(ann)).expect("marked")[0].deleted_at, 1_010_000);
        assert_eq!(centre.ask(Request::OpenSession { account: ann, role: hero.id }), Err(Code::RoleDeleting));
        assert_eq!(centre.roles(Request::RestoreRole { account: ann, role: hero.id }).expect("restored")[0], hero);

        centre.roles(delete(ann)).expect("marked");
        centre.now = Now { at: Moment(60_000_000), wall: WallTime(1_010_000) };
        centre.feed(Input::Wake);
        // The purge goes before what comes after it: one writer, in order.
        assert_eq!(centre.ask(Request::OpenSession { account: ann, role: hero.id }), Err(Code::RoleUnknown));
        assert_eq!(centre.roles(login("ann", "secret password")).expect("logged in").len(), 1);
    });
}

#[test]
fn a_session_takes_over_from_the_one_before_and_stale_ones_are_refused() {
    with_store(|runtime, store| {
        let base = runtime.block_on(store.next_incarnation(RoleKind::Base, WallTime(1))).expect("a number");
        let base = Address { role: RoleKind::Base, incarnation: base };
        let mut centre = Centre::new(store.handle(), Limits::default());
        let account = centre.register("Ann", "secret password").expect("registered");
        let role = centre.roles(create_role(account, "Hero")).expect("created")[0].id;
        let open = Request::OpenSession { account, role };
        let place = |epoch| Request::PlaceSession { account, epoch, base };
        let session = |epoch, previous| Ok(Reply::Session { epoch, role_name: "Hero".to_owned(), previous });
        assert_eq!(centre.ask(open.clone()), session(Epoch(1), None));
        assert_eq!(centre.ask(place(Epoch(1))), Ok(Reply::Placed));
        let previous = Some(Previous { base, role, epoch: Epoch(1) });
        assert_eq!(centre.ask(open.clone()), session(Epoch(2), previous));
        assert_eq!(centre.ask(place(Epoch(1))), Err(Code::Stale));
        let close = Request::CloseSession { account, epoch: Epoch(1) };
        centre.feed(Input::Notice { from: base, request: close.into() });
        assert_eq!(centre.ask(open), session(Epoch(3), None));
        assert_eq!(centre.ask(Request::OpenSession { account, role: RecordId(5) }), Err(Code::RoleUnknown));
    });
}

#[test]
fn a_rush_of_logins_is_answered_in_full_within_the_bound_on_checks() {
    with_store(|_, store| {
        let limits = Limits { password_checks_in_flight_max: 2, ..Limits::default() };
        let mut centre = Centre::new(store.handle(), limits);
        centre.register("Ann", "secret password").expect("registered");
        for number in 0..1_200 {
            centre.call(login(&format!("nobody {number}"), "secret password"));
        }
        // All lookups are answered before most checks are: what exceeds the line is refused at once.
        centre.now.at = Moment(1_000);
        let first = centre.wait(100);
        centre.now.at = Moment(6_000_000);
        let rest = centre.wait(1_100);
        let count = |code| first.iter().chain(&rest).filter(|(_, result)| *result == Err(code)).count();
        assert_eq!(count(Code::LoginFailed) + count(Code::Busy), 1_200);
        assert!(count(Code::Busy) >= 100, "{} busy", count(Code::Busy));
        assert_eq!(centre.login("bob", "secret password"), Err(Code::LoginFailed));
    });
}

#[test]
fn draining_answers_what_was_taken_in_and_refuses_the_rest() {
    with_store(|_, store| {
        let mut centre = Centre::new(store.handle(), Limits::default());
        centre.call(Request::Register { name: "Ann".to_owned(), password: "secret password".to_owned() });
        centre.feed(Input::Drain);
        centre.call(login("ann", "secret password"));
        let answers = centre.wait(2);
        assert_eq!(answers[0], (2, Err(Code::ServerStopping)));
        assert!(matches!(answers[1], (1, Ok(Reply::Registered(_)))));
        while !centre.drained {
            let result = centre.results.recv_timeout(DEADLINE).expect("a result in time");
            centre.feed(Input::External(result));
        }
    });
}
