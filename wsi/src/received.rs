//! What comes as DICOM, against a real storage: which images become a slide, who sees its label, and whose it is after a
//! correction.

use crate::adopt::Work;
use crate::out::{Colouring, Rectangle, Seen, View};
use crate::slides::{KIND, study_key};
use crate::{
    AssociatedKind, FramesChecked, LabelRight, Revision, Slide, SlideError, Slides, TileForm, dicom,
};
use dataset::{Dataset, TransferSyntax, VR, tags, write};
use model::{Actor, ConsultId, Limits, OrgId, Scope, SlideId, Uid};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use storage::{
    Arrival, Change, Correction, Grant, GrantChange, Reason, ReasonCode, Storage, StorageConfig,
    StorageError, Via,
};

const STUDY: &str = "1.2.3.1";
const SERIES: &str = "1.2.3.1.1";

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

struct Node {
    storage: Storage,
    slides: Slides,
    owner: OrgId,
    directory: tempfile::TempDir,
}

/// An image of a slide, of one tile.
struct Image {
    number: u32,
    flavor: &'static str,
    label_in_image: &'static str,
    size: (u16, u16),
    methods: &'static str,
    /// So many shades instead of one colour.
    shades: Option<u8>,
    /// ICC Profile.
    profile: &'static [u8],
}

const VOLUME: Image = Image {
    number: 1,
    flavor: "VOLUME",
    label_in_image: "NO",
    size: (200, 100),
    methods: "",
    shades: None,
    profile: &[],
};

impl Image {
    fn instance(&self) -> Uid {
        uid(&format!("{SERIES}.{}", self.number))
    }
}

