//! The report's page: PDF/A-3b set by typst from the canonical report, which is attached with its signatures.
//!
//! The page is a function of the canonical bytes, the signatures and the fonts, so it can be made again and compared.

use crate::cms::{self, Commitment};
use crate::fonts::FontSet;
use crate::key_image::{KEY_IMAGES_MAX, KeyImage};
use crate::report::{CanonicalReport, Status, template};
use crate::{ca, certificate};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;
use typst::comemo;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

pub use crate::fonts::Fonts;

/// Why a page could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// No Chinese font in the directories.
    #[error("no Chinese font was found in {directories}: install the package fonts-noto-cjk")]
    NoFont {
        /// Where it was looked for.
        directories: String,
    },
    /// The canonical report or a signature is not what it should be.
    #[error("the page's content is not a signed report: {0}")]
    Content(String),
    /// The report names a page template that this build does not have.
    #[error("this build does not have the page template {0}")]
    Template(String),
    /// The text cannot be set, for example because no font has one of its characters.
    #[error("the page could not be set: {0}")]
    Set(String),
}

/// A report with its signatures: everything that a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The canonical JSON, exactly as signed.
    pub canonical: &'a [u8],
    /// The reader's detached CMS, DER.
    pub reader: &'a [u8],
    /// The reviewer's.
    pub reviewer: Option<&'a [u8]>,
    /// The key images' pictures, JPEG files in any order.
    pub pictures: &'a [Vec<u8>],
}

/// Under these names pictures are attached and set.
const PICTURES: [&str; KEY_IMAGES_MAX] = [
    "/picture-1.jpg",
    "/picture-2.jpg",
    "/picture-3.jpg",
    "/picture-4.jpg",
    "/picture-5.jpg",
    "/picture-6.jpg",
    "/picture-7.jpg",
    "/picture-8.jpg",
];

/// Sets pages; holds the fonts (about 40 MB) from the first page on, so make one per process.
pub struct Printer {
    library: LazyHash<Library>,
    fonts: FontSet,
    main: Source,
}

/// What the signatures say, for the page.
#[derive(Debug, Serialize)]
struct Page {
    sha256: String,
    signers: Vec<PageSigner>,
    is_preliminary: bool,
    has_review: bool,
    notice: Option<&'static str>,
    fonts: Vec<String>,
    pictures: Vec<PagePicture>,
}

/// A key image as it is set.
#[derive(Debug, Serialize)]
struct PagePicture {
    file: &'static str,
    /// Length of the scale bar as a share of the picture's width, and what it stands for.
    bar: Option<(f64, String)>,
}

#[derive(Debug, Serialize)]
struct PageSigner {
    role: &'static str,
    name: String,
    title: String,
    organisation: String,
    signed_at: String,
}

impl Printer {
    /// Finds the fonts.
    ///
    /// # Errors
    /// [`PdfError::NoFont`].
    pub fn new(fonts: &Fonts) -> Result<Self, PdfError> {
        Ok(Self {
            library: LazyHash::new(Library::default()),
            fonts: FontSet::load(fonts)?,
            main: Source::new(file_id("/report.typ"), include_str!("report.typ").to_owned()),
        })
    }

    /// The first character that no font has, if any: a page with it cannot be made.
    #[must_use]
    pub fn unprintable(&self, text: &str) -> Option<char> {
        text.chars().find(|c| *c != '\n' && !self.fonts.covers(*c))
    }

