//! `kuafu up`: everything that a game needs, in one process, on embedded engines.
//!
//! The project and the data are read and every port is tried before anything starts, so that a fault leaves nothing
//! half-started. Roles are started from the database outwards, and drained the other way round.

mod limits;
mod operator;
mod ports;
mod queries;
mod roles;
mod say;
mod signals;
mod tls;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kuafu_bus::{LocalBus, Strictness};
use kuafu_console::{Operator, OperatorToken};
use kuafu_core::Clock;
use kuafu_node::{Node, SystemClock};
use kuafu_store::{Store, StoreOptions};

use crate::cli::UpArgs;
use crate::project::Project;
use ports::Ports;
use queries::Asker;
use roles::{EndedRole, Running};
use say::Say;

/// How long a drain may take; what has not ended then is dropped.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Starts the game, and returns when it has ended.
///
/// # Errors
/// One clear message; nothing is left running.
pub fn run(args: &UpArgs) -> anyhow::Result<()> {
    let start = watch::Start::of(&args.project);
    let mut project = Project::load(&args.project)?;
    limits::apply(&mut project.file.limits, &args.limits)?;
    if let Some(name) = &args.start_space {
        project.start_in(name)?;
    }
    let ports = Ports::new(args.bind, args.port_base, project.file.roles.bases)?;
    ports.try_all()?;
    crate::open_files::raise();
    let runtime = kuafu_edge::runtime("kuafu-io").context("the I/O runtime could not be started")?;
    let stop = signals::watch(&runtime)?;
    let say = Say::new(args.json);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let data = args.data.clone().unwrap_or_else(|| args.project.join(".kuafu-data"));
    let options = StoreOptions {
        role_type: Some(project.rules.role_type),
        realm: project.realm(),
        limits: project.limits().clone(),
        ..StoreOptions::default()
    };
    let store = runtime.block_on(Store::open(&data, project.definitions.clone(), options))?;
    let asker = Asker::new(store.queries(), runtime.handle().clone(), project.limits().clone());
    if let Err(why) = project.ask(&|sql| asker.rows(sql)) {
        runtime.block_on(store.close());
        return Err(why.into());
    }
    let bus = if args.strict_bus { LocalBus::strict(Strictness::default(), clock.clone()) } else { LocalBus::new() };
    let node = Node::new(bus, clock, project.limits().clone());
    let started = operator::token(&data).and_then(|token| {
        let operator = Operator { token: OperatorToken::new(&token), audit: data.join(operator::AUDIT_FILE) };
        let told = say.releases()?;
        Ok((Running::start(&project, &ports, &node, &store, runtime.handle(), told, operator)?, token))
    });
    let (mut running, token) = match started {
        Ok(running) => running,
        Err(why) => {
            runtime.block_on(store.close());
            return Err(why);
        }
    };
    if !args.no_watch {
        running.watch(start, &project, asker);
    }
    say.ready(&project, &ports, &running, &data, &token);
    let dead = running.wait(&stop);
    say.draining();
    let ended = running.drain(DRAIN_MAX);
    runtime.block_on(store.close());
    runtime.shutdown_timeout(Duration::from_secs(1));
    say.ended(&ended);
    match dead {
        Some(role) => anyhow::bail!("{role} ended by itself; the log above says why"),
        None => all_in_time(&ended),
    }
}

/// A role that was dropped may not have saved all: that is no success.
fn all_in_time(ended: &[EndedRole]) -> anyhow::Result<()> {
    let late: Vec<&str> = ended.iter().filter(|role| !role.in_time).map(|role| role.name.as_str()).collect();
    anyhow::ensure!(late.is_empty(), "not in time, and dropped: {}", late.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_had_to_be_dropped_makes_the_exit_a_failure() {
        let role = |name: &str, in_time| EndedRole { name: name.to_owned(), in_time };
        assert!(all_in_time(&[role("base:4", true), role("db:1", true)]).is_ok());
        let said = all_in_time(&[role("base:4", false), role("db:1", true)]).expect_err("one was late").to_string();
        assert!(said.contains("base:4") && !said.contains("db:1"), "{said}");
    }
}
