//! Releases of logic: taken when logic is at rest, reported each second; players notice nothing.

use kuafu_contract::{Request, config, logic};
use kuafu_core::{Code, Value};

use super::bench::{Bench, conn};
use super::logic::GOLD;

fn stage(release: u64) -> logic::Request {
    logic::Request::Stage { release, part: 0, parts: 1, bytes: b"logic".as_slice().into() }
}

fn reported(bench: &Bench) -> Vec<(u64, u64)> {
    let told = bench.requests().iter().filter_map(|request| match request {
        Request::Config(config::Request::Running { release, faults, .. }) => Some((*release, *faults)),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_release_is_loaded_and_activated_between_calls_and_reported() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    bench.pass_ms(1_000);
    assert_eq!(reported(&bench), Vec::new(), "compiled-in logic has no releases");
    bench.run_release(1);
    bench.pass_ms(1_000);
    assert_eq!(reported(&bench).last(), Some(&(1, 0)));

    let staged = bench.ask(stage(2));
    assert_eq!(bench.answer_to(staged), Some(Ok(logic::Reply::Staged.into())));
    bench.call_own(conn(1), GOLD, 1, Value::Int(5));
    let wrong = bench.ask(logic::Request::Activate { release: 3 });
    assert_eq!(bench.answer_to(wrong).expect("answered").expect_err("never staged").code, Code::Stale);
    let activated = bench.ask(logic::Request::Activate { release: 2 });
    assert_eq!(bench.answer_to(activated), Some(Ok(logic::Reply::Activated.into())));
    bench.call_own(conn(1), GOLD, 2, Value::Int(5));
    bench.pass_ms(1_000);
    assert_eq!(reported(&bench).last(), Some(&(2, 0)));
    assert_eq!(bench.closed_with(conn(1)), None);
}
