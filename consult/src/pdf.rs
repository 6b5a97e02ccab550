//! The report's page: PDF/A-3a and PDF/UA-1 set by typst from the canonical report, which is attached. It names the reader, and leaves
//! a place where the reviewer is named when he signs; signing itself is in [`crate::pades`].

use crate::cms;
use crate::fonts::FontSet;
use crate::key_image::{KEY_IMAGES_MAX, KeyImage};
use crate::pades::Place;
use crate::record::KeyPlace;
use crate::report::{CanonicalReport, Status, TEMPLATE};
use qrcode::render::svg;
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;
use typst::comemo;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Label, Smart};
use typst::introspection::Introspector as _;
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::{LazyHash, PicoStr};
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

/// Who signs, as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Name.
    pub name: String,
    /// Professional title.
    pub title: String,
    /// Organisation.
    pub organisation: String,
    /// When.
    pub at: OffsetDateTime,
    /// Notice of a test certificate.
    pub notice: Option<&'static str>,
    /// Where the key is.
    pub key: KeyPlace,
}

/// Everything that a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct ToPrint<'a> {
    /// The canonical JSON, exactly as signed.
    pub canonical: &'a [u8],
    /// The key images' pictures, JPEG files in any order.
    pub pictures: &'a [Vec<u8>],
    /// Who signs first.
    pub reader: &'a Signer,
}

/// A page that is to be signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Printed {
    /// PDF/A-3a, PDF/UA-1.
    pub pdf: Vec<u8>,
    /// Where the reader is named.
    pub reader: Place,
    /// Where the reviewer is going to be named, when one signs.
    pub reviewer: Option<Place>,
}

/// Width and height of a signer's place, millimetres; as in `report.typ` and `signer.typ`.
const PLACE_MM: (f32, f32) = (66.0, 20.0);
/// What a place reaches over its block: the tops of characters stand out.
const OVER_MM: f32 = 1.5;
const POINTS_PER_MM: f32 = 72.0 / 25.4;

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
    report: Source,
    signer: Source,
}

/// What the page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Draft,
    ToSign,
}

