//! libopenslide, loaded when it is asked for: the few functions of its C interface that are needed; and the wait for what
//! its process answers. Nothing else of this crate is unsafe.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ChildStdout;
use std::time::Duration;

/// Sonames of OpenSlide 4 and 3.4.
const NAMES: [&CStr; 2] = [c"libopenslide.so.1", c"libopenslide.so.0"];

type Handle = *mut c_void;

/// The library's functions.
pub(super) struct Library {
    open: unsafe extern "C" fn(*const c_char) -> Handle,
    error: unsafe extern "C" fn(Handle) -> *const c_char,
    level_count: unsafe extern "C" fn(Handle) -> i32,
    level_size: unsafe extern "C" fn(Handle, i32, *mut i64, *mut i64),
    read_region: unsafe extern "C" fn(Handle, *mut u32, i64, i64, i32, i64, i64),
    property_names: unsafe extern "C" fn(Handle) -> *const *const c_char,
    property: unsafe extern "C" fn(Handle, *const c_char) -> *const c_char,
    associated_names: unsafe extern "C" fn(Handle) -> *const *const c_char,
    associated_size: unsafe extern "C" fn(Handle, *const c_char, *mut i64, *mut i64),
    read_associated: unsafe extern "C" fn(Handle, *const c_char, *mut u32),
}

impl Library {
    /// `None` when it is not installed.
    pub fn load() -> Option<Self> {
        // SAFETY: a system library with its constructors; it is never unloaded.
        let library = NAMES.iter().map(|name| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) });
        let library = library.into_iter().find(|library| !library.is_null())?;
        /// A function by name.
        ///
        /// # Safety
        /// `F` must be the type that the library's header declares.
        unsafe fn symbol<F: Copy>(library: *mut c_void, name: &CStr) -> Option<F> {
            // SAFETY: the library is loaded; a function pointer is as wide as a data pointer on every system with dlsym.
            let address = unsafe { libc::dlsym(library, name.as_ptr()) };
            assert_eq!(size_of::<F>(), size_of::<*mut c_void>());
            // SAFETY: not null, and the caller vouches for the type.
            (!address.is_null()).then(|| unsafe { std::mem::transmute_copy(&address) })
        }
        // SAFETY: the types are those of openslide.h, the same in 3.4 and 4.
        unsafe {
            Some(Self {
                open: symbol(library, c"openslide_open")?,
                error: symbol(library, c"openslide_get_error")?,
                level_count: symbol(library, c"openslide_get_level_count")?,
                level_size: symbol(library, c"openslide_get_level_dimensions")?,
                read_region: symbol(library, c"openslide_read_region")?,
                property_names: symbol(library, c"openslide_get_property_names")?,
                property: symbol(library, c"openslide_get_property_value")?,
                associated_names: symbol(library, c"openslide_get_associated_image_names")?,
                associated_size: symbol(library, c"openslide_get_associated_image_dimensions")?,
                read_associated: symbol(library, c"openslide_read_associated_image")?,
            })
        }
    }

    /// Opens a slide; it stays open until the process ends.
    pub fn open(&self, path: &Path) -> Option<Slide<'_>> {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        // SAFETY: a C string; the handle belongs to the slide from here on.
        let handle = unsafe { (self.open)(path.as_ptr()) };
        let slide = Slide { library: self, handle };
        (!handle.is_null() && !slide.has_failed()).then_some(slide)
    }
}

/// A slide that is open.
pub(super) struct Slide<'a> {
    library: &'a Library,
    handle: Handle,
}

impl Slide<'_> {
    fn has_failed(&self) -> bool {
        // SAFETY: an open handle.
        !unsafe { (self.library.error)(self.handle) }.is_null()
    }

    pub fn levels(&self) -> Vec<(u64, u64)> {
        // SAFETY: an open handle.
        let count = unsafe { (self.library.level_count)(self.handle) };
        let size = |level: c_int| {
            let (mut width, mut height) = (0, 0);
            // SAFETY: an open handle and two places for the answer.
            unsafe { (self.library.level_size)(self.handle, level, &raw mut width, &raw mut height) };
            (u64::try_from(width).unwrap_or(0), u64::try_from(height).unwrap_or(0))
        };
        (0..count).map(size).collect()
    }

    pub fn properties(&self) -> Vec<(String, String)> {
        // SAFETY: an open handle.
        let names = names(unsafe { (self.library.property_names)(self.handle) });
        let value = |name: CString| {
            // SAFETY: an open handle and a C string; the value lives as long as the handle.
            let value = unsafe { (self.library.property)(self.handle, name.as_ptr()) };
            // SAFETY: not null, and ends with NUL by the library's contract.
            let value = (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })?;
            Some((name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        };
        names.into_iter().filter_map(value).collect()
    }

    pub fn associated(&self) -> Vec<(String, (u64, u64))> {
        // SAFETY: an open handle.
        let names = names(unsafe { (self.library.associated_names)(self.handle) });
        let size = |name: CString| {
            let (mut width, mut height) = (0, 0);
            // SAFETY: an open handle, a C string and two places for the answer.
            unsafe {
                (self.library.associated_size)(self.handle, name.as_ptr(), &raw mut width, &raw mut height)
            };
            let size = (u64::try_from(width).unwrap_or(0), u64::try_from(height).unwrap_or(0));
            (name.to_string_lossy().into_owned(), size)
        };
        names.into_iter().map(size).collect()
    }

    /// Premultiplied ARGB; `None` when it cannot be read.
    pub fn region(&self, x: u64, y: u64, level: u32, width: u32, height: u32) -> Option<Vec<u32>> {
        let mut pixels = vec![0; width as usize * height as usize];
        let (x, y) = (i64::try_from(x).ok()?, i64::try_from(y).ok()?);
        let level = i32::try_from(level).ok()?;
        // SAFETY: an open handle; room for `width * height` pixels.
        unsafe {
            (self.library.read_region)(
                self.handle,
                pixels.as_mut_ptr(),
                x,
                y,
                level,
                width.into(),
                height.into(),
            );
        }
        (!self.has_failed()).then_some(pixels)
    }

    /// The same of an associated image.
    pub fn read_associated(&self, name: &str, pixels_max: u64) -> Option<Vec<u32>> {
        let (_, (width, height)) = self.associated().into_iter().find(|(known, _)| known == name)?;
        let count = width.checked_mul(height).filter(|count| *count <= pixels_max)?;
        let mut pixels = vec![0; usize::try_from(count).ok()?];
        let name = CString::new(name).ok()?;
        // SAFETY: an open handle, a name that it listed, and room for the size that it gave.
        unsafe { (self.library.read_associated)(self.handle, name.as_ptr(), pixels.as_mut_ptr()) };
        (!self.has_failed()).then_some(pixels)
    }
}

/// A list of C strings that ends with a null pointer.
fn names(mut list: *const *const c_char) -> Vec<CString> {
    let mut names = Vec::new();
    // SAFETY: null, or a list that ends with null, by the library's contract; the strings live as long as the handle.
    unsafe {
        while !list.is_null() && !(*list).is_null() {
            names.push(CStr::from_ptr(*list).to_owned());
            list = list.add(1);
        }
    }
    names
}

/// Waits until a pipe can be read, or has ended.
pub(super) fn has_something(pipe: &ChildStdout, longest: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(longest.as_millis()).unwrap_or(i32::MAX).max(1);
    // SAFETY: one structure, which outlives the call.
    match unsafe { libc::poll(&raw mut poll, 1, milliseconds) } {
        // A signal is an interruption, which whoever reads exactly takes as a reason to try again.
        ..0 => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}
