//! What other people's clients see: DCMTK's echoscu, storescu and findscu.

use crate::fixture::{CT, Node, PATIENCE, STUDY, ae, encoded, files, image, instance};
use model::{Level, Limits, OrgId, Query, Scope};
use std::path::PathBuf;
use storage::{AuditAction, AuditOutcome};

#[tokio::test(flavor = "multi_thread")]
async fn echo_answers_those_who_are_known() {
    let mut node = Node::start().await;
    let (code, text) = node.dcmtk("echoscu", &["-aet", "CT1", "-aec", "FARSIGHT"], &[]).await;
    assert_eq!(code, 0, "{text}");
    let (code, text) = node.dcmtk("echoscu", &["-aet", "CT1", "-aec", "OTHER"], &[]).await;
    assert!(code != 0 && text.contains("Called AE Title Not Recognized"), "{text}");
    let (code, text) = node.dcmtk("echoscu", &["-aet", "STRANGER", "-aec", "FARSIGHT"], &[]).await;
    assert!(code != 0 && text.contains("Calling AE Title Not Recognized"), "{text}");

    let echo =
        async |calling: &str| pacs::dimse::echo(node.address, &ae(calling), &ae("FARSIGHT"), PATIENCE).await;
    assert!(echo("CT1").await.unwrap() < PATIENCE);
    let rejected = pacs::dimse::RequestError::Rejected { result: 1, source_byte: 1, reason: 3 };
    assert_eq!(echo("STRANGER").await, Err(rejected));

    assert_eq!(node.counters.echoes.get(), 2);
    assert_eq!(node.counters.associations_rejected.get(), 3);
    let events = node.storage.audit_events(&Scope::node("test"), None, 20).await.unwrap();
    let refused = |detail| {
        events.iter().any(|event| {
            let entry = &event.entry;
            entry.action == AuditAction::Login
                && entry.outcome == AuditOutcome::Refused
                && entry.detail == detail
        })
    };
    assert!(refused("calling-ae-title-not-recognized") && refused("called-ae-title-not-recognized"));
    node.stop().await;
    assert!(node.counters.associations_open.get() == 0);
}

const STORE: [&str; 4] = ["-aet", "CT1", "-aec", "FARSIGHT"];

#[tokio::test(flavor = "multi_thread")]
async fn what_storescu_sends_is_kept_bit_for_bit() {
    let node = Node::start().await;
    let files = files(node.directory.path(), 5);
    for round in ["first", "again"] {
        let (code, text) = node.dcmtk("storescu", &STORE, &files).await;
        assert_eq!(code, 0, "{round}: {text}");
    }
    assert_eq!(node.counters.instances_stored.get(), 10);
    let scope = Scope::node("test");
    let study = model::Uid::parse(STUDY).unwrap();
    let kept = node.storage.instances(&scope, &study, None, None).await.unwrap();
    assert_eq!(kept.len(), 5);
    for (instance, number) in kept.iter().zip(1..) {
        assert_eq!(instance.owner(), &OrgId::parse("township").unwrap());
        assert_eq!(instance.sop_class().as_str(), CT);
        let file = node.storage.read(instance, 0..instance.file_length()).await.unwrap();
        assert_eq!(&file[instance.head_length() as usize..], &encoded(&image(number))[..]);
    }
    let page = node.storage.search(&scope, &Query::new(Level::Instance, 100)).await.unwrap();
    assert!(page.rows.len() == 5 && page.rows.iter().all(|row| !row.has_conflict));
}