/// What the page says beside the report.
#[derive(Debug, Serialize)]
struct Page {
    stage: Stage,
    sha256: String,
    reader: PageSigner,
    needs_review: bool,
    notice: Option<&'static str>,
    fonts: Vec<String>,
    pictures: Vec<PagePicture>,
    has_qr: bool,
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
    name: String,
    title: String,
    organisation: String,
    signed_at: String,
    key: &'static str,
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
            report: Source::new(file_id("/report.typ"), include_str!("report.typ").to_owned()),
            signer: Source::new(file_id("/signer.typ"), include_str!("signer.typ").to_owned()),
        })
    }

    /// The first character that no font has, if any: a page with it cannot be made.
    #[must_use]
    pub fn unprintable(&self, text: &str) -> Option<char> {
        text.chars().find(|c| *c != '\n' && !self.fonts.covers(*c))
    }

    /// A text with `□` in place of each character that the fonts have not got, or with `?` when they have no `□`.
    #[must_use]
    pub fn printable(&self, text: &str) -> String {
        replaced(text, |c| self.fonts.covers(c))
    }

    /// Sets the page. Takes milliseconds of CPU: call it off the async threads. The same input and fonts give the same
    /// bytes.
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn render(&self, input: &ToPrint<'_>) -> Result<Printed, PdfError> {
        self.render_as(input, Stage::ToSign)
    }

    /// The same page as it looks while it is written: every sheet says that it is a draft, and nothing is attached.
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn draft(&self, input: &ToPrint<'_>) -> Result<Vec<u8>, PdfError> {
        Ok(self.render_as(input, Stage::Draft)?.pdf)
    }

    fn render_as(&self, input: &ToPrint<'_>, stage: Stage) -> Result<Printed, PdfError> {
        let content = |why: &dyn std::fmt::Display| PdfError::Content(why.to_string());
        let report = CanonicalReport::from_bytes(input.canonical).map_err(|e| content(&e))?;
        if report.template != TEMPLATE {
            return Err(PdfError::Template(report.template));
        }
        let sha256 = cms::sha256(input.canonical).to_string();
        let qr = qr(&report, &sha256);
        let page = Page { stage, ..self.page(&report, input.reader, &sha256, qr.is_some()) };
        let page = serde_json::to_vec(&page).map_err(|e| content(&e))?;
        let mut files = vec![
            (file_id("/report.json"), Bytes::new(input.canonical.to_vec())),
            (file_id("/page.json"), Bytes::new(page)),
        ];
        files.extend(qr.map(|svg| (file_id("/qr.svg"), Bytes::new(svg.into_bytes()))));
        for (name, image) in PICTURES.into_iter().zip(&report.key_images) {
            let picture = image.picture(input.pictures);
            let picture = picture.ok_or_else(|| content(&"a key image's picture is missing"))?;
            files.push((file_id(name), Bytes::new(picture.to_vec())));
        }
        let sheet = Sheet { printer: self, main: &self.report, files };
        let (pdf, document) = self.set(&sheet, sha256, input.reader.at)?;
        let place = |label| place(&document, label).ok_or_else(|| content(&"no place for a signer"));
        let needs_review = report.status == Status::Preliminary;
        let printed = Printed {
            pdf,
            reader: place("sign-reader")?,
            reviewer: if needs_review { Some(place("sign-reviewer")?) } else { None },
        };
        comemo::evict(4);
        Ok(printed)
    }

    /// Sets what the reviewer's place shows when he has signed: a page as large as the place.
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn reviewer(&self, canonical: &[u8], signer: &Signer) -> Result<Vec<u8>, PdfError> {
        let content = |why: &dyn std::fmt::Display| PdfError::Content(why.to_string());
        let report = CanonicalReport::from_bytes(canonical).map_err(|e| content(&e))?;
        let page = serde_json::json!({
            "signer": page_signer(&report, signer), "fonts": self.fonts.families(),
        });
        let page = serde_json::to_vec(&page).map_err(|e| content(&e))?;
        let files = vec![(file_id("/page.json"), Bytes::new(page))];
        let sheet = Sheet { printer: self, main: &self.signer, files };
        let ident = format!("{}-reviewer", cms::sha256(canonical));
        let (pdf, _) = self.set(&sheet, ident, signer.at)?;
        comemo::evict(4);
        Ok(pdf)
    }

    fn page(&self, report: &CanonicalReport, reader: &Signer, sha256: &str, has_qr: bool) -> Page {
        Page {
            stage: Stage::ToSign,
            sha256: sha256.to_owned(),
            reader: page_signer(report, reader),
            needs_review: report.status == Status::Preliminary,
            notice: reader.notice,
            fonts: self.fonts.families().to_vec(),
            pictures: PICTURES
                .into_iter()
                .zip(&report.key_images)
                .map(|(file, image)| PagePicture { file, bar: scale_bar(image) })
                .collect(),
            has_qr,
        }
    }

    fn set(
        &self,
        sheet: &Sheet<'_>,
        ident: String,
        at: OffsetDateTime,
    ) -> Result<(Vec<u8>, PagedDocument), PdfError> {
        let compiled = typst::compile::<PagedDocument>(sheet);
        let document = compiled.output.map_err(|errors| describe(&errors))?;
        let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1])
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
        let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| describe(&errors))?;
        Ok((pdf, document))
    }
}

fn page_signer(report: &CanonicalReport, signer: &Signer) -> PageSigner {
    let offset = OffsetDateTime::parse(&report.report_time, &time::format_description::well_known::Rfc3339)
        .map_or(time::UtcOffset::UTC, OffsetDateTime::offset);
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    PageSigner {
        name: signer.name.clone(),
        title: signer.title.clone(),
        organisation: signer.organisation.clone(),
        signed_at: signer.at.to_offset(offset).format(format).unwrap_or_default(),
        key: signer.key.printed(),
    }
}

