//! `kuafu sdk`: typed stubs for the clients and the scripts of one game, made from its definitions.
//!
//! A client library speaks with any game, since the server tells the definitions at the handshake; stubs add what an
//! editor and a compiler can know: names, types, documentation. The same definitions give the same bytes, the head of
//! each file names the digest that it was made from, and `--check` tells a file that is not fresh.

mod rust;
mod server;
mod source;
mod typescript;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use kuafu_def::{Definitions, Problem};

/// What stubs are made.
#[derive(Clone, Debug, Args)]
pub struct SdkArgs {
    /// The folder of the game project.
    pub project: PathBuf,
    /// For whom: `ts` for browsers, `rust` for the crate `kuafu-client`, `luau` for editors of scripts.
    #[arg(long, value_enum)]
    pub lang: Lang,
    /// With `--lang rust`: for the game's own logic in Rust instead of its clients.
    #[arg(long)]
    pub server: bool,
    /// Where the files go; when left out, `client/stubs` in the project, `src` with --server, the project itself with
    /// --lang luau.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write nothing; exit 1 when a file is missing or not what would be written.
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Who uses the stubs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// An ES module with JSDoc, and its `.d.ts`.
    Ts,
    /// A Rust module.
    Rust,
    /// Types for editors of scripts.
    Luau,
}

/// One made file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stub {
    /// Its name in the folder.
    pub name: &'static str,
    /// Its whole text.
    pub text: String,
}

/// Makes the stubs of a game for a client library. `game` is its name in the head of the files. For logic on the server
/// there are stubs in Rust only.
#[must_use]
pub fn stubs(game: &str, definitions: &Definitions, lang: Lang, server: bool) -> Vec<Stub> {
    match lang {
        Lang::Rust if server => vec![Stub { name: "stubs.rs", text: server::module(game, definitions) }],
        Lang::Ts => vec![
            Stub { name: "game.d.ts", text: typescript::declarations(game, definitions) },
            Stub { name: "game.js", text: typescript::module(game, definitions) },
        ],
        Lang::Rust => vec![Stub { name: "game.rs", text: rust::module(game, definitions) }],
        Lang::Luau => vec![Stub { name: "kuafu.d.luau", text: kuafu_logic::luau_types(definitions) }],
    }
}

/// Makes or checks the stubs, and says what became of it.
pub fn run(args: &SdkArgs) -> ExitCode {
    if args.server && args.lang != Lang::Rust {
        eprintln!("kuafu: logic on the server is in Luau or Rust: --server goes with --lang rust");
        return ExitCode::from(2);
    }
    match make(args) {
        Ok(Made { stale, .. }) if args.check && !stale.is_empty() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("kuafu: {why:#}");
            ExitCode::FAILURE
        }
    }
}

struct Made {
    stale: Vec<PathBuf>,
}

fn make(args: &SdkArgs) -> anyhow::Result<Made> {
    let definitions = load(&args.project, !args.check)?;
    let usual = match args.lang {
        Lang::Luau => "",
        _ if args.server => "src",
        _ => "client/stubs",
    };
    let folder = args.out.clone().unwrap_or_else(|| args.project.join(usual));
    let stubs = stubs(&game_name(&args.project), &definitions, args.lang, args.server);
    let mut stale = Vec::new();
    for stub in &stubs {
        let path = folder.join(stub.name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == stub.text) {
            continue;
        }
        if !args.check {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(&path, &stub.text)?;
        }
        stale.push(path);
    }
    say(args, &definitions, &folder, &stubs, &stale);
    Ok(Made { stale })
}

/// Reads the definitions alone: stubs can be made of a project whose scripts do not run yet. New stable numbers are
/// written, since the stubs' digest holds them.
fn load(project: &Path, write: bool) -> anyhow::Result<Definitions> {
    let folder = project.join("entities");
    anyhow::ensure!(folder.is_dir(), "{} is not a game project: it has no entities/", project.display());
    let loaded = Definitions::load(&folder).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
        anyhow::anyhow!("{}", told.join("\n"))
    })?;
    if let (Some(text), true) = (&loaded.ids_changed, write) {
        std::fs::write(folder.join(kuafu_def::load::IDS_FILE), text)?;
    }
    Ok(loaded.definitions)
}

/// The project's folder, as the command names it.
fn game_name(project: &Path) -> String {
    let full = project.canonicalize().unwrap_or_else(|_| project.to_owned());
    full.file_name().map_or_else(|| "game".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn say(args: &SdkArgs, definitions: &Definitions, folder: &Path, stubs: &[Stub], stale: &[PathBuf]) {
    if args.json {
        let files: Vec<PathBuf> = stubs.iter().map(|stub| folder.join(stub.name)).collect();
        let digest = definitions.digest_client.to_string();
        println!("{}", serde_json::json!({ "digest": digest, "files": files, "stale": stale, "written": !args.check }));
        return;
    }
    match (args.check, stale.is_empty()) {
        (true, false) => stale.iter().for_each(|path| println!("not fresh: {}", path.display())),
        (true, true) | (false, true) => println!("fresh: nothing to write"),
        (false, false) => stale.iter().for_each(|path| println!("wrote {}", path.display())),
    }
}
