//! HTTP for people and integrators: sessions, worklists, consults, slides, uploads, OpenAPI, and the web application.
//!
//! Floor 5 of the house. Handlers are thin: parse, authorise, call the floor below, answer. This crate knows nothing of
//! DIMSE or SQL, and holds no business rule: what may happen next is `consult`'s to say, who may do it `access`'s.

#[cfg(test)]
mod access_tests;
mod admin;
mod application;
mod assignment;
mod audit;
mod audit_state;
mod auth;
mod calibration;
mod consults;
mod corrections;
mod cors;
mod critical;
mod deidentification;
mod deliveries;
mod devices;
mod docs;
mod duty_overview;
mod dzi;
pub mod emergency;
mod forwarding;
mod health;
mod identities;
mod iiif;
mod interface;
mod invitations;
mod json;
mod key_images;
mod live;
mod measurements;
mod messages;
mod notices;
mod ohif;
mod orders;
mod outside;
mod partners;
mod passkeys;
mod patients;
mod phrases;
mod preferences;
mod problem;
mod proof;
mod remotes;
mod report_files;
mod request;
#[cfg(test)]
mod router_tests;
mod routes;
mod second_factor;
mod security;
mod session;
mod sessions;
mod sign_on;
mod signing_certificate;
mod slide_layers;
mod slide_notes;
mod slides;
mod state;
mod statistics;
mod store;
mod studies;
mod templates;
mod uploads;
mod verify;
mod watched;

pub use audit_state::AuditCheck;
pub use auth::{ClientCertificate, LoginRules};
pub use consults::known_slides::SlidesForReports;
pub use interface::Interface;
pub use outside::{ANSWER_BYTES_MAX, CalledFor, Fetched, NotReached, Outside};
pub use routes::openapi;
pub use security::{NodeEnd, NodeEnds};
pub use sign_on::SignOnConfig;
pub use state::{ApiState, DicomStatus};
