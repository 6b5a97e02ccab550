//! Shows what the scanner makes of a DICOM file: one line of JSON with its data set, frames and pixels.
//! `cargo run -p dataset --example dump FILE`

use dataset::part10::HeadReader;
use dataset::scan::Scanner;
use dataset::{Refused, json};
use model::Limits;
use std::io::Read;

fn main() -> std::io::Result<()> {
    for path in std::env::args().skip(1) {
        let mut bytes = Vec::new();
        std::fs::File::open(&path)?.read_to_end(&mut bytes)?;
        match dump(&bytes) {
            Ok(object) => println!("{object}"),
            Err(refused) => println!("{}", serde_json::json!({ "refused": refused.to_string() })),
        }
    }
    Ok(())
}

fn dump(bytes: &[u8]) -> Result<serde_json::Value, Refused> {
    let Some((meta, rest)) = HeadReader::new().feed(bytes)? else {
        return Err(Refused::NotDicom("the file ends within its head"));
    };
    let mut scanner = Scanner::new(&meta.transfer_syntax, &Limits::default());
    for piece in rest.chunks(8192) {
        scanner.feed(piece)?;
    }
    let scanned = scanner.finish()?;
    Ok(serde_json::json!({
        "transfer_syntax": meta.transfer_syntax.as_str(),
        "length": scanned.length,
        "frames": scanned.frames.frame_count(),
        "spans": scanned.frames.spans.len(),
        "pixels": scanned.pixels,
        "dataset": json::to_json(&scanned.dataset, &|path| Some(json::bulk_path_text(path))),
    }))
}
