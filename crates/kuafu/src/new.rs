//! `kuafu new`: a small game that runs at once, to be read and changed.
//!
//! Its files are templates inside the binary. With `--rust` it is a Cargo package too, which builds against the checkout
//! of Kuafu that this binary was built from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::project::Project;

/// What is made.
#[derive(Clone, Debug, Args)]
pub struct NewArgs {
    /// The folder to make; its last part is the game's name.
    pub name: PathBuf,
    /// Write one entity type in Rust: the project is a Cargo package of its own.
    #[arg(long)]
    pub rust: bool,
    /// With --rust: the checkout of Kuafu to build against, instead of the one that this program was built from.
    #[arg(long, value_name = "DIR", requires = "rust")]
    pub kuafu: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// A file of the project: where it lies, and its text with `{{…}}` to be filled in.
struct Template {
    path: &'static str,
    text: &'static str,
}

macro_rules! templates {
    ($($path:literal = $file:literal,)*) => {
        &[$(Template { path: $path, text: include_str!(concat!("../templates/", $file)) }),*]
    };
}

const GAME: &[Template] = templates![
    "kuafu.toml" = "game/kuafu.toml",
    "README.md" = "game/README.md",
    ".gitignore" = "game/gitignore",
    "entities/avatar.toml" = "game/entities/avatar.toml",
    "entities/bush.toml" = "game/entities/bush.toml",
    "scripts/avatar.luau" = "game/scripts/avatar.luau",
    "scripts/bush.luau" = "game/scripts/bush.luau",
    "data/bushes.toml" = "game/data/bushes.toml",
    "data/bushes.csv" = "game/data/bushes.csv",
    "spaces/meadow.toml" = "game/spaces/meadow.toml",
    "client/index.html" = "game/client/index.html",
    "client/style.css" = "game/client/style.css",
    "client/game.js" = "game/client/game.js",
];

/// What `--rust` adds; a file that is there already goes on with this text.
const RUST: &[Template] = templates![
    "Cargo.toml" = "rust/Cargo.toml",
    "src/main.rs" = "rust/src/main.rs",
    "src/firefly.rs" = "rust/src/firefly.rs",
    "entities/firefly.toml" = "rust/entities/firefly.toml",
    "spaces/meadow.toml" = "rust/populate.toml",
    ".gitignore" = "rust/gitignore",
];

const RUST_ROWS: &str = "\
| `src/firefly.rs`, `entities/firefly.toml` | an entity type whose logic is in Rust |
| `src/main.rs`, `Cargo.toml` | the game's own program: all of `kuafu`, with that logic |
";

/// Characters of a game's name; a longer one is refused.
const NAME_LENGTH_MAX: usize = 40;

/// Why no project was made.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(
        "`{0}` is no name for a game: a letter a to z first, then up to 39 letters, digits, `-` or `_`, and not {1}"
    )]
    Name(String, &'static str),
    #[error("{0} is there already and not empty: choose another name, or empty it")]
    Taken(PathBuf),
    #[error("{0} is no checkout of Kuafu (it has no crates/kuafu): clone Kuafu, and name its folder with --kuafu DIR")]
    NoCheckout(PathBuf),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Unsound(#[from] crate::ProjectError),
}

impl Refused {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Name(..) => 2,
            Self::NoCheckout(_) => 3,
            Self::Taken(_) | Self::Io { .. } | Self::Unsound(_) => 1,
        }
    }
}

/// Makes the project and says how to go on.
pub fn run(args: &NewArgs) -> ExitCode {
    match make(args) {
        Ok(files) => {
            say(args, &files);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("kuafu: {why}");
            ExitCode::from(why.exit_code())
        }
    }
}