/// A QR code (ISO/IEC 18004) that leads to the verification page, with the report's number and hash.
fn qr(report: &CanonicalReport, sha256: &str) -> Option<String> {
    if report.verify_url.is_empty() {
        return None;
    }
    let text = format!("{}?number={}&sha256={sha256}", report.verify_url, report.number);
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
    Some(code.render::<svg::Color<'_>>().quiet_zone(false).build())
}

/// Where a label's block is on its page.
fn place(document: &PagedDocument, label: &str) -> Option<Place> {
    let label = Label::new(PicoStr::intern(label))?;
    let introspector = document.introspector();
    let location = introspector.query_label(label).ok()?.location()?;
    let position = introspector.position(location)?;
    let page = position.page.get().checked_sub(1)?;
    let height = document.pages().get(page)?.frame.height().to_pt() as f32;
    let (left, top) = (position.point.x.to_pt() as f32, height - position.point.y.to_pt() as f32);
    let (width, height) = (PLACE_MM.0 * POINTS_PER_MM, PLACE_MM.1 * POINTS_PER_MM);
    let over = OVER_MM * POINTS_PER_MM;
    Some(Place { page, rectangle: [left, top - height, left + width, top + over] })
}

/// The longest bar of 1, 2 or 5 times a power of ten that takes at most a third of the picture's width.
fn scale_bar(image: &KeyImage) -> Option<(f64, String)> {
    let width_um: f64 = image.width_um()?.parse().ok().filter(|width| *width > 0.0)?;
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
    main: &'a Source,
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
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::AccessDenied) }
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

