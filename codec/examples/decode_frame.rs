//! Decodes one frame from standard input to native pixels on standard output, for comparison with other decoders:
//! `decode_frame UID ROWS COLUMNS SAMPLES ALLOCATED STORED SIGNED PLANAR PHOTOMETRIC < frame > pixels`
//! (`SIGNED` and `PLANAR` are 0 or 1). The photometric interpretation after decoding goes to standard error.

use std::io::{Read, Write, stdin, stdout};

use codec::{FrameFormat, Photometric, decode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uid, rows, columns, samples, allocated, stored, signed, planar, photometric] = &arguments[..] else {
        return Err("nine arguments: see the source".into());
    };
    let format = FrameFormat {
        rows: rows.parse()?,
        columns: columns.parse()?,
        samples_per_pixel: samples.parse()?,
        bits_allocated: allocated.parse()?,
        bits_stored: stored.parse()?,
        is_signed: signed == "1",
        is_float: false,
        is_planar: planar == "1",
        photometric: Photometric::parse(photometric).ok_or("photometric interpretation")?,
    };
    let mut frame = Vec::new();
    stdin().read_to_end(&mut frame)?;
    let pixels = decode(uid, &frame, &format, 1 << 30)?;
    eprintln!("{:?}", pixels.format.photometric);
    stdout().write_all(&pixels.bytes)?;
    Ok(())
}
