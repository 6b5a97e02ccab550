//! Barcodes on labels: Data Matrix (ISO/IEC 16022), QR Code (18004), Code 128 (15417) and Code 39 (16388), as laboratories print
//! them on glass. What they say is kept as it is; `identity` decides what it means.

use crate::small_image::SmallImage;
use crate::{AssociatedKind, readers::Plan};
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::multi::{GenericMultipleBarcodeReader, MultipleBarcodeReader};
use rxing::qrcode::QRCodeReader;
use rxing::{
    BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, MultiFormatReader, RXingResult,
};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Pixels of the longer side that is looked at; larger images are averaged down.
const SIDE_MAX: usize = 2048;
/// Pixels of white around it: symbols may be printed up to the label's edge, and begin with a quiet zone.
const MARGIN: usize = 24;
/// Symbols of one label.
const SYMBOLS_MAX: usize = 8;
/// Characters of one.
const CHARS_MAX: usize = 256;
/// Nothing more is tried after this time; one attempt takes a fraction of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Code 39 has no check digit: shorter ones are found in ruled lines and in tissue.
const CODE_39_CHARS_MIN: usize = 4;

const FORMATS: [BarcodeFormat; 4] =
    [BarcodeFormat::DATA_MATRIX, BarcodeFormat::QR_CODE, BarcodeFormat::CODE_128, BarcodeFormat::CODE_39];

/// What the barcodes of a slide say: those that the scanner has read and written down, otherwise those on the picture of the
/// label, or on the overview when there is no other. Takes up to seconds.
pub(crate) fn of_plan(plan: &Plan) -> Vec<String> {
    let written: Vec<String> = plan.scan.barcodes.iter().filter_map(|text| clean(text)).collect();
    if !written.is_empty() {
        return distinct(written);
    }
    let of_kind = |wanted| plan.associated.iter().find(|(kind, _)| *kind == wanted);
    let picture = of_kind(AssociatedKind::Label).or_else(|| of_kind(AssociatedKind::Overview));
    picture.map(|(_, image)| on_image(image)).unwrap_or_default()
}

/// What the barcodes on an image say, each once, in the order of [`FORMATS`]; which way up it lies does not matter.
fn on_image(image: &SmallImage) -> Vec<String> {
    let Some(mut luma) = Luma::of(image) else { return Vec::new() };
    let until = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    let mut open = FORMATS.to_vec();
    for _ in 0..4 {
        open.retain(|format| {
            if Instant::now() > until {
                tracing::warn!("looking for barcodes on a label took too long and was given up");
                return false;
            }
            let read = luma.read(*format);
            let is_open = read.is_empty();
            found.extend(read);
            is_open
        });
        luma = luma.turned();
    }
    distinct(found)
}

fn distinct(texts: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).take(SYMBOLS_MAX).collect()
}

/// With a space for what stands between fields (GS1 and ISO/IEC 15434 separate by control characters), and none around; `None` when
/// nothing is left, or too much.
fn clean(text: &str) -> Option<String> {
    let fields = text.split(char::is_control).map(str::trim).filter(|field| !field.is_empty());
    let text = fields.collect::<Vec<_>>().join(" ");
    (!text.is_empty() && text.chars().count() <= CHARS_MAX).then_some(text)
}

/// An image in shades.
struct Luma {
    width: usize,
    height: usize,
    shades: Vec<u8>,
}

impl Luma {
    /// Averages an image down to [`SIDE_MAX`], and puts white around it.
    fn of(image: &SmallImage) -> Option<Self> {
        let (width, height) = (image.width as usize, image.height as usize);
        if width == 0 || height == 0 || image.rgb.len() != width * height * 3 {
            return None;
        }
        let by = width.max(height).div_ceil(SIDE_MAX);
        let (columns, rows) = (width / by, height / by);
        let mut luma = Self { width: columns + 2 * MARGIN, height: rows + 2 * MARGIN, shades: Vec::new() };
        luma.shades = vec![255; luma.width * luma.height];
        for row in 0..rows {
            let line = &mut luma.shades[(row + MARGIN) * luma.width + MARGIN..][..columns];
            for (column, shade) in line.iter_mut().enumerate() {
                *shade = mean(&image.rgb, width, (column * by, row * by), by);
            }
        }
        Some(luma)
    }

    /// A quarter turn counterclockwise.
    fn turned(&self) -> Self {
        let (width, height) = (self.height, self.width);
        let shade = |at: usize| self.shades[at % width * self.width + (self.width - 1 - at / width)];
        Self { width, height, shades: (0..width * height).map(shade).collect() }
    }

    fn read(&self, format: BarcodeFormat) -> Vec<String> {
        let mut hints = DecodeHints {
            PossibleFormats: Some(HashSet::from([format])),
            TryHarder: Some(true),
            ..DecodeHints::default()
        };
        let mut found = self.symbols(&hints);
        if found.iter().any(|symbol| !unsaid(symbol).is_empty()) {
            hints.CharacterSet = Some("gb18030".to_owned());
            let again = self.symbols(&hints);
            found = found.into_iter().filter_map(|symbol| in_chinese(symbol, &again)).collect();
        }
        found.iter().filter_map(said).collect()
    }