#[tokio::test(flavor = "multi_thread")]
async fn findscu_finds_at_every_level_in_every_way() {
    let node = Node::start().await;
    let (code, text) = node.dcmtk("storescu", &STORE, &files(node.directory.path(), 3)).await;
    assert_eq!(code, 0, "{text}");
    let find = async |level: &str, keys: &[&str]| {
        let level = format!("QueryRetrieveLevel={level}");
        let mut arguments = vec!["-S", "-v", "-aet", "CT1", "-aec", "FARSIGHT", "-k", &level];
        keys.iter().for_each(|key| arguments.extend(["-k", key]));
        node.dcmtk("findscu", &arguments, &[]).await.1
    };
    let found = async |level: &str, keys: &[&str]| {
        let text = find(level, keys).await;
        assert!(text.contains("Received Final Find Response (Success)"), "{text}");
        text.matches("Find Response: ").count()
    };

    assert_eq!(found("STUDY", &["StudyInstanceUID"]).await, 1);
    assert_eq!(found("STUDY", &["PatientName=Zhang*"]).await, 1);
    assert_eq!(found("STUDY", &["SpecificCharacterSet=ISO_IR 192", "PatientName=张*"]).await, 1);
    assert_eq!(found("STUDY", &["PatientName=Li*"]).await, 0);
    assert_eq!(found("STUDY", &["StudyDate=20260101-20260103", "StudyTime=1000-1100"]).await, 1);
    assert_eq!(found("STUDY", &["StudyDate=20260103-"]).await, 0);
    assert_eq!(found("STUDY", &["ModalitiesInStudy=MR\\CT", "AccessionNumber=A?01"]).await, 1);
    let study = format!("StudyInstanceUID={STUDY}");
    assert_eq!(found("SERIES", &[&study, "Modality=CT"]).await, 1);
    assert_eq!(found("SERIES", &["StudyInstanceUID=1.2.3"]).await, 0);
    let series = format!("SeriesInstanceUID={STUDY}.1");
    assert_eq!(found("IMAGE", &[&study, &series, "SOPInstanceUID"]).await, 3);
    let two = format!("SOPInstanceUID={}\\{}", instance(1), instance(3));
    assert_eq!(found("IMAGE", &[&study, &series, &two]).await, 2);

    let text = find("STUDY", &["PatientName", "NumberOfStudyRelatedInstances", "InstitutionName"]).await;
    for part in ["[ISO_IR 192]", "张^三", "[FARSIGHT", "[3 ]", STUDY, "(0008,0080) LO (no value available)"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    for (level, keys) in [("SERIES", &["Modality"][..]), ("STUDY", &["StudyDate=soon"])] {
        let text = find(level, keys).await;
        assert!(text.contains("DoesNotMatchSOPClass"), "{text}");
    }

    let text = node.dcmtk(
        "findscu",
        &["-S", "-v", "-aet", "CITY", "-aec", "FARSIGHT", "-k", "QueryRetrieveLevel=STUDY"],
        &[],
    );
    assert!(!text.await.1.contains("Find Response: "), "another hospital's study does not exist");

    let patients = [
        "-P",
        "-v",
        "-aet",
        "CT1",
        "-aec",
        "FARSIGHT",
        "-k",
        "QueryRetrieveLevel=PATIENT",
        "-k",
        "PatientID",
    ];
    let text = node.dcmtk("findscu", &patients, &[]).await.1;
    assert_eq!(text.matches("Find Response: ").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_matches_than_the_limit_end_with_out_of_resources() {
    let node = Node::with_limits(Limits { query_rows_max: 2, ..Limits::default() }).await;
    node.dcmtk("storescu", &STORE, &files(node.directory.path(), 3)).await;
    let (study, series) = (format!("StudyInstanceUID={STUDY}"), format!("SeriesInstanceUID={STUDY}.1"));
    let mut arguments = vec!["-S", "-v", "-aet", "CT1", "-aec", "FARSIGHT", "-k", "QueryRetrieveLevel=IMAGE"];
    arguments.extend(["-k", &study, "-k", &series]);
    let text = node.dcmtk("findscu", &arguments, &[]).await.1;
    assert_eq!(text.matches("Find Response: ").count(), 2, "{text}");
    assert!(text.contains("OutOfResources"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_did_not_look_at_everything_ends_with_out_of_resources() {
    let node = Node::with_limits(Limits { search_studies_max: 1, ..Limits::default() }).await;
    let files = files(node.directory.path(), 2);
    // New study, series and instance UIDs.
    let arguments = ["-nb", "-gst", "-gse", "-gin"];
    let done = std::process::Command::new("dcmodify").args(arguments).arg(&files[1]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    node.dcmtk("storescu", &STORE, &files).await;
    let find = async |key: &str| {
        let level = "QueryRetrieveLevel=STUDY";
        let arguments = ["-S", "-v", "-aet", "CT1", "-aec", "FARSIGHT", "-k", level, "-k", key];
        node.dcmtk("findscu", &arguments, &[]).await.1
    };
    let text = find("AccessionNumber=*nowhere*").await;
    assert!(text.contains("OutOfResources"), "{text}");
    let text = find("AccessionNumber=nowhere*").await;
    assert!(text.contains("Success") && !text.contains("OutOfResources"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_identity_is_checked_and_answered() {
    let node = Node::start().await;
    let files = files(node.directory.path(), 1);
    let store = async |user: &str, password: &str| {
        let arguments = ["-aet", "CT1", "-aec", "FARSIGHT", "-usr", user, "-pwd", password, "-rsp"];
        node.dcmtk("storescu", &arguments, &files).await
    };
    let (code, text) = store("doctor", "a good password").await;
    assert_eq!(code, 0, "{text}");
    for (user, password) in [("doctor", "wrong"), ("nobody", "a good password")] {
        let (code, text) = store(user, password).await;
        assert!(code != 0 && text.contains("Association Rejected"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_files_in_many_transfer_syntaxes_are_taken() {
    let samples = std::env::var("FARSIGHT_SAMPLES").map(PathBuf::from);
    let samples = samples
        .unwrap_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../sample-data/cache")));
    let folder = samples.join("syntaxes");
    if !folder.is_dir() {
        eprintln!("skipped: no {}; run sample-data/fetch.py", folder.display());
        return;
    }
    let node = Node::start().await;
    // One of each family; storescu proposes the syntax that it is told.
    for (option, name) in [
        ("-xe", "CT_small.dcm"),
        ("-xi", "MR_small_implicit.dcm"),
        ("-xb", "MR_small_bigendian.dcm"),
        ("-xr", "MR_small_RLE.dcm"),
        ("-xt", "MR_small_jpeg_ls_lossless.dcm"),
        ("-xv", "MR_small_jp2klossless.dcm"),
        ("-xy", "SC_rgb_jpeg_dcmtk.dcm"),
        ("-xd", "image_dfl.dcm"),
    ] {
        let arguments = ["-v", option, "-aet", "CT1", "-aec", "FARSIGHT"];
        let (code, text) = node.dcmtk("storescu", &arguments, &[folder.join(name)]).await;
        assert!(code == 0 && text.contains("Success"), "{name}: {text}");
    }
}
