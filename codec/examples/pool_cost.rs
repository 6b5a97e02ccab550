//! What a worker costs: one 512² 16-bit JPEG-LS frame decoded in this process and in the pool, milliseconds of wall
//! clock a call, the median of many.

use charls::{CharLS, FrameInfo};
use codec::{FrameFormat, Photometric, decode, pool};
use std::process::ExitCode;
use std::time::Instant;

const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("codec-worker") {
        return pool::work();
    }
    let format = FrameFormat {
        rows: 512,
        columns: 512,
        samples_per_pixel: 1,
        bits_allocated: 16,
        bits_stored: 12,
        is_signed: false,
        is_float: false,
        is_planar: false,
        photometric: Photometric::Monochrome2,
    };
    measure(&format);
    let started = Instant::now();
    let confinement = match pool::start(pool::PoolConfig::this_program(&["codec-worker"], 64 << 20)) {
        Ok(confinement) => confinement,
        Err(error) => {
            eprintln!("no worker: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{confinement}: the first worker after {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    measure(&format);
    ExitCode::SUCCESS
}

fn measure(format: &FrameFormat) {
    for (name, mask) in [("flat", 0_u32), ("noisy", 255)] {
        let pixels: Vec<u8> = (0..512 * 512_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 12) & mask)
            .flat_map(|sample| (sample as u16).to_le_bytes())
            .collect();
        let info = FrameInfo { width: 512, height: 512, bits_per_sample: 12, component_count: 1 };
        let frame = CharLS::default().encode(info, 0, &pixels).expect("CharLS encodes");
        let (length, median, confinement) = (frame.len(), median_ms(&frame, format), pool::confinement());
        println!("{name}, {length} bytes, {confinement}: {median:.3} ms");
    }
}

fn median_ms(frame: &[u8], format: &FrameFormat) -> f64 {
    let mut times: Vec<f64> = (0..301)
        .map(|_| {
            let start = Instant::now();
            decode(JPEG_LS, frame, format, 1 << 20).expect("it decodes");
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
