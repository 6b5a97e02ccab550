//! The child's side: into its cage, then answer after answer until the parent is gone.

use super::ffi::{Library, Slide};
use super::{Facts, Request, SMALL_PIXELS_MAX};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _,
};
use rustix::process::{Resource, Rlimit};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// What stands for the error when the library is not installed.
pub(super) const MISSING: &str = "missing";

/// Address space, in bytes: OpenSlide keeps a cache of 32 MB, and libraries of their own take some hundreds.
const ADDRESS_SPACE_MAX: u64 = 4 << 30;
/// Seconds of processor time for one slide.
const CPU_SECONDS_MAX: u64 = 3600;
/// Bytes of a request.
const REQUEST_BYTES_MAX: u64 = 4096;
/// Pixels of a region's side.
const SIDE_MAX: u32 = 4096;
/// What libraries read while they work (loaders of pictures, tables of characters).
const SYSTEM: [&str; 4] = ["/usr", "/lib", "/lib64", "/etc"];

/// Reads one slide for the process that started this one; returns when that is gone.
#[must_use]
pub fn serve(path: &Path) -> ExitCode {
    match work(path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn work(path: &Path) -> io::Result<()> {
    // No death signal: it would come with the end of the thread that started this process, which is one of many. The
    // requests end when the parent does.
    let library = Library::load();
    confine(path)?;
    let slide = library.as_ref().and_then(|library| library.open(path));
    let error = match (&library, &slide) {
        (None, _) => Some(MISSING.to_owned()),
        (_, None) => Some("not opened".to_owned()),
        _ => None,
    };
    let facts = slide.as_ref().map(facts).unwrap_or_default();
    answer(&serde_json::to_vec(&Facts { error, ..facts })?)?;
    let Some(slide) = slide else { return Ok(()) };
    loop {
        let mut length = [0; 8];
        io::stdin().read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > REQUEST_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut request = vec![0; length as usize];
        io::stdin().read_exact(&mut request)?;
        let pixels = match serde_json::from_slice(&request)? {
            Request::Region { x, y, level, width, height } if width.max(height) <= SIDE_MAX => {
                slide.region(x, y, level, width, height)
            }
            Request::Region { .. } => None,
            Request::Associated(name) => slide.read_associated(&name, SMALL_PIXELS_MAX),
        };
        answer(&pixels.map(|pixels| on_white(&pixels)).unwrap_or_default())?;
    }
}

fn facts(slide: &Slide<'_>) -> Facts {
    Facts {
        error: None,
        levels: slide.levels(),
        associated: slide.associated().into_iter().collect(),
        // The long ones are the vendor's own files in XML.
        properties: slide
            .properties()
            .into_iter()
            .filter(|(_, value)| value.len() <= 1024)
            .take(1000)
            .collect(),
    }
}

fn answer(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)?;
    out.flush()
}

/// Premultiplied ARGB to RGB on white.
fn on_white(pixels: &[u32]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(pixels.len() * 3);
    for pixel in pixels {
        let [alpha, red, green, blue] = pixel.to_be_bytes();
        let white = 255 - alpha;
        rgb.extend([red, green, blue].map(|colour| colour.saturating_add(white)));
    }
    rgb
}

/// Limits that always hold; and, where the kernel has Landlock, no file but this one and the system's, no writing, no TCP.
fn confine(path: &Path) -> io::Result<()> {
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::As, ADDRESS_SPACE_MAX),
        (Resource::Cpu, CPU_SECONDS_MAX),
        (Resource::Fsize, 0),
    ] {
        let most = rustix::process::getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    let read = AccessFs::from_read(ABI::V5);
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(Ruleset::create)
        .map_err(io::Error::other)?;
    let file = PathBeneath::new(PathFd::new(path).map_err(io::Error::other)?, AccessFs::ReadFile);
    let mut ruleset = ruleset.add_rule(file).map_err(io::Error::other)?;
    for folder in SYSTEM {
        if let Ok(folder) = PathFd::new(folder) {
            ruleset = ruleset.add_rule(PathBeneath::new(folder, read)).map_err(io::Error::other)?;
        }
    }
    ruleset.restrict_self().map_err(io::Error::other)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_is_white() {
        assert_eq!(
            on_white(&[0, 0xFF10_2030, 0x8040_0000]),
            [255, 255, 255, 0x10, 0x20, 0x30, 0xBF, 0x7F, 0x7F]
        );
    }
}
