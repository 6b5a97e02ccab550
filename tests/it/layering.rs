//! Holds the house's floors (ARCHITECTURE.md) against what Cargo says: a crate uses only crates on floors below it,
//! never its own floor.

use crate::support::{root, run};
use serde_json::Value as Json;

/// Floor and crate.
const HOUSE: [(u8, &str); 10] = [
    (6, "server"),
    (5, "viewer-api"),
    (4, "pacs"),
    (4, "wsi"),
    (4, "consult"),
    (3, "storage"),
    (2, "access"),
    (2, "codec"),
    (2, "dataset"),
    (1, "model"),
];

/// Libraries that a crate must never know, whatever it is good at.
const FORBIDDEN: [(&str, &[&str]); 9] = [
    ("model", &["tokio", "sqlx", "axum", "hyper", "object_store"]),
    ("dataset", &["tokio", "sqlx", "axum", "hyper", "object_store"]),
    ("codec", &["tokio", "sqlx", "axum", "hyper", "object_store"]),
    ("access", &["sqlx", "axum", "hyper"]),
    ("storage", &["axum", "hyper", "dicom-ul"]),
    ("pacs", &["sqlx"]),
    ("wsi", &["sqlx", "axum", "hyper", "dicom-ul"]),
    ("consult", &["sqlx", "axum", "hyper", "dicom-ul"]),
    ("viewer-api", &["sqlx", "dicom-ul"]),
];

fn floor(name: &str) -> Option<u8> {
    HOUSE.iter().find(|(_, crate_name)| *crate_name == name).map(|(floor, _)| *floor)
}

/// (crate, normal dependency) of every member.
fn dependencies() -> Vec<(String, String)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let manifest = root().join("Cargo.toml");
    let manifest = manifest.to_str().expect("a path in UTF-8");
    let done = run(&cargo, &["metadata", "--format-version", "1", "--no-deps", "--manifest-path", manifest]);
    let metadata: Json = serde_json::from_str(&done.expect_success().stdout).expect("cargo metadata is JSON");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let members = metadata["packages"].as_array().expect("packages");
    members
        .iter()
        .flat_map(|package| {
            let normal =
                package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"].is_null());
            normal.map(|d| (text(&package["name"]), text(&d["name"]))).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_crate_uses_only_floors_below_its_own() {
    let all = dependencies();
    for (name, _) in HOUSE.iter().map(|(_, name)| (*name, ())) {
        assert!(
            name == "model" || all.iter().any(|(of, _)| of == name),
            "the house has {name}, the workspace has not"
        );
    }
    for (of, uses) in &all {
        let (Some(above), Some(below)) = (floor(of), floor(uses)) else { continue };
        assert!(below < above, "{of} (floor {above}) may not use {uses} (floor {below})");
    }
}

#[test]
fn a_crate_does_not_know_what_it_must_never_know() {
    for (of, uses) in dependencies() {
        let forbidden = FORBIDDEN.iter().find(|(name, _)| *name == of).map_or(&[][..], |(_, list)| list);
        assert!(!forbidden.contains(&uses.as_str()), "{of} must never know {uses}");
    }
}
