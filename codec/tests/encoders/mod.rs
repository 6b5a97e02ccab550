//! Encoders for tests and for the cost example: what they make is the decoders' input. Not part of the crate.
#![allow(dead_code, missing_docs, clippy::all, clippy::pedantic)]

use std::ffi::{c_int, c_void};
use std::ptr;

use codec::{FrameFormat, Photometric};
use openjpeg_sys as opj;
use turbojpeg_sys as tj;

pub fn grey(columns: u32, rows: u32, bits_stored: u16) -> FrameFormat {
    FrameFormat {
        rows,
        columns,
        samples_per_pixel: 1,
        bits_allocated: if bits_stored > 8 { 16 } else { 8 },
        bits_stored,
        is_signed: false,
        is_float: false,
        is_planar: false,
        photometric: Photometric::Monochrome2,
    }
}

pub fn rgb(columns: u32, rows: u32) -> FrameFormat {
    FrameFormat { samples_per_pixel: 3, photometric: Photometric::Rgb, ..grey(columns, rows, 8) }
}

/// Samples by pixel: the formula that the fixtures were made with, too.
pub fn samples(format: &FrameFormat) -> Vec<u16> {
    let mask = (1_u64 << format.bits_stored) - 1;
    let mut samples = Vec::new();
    for y in 0..u64::from(format.rows) {
        for x in 0..u64::from(format.columns) {
            for c in 0..u64::from(format.samples_per_pixel) {
                samples.push((((x * 37 + y * 91 + c * 53) ^ (x * y)) & mask) as u16);
            }
        }
    }
    samples
}

/// A smooth image with some noise: what a tomograph might send, 12 bits.
pub fn tomogram(columns: u32, rows: u32) -> Vec<u16> {
    let mut noise = 12345_u32;
    let mut samples = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (dx, dy) = (x as f64 / columns as f64 - 0.5, y as f64 / rows as f64 - 0.5);
            let body = if dx * dx + dy * dy < 0.16 { 1000.0 + 300.0 * (dx * 20.0).sin() } else { 30.0 };
            samples.push((body + f64::from(noise >> 27)) as u16);
        }
    }
    samples
}

pub fn to_bytes(samples: &[u16], format: &FrameFormat) -> Vec<u8> {
    match format.bits_allocated {
        8 => samples.iter().map(|sample| *sample as u8).collect(),
        _ => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
    }
}

/// RLE (PS3.5 §G) by hand: runs where there are runs, literals elsewhere.
pub fn rle(bytes: &[u8], format: &FrameFormat) -> Vec<u8> {
    let width = usize::from(format.bits_allocated / 8);
    let stride = width * usize::from(format.samples_per_pixel);
    let mut header = vec![stride as u32];
    let mut body = Vec::new();
    for sample in 0..usize::from(format.samples_per_pixel) {
        for byte in (0..width).rev() {
            header.push(64 + body.len() as u32);
            let plane: Vec<u8> = bytes.iter().skip(sample * width + byte).step_by(stride).copied().collect();
            body.extend(pack_bits(&plane));
            if body.len() % 2 == 1 {
                body.push(0);
            }
        }
    }
    header.resize(16, 0);
    let mut frame: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    frame.extend(body);
    frame
}

fn pack_bits(plane: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut at = 0;
    while at < plane.len() {
        let run = plane[at..].iter().take(128).take_while(|value| **value == plane[at]).count();
        if run > 1 {
            packed.extend([(257 - run) as u8, plane[at]]);
            at += run;
        } else {
            let length =
                plane[at..].windows(2).take(127).take_while(|pair| pair[0] != pair[1]).count().max(1);
            packed.push((length - 1) as u8);
            packed.extend(&plane[at..at + length]);
            at += length;
        }
    }
    packed
}

/// JPEG lossless, process 14, selection value 1; the colours are left as they are.
pub fn jpeg_lossless(samples: &[u16], format: &FrameFormat) -> Vec<u8> {
    unsafe {
        let handle = tj::tj3Init(tj::TJINIT_TJINIT_COMPRESS as c_int);
        tj::tj3Set(handle, tj::TJPARAM_TJPARAM_LOSSLESS as c_int, 1);
        tj::tj3Set(handle, tj::TJPARAM_TJPARAM_LOSSLESSPSV as c_int, 1);
        tj::tj3Set(handle, tj::TJPARAM_TJPARAM_PRECISION as c_int, format.bits_stored as c_int);
        let layout = if format.samples_per_pixel == 3 { tj::TJPF_TJPF_RGB } else { tj::TJPF_TJPF_GRAY };
        let (w, h) = (format.columns as c_int, format.rows as c_int);
        let (mut out, mut length) = (ptr::null_mut::<u8>(), 0);
        let narrow: Vec<u8> = samples.iter().map(|sample| *sample as u8).collect();
        let result = match format.bits_stored {
            ..=8 => tj::tj3Compress8(handle, narrow.as_ptr(), w, 0, h, layout, &mut out, &mut length),
            9..=12 => {
                tj::tj3Compress12(handle, samples.as_ptr().cast(), w, 0, h, layout, &mut out, &mut length)
            }
            _ => tj::tj3Compress16(handle, samples.as_ptr(), w, 0, h, layout, &mut out, &mut length),
        };
        assert_eq!(result, 0);
        let bytes = std::slice::from_raw_parts(out, length as usize).to_vec();
        tj::tj3Free(out.cast());
        tj::tj3Destroy(handle);
        bytes
    }
}

