//! Black box tests: the real `farsight` process, driven over the wire by HTTP, DCMTK and other people's clients.
//!
//! The program must have been built (`cargo build -p server`; `make test` does it). What a failing test leaves (the
//! server's log) is in `tests/artefacts/`.

mod alarms;
mod associations;
mod audit;
mod backup;
mod bad_input;
mod broken_slides;
mod canary;
mod codec_workers;
mod collections;
mod collector;
mod commitment;
mod consult;
mod corrections;
mod crash;
mod deidentification;
mod deliveries;
mod desk;
mod dicom_slides;
mod dimse;
mod documents;
mod emergency;
mod hostile;
mod https;
mod import;
mod key_images;
mod layering;
mod live;
mod mail;
mod measurements;
mod ohif;
mod orthanc;
mod patients;
mod peers;
mod people;
mod phone_signing;
mod rejections;
mod reports;
mod scanners;
mod schema;
mod signature_cases;
mod signatures;
mod slide_faces;
mod slide_layers;
mod slide_notes;
mod slide_sets;
mod slides;
mod support;
mod team;
mod tenants;
mod uploads;
mod watch;
mod web;
mod workflow;
