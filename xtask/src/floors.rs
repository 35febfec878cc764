//! The floors of the house: a crate may use only crates of lower floors, and on floor 5 nobody uses a neighbour.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

/// Every crate and its floor. A crate that is missing here fails the check.
const FLOORS: &[(&str, u8)] = &[
    ("kuafu-core", 0),
    ("kuafu-def", 1),
    ("kuafu-contract", 1),
    ("kuafu-tables", 1),
    ("kuafu-wire", 2),
    ("kuafu-space", 2),
    ("kuafu-owner", 2),
    ("kuafu-logic", 2),
    ("kuafu-script", 3),
    ("kuafu-native", 3),
    ("kuafu-lint", 3),
    ("kuafu-store", 3),
    ("kuafu-bus", 3),
    ("kuafu-edge", 3),
    ("kuafu-node", 4),
    ("kuafu-login", 5),
    ("kuafu-base", 5),
    ("kuafu-cell", 5),
    ("kuafu-config", 5),
    ("kuafu-db", 5),
    ("kuafu-interfaces", 5),
    ("kuafu-region", 5),
    ("kuafu-console", 5),
    ("kuafu-client", 6),
    ("kuafu-bots", 6),
    ("kuafu-sim", 6),
    ("kuafu", 7),
];

/// Crates that must not do I/O: what they may never depend on.
const PURE: &[&str] =
    &["kuafu-core", "kuafu-def", "kuafu-contract", "kuafu-wire", "kuafu-space", "kuafu-owner", "kuafu-logic"];
const IMPURE: &[&str] = &["tokio", "sqlx", "mlua", "axum", "rustls", "tokio-tungstenite", "crossbeam-channel"];

/// A client knows the protocol, and nothing of servers.
const CLIENT_MAY_USE: &[&str] = &["kuafu-core", "kuafu-def", "kuafu-wire"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Holds `cargo metadata` against the table.
pub(crate) fn check() -> anyhow::Result<()> {
    let output = Command::new("cargo").args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")?;
    let wrong = violations(&metadata);
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn violations(metadata: &Metadata) -> Vec<String> {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.name.starts_with("kuafu")) {
        let Some(floor) = floors.get(package.name.as_str()) else {
            wrong.push(format!("{} has no floor: give it one in xtask/src/floors.rs", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev")) {
            wrong.extend(violation(package, *floor, &dependency.name, &floors));
        }
    }
    wrong
}

fn violation(package: &Package, floor: u8, dependency: &str, floors: &BTreeMap<&str, u8>) -> Option<String> {
    let name = &package.name;
    if PURE.contains(&name.as_str()) && IMPURE.contains(&dependency) {
        return Some(format!("{name} must stay without I/O, but uses {dependency}"));
    }
    if !dependency.starts_with("kuafu") {
        return None;
    }
    let Some(below) = floors.get(dependency) else { return Some(format!("{dependency} has no floor")) };
    let allowed = *below < floor || (*below == floor && floor != 5);
    if !allowed {
        return Some(format!("{name} (floor {floor}) must not use {dependency} (floor {below})"));
    }
    if name == "kuafu-client" && !CLIENT_MAY_USE.contains(&dependency) {
        return Some(format!("{name} may use {} only, not {dependency}", CLIENT_MAY_USE.join(", ")));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependency: &str) -> Metadata {
        let dependency = Dependency { name: dependency.to_owned(), kind: None };
        Metadata { packages: vec![Package { name: name.to_owned(), dependencies: vec![dependency] }] }
    }

    #[test]
    fn the_house_stands_on_its_floors() {
        check().expect("every crate keeps to its floor");
    }

    #[test]
    fn a_crate_that_reaches_up_or_to_its_neighbour_is_told() {
        assert_eq!(violations(&package("kuafu-wire", "kuafu-core")).len(), 0);
        assert_eq!(violations(&package("kuafu-wire", "kuafu-base")).len(), 1);
        assert_eq!(violations(&package("kuafu-base", "kuafu-cell")).len(), 1);
        assert_eq!(violations(&package("kuafu-space", "tokio")).len(), 1);
        assert_eq!(violations(&package("kuafu-client", "kuafu-node")).len(), 1);
        assert_eq!(violations(&package("kuafu-new", "kuafu-core")).len(), 1);
    }
}
