//! What decoding and rendering cost, in milliseconds per 512² × 16-bit image (12 bits stored): one thread.
//! `cargo run --release -p codec --example cost`
#![allow(missing_docs)]

#[path = "../tests/encoders/mod.rs"]
mod encoders;

use std::hint::black_box;
use std::time::Instant;

use codec::{ImageType, Pixels, Render, Window, decode, render};

fn milliseconds(mut run: impl FnMut()) -> f64 {
    const TIMES: u32 = 30;
    run();
    let start = Instant::now();
    (0..TIMES).for_each(|_| run());
    start.elapsed().as_secs_f64() * 1000.0 / f64::from(TIMES)
}

fn main() {
    let format = encoders::grey(512, 512, 12);
    let samples = encoders::tomogram(512, 512);
    let wide: Vec<i32> = samples.iter().map(|sample| i32::from(*sample)).collect();
    let native = encoders::to_bytes(&samples, &format);
    let frames = [
        ("native", "1.2.840.10008.1.2.1", native.clone()),
        ("RLE", "1.2.840.10008.1.2.5", encoders::rle(&native, &format)),
        ("JPEG lossless", "1.2.840.10008.1.2.4.70", encoders::jpeg_lossless(&samples, &format)),
        (
            "JPEG-LS",
            "1.2.840.10008.1.2.4.80",
            encoders::jpeg_ls(&samples, &format, charls::InterleaveMode::None),
        ),
        ("JPEG 2000", "1.2.840.10008.1.2.4.90", encoders::jpeg_2000(&wide, &format)),
    ];
    for (name, uid, frame) in &frames {
        let cost = milliseconds(|| {
            black_box(decode(uid, frame, &format, 1 << 20).expect("a frame of our own"));
        });
        println!("decode {name:14} {cost:7.2} ms  {:7} bytes", frame.len());
    }
    let pixels = Pixels { bytes: native, format };
    let window = Some(Window { center: 700.0, width: 1400.0 });
    for (name, fit, image_type) in [
        ("JPEG 90", None, ImageType::Jpeg(90)),
        ("JPEG 90, 128²", Some((128, 128)), ImageType::Jpeg(90)),
        ("PNG", None, ImageType::Png),
    ] {
        let options = Render {
            slope: 1.0,
            intercept: -1024.0,
            window,
            palette: None,
            fit,
            image_type,
            presentation: codec::Presentation::default(),
        };
        let cost = milliseconds(|| {
            black_box(render(&pixels, &options).expect("pixels of our own"));
        });
        println!("render {name:14} {cost:7.2} ms");
    }
}
