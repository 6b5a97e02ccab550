//! Images of radiology become key images of a report: one frame with a window, turned as its reader had it. The picture is
//! made here, from the stored bits that are in evidence.

use super::KeyImageChoice;
use crate::problem::ApiError;
use crate::state::ApiState;
use access::Caller;
use codec::Window;
use consult::key_image::frame::{CAPTION_CHARS_MAX, FrameKeyImage};
use consult::key_image::jpeg_size;
use consult::mark::{LABEL_CHARS_MAX, MARKS_MAX, Mark};
use consult::record::Consult;
use model::Uid;
use pacs::dicomweb::{Seen, Turn, WebError, picture};
use serde_json::Value as Json;
use std::ops::RangeInclusive;
use storage::read::MetadataForm;
use storage::{InstanceRef, MetadataBody, StorageError};
use time::OffsetDateTime;
use uuid::Uuid;

/// Pixels of either side that a picture may be asked for.
const SIDES: RangeInclusive<u32> = 64..=1024;
/// What a picture fits into when nobody says.
const SIDE: u32 = 768;
/// Values of a window lie within these bounds.
const WINDOW_MAX: f64 = 1e9;

fn refused(field: &str, why: &str) -> ApiError {
    ApiError::invalid(&format!("key_images.{field}"), why)
}

