//! pynetdicom, dicomweb-client, tifffile and openslide: the scripts in tests/peers, each against a node of its own.

use crate::support::Node;
use crate::support::programs::{finish, python};

fn check(module: &str) {
    let node = Node::start(module);
    let mut command = python();
    command.args(["-m", "unittest", "-v", module]).env("FARSIGHT_DEMO", node.data().join("demo.json"));
    command.env("FARSIGHT_BIN", crate::support::node::program());
    let done = finish(command);
    if done.status != Some(0) {
        eprintln!("the node's log ends with:\n{}", node.log());
    }
    done.expect_success();
}

#[test]
fn pynetdicom() {
    check("test_dimse");
}

#[test]
fn pynetdicom_for_retrieval_and_commitment() {
    check("test_services");
}

#[test]
fn dicomweb_client() {
    check("test_dicomweb");
}

#[test]
fn pydicom_sees_the_same_pixels() {
    check("test_pixels");
}

#[test]
fn pillow_numpy_and_dcmtk_see_the_same_pictures() {
    check("test_rendered");
}

#[test]
fn tifffile_and_openslide() {
    check("test_slides");
}

#[test]
fn every_face_of_a_slide_has_the_pixels_that_openslide_and_tifffile_see() {
    check("test_iiif");
}

#[test]
fn imagecodecs_judges_tiles_that_were_made_for_browsers() {
    check("test_derived_tiles");
}

#[test]
fn the_iiif_consortiums_validator() {
    check("test_iiif_validator");
}

#[test]
fn pynetdicom_associates_in_every_way() {
    check("test_associations");
}

#[test]
fn every_character_set_from_end_to_end() {
    check("test_charsets");
}