/// Writes the files; gives their places.
fn make(args: &NewArgs) -> Result<Vec<PathBuf>, Refused> {
    let folder = &args.name;
    let name = checked_name(folder)?;
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(Refused::Taken(folder.clone()));
    }
    let checkout = if args.rust { checkout(args.kuafu.as_deref())? } else { built_from() };
    let values = Values::new(&name, args.rust, &checkout);
    let mut files = Vec::new();
    for template in GAME.iter().chain(if args.rust { RUST } else { &[] }) {
        let path = folder.join(template.path);
        write(&path, &values.fill(template.text))?;
        if !files.contains(&path) {
            files.push(path);
        }
    }
    if args.rust {
        copy_lock(&checkout, folder);
    } else {
        // Writes the stable numbers; a package with logic in Rust does that itself.
        Project::load(folder)?;
    }
    Ok(files)
}

/// Adds to a file, which is made with its folders when it is not there.
fn write(path: &Path, text: &str) -> Result<(), Refused> {
    let io = |source| Refused::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let before = std::fs::read_to_string(path).unwrap_or_default();
    std::fs::write(path, before + text).map_err(io)
}

/// The package begins with the versions that Kuafu was tested with. Without them Cargo chooses newer ones.
fn copy_lock(checkout: &Path, folder: &Path) {
    if let Err(why) = std::fs::copy(checkout.join("Cargo.lock"), folder.join("Cargo.lock")) {
        tracing::debug!(%why, "no Cargo.lock to begin with");
    }
}

fn checked_name(folder: &Path) -> Result<String, Refused> {
    const RESERVED: &str = "a word that Rust or Kuafu needs";
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sound = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= NAME_LENGTH_MAX
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter));
    let reserved =
        name.starts_with("kuafu") || ["test", "core", "std", "alloc", "self", "crate", "super"].contains(&&*name);
    if sound && !reserved && !is_rust_keyword(&name) { Ok(name) } else { Err(Refused::Name(name, RESERVED)) }
}

fn is_rust_keyword(name: &str) -> bool {
    const WORDS: &str = " abstract as async await become box break const continue do dyn else enum extern false final fn \
                         for gen if impl in let loop macro match mod move mut override priv pub ref return static struct \
                         trait true try type typeof unsafe unsized use virtual where while yield ";
    WORDS.contains(&format!(" {name} "))
}

/// The checkout that this program was built from; it may be gone.
fn built_from() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).unwrap_or(crate_folder).to_owned()
}

fn checkout(given: Option<&Path>) -> Result<PathBuf, Refused> {
    let folder = given.map_or_else(built_from, Path::to_owned);
    let folder = folder.canonicalize().unwrap_or(folder);
    if folder.join("crates/kuafu/Cargo.toml").is_file() { Ok(folder) } else { Err(Refused::NoCheckout(folder)) }
}

/// What the templates are filled with.
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn new(name: &str, rust: bool, checkout: &Path) -> Self {
        let program = if rust { "cargo run --" } else { "kuafu" };
        Self(vec![
            ("{{name}}", name.to_owned()),
            ("{{title}}", title(name)),
            ("{{run}}", program.to_owned()),
            ("{{where}}", if rust { String::new() } else { where_it_is() }),
            ("{{rust_rows}}", if rust { RUST_ROWS.to_owned() } else { String::new() }),
            // A path in TOML: backslashes and quotes would end it.
            (
                "{{kuafu_crate}}",
                checkout.join("crates/kuafu").to_string_lossy().replace('\\', "/").replace('"', "\\\""),
            ),
            ("{{rust_docs}}", if rust { rust_docs(checkout) } else { String::new() }),
            ("{{docs}}", checkout.join("docs").to_string_lossy().into_owned()),
            ("{{kuafu_docs}}", checkout.join("README.md").to_string_lossy().into_owned()),
        ])
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }
}

/// `berry-meadow` as `Berry meadow`.
fn title(name: &str) -> String {
    let words = name.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Where the readme of a game with logic in Rust says more.
fn rust_docs(checkout: &Path) -> String {
    format!("Logic in Rust: [native.md]({}).\n", checkout.join("docs/native.md").display())
}

/// Where the program is that the readme calls `kuafu`.
fn where_it_is() -> String {
    let path = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_else(|_| program());
    format!("`kuafu` is the program that made this folder: `{path}`. ")
}

/// This program, as it was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "kuafu".to_owned())
}

