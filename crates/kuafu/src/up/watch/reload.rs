//! Reads a project anew after a save, and says what follows: a release, problems, a restart that is needed.
//!
//! The whole project is read and checked each time, as `kuafu check` does. Nothing is written: new stable numbers get
//! into `entities/ids.lock` at the next start. When definitions differ from those that run, scripts and tables must
//! fit both: those on disk, and those that run. Only the scripts of new entity types wait for the restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kuafu_config::{In, Saved};
use kuafu_contract::config::Problem as ToldProblem;
use kuafu_def::{Definitions, Problem};
use kuafu_tables::QueryRows;

use super::standing::Standing;
use crate::project::{Logic, Project, ProjectError, waits};

/// The folders whose files make a release.
const RELEASED: [&str; 2] = ["scripts/", "data/"];

/// Brings the rows of a query, or says why there are none.
pub(super) type AskBox = Box<dyn Fn(&str) -> Result<QueryRows, String> + Send>;

/// Reads a project again and again.
pub(super) struct Reloader {
    folder: PathBuf,
    standing: Standing,
    /// What runs.
    definitions: Arc<Definitions>,
    ask: AskBox,
}

impl Reloader {
    pub(super) fn new(folder: PathBuf, standing: Standing, definitions: Arc<Definitions>, ask: AskBox) -> Self {
        Self { folder, standing, definitions, ask }
    }

    /// What follows from a save of these files.
    #[expect(clippy::disallowed_methods, reason = "how long it took is told to the developer")]
    pub(super) fn reload(&self, changed: &[String]) -> Vec<In> {
        let start = Instant::now();
        let mut what = self.standing.differences(&Standing::read(&self.folder));
        let read = self.read();
        let waiting = read.as_ref().map_or_else(|_| Vec::new(), |(_, on_disk)| self.waiting(on_disk));
        what.extend(waiting.iter().map(|path| format!("{path} waits for its entity type")));
        let mut news = vec![In::RestartNeeded { what }];
        let released =
            |path: &&String| RELEASED.iter().any(|folder| path.starts_with(folder)) && !waiting.contains(*path);
        let files: Vec<String> = changed.iter().filter(released).cloned().collect();
        match read {
            Err(problems) => {
                let problems = problems.iter().map(|problem| told(&self.folder, problem)).collect();
                news.push(In::Refused { changed: changed.to_vec(), problems });
            }
            Ok((logic, _)) if !files.is_empty() => {
                let bytes = logic.to_release(&self.definitions);
                let checked_ms = start.elapsed().as_millis() as u64;
                news.push(In::Saved(Saved { bytes, changed: files, checked_ms }));
            }
            Ok(_) => {}
        }
        news
    }

    /// The scripts that cannot run before a restart: those of new entity types.
    fn waiting(&self, on_disk: &Definitions) -> Vec<String> {
        let names = on_disk.types.values().map(|ty| format!("{}.luau", ty.name));
        let waiting =
            names.filter(|path| waits(path, &self.definitions, on_disk)).map(|path| format!("scripts/{path}"));
        waiting.filter(|path| self.folder.join(path).is_file()).collect()
    }

    /// What can be released, and the definitions on disk.
    fn read(&self) -> Result<(Logic, Arc<Definitions>), Vec<Problem>> {
        let project = match Project::read(&self.folder, Some(&*self.ask)) {
            Ok((project, _)) => project,
            Err(ProjectError::Problems(problems)) => return Err(problems),
            Err(why) => return Err(vec![whole(&self.folder, &why)]),
        };
        if project.definitions.digest_full == self.definitions.digest_full {
            return Ok((project.logic, project.definitions));
        }
        let (running, limits) = (&self.definitions, project.limits());
        let logic = Logic::read_for(running, &project.definitions, &self.folder, limits, Some(&*self.ask));
        let logic = logic.map_err(|mut problems| {
            for problem in &mut problems {
                problem.message += " (with the definitions that run; those on disk need a restart)";
            }
            problems
        })?;
        Ok((logic, project.definitions))
    }
}

fn whole(folder: &Path, why: &ProjectError) -> Problem {
    Problem {
        file: folder.join("kuafu.toml"),
        line: 1,
        column: 1,
        code: "project",
        message: why.to_string(),
        help: "bring it back".into(),
    }
}