    /// Sets the page. Takes milliseconds of CPU: call it off the async threads. The same input and fonts give the same
    /// bytes.
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn render(&self, signed: &Signed<'_>) -> Result<Vec<u8>, PdfError> {
        let content = |why: &dyn std::fmt::Display| PdfError::Content(why.to_string());
        let report = CanonicalReport::from_bytes(signed.canonical).map_err(|e| content(&e))?;
        if report.template != template(&report.key_images) {
            return Err(PdfError::Template(report.template));
        }
        let (page, last) = self.page(&report, signed)?;
        let page = serde_json::to_vec(&page).map_err(|e| content(&e))?;
        let mut files = vec![
            (file_id("/report.json"), Bytes::new(signed.canonical.to_vec())),
            (file_id("/page.json"), Bytes::new(page)),
            (file_id("/report.p7s"), Bytes::new(signed.reader.to_vec())),
        ];
        if let Some(reviewer) = signed.reviewer {
            files.push((file_id("/review.p7s"), Bytes::new(reviewer.to_vec())));
        }
        for (name, image) in PICTURES.into_iter().zip(&report.key_images) {
            let picture = image.picture(signed.pictures);
            let picture = picture.ok_or_else(|| content(&"a key image's picture is missing"))?;
            files.push((file_id(name), Bytes::new(picture.to_vec())));
        }
        let ident = cms::sha256(signed.canonical).to_string();
        let pdf = self.set(&Sheet { printer: self, files }, ident, last);
        comemo::evict(4);
        pdf
    }

    fn page(
        &self,
        report: &CanonicalReport,
        signed: &Signed<'_>,
    ) -> Result<(Page, OffsetDateTime), PdfError> {
        let offset =
            OffsetDateTime::parse(&report.report_time, &time::format_description::well_known::Rfc3339)
                .map_or(time::UtcOffset::UTC, OffsetDateTime::offset);
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let mut signers = Vec::new();
        let mut last = OffsetDateTime::UNIX_EPOCH;
        let mut is_test = false;
        for der in [Some(signed.reader), signed.reviewer].into_iter().flatten() {
            let check =
                cms::check(der, signed.canonical).map_err(|error| PdfError::Content(error.to_string()))?;
            last = last.max(check.signed_at);
            is_test |= certificate::is_test(&check.signer);
            signers.push(PageSigner {
                role: match check.commitment {
                    Commitment::Reader => "reader",
                    Commitment::Reviewer { .. } => "reviewer",
                },
                name: certificate::common_name(&check.signer),
                organisation: certificate::organisation(&check.signer),
                title: check.title,
                signed_at: check.signed_at.to_offset(offset).format(format).unwrap_or_default(),
            });
        }
        let page = Page {
            sha256: cms::sha256(signed.canonical).to_string(),
            signers,
            is_preliminary: report.status == Status::Preliminary && signed.reviewer.is_none(),
            has_review: signed.reviewer.is_some(),
            notice: is_test.then_some(ca::TEST_NOTICE),
            fonts: self.fonts.families().to_vec(),
            pictures: PICTURES
                .into_iter()
                .zip(&report.key_images)
                .map(|(file, image)| PagePicture { file, bar: scale_bar(image) })
                .collect(),
        };
        Ok((page, last))
    }

    fn set(&self, sheet: &Sheet<'_>, ident: String, at: OffsetDateTime) -> Result<Vec<u8>, PdfError> {
        let compiled = typst::compile::<PagedDocument>(sheet);
        let document = compiled.output.map_err(|errors| describe(&errors))?;
        let standards = PdfStandards::new(&[PdfStandard::A_3b])
            .map_err(|error| PdfError::Set(error.message().to_string()))?;
        let at = at.to_offset(time::UtcOffset::UTC);
        let datetime = Datetime::from_ymd_hms(
            at.year(),
            at.month().into(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
        );
        let options = PdfOptions {
            ident: Smart::Custom(ident),
            creator: Smart::Custom(Some("Farsight".to_owned())),
            timestamp: datetime.map(Timestamp::new_utc),
            standards,
            ..PdfOptions::default()
        };
        typst_pdf::pdf(&document, &options).map_err(|errors| describe(&errors))
    }
}

/// The longest bar of 1, 2 or 5 times a power of ten that takes at most a third of the picture's width.
fn scale_bar(image: &KeyImage) -> Option<(f64, String)> {
    let width_um: f64 = image.width_um.as_deref()?.parse().ok().filter(|width| *width > 0.0)?;
    let power = 10_f64.powf((width_um / 3.0).log10().floor());
    let bar_um = [5.0, 2.0, 1.0].into_iter().map(|n| n * power).find(|bar| *bar <= width_um / 3.0)?;
    let words = if bar_um >= 1000.0 { format!("{} mm", bar_um / 1000.0) } else { format!("{bar_um} µm") };
    Some((bar_um / width_um, words))
}

fn describe(errors: &[SourceDiagnostic]) -> PdfError {
    let messages: Vec<&str> = errors.iter().take(3).map(|error| error.message.as_str()).collect();
    PdfError::Set(messages.join("; "))
}

/// One page's files: typst sees nothing else.
struct Sheet<'a> {
    printer: &'a Printer,
    files: Vec<(FileId, Bytes)>,
}

