//! The command line: what can be asked, and how each answer becomes an exit code.
//!
//! 0: done. 1: failed, or problems found. 2: wrong use. 3: something needed is missing.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::project::{Project, ProjectError};

/// The platform for online games: live world, accounts, persistence and console in one program.
#[derive(Debug, Parser)]
#[command(name = "kuafu", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked of `kuafu`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a small game that runs at once, to read and to change.
    New(crate::new::NewArgs),
    /// Start everything that a game project needs, in this process, and say where to look.
    Up(UpArgs),
    /// Read a project's definitions, scripts and spaces, and tell every problem.
    Check(CheckArgs),
    /// Play a running game with many clients at once, and check what they see.
    Bots(crate::bots::BotsArgs),
    /// Make typed stubs of a game for a client library.
    Sdk(crate::sdk::SdkArgs),
}

/// How a game is started.
#[derive(Clone, Debug, Args)]
pub struct UpArgs {
    /// The folder of the game project.
    pub project: PathBuf,
    /// Where the database lies; `.kuafu-data` in the project when left out.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The console's port; every other port of the run follows it.
    #[arg(long, value_name = "N", default_value_t = 9998)]
    pub port_base: u16,
    /// The address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Print one JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// Encode, delay and lose messages between roles as a network would.
    #[arg(long)]
    pub strict_bus: bool,
    /// Do not look for saved files: what runs is what was there at the start.
    #[arg(long)]
    pub no_watch: bool,
    /// Begin in this space instead of the project's.
    #[arg(long, value_name = "NAME")]
    pub start_space: Option<String>,
    /// Named bounds that differ from the project's, such as `--limit players_max=100`.
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    pub limits: Vec<String>,
}

/// What is checked.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The folder of the game project.
    pub project: PathBuf,
    /// Print the problems as one JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Reads the arguments and does what they say.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(why) => {
            let _ = why.print();
            return ExitCode::from(if why.use_stderr() { 2 } else { 0 });
        }
    };
    start_log();
    let result = match cli.command {
        Command::Up(args) => crate::up::run(&args),
        Command::Check(args) => return check(&args),
        Command::Bots(args) => return crate::bots::run(&args),
        Command::New(args) => return crate::new::run(&args),
        Command::Sdk(args) => return crate::sdk::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("kuafu: {why:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr; `KUAFU_LOG` chooses what, `warn` by default.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("KUAFU_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn check(args: &CheckArgs) -> ExitCode {
    let (problems, unanswered) = match Project::load(&args.project) {
        Ok(project) => (Vec::new(), project.logic.unanswered),
        Err(ProjectError::Problems(problems)) => (problems, Vec::new()),
        Err(why) => {
            eprintln!("kuafu: {why}");
            return ExitCode::FAILURE;
        }
    };
    if args.json {
        let rows: Vec<serde_json::Value> = problems
            .iter()
            .map(|p| {
                serde_json::json!({
                    "file": p.file, "line": p.line, "column": p.column, "code": p.code,
                    "message": p.message, "help": p.help,
                })
            })
            .collect();
        println!("{}", serde_json::Value::from(rows));
    } else if problems.is_empty() {
        println!("no problems{}", unread(&unanswered));
    } else {
        problems.iter().for_each(|problem| println!("{problem}"));
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a check without a database has left out.
fn unread(tables: &[String]) -> String {
    match tables {
        [] => String::new(),
        tables => format!("; not read, for want of a database: the rows of {}", tables.join(", ")),
    }
}
