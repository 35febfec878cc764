//! `cargo xtask fuzz`: coverage-guided fuzzing on the stable toolchain.
//!
//! The compiler's own coverage pass and libFuzzer are joined by flags here; no other tool is needed. Inputs that found
//! something new stay in `fuzz/corpus/TARGET`, which is committed; one that breaks a decoder is left in
//! `fuzz/artifacts/TARGET` and named.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;
use clap::Args;

use crate::generate::root;

/// In the order of the table in `fuzz/src/main.rs`.
const TARGETS: &[&str] = &[
    "client_packet",
    "server_packet",
    "frame",
    "values",
    "splitter",
    "link_frame",
    "envelope",
    "schema",
    "type_text",
];

const TRIPLE: &str = "x86_64-unknown-linux-gnu";

const FLAGS: &[&str] = &[
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// What is fuzzed and for how long.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// One target; all of them when left out.
    #[arg(long)]
    target: Option<String>,
    /// Seconds a target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Keep inputs that found something new in the committed corpus.
    #[arg(long)]
    keep: bool,
}

/// Builds the fuzzer and feeds each target.
#[expect(clippy::print_stdout, reason = "progress of a command line tool")]
pub(crate) fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    let fuzz = root().join("fuzz");
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--quiet", "--target", TRIPLE]).current_dir(&fuzz);
    build.env("RUSTFLAGS", FLAGS.join(" ")).env("CARGO_TARGET_DIR", root().join("target/fuzz"));
    if !build.status()?.success() {
        bail!("the fuzzer could not be built");
    }
    let binary = root().join(format!("target/fuzz/{TRIPLE}/release/kuafu-fuzz"));
    let chosen: Vec<&str> = TARGETS.iter().copied().filter(|t| args.target.as_deref().is_none_or(|one| one == *t)).collect();
    if chosen.is_empty() {
        bail!("no such target; there are {}", TARGETS.join(", "));
    }
    for target in chosen {
        println!("fuzz: {target}, {} s", args.seconds);
        feed(&binary, &fuzz, target, args)?;
    }
    Ok(())
}

fn feed(binary: &PathBuf, fuzz: &std::path::Path, target: &str, args: &FuzzArgs) -> anyhow::Result<()> {
    let corpus = fuzz.join("corpus").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    let scratch = tempfile::tempdir()?;
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let log = scratch.path().join("log");
    let found = scratch.path().join("corpus");
    std::fs::create_dir_all(&found)?;
    let mut command = Command::new(binary);
    // New inputs go to the first folder.
    let folders = if args.keep { [&corpus, &found] } else { [&found, &corpus] };
    command.args(folders).env("KUAFU_FUZZ", target);
    command.arg(format!("-max_total_time={}", args.seconds));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-rss_limit_mb=1024", "-timeout=5", "-max_len=8192", "-print_final_stats=1"]);
    command.stderr(std::fs::File::create(&log)?);
    if !command.status()?.success() {
        bail!("{target} broke; the input is in {}:\n{}", artifacts.display(), tail(&log)?);
    }
    Ok(())
}

fn tail(path: &std::path::Path) -> anyhow::Result<String> {
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(40)..].join("\n"))
}
