//! Pixels: decoding a stored frame, encoding, and rendering for the eye.
//!
//! Floor 2 of the house. Bytes and parameters in, pixels out. This crate knows nothing of storage, network or
//! tenants, and allocates only after a header's size has been checked against Rows × Columns.
//!
//! Native decoders are the one place where memory-unsafe code meets hostile bytes. Each native library is called
//! from one narrow module (`turbo`, `openjpeg`; CharLS comes with a safe wrapper of its own), which is the only
//! place where `unsafe` is allowed. What cannot be had inside this process is a limit on time, and on what a native
//! decoder allocates for itself: a hostile codestream has been seen to keep OpenJPEG busy for 22 seconds. Those two
//! limits come with a pool of confined worker processes, which can be put behind [`decode`] without a change of its
//! signature; until then callers run it off the asynchronous executor and bound how many run at once.

#![deny(unsafe_code)]

mod colour;
mod decode;
mod format;
mod header;
mod jpeg;
mod jpeg2000;
mod jpegls;
mod native;
#[allow(unsafe_code)]
mod openjpeg;
mod presentation;
mod render;
mod rle;
mod samples;
mod scale;
#[allow(unsafe_code)]
mod turbo;

pub use decode::{can_decode, decode};
pub use format::{CodecError, FrameFormat, Photometric, Pixels};
pub use presentation::{Direction, Enlarge, Polarity, Presentation, Region, Shutter, Table, WindowFunction};
pub use render::{ImageType, Render, Window, encode_jpeg_rgb, render};
