//! From a file to tiles, against a real storage: what is stored, who sees it, and what a broken file leaves behind.

mod labels;
mod layers;

use crate::testing::{Kind, Svs, cmu_small_region};
use crate::{
    AssociatedKind, FramesChecked, Grade, ImportOptions, LabelRight, Outcome, Particulars, SlideError,
    Slides, TileForm,
};
use model::{Actor, ConsultId, Level, Limits, OrgId, Query, Scope, Uid};
use std::path::{Path, PathBuf};
use storage::{Change, Grant, GrantChange, Storage, StorageConfig};

/// A node with two hospitals.
struct Node {
    directory: tempfile::TempDir,
    storage: Storage,
    slides: Slides,
    owner: OrgId,
    other: OrgId,
}

impl Node {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path().join("data"), Limits::default());
        let storage = Storage::open(config).await.unwrap();
        let slides = Slides::new(storage.clone());
        let (owner, other) = (OrgId::parse("township").unwrap(), OrgId::parse("city").unwrap());
        Self { directory, storage, slides, owner, other }
    }

    fn scope(&self, org: &OrgId) -> Scope {
        Scope::organisation(Actor::node("test"), org.clone())
    }

    fn own(&self) -> Scope {
        self.scope(&self.owner)
    }

    /// Someone else's scope.
    fn foreign(&self) -> Scope {
        self.scope(&self.other)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join("slide.svs");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn import(&self, path: &Path) -> Result<crate::ImportedSlide, SlideError> {
        self.slides.import(&self.own(), &self.owner, path, &ImportOptions::default(), &|_| {}).await
    }

    async fn grant(&self, study: &Uid) {
        let grant = Grant {
            owner: self.owner.clone(),
            study: study.clone(),
            grantee: self.other.clone(),
            consult: ConsultId::new(),
        };
        let change = Change { grants: vec![GrantChange::Give(grant)], ..Change::default() };
        self.storage.apply(&Scope::node("test"), change).await.unwrap();
    }

    async fn studies(&self, scope: &Scope) -> usize {
        self.storage.search(scope, &Query::new(Level::Study, 100)).await.unwrap().rows.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_slide_becomes_tiles_of_grade_a() {
    let node = Node::new().await;
    let imported = node.import(&cmu_small_region()).await.unwrap();
    assert_eq!(imported.outcome, Outcome::Imported);
    let slide = imported.slide;
    assert_eq!(slide.grade.grade, Grade::A);
    assert_eq!((slide.grade.tiles_checked, slide.grade.tiles_equal, slide.grade.filled), (130, 130, 0));
    assert_eq!((slide.width(), slide.height(), slide.levels.len()), (2220, 2967, 1));
    assert_eq!(slide.mpp_um.map(|mpp| mpp.x), Some(0.499));

    let tile = node.slides.tile(&node.own(), &slide.id, 0, 9, 12).await.unwrap();
    let output = node.slides.read_tile(&node.own(), &tile, TileForm::Stored).await.unwrap();
    assert_eq!((output.media_type, output.derived), ("image/jpeg", None));
    assert!(output.bytes.starts_with(&[0xFF, 0xD8, 0xFF, 0xEE]), "the RGB marker comes first");
    assert!(tile.etag(TileForm::Stored).ends_with("-129\""), "frame 129 of its instance");
    for (level, x, y) in [(0, 10, 0), (0, 0, 13), (1, 0, 0), (u32::MAX, u32::MAX, u32::MAX)] {
        let outside = node.slides.tile(&node.own(), &slide.id, level, x, y).await;
        assert_eq!(outside.err(), Some(SlideError::NotFound));
    }

    let proof = node.slides.check(&node.own(), &slide.id, &|_| {}).await.unwrap();
    assert_eq!(proof.report, slide.grade, "the kept original proves it again");
    assert_eq!(proof.frames, FramesChecked { compared: 130, equal: 130, noted: 0 });
    for kind in [AssociatedKind::Label, AssociatedKind::Overview, AssociatedKind::Thumbnail] {
        let picture =
            node.slides.associated(&node.own(), LabelRight::Granted, &slide.id, kind).await.unwrap();
        assert!(picture.bytes.starts_with(&[0xFF, 0xD8]), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_again_is_recognised() {
    let node = Node::new().await;
    let path = node.file(&Svs::default().build());
    let first = node.import(&path).await.unwrap();
    let second = node.import(&path).await.unwrap();
    assert_eq!(second.outcome, Outcome::AlreadyThere);
    assert_eq!(second.slide, first.slide);
    assert_eq!(node.slides.slides(&node.own()).await.unwrap().len(), 1);

    // The same file is another slide for another hospital.
    let scope = node.foreign();
    let options = ImportOptions::default();
    let theirs = node.slides.import(&scope, &node.other, &path, &options, &|_| {}).await.unwrap();
    assert_eq!(theirs.outcome, Outcome::Imported);
    assert_eq!(node.slides.slides(&node.own()).await.unwrap()[0].id, first.slide.id);
    assert_eq!(node.slides.slides(&scope).await.unwrap()[0].id, theirs.slide.id);
    assert_eq!(node.slides.slide(&node.own(), &theirs.slide.id).await, Err(SlideError::NotFound));
    let everything = node.slides.slides(&Scope::node("test")).await.unwrap();
    assert_eq!(everything.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_shows_the_slide_and_never_the_label() {
    let node = Node::new().await;
    let slide = node.import(&node.file(&Svs::default().build())).await.unwrap().slide;
    let theirs = node.foreign();
    assert_eq!(node.slides.slide(&theirs, &slide.id).await, Err(SlideError::NotFound));
    assert_eq!(node.slides.tile(&theirs, &slide.id, 0, 0, 0).await.err(), Some(SlideError::NotFound));
    assert!(node.slides.slides(&theirs).await.unwrap().is_empty());
    let studies = node.slides.slides_of_study(&theirs, &slide.owner, &slide.study).await.unwrap();
    assert!(studies.is_empty());

    node.grant(&slide.study).await;
    let granted = Slides::new(node.storage.clone());
    assert_eq!(*granted.slide(&theirs, &slide.id).await.unwrap(), slide);
    assert_eq!(granted.slides(&theirs).await.unwrap().len(), 1);
    assert_eq!(granted.slides_of_study(&theirs, &slide.owner, &slide.study).await.unwrap().len(), 1);
    granted.tile(&theirs, &slide.id, 1, 1, 1).await.unwrap();
    for right in [LabelRight::Withheld, LabelRight::Granted] {
        let label = granted.associated(&theirs, right, &slide.id, AssociatedKind::Label).await;
        assert_eq!(label, Err(SlideError::NotFound), "even when somebody asks with the wrong right");
    }
    let label = &slide.associated[0];
    let found = node.storage.instances(&theirs, &label.study, None, None).await;
    assert!(found.is_err(), "nor by DICOMweb, which reads instances");
    let withheld =
        granted.associated(&node.own(), LabelRight::Withheld, &slide.id, AssociatedKind::Label).await;
    assert_eq!(withheld, Err(SlideError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_tile_is_white_and_counted() {
    let node = Node::new().await;
    let kind = Kind { is_big: true, is_big_endian: true, is_ndpi: false };
    let svs = Svs { kind, empty_tile: Some(5), photometric: 6, ..Svs::default() };
    let slide = node.import(&node.file(&svs.build())).await.unwrap().slide;
    assert_eq!((slide.grade.tiles_checked, slide.grade.tiles_equal, slide.grade.filled), (15, 15, 1));
    let tile = node.slides.tile(&node.own(), &slide.id, 0, 1, 1).await.unwrap();
    let tile = node.slides.read_tile(&node.own(), &tile, TileForm::Stored).await.unwrap();
    assert!(tile.bytes.starts_with(&crate::jpeg::white(32, 32, crate::jpeg::Colours::Ybr)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_nothing() {
    let node = Node::new().await;
    let whole = Svs::default().build();
    let lying = crate::jpeg::white(64, 64, crate::jpeg::Colours::Rgb);
    let broken = [
        whole[..whole.len() / 2].to_vec(),
        b"PK\x03\x04 this is a zip".to_vec(),
        Svs { tile_bytes: Some(lying), ..Svs::default() }.build(),
        Svs { compression: 50001, ..Svs::default() }.build(),
    ];
    for bytes in broken {
        assert!(node.import(&node.file(&bytes)).await.is_err());
    }
    assert!(node.import(Path::new("/nowhere/slide.svs")).await.is_err());
    assert_eq!(node.studies(&Scope::node("test")).await, 0);
    assert!(node.slides.slides(&node.own()).await.unwrap().is_empty());
    assert!(node.import(&node.file(&whole)).await.is_ok(), "and the node still works");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_imports_for_another_hospital() {
    let node = Node::new().await;
    let path = node.file(&Svs::default().build());
    let options = ImportOptions::default();
    let refused = node.slides.import(&node.foreign(), &node.owner, &path, &options, &|_| {}).await;
    assert_eq!(refused.err(), Some(SlideError::NotFound));
    assert_eq!(node.studies(&Scope::node("test")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_says_whose_slide_it_is() {
    let node = Node::new().await;
    let path = node.file(&Svs::default().build());
    let options = ImportOptions {
        of: Particulars {
            patient_name: Some("张三\\^\u{7}".to_owned()),
            patient_id: Some("P001".to_owned()),
            accession_number: Some("B2026-0001".to_owned()),
            ..Particulars::default()
        },
        description: Some("胃窦活检 HE".to_owned()),
        source_name: Some("病理 17.svs".to_owned()),
        ..ImportOptions::default()
    };
    let slide = node.slides.import(&node.own(), &node.owner, &path, &options, &|_| {}).await.unwrap().slide;
    assert_eq!((slide.patient_name.as_str(), slide.patient_id.as_str()), ("张三^", "P001"));
    assert_eq!((slide.description.as_str(), slide.source.as_str()), ("胃窦活检 HE", "病理 17.svs"));
    let query = Query::new(Level::Study, 10).with_value(model::Key::AccessionNumber, "B2026-0001");
    let found = node.storage.search(&node.own(), &query).await.unwrap();
    assert_eq!(found.rows.len(), 2, "the slide's study, and the one of its label");
    let label = (slide.owner.clone(), slide.associated[0].study.clone());
    let both = [(slide.owner.clone(), slide.study.clone()), label.clone()];
    let apart = node.slides.label_studies(&both).await.unwrap();
    assert_eq!(apart, std::collections::HashSet::from([label]), "only the label's is left out of lists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_imported_makes_no_slide() {
    let node = Node::new().await;
    let whole = Svs::default().build();
    let path = node.file(&whole);
    // A scanner goes on writing once the file has been looked through.
    let grown = std::sync::atomic::AtomicBool::new(false);
    let grow = |progress: crate::Progress| {
        if progress.phase == crate::Phase::Reading && !grown.swap(true, std::sync::atomic::Ordering::SeqCst) {
            use std::io::Write as _;
            let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(b"more").unwrap();
        }
    };
    let options = ImportOptions::default();
    let refused = node.slides.import(&node.own(), &node.owner, &path, &options, &grow).await;
    assert_eq!(refused.err(), Some(SlideError::Changed));
    assert_eq!(node.studies(&Scope::node("test")).await, 0);
    let finished = node.import(&path).await.unwrap();
    assert_eq!(finished.outcome, Outcome::Imported, "and once it is finished it can be imported");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_large_jpeg_becomes_tiles_of_grade_b() {
    let node = Node::new().await;
    let path = node.file(&crate::testing::ndpi(1280, 555, Some(20), true));
    let slide = node.import(&path).await.unwrap().slide;
    let tiles = slide.levels[0].tile_count();
    assert_eq!(
        (slide.grade.grade, slide.grade.tiles_checked, slide.grade.tiles_equal),
        (Grade::B, tiles, tiles)
    );
    assert_eq!((slide.format.as_str(), slide.objective, slide.mpp_um), ("Hamamatsu NDPI", Some(20.0), None));
    let proof = node.slides.check(&node.own(), &slide.id, &|_| {}).await.unwrap();
    assert_eq!(proof.report, slide.grade);
    assert_eq!((proof.frames.equal, proof.frames.noted), (tiles, 0));
    let original = node.slides.original(&node.own(), LabelRight::Granted, &slide.id).await.unwrap();
    let bytes = node.slides.read_original(&original, 0..original.length).await.unwrap();
    assert_eq!(bytes, std::fs::read(&path).unwrap());
    // Each piece that is handed out is in the audit chain for itself, with what was taken.
    for range in [0..original.length, 10..20] {
        node.slides.note_original(&node.own(), &original, &range).await.unwrap();
    }
    let events = node.storage.audit_events(&node.own(), None, 2).await.unwrap();
    let (object, length) = (format!("slide/{}/original", slide.id), original.length);
    let ranges = [format!("bytes 10-19/{length}"), format!("bytes 0-{}/{length}", length - 1)];
    for (event, range) in events.iter().zip(ranges) {
        assert_eq!(event.entry.object, object);
        assert!(event.entry.detail.starts_with(&range), "{}", event.entry.detail);
    }
    for (scope, right) in [(node.own(), LabelRight::Withheld), (node.foreign(), LabelRight::Granted)] {
        let refused = node.slides.original(&scope, right, &slide.id).await;
        assert_eq!(refused, Err(SlideError::NotFound));
    }
}

/// Whoever waits for minutes sees that it goes on, also while tiles are made.
#[tokio::test(flavor = "multi_thread")]
async fn every_phase_of_an_import_says_how_far_it_is() {
    use crate::Phase::{Proving, Reading, Storing, Surveying};
    let node = Node::new().await;
    let path = node.file(&crate::testing::ndpi(1280, 555, Some(20), true));
    let said = std::sync::Mutex::new(Vec::new());
    let (options, note) = (ImportOptions::default(), |progress| said.lock().unwrap().push(progress));
    let slide = node.slides.import(&node.own(), &node.owner, &path, &options, &note).await.unwrap().slide;
    let said = said.into_inner().unwrap();
    assert!(said.is_sorted_by_key(crate::Progress::fraction), "it never goes back");
    let last = |phase: crate::Phase| said.iter().rfind(|progress| progress.phase == phase).unwrap();
    for phase in [Reading, Surveying, Storing, Proving] {
        assert_eq!(last(phase).done, last(phase).total, "{phase:?}");
    }
    assert_eq!(last(Surveying).total, slide.levels[0].tile_count());
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_alone_make_the_slide_again() {
    let node = Node::new().await;
    let imported = node.import(&cmu_small_region()).await.unwrap().slide;
    // As if the instances had come by themselves.
    let removes = vec![(crate::slides::KIND, imported.id.to_string())];
    node.storage.apply(&Scope::node("test"), Change { removes, ..Change::default() }).await.unwrap();
    let [slide] = node.slides.adopt(&node.owner, &imported.study).await.unwrap().try_into().unwrap();
    assert_eq!((slide.format.as_str(), slide.original_sha256), ("DICOM", None));
    assert_eq!(slide.scanner.as_deref(), Some("Aperio ScanScope CPAPERIOCS"));
    assert_eq!((&slide.patient_id, &slide.study_date), (&imported.patient_id, &imported.study_date));
    let sizes = |slide: &crate::Slide| {
        slide.levels.iter().map(|level| (level.width, level.height, level.tile_width)).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&slide), sizes(&imported));
    assert_eq!((slide.mpp_um, slide.objective), (imported.mpp_um, imported.objective));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_of_one_file_at_once_make_one_slide() {
    let node = Node::new().await;
    let path = node.file(&Svs::default().build());
    let of = |id: &str| ImportOptions {
        of: Particulars { patient_id: Some(id.to_owned()), ..Particulars::default() },
        ..ImportOptions::default()
    };
    let (scope, told) = (node.own(), |_| {});
    let import =
        async |options: &ImportOptions| node.slides.import(&scope, &node.owner, &path, options, &told).await;
    for round in 0..4 {
        let (one, other) = (of(&format!("one{round}")), of(&format!("other{round}")));
        let (one, other) = tokio::join!(import(&one), import(&other));
        for imported in [one, other] {
            // The slower of two that say something different is told so, unless it comes after the other's end.
            assert!(matches!(imported, Ok(_) | Err(SlideError::Conflict(_))), "{imported:?}");
        }
    }
    assert_eq!(node.slides.slides(&node.own()).await.unwrap().len(), 1);
    let single = Node::new().await;
    single.import(&single.file(&Svs::default().build())).await.unwrap();
    assert_eq!(node.studies(&node.own()).await, single.studies(&single.own()).await, "and no study besides");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_another_checksum_than_was_said_leaves_nothing() {
    let node = Node::new().await;
    let path = node.file(&Svs::default().build());
    let options = ImportOptions {
        expected_sha256: model::Sha256::from_slice(&[1; 32]).ok(),
        ..ImportOptions::default()
    };
    let refused = node.slides.import(&node.own(), &node.owner, &path, &options, &|_| {}).await;
    assert_eq!(refused.err(), Some(SlideError::Checksum));
    assert_eq!(node.studies(&Scope::node("test")).await, 0);
    let report = node.storage.fsck(&|_, _| ()).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.objects_checked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_file_says_whose_it_is_by_a_pattern_and_the_stain_is_in_the_instances() {
    let node = Node::new().await;
    let path = node.file(&Svs::default().build());
    let options = ImportOptions {
        source_name: Some("P7_B2026-17_A1_HE.svs".to_owned()),
        name_pattern: Some(
            r"^(?<patient_id>P\d+)_(?<accession_number>B[\d-]+)_(?<block>\w+)_(?<stain>\w+)$".to_owned(),
        ),
        ..ImportOptions::default()
    };
    let slide = node.slides.import(&node.own(), &node.owner, &path, &options, &|_| {}).await.unwrap().slide;
    assert_eq!((slide.patient_id.as_str(), slide.accession_number.as_str()), ("P7", "B2026-17"));
    assert!(node.slides.unidentified(&node.own(), &node.owner).await.unwrap().is_empty());
    let instances = node.storage.instances(&node.own(), &slide.study, None, None).await.unwrap();
    assert!(!instances.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_for_another_patient_waits_for_a_person_and_is_settled_as_a_whole() {
    let node = Node::new().await;
    let path = node.file(&Svs::default().build());
    let import = async |of: Particulars| {
        let options = ImportOptions { of, ..ImportOptions::default() };
        node.slides.import(&node.own(), &node.owner, &path, &options, &|_| {}).await.unwrap()
    };
    let text = |text: &str| Some(text.to_owned());
    let first = Particulars {
        patient_name: text("张三"),
        patient_id: text("P7"),
        patient_sex: text("M"),
        accession_number: text("B2026-7"),
        ..Particulars::default()
    };
    let other = Particulars { patient_id: text("P9"), ..Particulars::default() };
    let slide = import(first.clone()).await.slide;
    assert_eq!(import(first).await.outcome, Outcome::AlreadyThere);
    assert!(node.slides.unidentified(&node.own(), &node.owner).await.unwrap().is_empty());

    assert_eq!(import(other.clone()).await.outcome, Outcome::Contradicted);
    let [waiting] = node.slides.unidentified(&node.own(), &node.owner).await.unwrap().try_into().unwrap();
    assert_eq!((waiting.slide, waiting.standing), (slide.id.clone(), crate::identity::Standing::Doubtful));
    assert_eq!(waiting.doubts[0].said.len(), 2, "what is on record, and what is said: {:?}", waiting.doubts);

    node.slides.identify(&node.own(), &node.owner, &slide.id, &other).await.unwrap();
    let now = node.slides.slide(&node.own(), &slide.id).await.unwrap();
    let names = (now.patient_name.as_str(), now.patient_id.as_str(), now.accession_number.as_str());
    assert_eq!(names, ("", "P9", ""), "nothing of 张三 is left with P9");
    let query = Query::new(Level::Study, 10).with_value(model::Key::PatientId, "P9");
    let found = node.storage.search(&node.own(), &query).await.unwrap();
    assert_eq!(found.rows.len(), 2, "the slide's study, and the one of its label");
    for row in found.rows {
        let shown = row.attributes.tree_of(|_| true);
        let shown = serde_json::to_value(&shown).unwrap().to_string();
        assert!(!shown.contains("张三") && !shown.contains("\"M\""), "{shown}");
    }

    assert_eq!(import(other).await.outcome, Outcome::AlreadyThere);
    let before = Particulars { patient_id: text("P7"), ..Particulars::default() };
    assert_eq!(import(before.clone()).await.outcome, Outcome::Contradicted);
    assert_eq!(node.slides.unidentified(&node.own(), &node.owner).await.unwrap().len(), 1);
    let back = Particulars { patient_id: text("P9"), ..Particulars::default() };
    node.slides.identify(&node.own(), &node.owner, &slide.id, &back).await.unwrap();
    assert_eq!(import(before).await.outcome, Outcome::Contradicted);
    let waiting = node.slides.unidentified(&node.own(), &node.owner).await.unwrap();
    assert!(waiting.is_empty(), "a person has judged it already");
}
