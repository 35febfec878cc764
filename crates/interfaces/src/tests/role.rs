//! What the role lets through, what it refuses, and that everybody is answered once.

use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::interfaces::{HttpRequest, HttpResponse, Reply, Request};
use kuafu_contract::{Address, CallId, RoleKind, accounts, console};
use kuafu_core::{Code, Incarnation, Limits, Moment, Now, Refusal, WallTime};
use kuafu_node::{CallRef, Input, Output, Role};

use crate::{AllowList, HttpEnd, HttpJob, InterfacesConfig, InterfacesIn, InterfacesOut, InterfacesRole, Ticket};

const ME: Address = Address { role: RoleKind::Interfaces, incarnation: Incarnation(7) };
const BASE: Address = Address { role: RoleKind::Base, incarnation: Incarnation(3) };
const URL: &str = "https://api.example.com/v1/price";

/// A role, its time, and what it said.
struct Desk {
    role: InterfacesRole,
    now: Now,
    calls: u64,
    sent: Vec<(Ticket, HttpJob)>,
    answers: Vec<(u64, Result<Reply, Refusal>)>,
    reports: Vec<console::Report>,
    drained: bool,
}

impl Desk {
    fn new(allow: &[&str], limits: Limits) -> Self {
        let allow = AllowList::parse(allow).expect("a list");
        let role = InterfacesRole::new(InterfacesConfig { address: ME, limits, allow });
        let now = Now { at: Moment(1_000_000), wall: WallTime(1) };
        let (sent, answers, reports) = (Vec::new(), Vec::new(), Vec::new());
        let mut desk = Self { role, now, calls: 0, sent, answers, reports, drained: false };
        desk.feed(Input::Start);
        desk
    }

    fn usual() -> Self {
        Self::new(&["https://api.example.com/v1/"], Limits::default())
    }

    fn feed(&mut self, input: Input<InterfacesIn>) {
        self.role.handle(self.now, input);
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::External(InterfacesOut::Http(ticket, job)) => self.sent.push((ticket, job)),
                Output::Answer { to, result } => {
                    let answer = result.map(|reply| match reply {
                        kuafu_contract::Reply::Interfaces(reply) => reply,
                        other => panic!("{other:?}"),
                    });
                    self.answers.push((to.call.0, answer));
                }
                Output::Notice {
                    request: kuafu_contract::Request::Console(console::Request::Report(report)), ..
                } => {
                    self.reports.push(report);
                }
                Output::Drained => self.drained = true,
                other => panic!("{other:?}"),
            }
        }
    }

    fn ask(&mut self, request: HttpRequest) {
        self.calls += 1;
        let from = CallRef { from: BASE, call: CallId(self.calls) };
        self.feed(Input::Call { from, request: Request::Http(request).into() });
    }

    /// Asks, and gives the refusal that comes at once.
    fn refused(&mut self, request: HttpRequest) -> Refusal {
        let sent = self.sent.len();
        self.ask(request);
        assert_eq!(self.sent.len(), sent, "nothing is sent");
        let (call, answer) = self.answers.pop().expect("an answer at once");
        assert_eq!(call, self.calls);
        answer.expect_err("a refusal")
    }

    fn end(&mut self, ticket: Ticket, end: HttpEnd) {
        self.feed(Input::External(InterfacesIn::Http(ticket, end)));
    }

    fn advance(&mut self, span: Duration) {
        self.now.at = self.now.at + span;
        self.feed(Input::Wake);
    }

    fn number(&mut self, name: &str) -> f64 {
        self.advance(Duration::from_secs(1));
        let report = self.reports.last().expect("a report each second");
        report.numbers.iter().find(|(named, _)| named == name).map_or(0.0, |(_, value)| *value)
    }
}

fn get(url: &str) -> HttpRequest {
    let (method, url) = ("GET".to_owned(), url.to_owned());
    HttpRequest { method, url, headers: Vec::new(), body: Arc::default(), within_ms: 10_000 }
}

fn response() -> HttpResponse {
    HttpResponse { status: 200, headers: Vec::new(), body: b"7".as_slice().into() }
}

#[test]
fn a_request_within_the_list_is_sent_and_its_response_is_the_answer() {
    let mut desk = Desk::usual();
    desk.ask(get(URL));
    let (ticket, job) = desk.sent.pop().expect("sent");
    assert_eq!((job.place.path.as_str(), job.within), ("/v1/price", Duration::from_secs(10)));
    assert!(desk.answers.is_empty());
    assert_eq!(desk.number("http_in_flight"), 1.0);
    desk.end(ticket, HttpEnd::Response(response()));
    assert_eq!(desk.answers.pop(), Some((1, Ok(Reply::Http(response())))));
    desk.end(ticket, HttpEnd::Late);
    assert!(desk.answers.is_empty(), "a call is answered once");
    assert_eq!(desk.number("http_in_flight"), 0.0);
    assert_eq!(desk.number("http_requests"), 1.0);
}