/// The frame that was chosen. If `known` shows the same, its picture stays, with the words and marks of the choice.
pub(super) async fn chosen(
    state: &ApiState,
    caller: &Caller,
    consult: &Consult,
    choice: &KeyImageChoice,
    known: Option<&FrameKeyImage>,
) -> Result<FrameKeyImage, ApiError> {
    let wish = Wish::of(choice)?;
    let missing = || refused("instance", "不在本次会诊的图像之中 / not among the images of this case");
    let evidence = consult.evidence.iter().find(|item| item.sop_instance_uid == wish.instance);
    let evidence = evidence.ok_or_else(missing)?;
    let storage = &state.0.storage;
    let scope = caller.scope().owned_by(consult.study.org.clone());
    let (study, series) = (&evidence.study_instance_uid, &evidence.series_instance_uid);
    let found = storage.instance(&scope, study, series, &wish.instance).await;
    let instance = match found {
        Ok(found) if *found.sha256() == evidence.sha256 => found,
        Ok(_) | Err(StorageError::NotFound) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let frames = instance.frame_count();
    if frames == 0 || instance.pixels().is_none() {
        return Err(refused("instance", "其中没有图像 / there is no image in it"));
    }
    if !(1..=frames).contains(&wish.frame) {
        return Err(refused("frame", &format!("只有 {frames} 帧 / it has {frames} frames")));
    }
    let is_grey = instance.pixels().is_some_and(|p| p.photometric_interpretation.starts_with("MONOCHROME"));
    let window = wish.window.clone().filter(|_| is_grey);
    let (centre, width) = window.clone().map(|(centre, width, _)| (centre, width)).unzip();
    let made = FrameKeyImage {
        id: wish.id.clone(),
        name: wish.name.clone(),
        study: study.clone(),
        series: series.clone(),
        instance: wish.instance.clone(),
        frame: wish.frame,
        frames,
        modality: String::new(),
        series_number: String::new(),
        series_description: String::new(),
        instance_number: String::new(),
        window_centre: centre,
        window_width: width,
        inverted: choice.inverted && is_grey,
        rotation_deg: wish.turn.1.to_owned(),
        mirrored: choice.mirrored,
        picture_sha256: evidence.sha256,
        picture_width: 0,
        picture_height: 0,
        marks: Vec::new(),
        made_by: caller.as_person().map(|person| person.name.clone()).unwrap_or_default(),
        made_at: model::time_text::rfc3339(OffsetDateTime::now_utc()),
    };
    if let Some(known) = known.filter(|known| known.shows_what(&made)) {
        let marks = wish.marks_on((known.picture_width, known.picture_height));
        return Ok(FrameKeyImage { name: made.name, marks, ..known.clone() });
    }
    let seen = Seen {
        frame: wish.frame - 1,
        window: window.map(|(_, _, window)| window),
        is_inverted: made.inverted,
        turn: wish.turn.0,
        is_mirrored: made.mirrored,
        fit: wish.fit,
    };
    let file = match picture(storage, &scope, &instance, seen).await {
        Ok(file) => file,
        Err(WebError::OutOfResources) => return Err(ApiError::OutOfResources),
        Err(error @ (WebError::Unavailable | WebError::CodecUnavailable(_) | WebError::Internal)) => {
            tracing::warn!(%error, "a key image could not be made");
            return Err(StorageError::Unavailable("pictures".to_owned()).into());
        }
        Err(_) => return Err(refused("instance", "此图像无法显示 / this image cannot be shown")),
    };
    let (picture_width, picture_height) =
        jpeg_size(&file).map(|(w, h)| (w.into(), h.into())).ok_or(ApiError::Internal)?;
    let picture_sha256 = state.0.consults.keep_picture(caller, &file).await?;
    let tags = Described::of(state, &scope, &instance).await?;
    Ok(FrameKeyImage {
        modality: tags.text("00080060"),
        series_number: tags.text("00200011"),
        series_description: tags.text("0008103E"),
        instance_number: tags.text("00200013"),
        picture_sha256,
        picture_width,
        picture_height,
        marks: wish.marks_on((picture_width, picture_height)),
        ..made
    })
}

/// A choice that has been read.
struct Wish {
    id: String,
    name: String,
    instance: Uid,
    frame: u32,
    /// Centre and width as they came, and as numbers.
    window: Option<(String, String, Window)>,
    turn: (Turn, &'static str),
    fit: (u32, u32),
    marks: Vec<Mark>,
}

impl Wish {
    fn of(choice: &KeyImageChoice) -> Result<Self, ApiError> {
        let id = choice.id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        let id = id.ok_or_else(|| refused("id", "不是 UUID / no UUID"))?.to_string();
        let instance = choice.instance.as_deref().and_then(|uid| Uid::parse(uid).ok());
        let instance = instance.ok_or_else(|| {
            refused("instance", "不在本次会诊的图像之中 / not among the images of this case")
        })?;
        if choice.name.chars().count() > CAPTION_CHARS_MAX {
            return Err(refused("name", "图注最多 200 字 / at most 200 characters"));
        }
        let turn = match choice.rotation_deg.as_deref() {
            None | Some("0") => (Turn::None, "0"),
            Some("90") => (Turn::Quarter, "90"),
            Some("180") => (Turn::Half, "180"),
            Some("270") => (Turn::ThreeQuarters, "270"),
            Some(_) => return Err(refused("rotation_deg", "0, 90, 180, 270")),
        };
        let fit = (choice.picture_width.unwrap_or(SIDE), choice.picture_height.unwrap_or(SIDE));
        if !SIDES.contains(&fit.0) || !SIDES.contains(&fit.1) {
            return Err(refused("picture_width", "64 – 1024"));
        }
        let unmarked = || refused("marks", "标记不能绘制 / a mark that cannot be drawn");
        if choice.marks.len() > MARKS_MAX {
            return Err(refused("marks", "标记最多 12 个 / at most 12 marks"));
        }
        let marks = choice.marks.iter().map(|mark| {
            let mark: Mark = serde_json::from_value(mark.clone()).map_err(|_| unmarked())?;
            if mark.label.chars().count() > LABEL_CHARS_MAX {
                return Err(refused(
                    "marks",
                    "标记的文字最多 40 字 / a label of a mark has at most 40 characters",
                ));
            }
            Mark::new(mark.kind, mark.points, &mark.label).ok_or_else(unmarked)
        });
        Ok(Self {
            id,
            name: choice.name.clone(),
            instance,
            frame: choice.frame.unwrap_or(1),
            window: window(choice)?,
            turn,
            fit,
            marks: marks.collect::<Result<_, _>>()?,
        })
    }

    /// The marks on a picture of this size, which may differ by a pixel from the one that was wished for.
    fn marks_on(&self, (width, height): (u32, u32)) -> Vec<Mark> {
        let (across, down) =
            (f64::from(width) / f64::from(self.fit.0), f64::from(height) / f64::from(self.fit.1));
        let at = |[x, y]: &[i32; 2]| {
            [(f64::from(*x) * across).round() as i32, (f64::from(*y) * down).round() as i32]
        };
        let marks = self.marks.iter();
        marks.map(|mark| Mark { points: mark.points.iter().map(at).collect(), ..mark.clone() }).collect()
    }
}

fn window(choice: &KeyImageChoice) -> Result<Option<(String, String, Window)>, ApiError> {
    let wrong = |field| refused(field, "不是窗值 / no window");
    let number = |field, text: &String| {
        let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && n.abs() <= WINDOW_MAX);
        number.filter(|_| text.len() <= 24).ok_or_else(|| wrong(field))
    };
    match (&choice.window_centre, &choice.window_width) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(wrong("window_centre")),
        (Some(_), None) => Err(wrong("window_width")),
        (Some(centre), Some(width)) => {
            let window =
                Window { center: number("window_centre", centre)?, width: number("window_width", width)? };
            if window.width < 1.0 {
                return Err(wrong("window_width"));
            }
            Ok(Some((centre.clone(), width.clone(), window)))
        }
    }
}

