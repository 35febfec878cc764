//! Stopping: clients are told, half-done logins are undone, then it is drained.

use kuafu_contract::base_manager::Reply::Place;
use kuafu_core::Code;
use kuafu_node::Input;

use crate::script::*;

#[test]
fn all_clients_are_told_and_an_idle_login_is_drained_at_once() {
    let mut script = Script::new();
    let clients = [script.open(), script.greet(), script.log_in()];
    script.input(Input::Drain);
    for client in clients {
        assert_eq!(script.error(client), (Code::ServerStopping, true, 0));
    }
    assert!(script.drained);
    let late = script.open();
    assert_eq!(script.error(late), (Code::ServerStopping, true, 0));
}

#[test]
fn a_half_done_login_is_undone_before_the_drain_ends() {
    let mut script = Script::new();
    let conn = script.select();
    script.expect_place(Place(base_address(3)));
    script.input(Input::Drain);
    assert_eq!(script.error(conn), (Code::ServerStopping, true, 0));
    assert!(!script.drained);
    script.expect_open(None);
    assert_eq!(script.told_others(), [close_session()]);
    assert!(script.drained);
}