fn replaced(text: &str, covers: impl Fn(char) -> bool) -> String {
    let box_or_mark = if covers('□') { '□' } else { '?' };
    text.chars().map(|c| if c == '\n' || covers(c) { c } else { box_or_mark }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fidelity::{Fidelity, SeriesNote};
    use crate::record::{Consult, Evidence, SlideNote};
    use crate::testing::{NOW, around, canonical, canonical_with, consult, draft, run, signer, text_of};
    use access::Signatures;

    #[test]
    fn the_page_is_sound_readable_and_carries_what_is_signed() {
        let content = canonical(&consult(Signatures::Double));
        let printer = Printer::new(&Fonts::default()).unwrap();
        let reader = signer("王建国", NOW + time::Duration::minutes(5));
        let input = ToPrint { canonical: &content, pictures: &[], reader: &reader };
        let printed = printer.render(&input).unwrap();
        assert_eq!(printed, printer.render(&input).unwrap(), "the same input gives the same bytes");
        assert!(printed.reviewer.is_some_and(|place| place.rectangle[0] > printed.reader.rectangle[0]));

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.pdf").display().to_string();
        std::fs::write(&path, &printed.pdf).unwrap();
        run("qpdf", &["--check", &path]).unwrap();
        let text = run("pdftotext", &["-layout", &path, "-"]).unwrap();
        for word in [
            "远程诊断报告",
            "清河镇卫生院",
            "张三",
            "影像所见",
            "混合磨玻璃结节",
            "王建国",
            "待签名",
            "主任医师",
            "YX20261123-0007",
            crate::ca::TEST_NOTICE,
            "2026-11-23 14:45:00",
            "第1页共1页",
            "自持证书",
        ] {
            let is_there = text.contains(word) || text.replace(' ', "").contains(word);
            assert!(is_there, "{word} in\n{text}");
        }
        let out = directory.path().join("out").display().to_string();
        run("pdfdetach", &["-savefile", "report.json", "-o", &out, &path]).unwrap();
        assert_eq!(std::fs::read(out).unwrap(), content);
    }

    #[test]
    fn a_critical_finding_is_printed_with_who_told_whom() {
        let consult = consult(Signatures::Single);
        let mut told = crate::critical::testing::finding();
        let standing = told.clone();
        told.acknowledged = Some(crate::critical::testing::receipt(&told));
        let content = canonical_with(&consult, &draft(), &[told, standing]);
        assert!(
            !canonical(&consult).windows(8).any(|part| part == b"critical"),
            "without one nothing changes"
        );
        let reader = signer("王建国", NOW + time::Duration::minutes(5));
        let input = ToPrint { canonical: &content, pictures: &[], reader: &reader };
        let pdf = Printer::new(&Fonts::default()).unwrap().render(&input).unwrap().pdf;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.pdf").display().to_string();
        std::fs::write(&path, &pdf).unwrap();
        let text = run("pdftotext", &["-layout", &path, "-"]).unwrap().replace([' ', '\n'], "");
        for word in [
            "危急值报告",
            "张力性气胸",
            "王建国于2026-11-2314:40报告",
            "李敏于",
            "（电话）",
            "复述：右侧张力性气胸",
            "签发时尚未确认接收",
        ] {
            assert!(text.contains(word), "{word} in\n{text}");
        }
    }

    /// The lines under the report of a study of slides, with another of an earlier study.
    fn words_of_slides(consult: &mut Consult, all: Vec<SlideNote>) -> String {
        let uid = |text: &str| model::Uid::parse(text).unwrap();
        let one = |study: &str, series: &str, fidelity| Evidence {
            study_instance_uid: uid(study),
            series_instance_uid: uid(series),
            sop_instance_uid: uid(&format!("{series}.1")),
            sha256: model::Sha256([1; 32]),
            fidelity: Some(fidelity),
        };
        consult.evidence = vec![
            one("1.2.3.4", "1.2.3.4.1", Fidelity::Lossless),
            one("1.2.3.4", "1.2.3.4.2", Fidelity::AsReceived),
            one("1.2.3.9", "1.2.3.9.1", Fidelity::Lossy),
        ];
        let note = |(series, number): (&str, &str)| SeriesNote {
            series: uid(series),
            modality: "SM".into(),
            number: number.into(),
        };
        consult.series = [("1.2.3.4.1", "1"), ("1.2.3.4.2", "2"), ("1.2.3.9.1", "3")].map(note).into();
        let reader = signer("王建国", NOW);
        let mut around = around(consult, &draft(), &[]);
        around.slides.all = all;
        let content = CanonicalReport::of(consult, &draft(), &around).to_bytes().unwrap();
        let input = ToPrint { canonical: &content, pictures: &[], reader: &reader };
        text_of(&Printer::new(&Fonts::default()).unwrap().render(&input).unwrap().pdf)
    }

    fn slide(series: Option<&str>, name: &str) -> SlideNote {
        SlideNote {
            id: model::SlideId::parse(&format!("slide{name}")).unwrap(),
            grade: "A".into(),
            name: name.into(),
            series: series.map(|series| model::Uid::parse(series).unwrap()),
        }
    }

    #[test]
    fn slides_of_an_earlier_study_are_told_of_where_the_studys_own_have_grades() {
        let mut consult = consult(Signatures::Single);
        let all = vec![slide(Some("1.2.3.4.1"), "1"), slide(Some("1.2.3.4.2"), "2")];
        let text = words_of_slides(&mut consult, all);
        assert!(text.contains("切片无损等级1A、2A"), "{text}");
        assert!(text.contains("按收到的原样显示：有损压缩（收到时已如此）1幅（既往SM序列3）"), "{text}");
        assert!(!text.contains("SM序列1") && !text.contains("SM序列2"), "{text}");
    }

    #[test]
    fn a_slide_without_a_printed_grade_is_told_of_beside_one_with() {
        let mut consult = consult(Signatures::Single);
        consult.slide = Some(slide(Some("1.2.3.4.1"), ""));
        let text = words_of_slides(&mut consult, Vec::new());
        assert!(text.contains("未标明是否无损1幅（SM序列2）"), "{text}");
        assert!(!text.contains("SM序列1"), "{text}");
        // Of a question that was written before notes named their series, all slides of the study.
        consult.slide = Some(slide(None, ""));
        let text = words_of_slides(&mut consult, Vec::new());
        assert!(!text.contains("SM序列2") && text.contains("既往SM序列3"), "{text}");
    }

    #[test]
    fn what_no_font_has_is_told_before() {
        let printer = Printer::new(&Fonts::default()).unwrap();
        assert_eq!(printer.unprintable("诊断\nABC"), None);
        assert_eq!(printer.unprintable("好\u{1FAE0}"), Some('\u{1FAE0}'));
    }

    #[test]
    fn what_no_font_has_is_replaced_also_when_the_box_is_missing() {
        assert_eq!(replaced("a\u{1f9b4}\nb", |c| c.is_ascii_lowercase() || c == '□'), "a□\nb");
        assert_eq!(replaced("a\u{1f9b4}\n□", |c| c.is_ascii_lowercase()), "a?\n?");
    }
}