/// The two commands to go on with.
fn next(args: &NewArgs) -> [String; 2] {
    let folder = args.name.display();
    if args.rust {
        let cargo = format!("cargo run --manifest-path {folder}/Cargo.toml --");
        [format!("{cargo} up {folder}"), format!("{cargo} check {folder}")]
    } else {
        [format!("{} up {folder}", program()), format!("{} check {folder}", program())]
    }
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn say(args: &NewArgs, files: &[PathBuf]) {
    let [up, check] = next(args);
    if args.json {
        println!("{}", serde_json::json!({ "folder": args.name, "files": files, "next": [up, check] }));
        return;
    }
    println!("\n  {} is a game now: {} files, README.md first.\n", args.name.display(), files.len());
    println!("    {up}");
    println!("    {check}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(folder: &Path, rust: bool) -> Result<Vec<PathBuf>, Refused> {
        make(&NewArgs { name: folder.to_owned(), rust, kuafu: None, json: false })
    }

    #[test]
    fn a_new_game_has_no_problems_and_nothing_left_to_fill_in() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let game = folder.path().join("berry-meadow");
        let files = new(&game, false).expect("it is made");
        let project = Project::load(&game).expect("it is sound");
        assert_eq!(project.file.game.name, "Berry meadow");
        for file in files {
            assert!(!std::fs::read_to_string(&file).expect("it is there").contains("{{"), "{}", file.display());
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let game = folder.path().join("mine");
        std::fs::create_dir(&game).expect("a folder");
        std::fs::write(game.join("diary.txt"), "dear diary").expect("a file");
        let why = new(&game, false).expect_err("it is not empty");
        assert_eq!((why.exit_code(), std::fs::read_dir(&game).expect("a folder").count()), (1, 1));
        std::fs::remove_file(game.join("diary.txt")).expect("a file");
        assert!(new(&game, false).is_ok(), "an empty folder will do");
    }

    #[test]
    fn names_that_cargo_or_a_shell_would_stumble_over_are_wrong_use() {
        for name in ["", "9lives", "Große", "a b", "kuafu", "match", "..", &"x".repeat(41)] {
            let why = new(Path::new(name), false).expect_err("a bad name");
            assert_eq!(why.exit_code(), 2, "{name}: {why}");
        }
    }

    #[test]
    fn pages_that_a_new_game_names_are_there() {
        let docs = built_from().join("docs");
        let texts = GAME.iter().chain(RUST).map(|template| template.text.replace("{{docs}}", "docs"));
        let mut named = 0;
        for page in texts.flat_map(|text| text.split("docs/").skip(1).map(str::to_owned).collect::<Vec<_>>()) {
            let page = page.split_inclusive(".md").next().unwrap_or_default();
            assert!(docs.join(page).is_file(), "{page}");
            named += 1;
        }
        assert!(named > 8, "{named}");
    }

    #[test]
    fn a_game_in_rust_names_the_checkout_and_has_what_its_package_needs() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let game = folder.path().join("glow");
        new(&game, true).expect("it is made");
        let manifest = std::fs::read_to_string(game.join("Cargo.toml")).expect("a manifest");
        let table: toml::Table = toml::from_str(&manifest).expect("it is TOML");
        assert_eq!(table["package"]["name"].as_str(), Some("glow"));
        let kuafu = table["dependencies"]["kuafu"]["path"].as_str().expect("a path");
        assert!(Path::new(kuafu).join("src/lib.rs").is_file(), "{kuafu}");
        let space = std::fs::read_to_string(game.join("spaces/meadow.toml")).expect("a space");
        assert!(space.contains("\"firefly\"") && space.contains("\"bush\""));
        let elsewhere = NewArgs {
            name: folder.path().join("other"),
            rust: true,
            kuafu: Some(folder.path().to_owned()),
            json: false,
        };
        assert_eq!(make(&elsewhere).expect_err("no checkout there").exit_code(), 3);
    }
}
