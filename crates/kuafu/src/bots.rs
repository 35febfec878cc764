//! `kuafu bots`: many clients that play and check.

/// What the bots do.
#[derive(Debug, clap::Args)]
pub struct BotsArgs {}

/// Runs them.
#[must_use]
pub fn run(_: &BotsArgs) -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
