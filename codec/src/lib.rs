//! Pixels: decoding a stored frame, encoding, and rendering for the eye.
//!
//! Floor 2 of the house. Bytes and parameters in, pixels out. This crate knows nothing of storage, network or
//! tenants, and allocates only after a header's size has been checked against Rows × Columns.

mod decode;
mod format;
mod render;

pub use decode::{can_decode, decode};
pub use format::{CodecError, FrameFormat, Photometric, Pixels};
pub use render::{ImageType, Render, Window, render};