    fn symbols(&self, hints: &DecodeHints) -> Vec<RXingResult> {
        let source = || {
            let size = (u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?);
            Luma8LuminanceSource::new(self.shades.clone(), size.0, size.1).ok()
        };
        // Bars are looked for in single rows, against one threshold for each: where the light is uneven, only once all of it is
        // black and white.
        let by_part = || source().map(|source| all(HybridBinarizer::new(source), hints));
        let by_whole = || source().map(|source| all(GlobalHistogramBinarizer::new(source), hints));
        let levelled = || levelled(source()?).map(|source| all(GlobalHistogramBinarizer::new(source), hints));
        let attempts: [&dyn Fn() -> Option<Vec<RXingResult>>; 3] = [&by_part, &by_whole, &levelled];
        attempts.into_iter().filter_map(caught).find(|found| !found.is_empty()).unwrap_or_default()
    }
}

/// What of a QR Code is no UTF-8, when it does not say (by ECI) what it is: its reader guesses at Japanese and Western letters then.
fn unsaid(symbol: &RXingResult) -> Vec<&[u8]> {
    use rxing::{RXingResultMetadataType as Kind, RXingResultMetadataValue as Value};
    let notes = symbol.getRXingResultMetadata();
    let says = matches!(notes.get(&Kind::SYMBOLOGY_IDENTIFIER),
        Some(Value::SymbologyIdentifier(text)) if matches!(text.as_str(), "]Q2" | "]Q4" | "]Q6"));
    if says || *symbol.getBarcodeFormat() != BarcodeFormat::QR_CODE {
        return Vec::new();
    }
    let bytes = match notes.get(&Kind::BYTE_SEGMENTS) {
        Some(Value::ByteSegments(segments)) => segments.iter().map(Vec::as_slice).collect(),
        _ => vec![symbol.getRawBytes()],
    };
    bytes.into_iter().filter(|bytes| std::str::from_utf8(bytes).is_err()).collect()
}

/// The same symbol read as Chinese programs write it (GB 18030); itself when that makes no other text of it, `None` when it is
/// neither.
fn in_chinese(symbol: RXingResult, again: &[RXingResult]) -> Option<RXingResult> {
    let bytes = unsaid(&symbol);
    if bytes.is_empty() || again.iter().any(|other| other.getText() == symbol.getText()) {
        return Some(symbol);
    }
    let is_same = |other: &&RXingResult| {
        let (written, _, is_lossy) = encoding_rs::GB18030.encode(other.getText());
        let has = |part: &&[u8]| written.windows(part.len()).any(|window| window == *part);
        !is_lossy && !other.getText().contains(char::REPLACEMENT_CHARACTER) && bytes.iter().all(has)
    };
    again.iter().find(is_same).cloned()
}

/// The mean shade (ITU-R BT.601) of a square of pixels.
fn mean(rgb: &[u8], width: usize, (left, top): (usize, usize), side: usize) -> u8 {
    let rows = (top..top + side).map(|row| &rgb[(row * width + left) * 3..(row * width + left + side) * 3]);
    let sum: usize = rows
        .flat_map(|row| row.as_chunks::<3>().0)
        .map(|&[r, g, b]| (usize::from(r) * 77 + usize::from(g) * 150 + usize::from(b) * 29) >> 8)
        .sum();
    u8::try_from(sum / (side * side)).unwrap_or(u8::MAX)
}

/// Black and white by thresholds of each part.
fn levelled(source: Luma8LuminanceSource) -> Option<Luma8LuminanceSource> {
    let binarizer = HybridBinarizer::new(source);
    let matrix = binarizer.get_black_matrix().ok()?;
    let (width, height) = (matrix.width(), matrix.height());
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let shades = places.map(|(x, y)| if matrix.get(x, y) { 0 } else { 255 }).collect();
    Luma8LuminanceSource::new(shades, width, height).ok()
}

fn all<B: Binarizer>(binarizer: B, hints: &DecodeHints) -> Vec<RXingResult> {
    let bitmap = &mut BinaryBitmap::new(binarizer);
    // Of the readers of QR Codes only this one asks what characters to expect.
    let found = if hints.CharacterSet.is_some() {
        GenericMultipleBarcodeReader::new(QRCodeReader).decode_multiple_with_hints(bitmap, hints)
    } else {
        GenericMultipleBarcodeReader::new(MultiFormatReader::default())
            .decode_multiple_with_hints(bitmap, hints)
    };
    found.unwrap_or_default()
}

fn said(found: &RXingResult) -> Option<String> {
    let text = clean(found.getText())?;
    let is_chance = *found.getBarcodeFormat() == BarcodeFormat::CODE_39 && text.len() < CODE_39_CHARS_MIN;
    (!is_chance).then_some(text)
}

/// A label is a stranger's picture: what ends the reader does not end the import.
fn caught<T>(read: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        tracing::warn!("the reader of barcodes has failed on a label");
        None
    })
}

#[cfg(test)]
mod tests;
