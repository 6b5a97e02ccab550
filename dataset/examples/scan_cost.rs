//! What the scanner costs: CPU time of one CT header of 200 elements and its 512 KB of pixel data, fed as a PDV would
//! be. `cargo run --release -p dataset --example scan_cost`

use dataset::scan::Scanner;
use dataset::{Dataset, Tag, TransferSyntax, VR, json, tags, write};
use model::Limits;
use std::time::Duration;

const ROUNDS: u32 = 20_000;
const PIECE_BYTES: usize = 16 * 1024;

fn main() {
    let mut dataset = ct_header();
    dataset.put_bytes(tags::PIXEL_DATA, VR::OW, vec![7; 512 * 512 * 2]);
    let limits = Limits::default();
    for uid in [TransferSyntax::EXPLICIT_LITTLE, TransferSyntax::IMPLICIT_LITTLE] {
        let Ok(syntax) = TransferSyntax::parse(uid) else { continue };
        let bytes = write::to_bytes(&dataset, &syntax);
        let header_bytes = bytes.len() - 512 * 512 * 2;
        let begin = cpu_time();
        let (mut found, mut last) = (0, None);
        for _ in 0..ROUNDS {
            let mut scanner = Scanner::new(&syntax, &limits);
            for piece in bytes.chunks(PIECE_BYTES) {
                if scanner.feed(piece).is_err() {
                    return eprintln!("refused");
                }
            }
            last = scanner.finish().ok();
            found += last.as_ref().map_or(0, |scanned| scanned.dataset.elements().len());
        }
        let each = (cpu_time() - begin) / ROUNDS;
        println!("{uid}: {each:?} for {} elements, {header_bytes} bytes of header", found / ROUNDS as usize);
        let Some(scanned) = last else { continue };
        let begin = cpu_time();
        let mut text_bytes = 0;
        for _ in 0..ROUNDS / 10 {
            text_bytes +=
                json::to_json_text(&scanned.dataset, &|path| Some(json::bulk_path_text(path))).len();
        }
        let rounds = ROUNDS / 10;
        println!(
            "  as JSON text: {:?}, {} bytes",
            (cpu_time() - begin) / rounds,
            text_bytes / rounds as usize
        );
    }
}

/// CPU time of this thread, from Linux's scheduler; zero elsewhere.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0))
}

/// 200 elements as a scanner's images have them, two short sequences among them.
fn ct_header() -> Dataset {
    let mut item = Dataset::new();
    item.put_text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, "1.2.840.10008.5.1.4.1.1.2");
    item.put_text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "1.2.826.0.1.3680043.8.498.1234567890.1");
    let mut dataset = Dataset::new();
    dataset.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "GB18030");
    dataset.put_text(tags::PATIENT_NAME, VR::PN, "Zhang^San=张^三");
    dataset.put_text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.826.0.1.3680043.8.498.1234567890.2");
    dataset.put_items(tags::REFERENCED_IMAGE_SEQUENCE, vec![item.clone(), item.clone()]);
    dataset.put_items(tags::SOURCE_IMAGE_SEQUENCE, vec![item]);
    dataset.put_u16(tags::ROWS, &[512]);
    dataset.put_u16(tags::COLUMNS, &[512]);
    dataset.put_u16(tags::BITS_ALLOCATED, &[16]);
    dataset.put_text(tags::PIXEL_SPACING, VR::DS, "0.702\\0.702");
    for number in 0..95 {
        dataset.put_text(Tag(0x0021, 0x1000 + 2 * number), VR::DS, "-123.456\\17.25\\1");
        dataset.put_text(Tag(0x0019, 0x1000 + 2 * number), VR::LO, "PRIVATE VALUE 12");
    }
    dataset
}