pub fn jpeg_ls(samples: &[u16], format: &FrameFormat, interleave: charls::InterleaveMode) -> Vec<u8> {
    let info = charls::FrameInfo {
        width: format.columns,
        height: format.rows,
        bits_per_sample: format.bits_stored.into(),
        component_count: format.samples_per_pixel.into(),
    };
    let mut encoder = charls::CharLS::default();
    encoder.set_interleave_mode(interleave).unwrap();
    encoder.encode(info, 0, &to_bytes(samples, format)).unwrap()
}

unsafe extern "C" fn write(buffer: *mut c_void, count: usize, user: *mut c_void) -> usize {
    unsafe {
        (*user.cast::<(Vec<u8>, usize)>()).write(std::slice::from_raw_parts(buffer.cast(), count));
    }
    count
}

unsafe extern "C" fn skip(count: i64, user: *mut c_void) -> i64 {
    unsafe { (*user.cast::<(Vec<u8>, usize)>()).1 += count as usize };
    count
}

unsafe extern "C" fn seek(target: i64, user: *mut c_void) -> c_int {
    unsafe { (*user.cast::<(Vec<u8>, usize)>()).1 = target as usize };
    1
}

trait Sink {
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for (Vec<u8>, usize) {
    fn write(&mut self, bytes: &[u8]) {
        let end = self.1 + bytes.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[self.1..end].copy_from_slice(bytes);
        self.1 = end;
    }
}

/// JPEG 2000, reversible, with the multiple component transform for colour.
pub fn jpeg_2000(samples: &[i32], format: &FrameFormat) -> Vec<u8> {
    let count = usize::from(format.samples_per_pixel);
    unsafe {
        let mut components: Vec<opj::opj_image_cmptparm_t> = vec![std::mem::zeroed(); count];
        for component in &mut components {
            (component.dx, component.dy) = (1, 1);
            (component.w, component.h) = (format.columns, format.rows);
            component.prec = format.bits_stored.into();
            component.sgnd = format.is_signed.into();
        }
        let space = match count {
            1 => opj::COLOR_SPACE::OPJ_CLRSPC_GRAY,
            _ => opj::COLOR_SPACE::OPJ_CLRSPC_SRGB,
        };
        let image = opj::opj_image_create(count as u32, components.as_mut_ptr(), space);
        ((*image).x1, (*image).y1) = (format.columns, format.rows);
        for component in 0..count {
            let data = (*(*image).comps.add(component)).data;
            for (index, value) in samples.iter().skip(component).step_by(count).enumerate() {
                *data.add(index) = *value;
            }
        }
        let mut parameters: opj::opj_cparameters_t = std::mem::zeroed();
        opj::opj_set_default_encoder_parameters(&mut parameters);
        parameters.tcp_numlayers = 1;
        parameters.cp_disto_alloc = 1;
        parameters.tcp_mct = (count == 3).into();
        let side = format.rows.min(format.columns);
        parameters.numresolution = (side.ilog2() as c_int + 1).min(6);
        let codec = opj::opj_create_compress(opj::CODEC_FORMAT::OPJ_CODEC_J2K);
        assert_eq!(opj::opj_setup_encoder(codec, &mut parameters, image), 1);
        let mut sink = (Vec::new(), 0_usize);
        let stream = opj::opj_stream_create(1 << 16, 0);
        opj::opj_stream_set_user_data(stream, (&raw mut sink).cast(), None);
        opj::opj_stream_set_write_function(stream, Some(write));
        opj::opj_stream_set_skip_function(stream, Some(skip));
        opj::opj_stream_set_seek_function(stream, Some(seek));
        assert_eq!(opj::opj_start_compress(codec, image, stream), 1);
        assert_eq!(opj::opj_encode(codec, stream), 1);
        assert_eq!(opj::opj_end_compress(codec, stream), 1);
        opj::opj_stream_destroy(stream);
        opj::opj_destroy_codec(codec);
        opj::opj_image_destroy(image);
        sink.0
    }
}
