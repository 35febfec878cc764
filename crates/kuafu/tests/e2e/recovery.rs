//! The server is killed with -9 and comes back with everything that it had said was saved.

use super::browser::Browser;
use super::game::{Game, example, free_ports};
use super::walk::come_in;

#[test]
fn a_killed_server_comes_back_with_their_things() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let port = free_ports();
    let game = Game::start_with(&example("plaza"), data.path(), port, &[]);
    let mut browser = Browser::start();
    let session = browser.open(&game.play());
    let mut page = browser.page(&session);
    come_in(&mut page, "carl", "Carl");

    // A deposit is acknowledged after the commit; a dropped thing is a record of its own, in one transaction with the bag.
    page.wait_for("window.plaza.state().bag.length > 0");
    let gold = page.value("window.plaza.client.me.base.deposit(25)");
    let bag = page.value("window.plaza.state().bag.length").as_u64().expect("a length");
    assert_eq!(page.value("window.plaza.client.me.base.drop(0)"), true);
    page.wait_for(&format!("window.plaza.state().bag.length === {}", bag - 1));
    let things = "window.plaza.state().entities.filter(e => e.type === 'thing').length";
    page.wait_for(&format!("{things} > 0"));
    game.kill();

    page.wait_for("!window.plaza.state().connected");
    let game = Game::start_with(&example("plaza"), data.path(), port, &[]);
    // The page finds its way back by itself.
    page.wait_for("window.plaza.state().connected && window.plaza.state().position");
    page.wait_for(&format!("Number(window.plaza.state().gold) === {gold}"));
    assert_eq!(page.value("window.plaza.state().bag.length").as_u64(), Some(bag - 1));
    page.wait_for(&format!("{things} > 0"));
    assert!(game.stop().success());
}