impl Node {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path(), Limits::default());
        let storage = Storage::open(config).await.unwrap();
        let slides = Slides::new(storage.clone());
        Self { storage, slides, owner: OrgId::parse("township").unwrap(), directory }
    }

    fn own(&self) -> Scope {
        Scope::organisation(Actor::node("test"), self.owner.clone())
    }

    fn foreign() -> Scope {
        Scope::organisation(Actor::node("test"), OrgId::parse("city").unwrap())
    }

    async fn receive(&self, image: &Image) {
        self.receive_changed(image, |_| {}).await.unwrap();
    }

    /// What comes of an image after a stranger's changes.
    async fn receive_changed(
        &self,
        image: &Image,
        change: impl FnOnce(&mut Dataset),
    ) -> Result<(), StorageError> {
        let mut d = Dataset::new();
        for (tag, vr, text) in [
            (tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
            (tags::IMAGE_TYPE, VR::CS, format!("ORIGINAL\\PRIMARY\\{}\\NONE", image.flavor).as_str()),
            (tags::SOP_CLASS_UID, VR::UI, dicom::SOP_CLASS),
            (tags::SOP_INSTANCE_UID, VR::UI, image.instance().as_str()),
            (tags::STUDY_DATE, VR::DA, "20260102"),
            (tags::MODALITY, VR::CS, "SM"),
            (tags::PATIENT_NAME, VR::PN, "Wang^Wu=王^五"),
            (tags::PATIENT_ID, VR::LO, "W5"),
            (tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
            (tags::SERIES_INSTANCE_UID, VR::UI, SERIES),
            (tags::INSTANCE_NUMBER, VR::IS, &image.number.to_string()),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.2.3.9"),
            (tags::SPECIMEN_LABEL_IN_IMAGE, VR::CS, image.label_in_image),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, image.shades.map_or("RGB", |_| "MONOCHROME2")),
            (tags::NUMBER_OF_FRAMES, VR::IS, "1"),
            (tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, "TILED_FULL"),
        ] {
            d.put_text(tag, vr, text);
        }
        if !image.methods.is_empty() {
            d.put_text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "01");
            d.put_text(tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS, image.methods);
        }
        let (width, height) = image.size;
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, if image.shades.is_some() { 1 } else { 3 }),
            (tags::ROWS, height),
            (tags::COLUMNS, width),
            (tags::BITS_ALLOCATED, 8),
            (tags::BITS_STORED, 8),
            (tags::HIGH_BIT, 7),
            (tags::PIXEL_REPRESENTATION, 0),
        ] {
            d.put_u16(tag, &[value]);
        }
        d.put_u32(tags::TOTAL_PIXEL_MATRIX_COLUMNS, &[width.into()]);
        d.put_u32(tags::TOTAL_PIXEL_MATRIX_ROWS, &[height.into()]);
        let pixels = usize::from(width) * usize::from(height);
        let bytes = match image.shades {
            None => {
                d.put_u16(tags::PLANAR_CONFIGURATION, &[0]);
                vec![7; pixels * 3]
            }
            Some(shades) => (0..pixels).map(|at| (at % usize::from(shades)) as u8).collect(),
        };
        if !image.profile.is_empty() {
            d.put_bytes(tags::ICC_PROFILE, VR::OB, image.profile.to_vec());
        }
        d.put_bytes(tags::PIXEL_DATA, VR::OB, bytes);
        change(&mut d);
        let syntax = TransferSyntax::explicit_little();
        let arrival = Arrival { owner: self.owner.clone(), via: Via::Dimse, declared: None };
        let mut sink = self.storage.sink(&self.own(), arrival, syntax.clone()).await?;
        sink.write(&write::to_bytes(&d, &syntax)).await?;
        sink.commit().await.map(drop)
    }

    async fn slide(&self) -> Slide {
        let mut slides = self.slides.adopt(&self.owner, &uid(STUDY)).await.unwrap();
        assert_eq!(slides.len(), 1);
        slides.remove(0)
    }

    /// What a process does that begins now; afterwards there is a slide, and nothing is left to do.
    async fn follow_once(&self) {
        self.slides.adopt_arrivals(&mut Work::default()).await.unwrap();
        let slides = self.slides.slides_of_study(&self.own(), &self.owner, &uid(STUDY)).await.unwrap();
        assert_eq!(slides.len(), 1);
        assert_eq!(self.slides.begun_before().await.unwrap(), []);
    }

    async fn correct(&self, correction: Correction) {
        let reason = Reason { code: ReasonCode::WrongIdentity, text: "the wrong patient was chosen".into() };
        self.storage.correct(&self.own(), &self.owner, correction, reason).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_volumes_without_a_label_are_levels() {
    let node = Node::new().await;
    let images = [
        Image { number: 1, methods: "ISO_10918_1\\ISO_15444_1", ..VOLUME },
        Image { number: 2, flavor: "Volume", size: (100, 50), ..VOLUME },
        Image { number: 3, flavor: "VOLUME", label_in_image: "YES", size: (50, 25), ..VOLUME },
        Image { number: 4, flavor: "label", size: (48, 24), ..VOLUME },
        Image { number: 5, flavor: "LOCALIZER", size: (46, 23), ..VOLUME },
        Image { number: 6, flavor: "", size: (44, 22), ..VOLUME },
        Image { number: 7, flavor: "VOLUME", size: (40, 40), ..VOLUME },
    ];
    for image in &images {
        node.receive(image).await;
    }
    let slide = node.slide().await;
    let levels: Vec<_> = slide.levels.iter().map(|level| level.instance.clone()).collect();
    assert_eq!(levels, [images[0].instance(), images[1].instance()]);
    let associated: Vec<_> =
        slide.associated.iter().map(|image| (image.kind, image.instance.clone())).collect();
    assert!(associated.contains(&(AssociatedKind::Overview, images[2].instance())), "{associated:?}");
    assert!(associated.contains(&(AssociatedKind::Label, images[3].instance())), "{associated:?}");
    assert_eq!((associated.len(), slide.omitted.len()), (2, 3), "{:?}", slide.omitted);
    assert!(slide.is_as_received());
    assert_eq!((slide.grade.tiles_checked, slide.grade.generations), (0, 2));
}

/// Changes one byte of the pixels that lie on the disk.
fn damage(folder: &std::path::Path) {
    use std::os::unix::fs::FileExt as _;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let Some(at) = bytes.windows(1000).position(|run| run.iter().all(|byte| *byte == 7)) else {
                continue;
            };
            let file = std::fs::File::options().write(true).open(entry.path()).unwrap();
            file.write_all_at(&[8], at as u64 + 500).unwrap();
            return;
        }
    }
    panic!("the pixels lie nowhere");
}