/// What an instance says of itself, as corrected.
struct Described(Json);

impl Described {
    async fn of(state: &ApiState, scope: &model::Scope, instance: &InstanceRef) -> Result<Self, ApiError> {
        let (study, series, one) = (instance.study(), instance.series(), instance.instance());
        let found =
            state.0.storage.metadata(scope, study, Some(series), Some(one), MetadataForm::Plain).await?;
        let (MetadataBody::Plain(text) | MetadataBody::Gzip(text)) = found;
        let mut all: Json = serde_json::from_slice(&text).map_err(|_| ApiError::Internal)?;
        Ok(Self(all[0].take()))
    }

    /// The first value in one line.
    fn text(&self, tag: &str) -> String {
        match &self.0[tag]["Value"][0] {
            Json::String(text) => {
                text.chars().filter(|c| !c.is_control()).take(64).collect::<String>().trim().to_owned()
            }
            Json::Number(number) => number.to_string(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn choice(change: &Json) -> KeyImageChoice {
        let mut choice = json!({
            "id": "0199aaaa-0000-7000-8000-000000000001", "instance": "1.2.3", "window_centre": "-600",
            "window_width": "1500", "picture_width": 512, "picture_height": 512,
            "marks": [{"kind": "line", "points": [[0, 0], [511, 512]], "label": "8.2 mm"}],
        });
        choice.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(choice).unwrap()
    }

    #[test]
    fn what_cannot_be_shown_is_refused_by_its_name() {
        assert!(Wish::of(&choice(&json!({}))).is_ok());
        for (change, field) in [
            (json!({"id": "one"}), "id"),
            (json!({"instance": "../x"}), "instance"),
            (json!({"name": "字".repeat(201)}), "name"),
            (json!({"rotation_deg": "45"}), "rotation_deg"),
            (json!({"window_width": null}), "window_width"),
            (json!({"window_width": "0"}), "window_width"),
            (json!({"window_centre": "inf"}), "window_centre"),
            (json!({"picture_width": 4096}), "picture_width"),
            (json!({"marks": [{"kind": "line", "points": [[0, 0]]}]}), "marks"),
            (json!({"marks": [{"kind": "circle", "points": [[0, 0]]}]}), "marks"),
            (json!({"marks": vec![json!({"kind": "point", "points": [[0, 0]]}); 13]}), "marks"),
        ] {
            match Wish::of(&choice(&change)).err() {
                Some(ApiError::Invalid { field: named, .. }) => {
                    assert_eq!(named, format!("key_images.{field}"))
                }
                other => panic!("{change}: {other:?}"),
            }
        }
    }

    #[test]
    fn marks_follow_the_picture_that_was_made() {
        let wish = Wish::of(&choice(&json!({"picture_height": 256}))).unwrap();
        let [mark] = wish.marks_on((256, 255)).try_into().unwrap();
        assert_eq!((mark.points, mark.label.as_str()), (vec![[0, 0], [256, 510]], "8.2 mm"));
    }
}
