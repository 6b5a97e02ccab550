//! Pixels: decoding a stored frame, encoding, and rendering for the eye.
//!
//! Floor 2 of the house. Bytes and parameters in, pixels out. This crate knows nothing of storage, network or
//! tenants, and allocates only after a header's size has been checked against Rows × Columns.
//!
//! Native codecs are the one place where memory-unsafe code meets hostile bytes. Each native library is called
//! from one narrow module (`turbo`, `openjpeg`, `openjpeg_encode`, `openjph`, `libjxl`, `charls_encode`; CharLS as a
//! decoder comes with a safe wrapper of its own), which is the only place where `unsafe` is allowed, beside the system calls of the workers'
//! cage. What cannot be had inside this process is a limit on time, and on what a native codec allocates for itself:
//! a hostile codestream has been seen to keep OpenJPEG busy for 22 seconds. So a program that serves strangers calls
//! [`pool::start`] once, and from then on native codecs run in confined worker processes, behind the same functions.
//! What is written in Rust (native samples, RLE, PNG, rendering) stays in the process.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod charls_encode;
mod colour;
mod confined;
mod decode;
mod encode;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod jpeg;
mod jpeg2000;
mod jpegls;
mod jpegxl;
#[allow(unsafe_code)]
mod libjxl;
mod mosaic;
mod native;
#[allow(unsafe_code)]
mod openjpeg;
#[allow(unsafe_code)]
mod openjpeg_encode;
#[allow(unsafe_code)]
mod openjph;
pub mod pool;
mod presentation;
mod render;
mod rle;
mod samples;
mod scale;
mod syntax;
#[allow(unsafe_code)]
mod turbo;

pub use confined::{decode, decode_reduced, encode, transcode};
pub use decode::can_decode;
pub use encode::{Encoded, can_encode, can_transcode, check_transcode};
pub use format::{CodecError, FrameFormat, Photometric, Pixels};
pub use mosaic::{Cost, Cut, Mosaic};
pub use presentation::{Enlarge, Polarity, Presentation, Table, WindowFunction};
pub use render::area::{Axes, Direction, Region};
pub use render::draw::{Align, Corner, Fill, Graphic, Place, Shape, Space, Text};
pub use render::icc::{ColourSpace, Colours};
pub use render::overlay::{Bits, Overlay};
pub use render::raster::Raster;
pub use render::shutter::Shutter;
pub use render::text::Font;
pub use render::{ImageType, Render, Window, encode_jpeg_rgb, render};
