//! Runs a fuzz target over its seeds and over some thousand mutations of each, always the same: what `cargo test` sees
//! of the fuzz targets. Included by the tests beside each target.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// Mutations of one seed; `FUZZ_MUTATIONS` asks for another number.
const MUTATIONS: u32 = 1000;
/// Bytes of an input.
const BYTES_MAX: usize = 4096;

/// Runs `target` over `fuzz/seeds/NAME/`.
pub fn seeds(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no seeds", folder.display());
    let mutations =
        std::env::var("FUZZ_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(MUTATIONS);
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("a seed")).collect();
    for (file, seed) in files.iter().zip(&seeds) {
        run(target, seed, &format!("{}", file.display()));
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15 ^ seed.len() as u64);
        for mutation in 0..mutations {
            let mut input = seed.clone();
            for _ in 0..=numbers.below(4) {
                mutate(&mut input, &seeds, &mut numbers);
            }
            input.truncate(BYTES_MAX);
            run(target, &input, &format!("{}, mutation {mutation}", file.display()));
        }
    }
}

/// Tells which input it was.
fn run(target: fn(&[u8]), input: &[u8], what: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("the fuzz target fails on {what}; as a seed: echo {hex} | xxd -r -p");
        resume_unwind(panic);
    }
}

/// Xorshift: the same numbers every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap_or(0) % end.max(1)
    }
}

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], numbers: &mut Numbers) {
    const EXTREMES: [u32; 8] = [0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF];
    let at = numbers.below(input.len() + 1);
    let length = numbers.below(16) + 1;
    let end = (at + length).min(input.len());
    match numbers.below(8) {
        0 => input.truncate(at),
        1 => {
            input.drain(at..end);
        }
        2 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        3 => {
            let other = &seeds[numbers.below(seeds.len())];
            let from = numbers.below(other.len() + 1);
            let to = (from + numbers.below(64)).min(other.len());
            input.splice(at..at, other[from..to].iter().copied());
        }
        4 => {
            let word = EXTREMES[numbers.below(EXTREMES.len())];
            let bytes = if numbers.below(2) == 0 { word.to_le_bytes() } else { word.to_be_bytes() };
            let width = [1, 2, 4][numbers.below(3)];
            for (target, byte) in input.iter_mut().skip(at).zip(&bytes[..width]) {
                *target = *byte;
            }
        }
        5 => input.insert(at, numbers.next() as u8),
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte = if numbers.below(2) == 0 {
                    numbers.next() as u8
                } else {
                    *byte ^ (1 << numbers.below(8))
                };
            }
        }
    }
}
