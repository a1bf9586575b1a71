//! The rule of direction: which crate may use which. The floors are explained in ARCHITECTURE.md.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Finding;
use crate::root::root;

/// A crate of the product, the floor it stands on, and the crates of ours it may use: lower floors only.
struct Place {
    name: &'static str,
    floor: u8,
    may_use: &'static [&'static str],
}

const FLOORS: &[Place] = &[
    Place {
        name: "spanlet",
        floor: 5,
        may_use: &["columnar", "disk", "model", "relay", "server", "storage", "wire"],
    },
    Place {
        name: "server",
        floor: 4,
        may_use: &["api", "collector", "columnar", "disk", "journal", "model", "storage", "wire"],
    },
    Place { name: "relay", floor: 4, may_use: &["collector", "disk", "journal", "model", "storage", "wire"] },
    Place { name: "spanlet-layers", floor: 4, may_use: &["tracer"] },
    Place { name: "spanlet-python", floor: 4, may_use: &["tracer"] },
    Place { name: "columnar", floor: 3, may_use: &["disk", "journal", "model", "storage"] },
    Place { name: "collector", floor: 3, may_use: &["model", "storage", "wire"] },
    Place { name: "api", floor: 3, may_use: &["model", "storage", "wire"] },
    Place { name: "tracer", floor: 3, may_use: &["model", "wire"] },
    Place { name: "journal", floor: 2, may_use: &["disk"] },
    Place { name: "storage", floor: 2, may_use: &["model"] },
    Place { name: "wire", floor: 2, may_use: &["model"] },
    Place { name: "model", floor: 1, may_use: &[] },
    Place { name: "disk", floor: 1, may_use: &[] },
];

/// Test kits and tools: they may use anything, and the product may use none of them.
const OUTSIDE: &[&str] = &["storage-contract", "e2e", "xtask", "micro", "load", "compare", "relay-bench"];

/// That one crate names another in its manifest. Dev-dependencies do not count: they are in no product.
#[derive(Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: String,
    /// The folder of `from`, for the message.
    pub folder: String,
    /// Nothing for a crate that uses none of ours; it still has to stand on a floor.
    pub to: Option<String>,
}

/// Asks cargo for the edges between the crates of the workspace.
pub fn of_workspace() -> Result<Vec<Edge>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(parse(&metadata))
}

fn parse(metadata: &Value) -> Vec<Edge> {
    let empty = Vec::new();
    let list = |value: &Value| value.as_array().unwrap_or(&empty).clone();
    let workspace_root = metadata["workspace_root"].as_str().unwrap_or("");
    let mut edges = Vec::new();
    for package in list(&metadata["packages"]) {
        let from = package["name"].as_str().unwrap_or("").to_owned();
        let manifest = package["manifest_path"].as_str().unwrap_or("");
        let folder = manifest
            .trim_start_matches(workspace_root)
            .trim_start_matches('/')
            .trim_end_matches("/Cargo.toml");
        edges.push(Edge { from: from.clone(), folder: folder.to_owned(), to: None });
        for dependency in list(&package["dependencies"]) {
            // Only crates of the workspace have a path.
            if dependency["path"].is_string() && dependency["kind"] != "dev" {
                let to = dependency["name"].as_str().map(str::to_owned);
                edges.push(Edge { from: from.clone(), folder: folder.to_owned(), to });
            }
        }
    }
    edges
}

/// Names each edge that the table forbids, and each crate that stands on no floor.
pub fn check(edges: &[Edge]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for edge in edges {
        if OUTSIDE.contains(&edge.from.as_str()) {
            continue;
        }
        let Some(place) = FLOORS.iter().find(|place| place.name == edge.from) else {
            if edge.to.is_none() {
                findings.push(Finding::new(
                    &edge.folder,
                    format!("{} stands on no floor: give it one in xtask/src/tidy/edges.rs", edge.from),
                ));
            }
            continue;
        };
        if let Some(to) = &edge.to
            && !place.may_use.contains(&to.as_str())
        {
            let allowed = match place.may_use {
                [] => "nothing of ours".to_owned(),
                some => format!("only {}", some.join(", ")),
            };
            findings.push(Finding::new(
                format!("{} -> {to}", edge.folder),
                format!("{} (floor {}) may use {allowed}", edge.from, place.floor),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: Option<&str>) -> Edge {
        Edge { from: from.to_owned(), folder: format!("crates/{from}"), to: to.map(str::to_owned) }
    }

    #[test]
    fn the_table_points_downward_only() {
        for place in FLOORS {
            for used in place.may_use {
                let lower = FLOORS.iter().find(|other| other.name == *used).expect(used);
                assert!(lower.floor < place.floor, "{} -> {used}", place.name);
            }
        }
    }

    #[test]
    fn a_forbidden_edge_is_named() {
        assert!(check(&[edge("api", Some("storage")), edge("xtask", Some("api"))]).is_empty());
        let findings = check(&[edge("api", Some("columnar")), edge("model", Some("wire"))]);
        assert_eq!(
            findings.iter().map(Finding::to_string).collect::<Vec<_>>(),
            [
                "crates/api -> columnar: api (floor 3) may use only model, storage, wire",
                "crates/model -> wire: model (floor 1) may use nothing of ours",
            ]
        );
    }

    #[test]
    fn a_product_crate_may_not_use_a_test_kit() {
        assert_eq!(check(&[edge("columnar", Some("storage-contract"))]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_floor_is_named() {
        assert_eq!(check(&[edge("common", None), edge("common", Some("model"))]).len(), 1);
    }

    #[test]
    fn edges_are_read_from_cargos_metadata() {
        let metadata = serde_json::json!({"workspace_root": "/w", "packages": [{
            "name": "api", "manifest_path": "/w/crates/api/Cargo.toml",
            "dependencies": [
                {"name": "model", "path": "/w/crates/model", "kind": null},
                {"name": "columnar", "path": "/w/crates/columnar", "kind": "dev"},
                {"name": "serde", "kind": null},
            ],
        }]});
        assert_eq!(parse(&metadata), [edge("api", None), edge("api", Some("model"))]);
    }
}
