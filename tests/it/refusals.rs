//! What a refusal says, it says in Chinese and in English: `中文 / English`, of which the web application shows one half
//! (`viewer/src/ui/ownHalf.ts`).

use std::fs;
use std::path::{Path, PathBuf};

/// The crates whose words people read.
const CRATES: [&str; 2] = ["consult", "viewer-api"];
/// What such words stand behind, with nothing but white space between.
const BEHIND: [&str; 5] = ["why:", "Forbidden(", "Conflict(", "NotYours(", "BadRequest("];

#[test]
fn a_refusal_is_said_in_both_languages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in CRATES.iter().flat_map(|name| sources(&root.join(name).join("src"))) {
        let text = fs::read_to_string(&file).expect("a source file");
        // Words of tests are made up.
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for words in BEHIND.iter().flat_map(|word| literals(text, word)) {
            seen += 1;
            if !is_in_both(words) {
                wrong.push(format!("{}: {words}", file.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !path.to_string_lossy().contains("tests"))
        .collect()
}

/// The string literals right behind a word.
fn literals<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(word).filter_map(move |(at, _)| {
        let behind = text.get(at + word.len()..)?.trim_start().strip_prefix('"')?;
        behind.split_once('"').map(|(words, _)| words)
    })
}

fn is_in_both(words: &str) -> bool {
    let is_han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    words.split_once(" / ").is_some_and(|(chinese, english)| {
        is_han(chinese) && !is_han(english) && english.contains(|c: char| c.is_ascii_alphabetic())
    })
}

#[test]
fn what_is_in_one_language_is_found() {
    assert!(is_in_both("请写明原因 / say why"));
    for words in ["请写明原因", "say why", "say why / 请写明原因", "请写明原因 / ", "请写明 / 原因 why"]
    {
        assert!(!is_in_both(words), "{words}");
    }
    assert_eq!(
        literals("Invalid { field, why: \"a / b\" }, why:\n  \"c\"", "why:").collect::<Vec<_>>(),
        ["a / b", "c"]
    );
}