/// There is no scanner's file to compare it with, but each frame has its SHA-256.
#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_not_what_it_was_is_found() {
    let node = Node::new().await;
    node.receive(&VOLUME).await;
    node.receive(&Image { number: 2, size: (100, 50), shades: Some(3), ..VOLUME }).await;
    let slide = node.slide().await;
    let check = || async { node.slides.check(&node.own(), &slide.id, &|_| {}).await.map(|done| done.frames) };
    assert_eq!(check().await, Ok(FramesChecked { compared: 0, equal: 0, noted: 2 }));
    assert_eq!(check().await, Ok(FramesChecked { compared: 2, equal: 2, noted: 0 }));
    damage(node.directory.path());
    assert_eq!(check().await, Ok(FramesChecked { compared: 2, equal: 1, noted: 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_an_instance_that_is_not_what_came() {
    let node = Node::new().await;
    node.receive(&VOLUME).await;
    let slide = node.slide().await;
    damage(node.directory.path());
    let refused = node.slides.check(&node.own(), &slide.id, &|_| {}).await;
    assert!(matches!(refused, Err(SlideError::Storage(StorageError::Corrupt(_)))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_in_the_slides_own_study_is_not_granted_with_it() {
    let node = Node::new().await;
    let label = Image { number: 2, flavor: "LABEL", label_in_image: "YES", size: (60, 60), ..VOLUME };
    node.receive(&VOLUME).await;
    node.receive(&label).await;
    let slide = node.slide().await;
    let consult = ConsultId::new();
    let grantee = OrgId::parse("city").unwrap();
    let grant = Grant { owner: node.owner.clone(), study: uid(STUDY), grantee, consult };
    let change = Change { grants: vec![GrantChange::Give(grant)], ..Change::default() };
    node.storage.apply(&Scope::node("test"), change).await.unwrap();

    let (theirs, study, series) = (Node::foreign(), uid(STUDY), uid(SERIES));
    assert_eq!(node.slides.slide(&theirs, &slide.id).await.unwrap().id, slide.id);
    node.slides.tile(&theirs, &slide.id, 0, 0, 0).await.unwrap();
    let listed = node.storage.instances(&theirs, &study, None, None).await.unwrap();
    assert_eq!(listed.iter().map(|found| found.instance().clone()).collect::<Vec<_>>(), [VOLUME.instance()]);
    for scope in [theirs, node.own().without_labels()] {
        let found = node.storage.instance(&scope, &study, &series, &label.instance()).await.map(|_| ());
        assert_eq!(found, Err(StorageError::NotFound));
    }
    node.storage.instance(&node.own(), &study, &series, &label.instance()).await.unwrap();
    let kind = AssociatedKind::Label;
    node.slides.associated(&node.own(), LabelRight::Granted, &slide.id, kind).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slide_is_whose_it_is_after_a_correction() {
    let node = Node::new().await;
    let label = Image { number: 2, flavor: "LABEL", size: (60, 60), ..VOLUME };
    node.receive(&VOLUME).await;
    node.receive(&label).await;
    let slide = node.slide().await;
    assert_eq!((slide.patient_name.as_str(), slide.patient_id.as_str()), ("Wang^Wu=王^五", "W5"));
    let shown = async || {
        let own = node.own();
        let one = node.slides.slide(&own, &slide.id).await.unwrap();
        let listed = node.slides.slides(&own).await.unwrap();
        let of_study = node.slides.slides_of_study(&own, &node.owner, &one.study).await.unwrap();
        assert_eq!((&listed, &of_study), (&vec![one.clone()], &listed));
        node.slides.tile(&own, &slide.id, 0, 0, 0).await.unwrap();
        let kind = AssociatedKind::Label;
        node.slides.associated(&own, LabelRight::Granted, &slide.id, kind).await.unwrap();
        let Slide { study, patient_name, patient_id, study_date, .. } = (*one).clone();
        (study.to_string(), patient_name, patient_id, study_date)
    };
    let attributes = |value: Json| -> Map<String, Json> { value.as_object().unwrap().clone() };
    node.correct(Correction::Identity {
        study: uid(STUDY),
        attributes: attributes(json!({
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Li^Si", "Ideographic": "李^四"}]},
            "00100020": {"vr": "LO", "Value": ["L4"]},
            "00080020": {"vr": "DA", "Value": ["20260103"]},
        })),
    })
    .await;
    let (study, name, id, date) = shown().await;
    let expected = ("1.2.3.1", "Li^Si=李^四", "L4", "20260103");
    assert_eq!((study.as_str(), name.as_str(), id.as_str(), date.as_str()), expected);

    node.correct(Correction::Move {
        study: uid(STUDY),
        series: vec![uid(SERIES)],
        to: uid("1.7"),
        attributes: attributes(json!({"00100020": {"vr": "LO", "Value": ["M7"]}})),
    })
    .await;
    let (study, _, patient_id, _) = shown().await;
    assert_eq!((study.as_str(), patient_id.as_str()), ("1.7", "M7"));
    let before = node.slides.slides_of_study(&node.own(), &node.owner, &uid(STUDY)).await.unwrap();
    assert!(before.is_empty(), "the study that it was moved from has none");
    // What arrives later for that study is looked at, and makes no second slide.
    let again = node.slides.adopt(&node.owner, &uid("1.7")).await.unwrap();
    assert!(again.iter().map(|found| &found.id).eq([&slide.id]));
    assert_eq!(shown().await.0, "1.7");
    let gone = node.slides.slide(&Node::foreign(), &slide.id).await;
    assert_eq!(gone, Err(SlideError::NotFound));
}

/// A stranger's change to an instance.
type Lie = (&'static str, fn(&mut Dataset));

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_lie_make_no_slide_and_no_harm() {
    let lies: [Lie; 8] = [
        ("four billion tiles", |d| {
            d.put_u32(tags::TOTAL_PIXEL_MATRIX_COLUMNS, &[u32::MAX]);
            d.put_u32(tags::TOTAL_PIXEL_MATRIX_ROWS, &[u32::MAX]);
        }),
        ("as many tiles as 32 bits count, and a few", |d| {
            d.put_u32(tags::TOTAL_PIXEL_MATRIX_COLUMNS, &[200 << 16]);
            d.put_u32(tags::TOTAL_PIXEL_MATRIX_ROWS, &[100 << 16]);
        }),
        ("no size", |d| d.put_u32(tags::TOTAL_PIXEL_MATRIX_ROWS, &[0])),
        ("more frames than are there", |d| d.put_text(tags::NUMBER_OF_FRAMES, VR::IS, "7")),
        ("more frames than are counted", |d| d.put_text(tags::NUMBER_OF_FRAMES, VR::IS, "4294967297")),
        ("a negative number of frames", |d| d.put_text(tags::NUMBER_OF_FRAMES, VR::IS, "-1")),
        ("TILED_SPARSE without places", |d| {
            d.put_text(tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, "TILED_SPARSE");
        }),
        ("a concatenation that begins in its middle", |d| {
            d.put_text(tags::CONCATENATION_UID, VR::UI, "1.2.3.77");
            d.put_u32(tags::CONCATENATION_FRAME_OFFSET_NUMBER, &[u32::MAX]);
        }),
    ];
    for (name, lie) in lies {
        let node = Node::new().await;
        // Refused, or kept without being shown.
        let _ = node.receive_changed(&VOLUME, lie).await;
        let slides = node.slides.adopt(&node.owner, &uid(STUDY)).await.unwrap();
        assert!(slides.is_empty(), "{name}: {slides:?}");
        // The same series may still become a slide.
        node.receive(&Image { number: 9, ..VOLUME }).await;
        let slide = node.slide().await;
        node.slides.tile(&node.own(), &slide.id, 0, 0, 0).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planes_and_paths_that_the_frames_contradict_show_the_first() {
    for (planes, paths) in [(3, 1), (1, 3), (u32::MAX, u32::MAX), (1, 0), (0, 2)] {
        let node = Node::new().await;
        let changed = node.receive_changed(&VOLUME, |d| {
            d.put_u32(tags::TOTAL_PIXEL_MATRIX_FOCAL_PLANES, &[planes]);
            d.put_u32(tags::NUMBER_OF_OPTICAL_PATHS, &[paths]);
        });
        changed.await.unwrap();
        let slide = node.slide().await;
        assert_eq!((slide.focal_planes.len(), slide.channels.len()), (1, 1), "{planes} {paths}");
        let said = "planes or paths that its number of frames contradicts";
        assert!(
            slide.omitted.iter().any(|omitted| omitted.contains(said)),
            "{planes} {paths}: {:?}",
            slide.omitted
        );
        node.slides.tile(&node.own(), &slide.id, 0, 0, 0).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_process_began_with_and_did_not_end_is_looked_at_by_the_next() {
    let node = Node::new().await;
    // It follows from where it first begins.
    node.slides.adopt_arrivals(&mut Work::default()).await.unwrap();
    node.receive(&VOLUME).await;
    node.follow_once().await;
    let slide = node.slide().await;
    // As if the process had moved on, and had ended before it came back to what it had put off.
    let removes = vec![(KIND, slide.id.to_string())];
    node.storage.apply(&Scope::node("test"), Change { removes, ..Change::default() }).await.unwrap();
    let id = study_key(&node.owner, &uid(STUDY));
    assert!(node.slides.may_try(&mut HashMap::new(), id).await.unwrap());
    node.follow_once().await;
}

#[tokio::test]
async fn a_picture_of_shades_has_another_validator_when_their_window_is_another() {
    let node = Node::new().await;
    let large = Image { shades: Some(200), ..VOLUME };
    let etag = async || {
        let id = node.slide().await.id;
        node.slides.slide(&node.own(), &id).await.unwrap();
        let tile = node.slides.tile(&node.own(), &id, 0, 0, 0).await.unwrap();
        let part = Rectangle { x: 0, y: 0, width: 200, height: 100 };
        let view = node.slides.view(&node.own(), &id, &View::plain(part, (200, 100))).await.unwrap();
        let made = tile.etag(TileForm::Jpeg(Colouring::AsStored));
        (tile.etag(TileForm::Stored), made, view.etag().to_owned())
    };
    node.receive(&large).await;
    let before = etag().await;
    node.receive(&Image { number: 2, size: (100, 50), shades: Some(50), ..VOLUME }).await;
    let after = etag().await;
    assert_eq!(before.0, after.0, "what is stored is what it was");
    assert_ne!(before.1, after.1);
    assert_ne!(before.2, after.2);
}

#[tokio::test]
async fn shades_are_not_converted_by_a_profile_that_came_with_them() {
    let node = Node::new().await;
    node.receive(&Image { shades: Some(200), profile: b"of grey, which no colour is in", ..VOLUME }).await;
    let id = node.slide().await.id;
    let tile = node.slides.tile(&node.own(), &id, 0, 0, 0).await.unwrap();
    let part = Rectangle { x: 10, y: 10, width: 50, height: 50 };
    let view = View { colouring: Colouring::Srgb, ..View::plain(part, (50, 50)) };
    let form = node.slides.view(&node.own(), &id, &view).await.unwrap();
    for output in [
        node.slides.read_tile(&node.own(), &tile, TileForm::Jpeg(Colouring::Srgb)).await.unwrap(),
        node.slides.make(form).await.unwrap(),
    ] {
        assert!(!output.derived.unwrap().contains("icc"), "nothing was converted, and nothing else is said");
        assert!(output.bytes.starts_with(b"\xFF\xD8"));
    }
}

#[tokio::test]
async fn only_what_was_imported_is_the_same_for_good() {
    let node = Node::new().await;
    node.receive(&VOLUME).await;
    let slide = node.slide().await;
    assert!(node.slides.tile(&node.own(), &slide.id, 0, 0, 0).await.unwrap().may_change());
    let part = Rectangle { x: 0, y: 0, width: 10, height: 10 };
    assert!(
        node.slides.view(&node.own(), &slide.id, &View::plain(part, (10, 10))).await.unwrap().may_change()
    );
    let original_sha256 = model::Sha256::from_slice(&[1; 32]).ok();
    assert!(!Slide { original_sha256, ..slide }.may_change());
}

/// Each as an instance of its own, as they are exported from other archives.
#[tokio::test]
async fn an_instance_is_what_it_holds_of_its_level() {
    let node = Node::new().await;
    for image in [VOLUME, Image { number: 2, size: (100, 50), ..VOLUME }] {
        node.receive(&image).await;
        let slide = node.slide().await;
        let (own, uid) = (node.own(), image.instance());
        let instance = node.storage.instance(&own, &slide.study, &slide.series, &uid).await.unwrap();
        let held = node.slides.held_by(&own, &instance).await.unwrap().unwrap();
        assert_eq!((held.level, held.layer), (image.number - 1, crate::LayerChoice::default()));
    }
}

#[tokio::test]
async fn an_address_with_a_revision_means_the_same_pixels_or_nothing() {
    let node = Node::new().await;
    let tile_of = async |id: &SlideId, revision: Revision| {
        let seen = Seen { revision: Some(revision), ..Seen::default() };
        node.slides.tile_of(&node.own(), id, (0, 0, 0), seen).await
    };
    node.receive(&Image { number: 2, size: (100, 50), ..VOLUME }).await;
    let id = node.slide().await.id;
    let (_, small) = node.slides.slide_now(&node.own(), &id).await.unwrap();
    let tile = tile_of(&id, small).await.unwrap();
    assert!(!tile.may_change());
    let part = Rectangle { x: 0, y: 0, width: 10, height: 10 };
    let seen = Seen { revision: Some(small), ..Seen::default() };
    let form =
        node.slides.view_of(&node.own(), &id, seen, |_| Some(View::plain(part, (10, 10)))).await.unwrap();
    assert!(!form.may_change());

    // A larger level arrives: level 0 is another one now.
    node.receive(&VOLUME).await;
    node.slide().await;
    // As long as the slide is remembered as it was, the address still means that.
    let still = tile_of(&id, small).await.unwrap();
    assert_eq!(still.etag(TileForm::Stored), tile.etag(TileForm::Stored));
    let (slide, large) = node.slides.slide_now(&node.own(), &id).await.unwrap();
    assert_eq!((slide.levels.len(), large == small), (2, false));
    assert_eq!(tile_of(&id, small).await.err(), Some(SlideError::NotFound));
    let now = tile_of(&id, large).await.unwrap();
    assert_ne!(now.etag(TileForm::Stored), tile.etag(TileForm::Stored));
}
