//! `cargo xtask fuzz`: coverage-guided fuzzing on the stable toolchain.
//!
//! The compiler's own coverage pass and libFuzzer are joined by flags here; no other tool is needed than a C++ compiler.
//! A run begins with [`seeds`] and the committed `fuzz/corpus/TARGET`. An input that breaks a decoder is left in
//! `fuzz/artifacts/TARGET` and named.

mod corpus;
mod seeds;

use std::path::{Path, PathBuf};
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
    "stream",
    "link_frame",
    "envelope",
    "schema",
    "type_text",
    "value_json",
    "definitions",
    "project_file",
    "tables",
    "script_set",
    "lint",
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

/// The longest input that is tried, in bytes.
const INPUT_BYTES_MAX: u32 = 8192;

/// What is fuzzed and for how long.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// One target; all of them when left out.
    #[arg(long)]
    target: Option<String>,
    /// Seconds a target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Make the committed corpus anew, of those inputs that reach the most with the fewest.
    #[arg(long)]
    keep: bool,
}

/// Builds the fuzzer and feeds each target.
#[expect(clippy::print_stdout, reason = "progress of a command line tool")]
pub(crate) fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    let chosen = TARGETS.iter().filter(|target| args.target.as_deref().is_none_or(|one| one == **target));
    let chosen: Vec<&str> = chosen.copied().collect();
    if chosen.is_empty() {
        bail!("no such target; there are {}", TARGETS.join(", "));
    }
    let binary = build()?;
    for target in chosen {
        let run = Run::new(&binary, target)?;
        let executed = run.feed(args.seconds)?;
        println!("fuzz: {target}: {executed} inputs in {} s, none broke it", args.seconds);
        if args.keep {
            let (files, bytes) = run.keep()?;
            println!("fuzz: {target}: {files} inputs kept, {bytes} bytes");
        }
    }
    Ok(())
}

fn build() -> anyhow::Result<PathBuf> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--quiet", "--target", TRIPLE]).current_dir(root().join("fuzz"));
    build.env("RUSTFLAGS", FLAGS.join(" ")).env("CARGO_TARGET_DIR", root().join("target/fuzz"));
    if !build.status()?.success() {
        bail!("the fuzzer could not be built");
    }
    Ok(root().join(format!("target/fuzz/{TRIPLE}/release/kuafu-fuzz")))
}

/// One target and its folders.
struct Run<'a> {
    binary: &'a Path,
    target: &'a str,
    /// Committed inputs.
    corpus: PathBuf,
    /// Inputs that broke it.
    artifacts: PathBuf,
    /// Goes away after the run: what is found, the seeds, the log.
    scratch: tempfile::TempDir,
}

impl<'a> Run<'a> {
    fn new(binary: &'a Path, target: &'a str) -> anyhow::Result<Self> {
        let fuzz = root().join("fuzz");
        let scratch = tempfile::tempdir()?;
        let (corpus, artifacts) = (fuzz.join("corpus").join(target), fuzz.join("artifacts").join(target));
        let run = Self { binary, target, corpus, artifacts, scratch };
        for folder in [&run.corpus, &run.artifacts, &run.found(), &run.seeds()] {
            std::fs::create_dir_all(folder)?;
        }
        for (number, seed) in seeds::of(target)?.into_iter().enumerate() {
            std::fs::write(run.seeds().join(number.to_string()), seed)?;
        }
        Ok(run)
    }

    fn found(&self) -> PathBuf {
        self.scratch.path().join("found")
    }

    fn seeds(&self) -> PathBuf {
        self.scratch.path().join("seeds")
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("log")
    }

    fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(self.binary);
        command.env("KUAFU_FUZZ", self.target).stderr(std::fs::File::create(self.log())?);
        command.args(["-rss_limit_mb=1024", "-timeout=5"]).arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command.arg(format!("-artifact_prefix={}/", self.artifacts.display()));
        Ok(command)
    }

    /// Feeds the target and says how many inputs it took.
    fn feed(&self, seconds: u32) -> anyhow::Result<u64> {
        let mut command = self.command()?;
        command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
        // New inputs go to the first folder.
        command.args([self.found(), self.corpus.clone(), self.seeds()]);
        let status = command.status()?;
        let log = String::from_utf8_lossy(&std::fs::read(self.log())?).into_owned();
        if !status.success() {
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(40)..].join("\n");
            bail!("{} broke; the input is in {}:\n{tail}", self.target, self.artifacts.display());
        }
        let executed = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        Ok(executed.and_then(|count| count.trim().parse().ok()).unwrap_or_default())
    }

    /// Puts the best of all inputs in the place of the corpus; says how many, and their bytes.
    fn keep(&self) -> anyhow::Result<(usize, usize)> {
        let merged = self.scratch.path().join("merged");
        let control = self.scratch.path().join("control");
        std::fs::create_dir_all(&merged)?;
        let mut command = self.command()?;
        command.args(["-merge=1", "-set_cover_merge=1"]).arg(format!("-merge_control_file={}", control.display()));
        command.args([merged, self.found(), self.corpus.clone(), self.seeds()]);
        if !command.status()?.success() {
            bail!("{} could not be merged:\n{}", self.target, std::fs::read_to_string(self.log())?);
        }
        let best = corpus::choose(&std::fs::read_to_string(&control)?)?;
        corpus::replace(&self.corpus, &best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzer_knows_every_target() {
        let source = std::fs::read_to_string(root().join("fuzz/src/main.rs")).expect("its source");
        let (_, table) = source.split_once("const TARGETS").expect("its table");
        let (table, _) = table.split_once("];").expect("the end of its table");
        let names: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
        assert_eq!(names, TARGETS);
    }
}
