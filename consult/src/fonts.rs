//! Fonts of the printed report: found once, read when the first report is printed, in an order that does not depend on the
//! directory's.

use crate::PdfError;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use typst::foundations::Bytes;
use typst::text::{Font, FontBook, FontInfo};
use typst::utils::LazyHash;

/// Where fonts are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fonts {
    /// Directories, searched with their sub-directories.
    pub directories: Vec<PathBuf>,
}

impl Default for Fonts {
    fn default() -> Self {
        Self { directories: vec![PathBuf::from("/usr/share/fonts"), PathBuf::from("/usr/local/share/fonts")] }
    }
}

/// Families that are used, best first, and what the name of their file contains.
const FAMILIES: &[(&str, &str)] = &[
    ("Noto Sans CJK SC", "notosanscjk"),
    ("Source Han Sans SC", "sourcehansans"),
    ("Noto Sans SC", "notosanssc"),
    ("WenQuanYi Micro Hei", "wqy-microhei"),
    ("DejaVu Sans", "dejavusans"),
];
/// Any one of the first so many families is enough for Chinese.
const CHINESE_FAMILIES: usize = 4;
/// Faces that are used.
const STYLES: [&str; 2] = ["regular", "bold"];
/// Bytes of a font file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Faces of one file that are looked at.
const FACES_MAX: u32 = 64;
/// Depth of directories.
const DEPTH_MAX: usize = 8;

/// What is known of the fonts; they themselves are tens of megabytes, which a node that prints nothing does without.
pub(crate) struct FontSet {
    book: LazyHash<FontBook>,
    faces: Vec<Face>,
    families: Vec<String>,
}

struct Face {
    path: PathBuf,
    /// In the file, which may hold several.
    index: u32,
    info: FontInfo,
    font: OnceLock<Option<Font>>,
}

impl Face {
    fn font(&self) -> Option<Font> {
        let read = || Font::new(Bytes::new(std::fs::read(&self.path).ok()?), self.index);
        self.font.get_or_init(read).clone()
    }
}

impl FontSet {
    /// Finds the first Chinese family that is there, and what may fill its gaps.
    pub(crate) fn load(config: &Fonts) -> Result<Self, PdfError> {
        let mut paths = Vec::new();
        for directory in &config.directories {
            collect(directory, &mut paths);
        }
        paths.sort();
        let mut all = Vec::new();
        let mut families: Vec<String> = Vec::new();
        for (rank, (family, file)) in FAMILIES.iter().enumerate() {
            if rank < CHINESE_FAMILIES && !families.is_empty() {
                continue;
            }
            let found = faces(&paths, family, file);
            if !found.is_empty() {
                families.push((*family).to_lowercase());
                all.extend(found);
            }
        }
        let has_chinese = all.iter().any(|face| face.info.coverage.contains(u32::from('诊')));
        if !has_chinese {
            let directories: Vec<String> =
                config.directories.iter().map(|d| d.display().to_string()).collect();
            return Err(PdfError::NoFont { directories: directories.join(", ") });
        }
        let book = LazyHash::new(FontBook::from_infos(all.iter().map(|face| face.info.clone())));
        Ok(Self { book, faces: all, families })
    }

    pub(crate) fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    /// The font with this number in the book; `None`, too, when its file is no longer there.
    pub(crate) fn font(&self, index: usize) -> Option<Font> {
        self.faces.get(index)?.font()
    }

    /// Families, best first.
    pub(crate) fn families(&self) -> &[String] {
        &self.families
    }

    /// Whether a font has the character.
    pub(crate) fn covers(&self, c: char) -> bool {
        self.faces.iter().any(|face| face.info.coverage.contains(u32::from(c)))
    }
}

/// Font files under a directory. Not recursive; what cannot be read is passed over.
fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    let mut waiting = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            if metadata.is_dir() && depth < DEPTH_MAX {
                waiting.push((path, depth + 1));
            } else if metadata.is_file() && metadata.len() <= FILE_BYTES_MAX {
                paths.push(path);
            }
        }
    }
}

fn faces(paths: &[PathBuf], family: &str, file: &str) -> Vec<Face> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for path in paths {
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let is_font = [".ttf", ".otf", ".ttc"].iter().any(|suffix| name.ends_with(suffix));
        if !is_font || !name.contains(file) {
            continue;
        }
        let is_style =
            STYLES.iter().any(|style| name.contains(style)) || !name.contains('-') || file.contains('-');
        if !is_style || seen.contains(&name) {
            continue;
        }
        let Ok(bytes) = std::fs::read(path) else {
            continue;
        };
        seen.push(name);
        found.extend(
            (0..FACES_MAX).map_while(|index| Some((index, FontInfo::new(&bytes, index)?))).filter_map(
                |(index, info)| {
                    (info.family == family).then(|| Face {
                        path: path.clone(),
                        index,
                        info,
                        font: OnceLock::new(),
                    })
                },
            ),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_chinese_font_the_error_names_the_package() {
        let empty = tempfile::tempdir().unwrap();
        let error = FontSet::load(&Fonts { directories: vec![empty.path().to_owned()] }).err().unwrap();
        assert!(error.to_string().contains("fonts-noto-cjk"), "{error}");
    }

    #[test]
    fn fonts_are_read_when_they_are_asked_for() {
        let fonts = FontSet::load(&Fonts::default()).unwrap();
        assert!(fonts.faces.iter().all(|face| face.font.get().is_none()));
        for (index, face) in fonts.faces.iter().enumerate() {
            assert_eq!(fonts.font(index).unwrap().info().family, face.info.family);
        }
    }

    #[test]
    fn rare_characters_are_covered_and_pictures_are_not() {
        let fonts = FontSet::load(&Fonts::default()).unwrap();
        for c in "诊断㛃䶮𠮷ABCμ≥°".chars() {
            assert!(fonts.covers(c), "{c}");
        }
        assert!(!fonts.covers('\u{1FAE0}'));
    }
}