fn told(folder: &Path, problem: &Problem) -> ToldProblem {
    let file = problem.file.strip_prefix(folder).unwrap_or(&problem.file);
    ToldProblem {
        file: file.display().to_string(),
        line: u32::try_from(problem.line).unwrap_or(u32::MAX),
        column: u32::try_from(problem.column).unwrap_or(u32::MAX),
        code: problem.code.to_owned(),
        message: problem.message.clone(),
        help: problem.help.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use kuafu_tables::QueryCell;

    use super::*;

    const SCRIPT: &str =
        "local Wisp = { cell = {} }\nfunction Wisp.cell:glow()\n    self.light = 3\nend\nreturn Wisp\n";

    struct Desk {
        folder: tempfile::TempDir,
        reloader: Reloader,
        /// To every query.
        answer: Arc<Mutex<Result<QueryRows, String>>>,
    }

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let write = |path: &str, text: &str| save(folder.path(), path, text);
            write("kuafu.toml", "[game]\nrole_type = \"player\"\n");
            write(
                "entities/player.toml",
                "[entity]\nparts = [\"base\"]\n[properties.gold]\ntype = \"int64\"\npersistent = true\n",
            );
            write("entities/wisp.toml", &wisp(&["light"]));
            write("scripts/wisp.luau", SCRIPT);
            write("spaces/meadow.toml", "bounds = [-10.0, -10.0, 10.0, 10.0]\n");
            let standing = Standing::read(folder.path());
            let project = Project::load(folder.path()).expect("a sound project");
            let answer: Arc<Mutex<Result<QueryRows, String>>> = Arc::new(Mutex::new(Err("nobody asked".into())));
            let answers = answer.clone();
            let ask = Box::new(move |_: &str| answers.lock().expect("nobody panics with it").clone());
            let reloader = Reloader::new(folder.path().to_owned(), standing, project.definitions, ask);
            Self { folder, reloader, answer }
        }

        /// Saves a file; what follows, without what was not changed.
        fn save(&self, path: &str, text: &str) -> (Vec<String>, Option<In>) {
            save(self.folder.path(), path, text);
            let mut news = self.reloader.reload(&[path.to_owned()]).into_iter();
            let Some(In::RestartNeeded { what }) = news.next() else { panic!("it is always told") };
            let release = news.next();
            assert_eq!(news.next(), None);
            (what, release)
        }
    }

    fn save(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn wisp(properties: &[&str]) -> String {
        let properties =
            properties.iter().map(|name| format!("[properties.{name}]\ntype = \"int32\"\nvisible = \"cell\"\n"));
        format!("[entity]\nparts = [\"cell\"]\n[methods.cell.glow]\n{}", properties.collect::<String>())
    }

    #[test]
    fn a_sound_set_is_a_release_and_the_same_again_is_the_same_bytes() {
        let desk = Desk::new();
        let bytes = |text: &str| match desk.save("scripts/wisp.luau", text) {
            (what, Some(In::Saved(saved))) => {
                assert_eq!((what, saved.changed), (vec![], vec!["scripts/wisp.luau".to_owned()]));
                saved.bytes
            }
            other => panic!("{other:?}"),
        };
        let first = bytes(SCRIPT);
        let second = bytes(&SCRIPT.replace("= 3", "= 4"));
        assert_ne!(first, second);
        assert_eq!(bytes(SCRIPT), first);
    }

    #[test]
    fn a_broken_script_is_told_with_its_path_within_the_project() {
        let desk = Desk::new();
        let (_, release) = desk.save("scripts/wisp.luau", &SCRIPT.replace("= 3", "= = 3"));
        let Some(In::Refused { changed, problems }) = release else { panic!("{release:?}") };
        assert_eq!(changed, ["scripts/wisp.luau"]);
        assert_eq!((problems[0].file.as_str(), problems[0].line), ("scripts/wisp.luau", 3), "{problems:?}");
    }

    #[test]
    fn changed_definitions_ask_for_a_restart_and_scripts_must_fit_those_that_run() {
        let desk = Desk::new();
        let ids = std::fs::read(desk.folder.path().join("entities/ids.lock")).expect("written at the start");
        let (what, release) = desk.save("entities/wisp.toml", &wisp(&["light", "warmth"]));
        assert_eq!(
            (what.as_slice(), release),
            (["entities/wisp.toml: new properties.warmth".to_owned()].as_slice(), None)
        );
        // It fits both.
        let (_, release) = desk.save("scripts/wisp.luau", &SCRIPT.replace("= 3", "= 5"));
        assert!(matches!(release, Some(In::Saved(_))), "{release:?}");
        // A method that only the definitions on disk have.
        let named = wisp(&["light"]).replace("cell.glow", "cell.shine");
        let (what, release) = desk.save("entities/wisp.toml", &named);
        assert_eq!(what.len(), 1);
        assert!(matches!(release, Some(In::Refused { .. })), "glow is missing: {release:?}");
        let (_, release) = desk.save("scripts/wisp.luau", &SCRIPT.replace("glow", "shine"));
        let Some(In::Refused { problems, .. }) = release else { panic!("{release:?}") };
        assert!(problems[0].message.contains("with the definitions that run"), "{problems:?}");
        // Taken back, nothing is left to say.
        save(desk.folder.path(), "entities/wisp.toml", &wisp(&["light"]));
        let (what, release) = desk.save("scripts/wisp.luau", SCRIPT);
        assert!(what.is_empty() && matches!(release, Some(In::Saved(_))), "{what:?} {release:?}");
        let after = std::fs::read(desk.folder.path().join("entities/ids.lock")).expect("it is there");
        assert_eq!(after, ids, "a reload writes nothing");
    }

    #[test]
    fn the_script_of_a_new_type_waits_for_the_restart_and_holds_nothing_up() {
        let desk = Desk::new();
        let (what, release) = desk.save("entities/lamp.toml", &wisp(&["light"]));
        assert_eq!((what.as_slice(), release), (["entities/lamp.toml is new".to_owned()].as_slice(), None));
        let (what, release) = desk.save("scripts/lamp.luau", SCRIPT);
        assert_eq!((what[1].as_str(), release), ("scripts/lamp.luau waits for its entity type", None));
        let (_, release) = desk.save("scripts/wisp.luau", &SCRIPT.replace("= 3", "= 5"));
        assert!(matches!(release, Some(In::Saved(_))), "{release:?}");
        // It is checked all the same.
        let (_, release) = desk.save("scripts/lamp.luau", &SCRIPT.replace("light", "lihgt"));
        let Some(In::Refused { problems, .. }) = release else { panic!("{release:?}") };
        assert_eq!((problems.len(), problems[0].file.as_str()), (1, "scripts/lamp.luau"), "{problems:?}");
    }

    #[test]
    fn the_rows_of_a_query_are_read_anew_each_time_and_told_at_the_query_when_they_are_wrong() {
        let desk = Desk::new();
        let schema = "key = \"id\"\nquery = \"SELECT id FROM pets\"\n[columns]\nid = { type = \"uint32\", max = 9 }\n";
        let read = |answer: Result<i64, &str>| {
            let rows = |id| QueryRows { columns: vec!["id".into()], rows: vec![vec![QueryCell::Integer(id)]] };
            *desk.answer.lock().expect("nobody panics with it") = answer.map(rows).map_err(str::to_owned);
            desk.save("data/pets.toml", schema).1
        };
        let saved = |release| match release {
            Some(In::Saved(saved)) => saved.bytes,
            other => panic!("{other:?}"),
        };
        let first = saved(read(Ok(1)));
        assert_ne!(saved(read(Ok(2))), first);
        assert_eq!(saved(read(Ok(1))), first);
        for (answer, message) in [(Ok(10), "row 1"), (Err("no such table: pets"), "no such table: pets")] {
            let Some(In::Refused { problems, .. }) = read(answer) else { panic!("it is wrong: {answer:?}") };
            assert_eq!((problems.len(), problems[0].file.as_str(), problems[0].line), (1, "data/pets.toml", 2));
            assert!(problems[0].message.contains(message), "{problems:?}");
        }
    }

    #[test]
    fn a_project_without_its_file_is_a_problem_and_no_end() {
        let desk = Desk::new();
        std::fs::remove_file(desk.folder.path().join("kuafu.toml")).expect("it is there");
        let news = desk.reloader.reload(&["kuafu.toml".to_owned()]);
        assert!(matches!(&news[..], [In::RestartNeeded { .. }, In::Refused { .. }]), "{news:?}");
    }
}
