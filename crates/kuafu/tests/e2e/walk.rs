//! Two people in two browsers see each other walk and talk.

use std::time::Duration;

use super::browser::{Browser, Page};
use super::game::{Game, example};

/// From the first page to the plaza, as a person would.
pub(crate) fn come_in(page: &mut Page<'_>, account: &str, role: &str) {
    page.wait_for("window.plaza");
    page.fill("account", account);
    page.fill("password", "a good password");
    page.click("register");
    page.fill("role-name", role);
    page.click("role-create");
    enter(page);
}

/// Enters with the account's only role.
pub(crate) fn enter(page: &mut Page<'_>) {
    page.click("role-enter");
    page.wait_for("window.plaza.state().connected && window.plaza.state().position");
}

#[test]
fn two_browsers_see_each_other_walk_and_chat() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let mut browser = Browser::start();
    let (ada, bea) = (browser.open(&game.play()), browser.open(&game.play()));
    come_in(&mut browser.page(&ada), "ada", "Ada");
    come_in(&mut browser.page(&bea), "bea", "Bea");

    let bea_as_seen = "window.plaza.state().entities.find(e => e.name === 'Bea')";
    browser.page(&ada).wait_for(bea_as_seen);
    browser.page(&bea).wait_for("window.plaza.state().entities.find(e => e.name === 'Ada')");
    browser.page(&ada).wait_for("window.plaza.state().entities.some(e => e.type === 'wisp' || e.type === 'thing')");

    let before = browser.page(&ada).value(&format!("({bea_as_seen}).position"));
    browser.page(&bea).hold_key("d", "KeyD", Duration::from_secs(2));
    let (x, z) = (before["x"].as_f64().expect("x"), before["z"].as_f64().expect("z"));
    let moved =
        format!("(() => {{ const p = ({bea_as_seen}).position; return Math.hypot(p.x - {x}, p.z - {z}) > 4; }})()");
    browser.page(&ada).wait_for(&moved);

    browser.page(&bea).fill("chat", "good evening");
    browser.page(&bea).click("chat-send");
    let heard = "JSON.stringify(window.plaza.state().chat).includes('good evening')";
    browser.page(&ada).wait_for(heard);

    let place = "(() => { const p = window.plaza.state().position; return [p.x, p.z]; })()";
    let own = browser.page(&bea).value(place);
    let (x, z) = (own[0].as_f64().expect("x"), own[1].as_f64().expect("z"));
    let agrees =
        format!("(() => {{ const p = ({bea_as_seen}).position; return Math.hypot(p.x - {x}, p.z - {z}) < 0.5; }})()");
    browser.page(&ada).wait_for(&agrees);
    assert!(game.stop().success());
}
