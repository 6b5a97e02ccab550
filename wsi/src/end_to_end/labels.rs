//! Whose a slide is by the barcode on its label, from the file to the record.

use super::Node;
use crate::identify::SlideIdentity;
use crate::identity::{Origin, Standing};
use crate::testing::Svs;
use crate::testing::label::{self, DATA_MATRIX};
use crate::{ImportOptions, ImportedSlide, LabelRight, Outcome};

const PATTERN: &str = r"^(?<patient_id>P\d+)_(?<accession_number>B\d{4}-\d+)_(?<stain>\w+)$";

async fn import(node: &Node, name: &str, svs: &Svs) -> ImportedSlide {
    let options = ImportOptions {
        source_name: Some(name.to_owned()),
        name_pattern: Some(PATTERN.to_owned()),
        barcode_pattern: Some(PATTERN.to_owned()),
        ..ImportOptions::default()
    };
    let path = node.file(&svs.build());
    node.slides.import(&node.own(), &node.owner, &path, &options, &|_| {}).await.unwrap()
}

fn labelled() -> Svs {
    Svs { label: Some(label::of(&[(DATA_MATRIX, (60, 80))])), ..Svs::default() }
}

async fn waiting(node: &Node) -> Vec<SlideIdentity> {
    node.slides.unidentified(&node.own(), &node.owner).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barcode_says_whose_it_is_and_is_in_the_label_instance() {
    let node = Node::new().await;
    let slide = import(&node, "scan 4.svs", &labelled()).await.slide;
    assert_eq!((slide.patient_id.as_str(), slide.accession_number.as_str()), ("P7", "B2026-17"));
    assert!(waiting(&node).await.is_empty());
    let again = import(&node, "scan 4.svs", &labelled()).await;
    assert_eq!(again.outcome, Outcome::AlreadyThere);

    let label = slide.associated.iter().find(|image| image.kind == crate::AssociatedKind::Label).unwrap();
    let instance = node
        .slides
        .associated_instance(&node.own(), LabelRight::Granted, &slide.id, label.kind)
        .await
        .unwrap();
    let stored = node.storage.read(&instance, 0..8192).await.unwrap();
    assert!(
        stored.windows(14).any(|bytes| bytes == DATA_MATRIX.text.as_bytes()),
        "Barcode Value (2200,0005)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barcode_and_a_name_that_disagree_wait_for_a_person_and_both_are_shown() {
    let node = Node::new().await;
    let slide = import(&node, "P8_B2026-17_HE.svs", &labelled()).await.slide;
    let [identity] = waiting(&node).await.try_into().unwrap();
    assert_eq!((&identity.slide, identity.standing), (&slide.id, Standing::Unknown));
    assert_eq!(identity.barcodes, [DATA_MATRIX.text]);
    let said = &identity.doubts.iter().find(|doubt| doubt.field == "patient_id").unwrap().said;
    assert_eq!(*said, [(Origin::Barcode, "P7".to_owned()), (Origin::FileName, "P8".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_cannot_be_read_leaves_it_to_the_name() {
    let node = Node::new().await;
    let mut svs = labelled();
    label::blot(svs.label.as_mut().unwrap(), (60, 80), 90);
    let slide = import(&node, "P8_B2026-17_HE.svs", &svs).await.slide;
    assert_eq!(slide.patient_id, "P8");
    assert!(waiting(&node).await.is_empty());
}
