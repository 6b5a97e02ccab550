//! The child's side: into its cage, then answer after answer until the parent is gone.

use super::ffi::{Library, Slide};
use super::{Facts, Request, SMALL_PIXELS_MAX};
use crate::bundle;
use codec::pool::{Confinement, cage};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::process::Resource;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
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
/// What libraries read while they work (loaders of pictures, tables of characters). Of /etc only where libraries are:
/// a node's own settings are there too.
const SYSTEM: [&str; 7] =
    ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share", "/lib", "/lib64", "/etc/ld.so.cache"];

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
    cage::close_inherited();
    let library = Library::load();
    let missing = confine(path, &bundle::beside(path))?.missing().map(str::to_owned);
    let slide = library.as_ref().and_then(|library| library.open(path));
    let error = match (&library, &slide) {
        (None, _) => Some(MISSING.to_owned()),
        (_, None) => Some("not opened".to_owned()),
        _ => None,
    };
    let facts = slide.as_ref().map(facts).unwrap_or_default();
    answer(&serde_json::to_vec(&Facts { error, missing, ..facts })?)?;
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
        missing: None,
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

/// Limits that always hold, and no new privileges; as far as the kernel can, no file but this one, those that belong to it
/// and the system's libraries, no writing, no network, no signals, no other process or program. Says what of it is in
/// force.
fn confine(path: &Path, beside: &[PathBuf]) -> io::Result<Confinement> {
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::As, ADDRESS_SPACE_MAX),
        (Resource::Cpu, CPU_SECONDS_MAX),
        (Resource::Fsize, 0),
    ] {
        cage::lower(resource, most)?;
    }
    cage::set_no_new_privileges()?;
    let status = restrict(path, beside).map_err(io::Error::other)?;
    let has_landlock = status.ruleset != RulesetStatus::NotEnforced;
    let has_seccomp = cage::refuse_outward_calls();
    if !has_seccomp {
        // This counts threads too, and some formats are read with several (Hamamatsu VMS).
        cage::lower(Resource::Nproc, 0)?;
    }
    Ok(Confinement { has_landlock, has_seccomp })
}

/// Landlock: as much of it as this kernel knows.
fn restrict(path: &Path, beside: &[PathBuf]) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?;
    if let Ok(file) = PathFd::new(path) {
        ruleset = ruleset.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
    }
    let beside = beside.iter().map(PathBuf::as_path);
    for place in SYSTEM.into_iter().map(Path::new).chain(beside) {
        let is_folder = place.is_dir();
        let read = if is_folder { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
        if let Ok(place) = PathFd::new(place) {
            ruleset = ruleset.add_rule(PathBeneath::new(place, read))?;
        }
    }
    ruleset.restrict_self()
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

    /// What the caged process of the next test does; its end says whether all was refused.
    #[test]
    #[ignore = "run by the next test in a process of its own"]
    fn inside_the_cage() {
        use std::io::ErrorKind::PermissionDenied;
        use std::os::unix::fs::PermissionsExt as _;
        let slide = std::env::var_os("FARSIGHT_TEST_SLIDE").unwrap();
        let secret = Path::new(&slide).with_file_name("secret");
        let beside = Path::new(&slide).with_file_name("beside");
        let confinement = confine(slide.as_ref(), std::slice::from_ref(&beside)).unwrap();
        assert_eq!(confinement.missing(), None);
        let refused = |result: io::Result<()>| result.is_err_and(|error| error.kind() == PermissionDenied);
        assert!(std::fs::read(&slide).is_ok(), "the slide");
        assert!(std::fs::read(beside.join("part")).is_ok(), "what belongs to it");
        assert!(std::fs::read_dir("/usr/lib").is_ok(), "libraries");
        assert!(
            std::thread::Builder::new().spawn(|| ()).is_ok_and(|thread| thread.join().is_ok()),
            "threads"
        );
        assert!(refused(std::fs::read(&secret).map(drop)), "another file beside it");
        assert!(refused(std::fs::read("/etc/passwd").map(drop)), "settings of the machine");
        assert!(refused(std::fs::write(&slide, b"").map(drop)), "writing");
        assert!(refused(std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o0))));
        assert!(refused(std::net::UdpSocket::bind("127.0.0.1:0").map(drop)), "network");
        assert!(
            refused(std::os::unix::net::UnixStream::connect(&secret).map(drop)),
            "sockets of this machine"
        );
        assert!(refused(std::process::Command::new("/bin/true").spawn().map(drop)), "programs");
        let parent = rustix::process::getppid().unwrap();
        let signal = rustix::process::kill_process(parent, rustix::process::Signal::CONT);
        assert!(refused(signal.map_err(Into::into)), "signals to the node");
    }

    #[test]
    fn the_child_reaches_nothing_but_its_slide() {
        let folder = tempfile::tempdir().unwrap();
        let slide = folder.path().join("slide");
        std::fs::create_dir(folder.path().join("beside")).unwrap();
        for name in ["slide", "secret", "beside/part"] {
            std::fs::write(folder.path().join(name), b"content").unwrap();
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["openslide::child::tests::inside_the_cage", "--exact", "--ignored", "--nocapture"])
            .args(["--test-threads", "1"])
            .env("FARSIGHT_TEST_SLIDE", &slide)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
