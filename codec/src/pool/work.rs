//! The worker's side: into the cage, then job after job until the node is gone.

use super::region::Region;
use super::wire::{self, Kind, Order};
use super::{Output, cage};
use crate::{CodecError, FrameFormat};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

/// Seconds of processor time in a worker's life, after which the kernel ends it.
pub(super) const CPU_SECONDS: &str = "CODEC_WORKER_CPU_SECONDS";

/// A job that used more memory than this is followed by tidying up.
const LARGE_BYTES: u64 = 4 << 20;

/// Works for the node that started this process with a socket as standard input and the shared memory as standard
/// output; returns when that node is gone. Call it before anything else, and start no thread before.
#[must_use]
pub fn work() -> ExitCode {
    match enter().and_then(|(socket, region)| serve(socket, &region)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn enter() -> io::Result<(File, Region)> {
    cage::end_with_parent()?;
    cage::close_inherited();
    let mut socket = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let region = Region::inherited(File::from(io::stdout().as_fd().try_clone_to_owned()?))?;
    // Some codecs talk; what they say must not land in the shared memory. Standard error leads nowhere.
    cage::silence_output()?;

    cage::set_up_heap();
    let cpu_seconds = std::env::var(CPU_SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let address_space = address_space_bytes()?;
    cage::limit(cpu_seconds, region.file_bytes())?;
    let confinement = cage::confine()?;

    region.write_head(&address_space.to_le_bytes())?;
    socket.write_all(&[u8::from(confinement.has_landlock) | u8::from(confinement.has_seccomp) << 1])?;
    Ok((socket, region))
}

/// The address space that this process takes before its first job.
fn address_space_bytes() -> io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages
        .split_ascii_whitespace()
        .next()
        .and_then(|first| first.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    Ok(pages.saturating_mul(cage::page_bytes()))
}

fn serve(mut socket: File, region: &Region) -> io::Result<()> {
    let mut wake = [0];
    while socket.read(&mut wake)? == 1 {
        let order = wire::read_job(&region.read_head()?).ok_or(io::ErrorKind::InvalidData)?;
        let length = usize::try_from(order.data_bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        let data = region.read_data(length)?;
        let result = perform(&order, &data);
        let used = order.data_bytes + result.as_ref().map_or(0, |output| output.bytes.len() as u64);
        if let Ok(output) = &result {
            region.write_data(&output.bytes)?;
        }
        region.write_head(&wire::write_answer(order.number, &result))?;
        drop((data, result));
        if used > LARGE_BYTES {
            cage::trim_heap();
        }
        socket.write_all(&wake)?;
    }
    Ok(())
}

fn perform(order: &Order, data: &[u8]) -> Result<Output, CodecError> {
    let format: &FrameFormat = &order.format;
    match order.kind {
        Kind::Decode => {
            let pixels = crate::decode::decode(&order.from, data, format, order.pixel_bytes_max)?;
            Ok(Output { bytes: pixels.bytes, format: pixels.format })
        }
        Kind::Reduce => {
            let levels_less = u32::from(order.parameter);
            let pixels =
                crate::decode::decode_reduced(&order.from, data, format, levels_less, order.pixel_bytes_max)?;
            Ok(Output { bytes: pixels.bytes, format: pixels.format })
        }
        Kind::Encode => {
            let encoded = crate::encode::encode(&order.to, data, format)?;
            Ok(Output { bytes: encoded.bytes, format: encoded.format })
        }
        Kind::Transcode => {
            let most = order.pixel_bytes_max;
            let encoded = crate::encode::transcode(&order.from, data, format, &order.to, most)?;
            Ok(Output { bytes: encoded.bytes, format: encoded.format })
        }
        Kind::Jpeg => {
            let layout = crate::turbo::Layout::of(format)?;
            let bytes = crate::turbo::encode(data, format.columns, format.rows, layout, order.parameter)?;
            Ok(Output { bytes, format: format.clone() })
        }
        #[cfg(test)]
        Kind::Probe => super::tests::probes::perform(data, format),
    }
}
