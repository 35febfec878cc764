//! The pictures of the README, taken from the running thing: `UPDATE_PICTURES=1 cargo test -p kuafu --test e2e pictures`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::browser::Browser;
use super::game::{Game, example};
use super::walk::come_in;

/// A picture with less in it than this is an empty page.
const PICTURE_BYTES_MIN: u64 = 20_000;

#[test]
fn the_plaza_and_the_console_can_be_shown_to_a_friend() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folder = match std::env::var_os("UPDATE_PICTURES") {
        Some(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures"),
        None => scratch.path().to_owned(),
    };
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    let game = Game::start(&example("plaza"), &scratch.path().join("data"));
    let mut browser = Browser::start();
    let people = ["Ada", "Bea", "Chi"].map(|name| {
        let session = browser.open(&game.play());
        come_in(&mut browser.page(&session), name, name);
        session
    });
    let keys = [("s", "KeyS", 300), ("a", "KeyA", 900), ("d", "KeyD", 700)];
    for (session, (key, code, span)) in people.iter().zip(keys) {
        browser.page(session).hold_key(key, code, Duration::from_millis(span));
    }
    for (session, text) in people.iter().skip(1).zip(["Good evening, Ada!", "What a lovely fountain."]) {
        browser.page(session).fill("chat", text);
        browser.page(session).click("chat-send");
    }
    let first = &people[0];
    browser.page(first).wait_for("window.plaza.state().chat.length >= 2");
    take(&mut browser, first, folder.join("plaza.jpg"));

    let console = browser.open(&game.console());
    browser.page(&console).wait_for("Number(document.querySelector('#map')?.dataset.pictures) >= 4");
    browser.page(&console).wait_for("document.querySelector('[data-testid=\"players\"]')?.textContent.includes('3')");
    take(&mut browser, &console, folder.join("console.jpg"));
    assert!(game.stop().success());
}

fn take(browser: &mut Browser, session: &str, path: PathBuf) {
    browser.page(session).screenshot(&path);
    let size = std::fs::metadata(&path).expect("the picture is there").len();
    assert!(size > PICTURE_BYTES_MIN, "{} has {size} bytes", path.display());
}
