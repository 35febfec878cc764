//! `kuafu.http`: what scripts ask for, what is an error at its line, and what they get.

use std::sync::Arc;

use kuafu_core::{Code, Limits, Refusal, Value};
use kuafu_def::Part;
use kuafu_logic::{Answer, AwaitId, Effect, Failure, HttpRequest};

use crate::support::{Stage, base_script, body, body_with, cell_body, fails};

fn wanted(stage: &mut Stage) -> (HttpRequest, Option<AwaitId>) {
    let effects = stage.effects();
    let [Effect::Http { request, awaiting, .. }] = &effects[..] else { panic!("{effects:?} {:?}", stage.faults()) };
    (request.clone(), *awaiting)
}

/// What the method answered in the end.
fn answer(stage: &mut Stage) -> Result<Value, Refusal> {
    let effects = stage.effects();
    let [Effect::Answer { outcome, .. }] = &effects[..] else { panic!("{effects:?} {:?}", stage.faults()) };
    outcome.clone()
}

const GET: &str = "local answer, why = kuafu.http(\"GET\", \"https://a.example/x\"):await()\n";

#[test]
fn a_request_carries_what_the_script_said() {
    let mut stage = body(
        "kuafu.http(\"POST\", \"https://a.example/x\", \
         { body = \"\\0\\255\", headers = { b = \"2\", a = 1 }, timeout = 2.5 }) return 1",
    );
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(1))));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = HttpRequest {
        method: "POST".into(),
        url: "https://a.example/x".into(),
        headers: vec![header("a", "1"), header("b", "2")],
        body: [0, 255].as_slice().into(),
        within_ms: 2_500,
    };
    assert_eq!(wanted(&mut stage), (expected, None));
}

#[test]
fn the_response_is_a_table_of_status_headers_and_body() {
    let mut stage = body(&format!(
        "{GET}assert(answer.body == \"ok\" and answer.headers[\"x-a\"] == \"y\" and why == nil) return answer.status"
    ));
    assert!(matches!(stage.call("run", vec![]), Answer::Pending(_)));
    let (request, awaiting) = wanted(&mut stage);
    assert_eq!((request.within_ms, request.body), (Limits::default().http_ms_max, Arc::default()));
    let response = kuafu_logic::HttpResponse {
        status: 202,
        headers: vec![("x-a".into(), "y".into())],
        body: b"ok".as_slice().into(),
    };
    stage.resume(awaiting.expect("awaited"), Ok(response.into_value()));
    assert_eq!(answer(&mut stage), Ok(Value::Int(202)));
}

#[test]
fn why_there_is_no_response_is_told() {
    let read = "kuafu.refuse(if answer then \"?\" else why.kind .. \" \" .. why.code .. \": \" .. why.text)";
    let refusal = Refusal::new(Code::NotAllowed, "write it into the list");
    let ends = [
        (Failure::Refused(refusal), "refused NotAllowed: write it into the list"),
        (Failure::Unknown, "unknown DeadlinePassed: no answer came in time; it may have happened"),
    ];
    for (failure, told) in ends {
        let mut stage = body(&format!("{GET}{read}"));
        stage.call("run", vec![]);
        let awaiting = wanted(&mut stage).1.expect("awaited");
        stage.resume(awaiting, Err(failure));
        assert_eq!(answer(&mut stage).expect_err("refused").text, told);
    }
}

#[test]
fn a_script_waits_for_as_long_as_the_request_may_take_and_not_for_ever() {
    let limits = Limits { call_deadline_ms: 1_000, http_ms_max: 8_000, ..Limits::default() };
    let script = base_script(&format!("{GET}kuafu.refuse(why.kind)"));
    let mut stage = Stage::with(Part::Base, &script, limits);
    stage.call("run", vec![]);
    wanted(&mut stage);
    stage.advance_ms(8_500);
    assert!(stage.effects().is_empty(), "longer than for calls");
    stage.advance_ms(4_000);
    assert_eq!(answer(&mut stage).expect_err("refused").text, "unknown");
}

#[test]
fn cells_can_ask_too() {
    let mut stage = cell_body("kuafu.http(\"GET\", \"https://a.example/\")");
    stage.call("step", vec![Value::Entity(kuafu_core::EntityId(8))]);
    assert_eq!(wanted(&mut stage).0.method, "GET");
}

#[test]
fn what_cannot_be_asked_is_an_error_at_its_line() {
    for (arguments, why) in [
        ("", "the method is a text"),
        ("\"GET\"", "the address is a text"),
        ("\"GET\", \"\"", "the address has 1 to"),
        ("\"GET\", (\"x\"):rep(9000)", "the address has 1 to"),
        ("\"GET\", \"\\255\"", "UTF-8"),
        ("\"GET\", \"x\", \"body\"", "a table of options"),
        ("\"GET\", \"x\", { bdy = \"\" }", "no option `bdy`"),
        ("\"GET\", \"x\", { \"\" }", "have names"),
        ("\"GET\", \"x\", { body = {} }", "a body is a text"),
        ("\"GET\", \"x\", { body = (\"x\"):rep(1048576) .. \"x\" }", "http_request_bytes_max"),
        ("\"GET\", \"x\", { headers = \"a: b\" }", "headers are a table"),
        ("\"GET\", \"x\", { headers = { \"a: b\" } }", "a header's name is a text"),
        ("\"GET\", \"x\", { headers = { a = {} } }", "the header a is a text or a number"),
        ("\"GET\", \"x\", { headers = { a = (\"x\"):rep(20000) } }", "at most 64 headers"),
        ("\"GET\", \"x\", { timeout = 0 }", "a timeout is more than 0"),
        ("\"GET\", \"x\", { timeout = 11 }", "http_ms_max"),
        ("\"GET\", \"x\", { timeout = 0/0 }", "a timeout"),
    ] {
        let message = fails(&format!("kuafu.http({arguments}) return 1"));
        assert!(message.starts_with("doll.luau:5:") && message.contains(why), "{arguments}: {message}");
    }
}

#[test]
fn one_entry_makes_no_more_requests_than_may_be_in_flight() {
    let limits = Limits { http_requests_in_flight_max: 2, ..Limits::default() };
    let mut stage = body_with("for _ = 1, 3 do kuafu.http(\"GET\", \"https://a.example/\") end return 1", limits);
    stage.call("run", vec![]);
    let faults = stage.faults();
    assert!(faults[0].contains("http_requests_in_flight_max"), "{faults:?}");
}