impl World for Sheet<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.printer.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.printer.fonts.book()
    }

    fn main(&self) -> FileId {
        self.printer.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.printer.main.id() {
            Ok(self.printer.main.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let found = self.files.iter().find(|(known, _)| *known == id);
        found.map(|(_, bytes)| bytes.clone()).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.printer.fonts.font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// The name of a file that only this process sees; all of them are literals, so a bad one is never met.
fn file_id(path: &'static str) -> FileId {
    let path = VirtualPath::new(path).or_else(|_| VirtualPath::new("/")).unwrap_or_else(|_| unreachable!());
    RootedPath::new(VirtualRoot::Project, path).intern()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Signers, canonical, consult, run};
    use access::Signatures;

    #[test]
    fn the_page_is_sound_readable_and_carries_what_was_signed() {
        let signers = Signers::new();
        let content = canonical(&consult(Signatures::Double));
        let reader = signers.read(&content);
        let reviewer = signers.review(&content, &reader);
        let printer = Printer::new(&Fonts::default()).unwrap();
        let signed =
            Signed { canonical: &content, reader: &reader, reviewer: Some(&reviewer), pictures: &[] };
        let pdf = printer.render(&signed).unwrap();
        assert_eq!(pdf, printer.render(&signed).unwrap(), "the same input gives the same bytes");

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.pdf").display().to_string();
        std::fs::write(&path, &pdf).unwrap();
        if let Ok(kept) = std::env::var("CONSULT_KEEP_PDF") {
            std::fs::write(kept, &pdf).unwrap();
        }
        run("qpdf", &["--check", &path]).unwrap();
        let text = run("pdftotext", &["-layout", &path, "-"]).unwrap();
        for word in [
            "远程诊断报告",
            "清河镇卫生院",
            "张三",
            "影像所见",
            "混合磨玻璃结节",
            "王建国",
            "赵敏",
            "副主任医师",
            "YX20261123-0007",
            ca::TEST_NOTICE,
            "2026-11-23 14:45:00",
            "第1页共1页",
        ] {
            let is_there = text.contains(word) || text.replace(' ', "").contains(word);
            assert!(is_there, "{word} in\n{text}");
        }
        let list = run("pdfdetach", &["-list", &path]).unwrap();
        for name in ["report.json", "report.p7s", "review.p7s"] {
            assert!(list.contains(name), "{name} in {list}");
        }
        let out = directory.path().join("out").display().to_string();
        run("pdfdetach", &["-savefile", "report.json", "-o", &out, &path]).unwrap();
        assert_eq!(std::fs::read(out).unwrap(), content);
    }

    #[test]
    fn one_signature_of_two_makes_a_preliminary_page() {
        let signers = Signers::new();
        let content = canonical(&consult(Signatures::Double));
        let reader = signers.read(&content);
        let printer = Printer::new(&Fonts::default()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.pdf").display().to_string();
        let pdf = printer
            .render(&Signed { canonical: &content, reader: &reader, reviewer: None, pictures: &[] })
            .unwrap();
        std::fs::write(&path, pdf).unwrap();
        let text = run("pdftotext", &[&path, "-"]).unwrap();
        assert!(text.contains("初步报告"), "{text}");
        assert_eq!(printer.unprintable("诊断\nABC"), None);
        assert_eq!(printer.unprintable("好\u{1FAE0}"), Some('\u{1FAE0}'));
    }
}