#[test]
fn nothing_is_allowed_unless_the_list_says_so_and_the_refusal_says_how() {
    let mut desk = Desk::new(&[], Limits::default());
    let refusal = desk.refused(get("https://api.example.com:8443/v1/price?key=secret"));
    assert_eq!(refusal.code, Code::NotAllowed);
    assert!(refusal.text.contains("[http] allow = [\"https://api.example.com:8443/\"]"), "{refusal}");
    assert!(!refusal.text.contains("secret"), "{refusal}");
    assert_eq!(desk.number("http_refused"), 1.0);
}

#[test]
fn what_cannot_be_sent_is_refused_before_the_list_is_asked() {
    let mut desk = Desk::usual();
    for request in [
        get("https://user@api.example.com/v1/"),
        get("https://api.example.com/v1/..%2f"),
        get("no address"),
        HttpRequest { method: "CONNECT".into(), ..get(URL) },
        HttpRequest { headers: vec![("host".into(), "evil.net".into())], ..get(URL) },
        HttpRequest { body: vec![0; Limits::default().http_request_bytes_max as usize + 1].into(), ..get(URL) },
    ] {
        assert_eq!(desk.refused(request).code, Code::ArgumentInvalid);
    }
}

#[test]
fn one_request_more_than_the_limit_is_refused_until_one_ends() {
    let mut desk =
        Desk::new(&["https://api.example.com"], Limits { http_requests_in_flight_max: 2, ..Limits::default() });
    desk.ask(get(URL));
    desk.ask(get(URL));
    assert_eq!(desk.refused(get(URL)).code, Code::Busy);
    let (first, _) = desk.sent[0];
    desk.end(first, HttpEnd::Broken("reset".into()));
    assert_eq!(desk.answers.pop(), Some((1, Ok(Reply::Unknown { why: "reset".into() }))));
    desk.ask(get(URL));
    assert_eq!(desk.sent.len(), 3);
    assert_eq!(desk.number("http_requests_in_flight_max"), 1.0);
}

#[test]
fn no_request_takes_longer_than_the_limit_and_one_that_the_executor_lost_ends_as_unknown() {
    let mut desk = Desk::new(&["https://api.example.com"], Limits { http_ms_max: 500, ..Limits::default() });
    let asked = get(URL);
    let patience = asked.answer_within();
    desk.ask(asked);
    assert_eq!(desk.sent[0].1.within, Duration::from_millis(500));
    desk.advance(Duration::from_millis(500));
    assert!(desk.answers.is_empty(), "the executor's word comes first");
    desk.advance(Duration::from_millis(500));
    assert!(matches!(desk.answers.pop(), Some((1, Ok(Reply::Unknown { .. })))));
    assert!(patience > Duration::from_secs(1), "whoever asked still listens");
    assert_eq!(desk.number("http_lost"), 1.0);
}

#[test]
fn the_role_wakes_for_the_soonest_thing_that_is_due() {
    let mut desk = Desk::usual();
    let report = desk.role.next_wake().expect("a report is due");
    desk.ask(HttpRequest { within_ms: 1, ..get(URL) });
    let soonest = desk.role.next_wake().expect("a request is due");
    assert!(soonest < report && soonest > desk.now.at);
}

#[test]
fn too_long_a_response_is_refused_and_says_that_it_was_asked() {
    let mut desk = Desk::usual();
    desk.ask(get(URL));
    desk.end(desk.sent[0].0, HttpEnd::TooLong { status: 201 });
    let (_, answer) = desk.answers.pop().expect("an answer");
    let refusal = answer.expect_err("a refusal");
    assert_eq!(refusal.code, Code::FrameTooLarge);
    assert!(refusal.text.contains("201") && refusal.text.contains("may have been done"), "{refusal}");
}

#[test]
fn a_drain_takes_nothing_new_and_waits_a_little_for_what_is_under_way() {
    let mut desk = Desk::usual();
    desk.ask(get(URL));
    desk.ask(get(URL));
    desk.feed(Input::Drain);
    assert!(!desk.drained);
    assert_eq!(desk.refused(get(URL)).code, Code::ServerStopping);
    desk.end(desk.sent[0].0, HttpEnd::Response(response()));
    assert!(!desk.drained && desk.answers.pop().is_some());
    desk.advance(Duration::from_secs(2));
    assert!(desk.drained);
    assert!(matches!(desk.answers.pop(), Some((2, Ok(Reply::Unknown { .. })))), "whoever still listens is told");
    assert_eq!(desk.role.next_wake(), None);
}

#[test]
fn what_is_for_another_role_is_refused() {
    let mut desk = Desk::usual();
    let from = CallRef { from: BASE, call: CallId(9) };
    let request = accounts::Request::Authenticate { name: "a".into(), password: "b".into() }.into();
    desk.feed(Input::Call { from, request });
    assert!(matches!(desk.answers.pop(), Some((9, Err(_)))));
    desk.feed(Input::Notice { from: BASE, request: Request::Http(get(URL)).into() });
    assert!(desk.sent.is_empty());
}
