//! Does what `docs/tutorial.md` says, word by word: runs its commands, writes its files, plays in its browser windows.
//!
//! The page is the script: every block is a step by what is written before it, and a block that is none is an error.
//! What a person does with mouse and keyboard stands in comments, `<!-- browser: … -->`, as a call of [`HELPERS`]; what
//! one sees stands in “quotes” after "You see" and is looked for in the page. The program is the one under test, its
//! ports are free ones, and a pulled plug is a kill of that process alone.

mod act;
mod page;

use std::path::Path;

use act::Tutorial;
use page::read;

/// The page under test.
const PAGE: &str = include_str!("../../../../docs/tutorial.md");

#[test]
fn the_tutorial_is_true_word_by_word() {
    let steps = read(PAGE).unwrap_or_else(|why| panic!("docs/tutorial.md: {why}"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut tutorial = Tutorial::new(folder.path());
    for (line, step) in &steps {
        eprintln!("docs/tutorial.md:{line}: {}", step.name());
        tutorial.act(step).unwrap_or_else(|why| panic!("docs/tutorial.md:{line}: {why}"));
    }
    tutorial.end();
}

#[test]
fn the_tutorials_links_lead_somewhere() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let links = PAGE.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        assert!(docs.join(link).exists(), "{link}");
    }
}
