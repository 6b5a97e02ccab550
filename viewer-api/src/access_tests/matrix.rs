//! Every route × nobody, a disabled account, an expired session, the wrong role, another hospital, and a grant that has ended:
//! the rows are here, the routes come from the OpenAPI document. A route without a row fails.

use super::{Answer, House, house};
use crate::LoginRules;
use access::Role;
use dataset::write::to_bytes;
use dataset::{Dataset, TransferSyntax, VR, tags};
use model::{ConsultId, OrgId, Scope, Uid};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use storage::{Arrival, Change, Grant, GrantChange, Via};
use time::Duration;

pub const STUDY: &str = "1.2.3.4";
pub const CANARY: &str = "Kanarienvogel";

/// Who is let in at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum For {
    /// Anybody: that nobody is logged in is no reason to refuse.
    Anybody,
    /// Whoever is logged in, whatever they do.
    Themselves,
    /// People with one of some rights; `wrong role` is somebody with none of them.
    Rights(Role),
}
use For::{Anybody, Rights, Themselves};

/// Nobody who works with patients has a right that an auditor has, and the other way round.
const PATIENTS: For = Rights(Role::Auditor);
const OFFICES: For = Rights(Role::Reader);
const DESK: For = Rights(Role::Regulator);

/// Method, path, for whom, and a body that would do, so that a refusal is not about the body.
fn rows() -> Vec<(&'static str, &'static str, For, Json)> {
    let none = || Json::Null;
    let particulars = || json!({"name": "x"});
    let reason = || json!({"version": 1, "reason": "x"});
    let signing = || json!({"version": 1, "canonical_sha256": "0".repeat(64), "passphrase": "x"});
    let terms = || {
        json!({
            "kinds": ["diagnosis"], "turnarounds": [{"urgency": "urgent", "turnaround_min": 60}],
            "signatures": "single", "auto_accept": true,
            "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2049-12-31T00:00:00Z",
        })
    };
    let sides = || {
        let mut all = terms();
        all["requesting"] = json!("township");
        all["reading"] = json!("city");
        all
    };
    vec![
        ("get", "/healthz", Anybody, none()),
        ("get", "/readyz", Anybody, none()),
        ("get", "/metrics", Anybody, none()),
        ("get", "/iiif/3/{id}", Anybody, none()),
        ("post", "/api/v1/verify", Anybody, none()),
        ("options", "/api/v1/uploads/resumable", Anybody, none()),
        ("post", "/api/v1/invitations/look", Anybody, json!({"secret": "x"})),
        ("post", "/api/v1/invitations/take", Anybody, json!({"secret": "x", "password": "y"})),
        ("post", "/api/v1/invitations/sign-on", Anybody, json!({"secret": "x"})),
        ("post", "/api/v1/session", Anybody, json!({"login": "x", "password": "y"})),
        ("get", "/api/v1/session", Themselves, none()),
        ("delete", "/api/v1/session", Themselves, none()),
        ("get", "/api/v1/sessions", Themselves, none()),
        ("delete", "/api/v1/sessions", Themselves, none()),
        ("delete", "/api/v1/sessions/{id}", Themselves, none()),
        ("post", "/api/v1/session/proof", Themselves, json!({"password": "x"})),
        ("put", "/api/v1/session/password", Themselves, json!({"current": "x", "password": "y"})),
        ("put", "/api/v1/session/acting-for", Themselves, json!({"organisation": "x"})),
        ("get", "/api/v1/session/preferences", Themselves, none()),
        ("put", "/api/v1/session/preferences", Themselves, json!({"theme": "light"})),
        ("get", "/api/v1/session/ways", Anybody, none()),
        ("get", "/api/v1/session/sign-on", Anybody, none()),
        ("get", "/api/v1/session/sign-on/callback", Anybody, none()),
        ("get", "/api/v1/session/sign-on/binding", Themselves, none()),
        ("post", "/api/v1/session/sign-on/binding", Themselves, none()),
        ("delete", "/api/v1/session/sign-on/binding", Themselves, none()),
        ("get", "/api/v1/session/passkeys", Themselves, none()),
        ("post", "/api/v1/session/passkeys", Themselves, json!({"name": "x", "credential": {}})),
        ("post", "/api/v1/session/passkeys/begin", Themselves, none()),
        ("delete", "/api/v1/session/passkeys/{id}", Themselves, none()),
        ("post", "/api/v1/session/passkey/begin", Anybody, none()),
        ("post", "/api/v1/session/passkey", Anybody, json!({"credential": {}})),
        ("post", "/api/v1/session/proof/passkey", Themselves, json!({"credential": {}})),
        ("get", "/api/v1/session/second-factor", Themselves, none()),
        ("post", "/api/v1/session/second-factor", Themselves, none()),
        ("delete", "/api/v1/session/second-factor", Themselves, none()),
        ("post", "/api/v1/session/second-factor/confirm", Themselves, json!({"code": "000000"})),
        ("post", "/api/v1/session/second-factor/recovery-codes", Themselves, none()),
        ("get", "/api/v1/session/signing-certificate", Themselves, none()),
        ("put", "/api/v1/session/signing-certificate", Themselves, json!({"certificates": []})),
        ("delete", "/api/v1/session/signing-certificate", Themselves, none()),
        ("get", "/api/v1/admin/organisations", OFFICES, none()),
        ("post", "/api/v1/admin/organisations", OFFICES, json!({"id": "x", "name": "x", "kind": "hospital"})),
        ("put", "/api/v1/admin/organisations/{id}", OFFICES, json!({"name": "x", "kind": "hospital"})),
        ("get", "/api/v1/admin/people", OFFICES, none()),
        (
            "post",
            "/api/v1/admin/people",
            OFFICES,
            json!({"organisation": "township", "login": "xx", "roles": ["reader"], "name": "x"}),
        ),
        ("put", "/api/v1/admin/people/{id}", OFFICES, particulars()),
        ("put", "/api/v1/admin/people/{id}/roles", OFFICES, json!({"roles": ["reader"]})),
        ("post", "/api/v1/admin/people/{id}/invitation", OFFICES, none()),
        ("post", "/api/v1/admin/people/{id}/disable", OFFICES, none()),
        ("post", "/api/v1/admin/people/{id}/enable", OFFICES, none()),
        ("delete", "/api/v1/admin/people/{id}/sessions", OFFICES, none()),
        ("delete", "/api/v1/admin/people/{id}/second-factor", OFFICES, none()),
        ("get", "/api/v1/admin/agreements", OFFICES, none()),
        ("post", "/api/v1/admin/agreements", OFFICES, sides()),
        ("put", "/api/v1/admin/agreements/{id}", OFFICES, terms()),
        ("post", "/api/v1/admin/agreements/{id}/confirm", OFFICES, none()),
        ("post", "/api/v1/admin/agreements/{id}/end", OFFICES, none()),
        ("delete", "/api/v1/admin/agreements/{id}/proposal", OFFICES, none()),
        ("get", "/api/v1/admin/tokens", OFFICES, none()),
        (
            "post",
            "/api/v1/admin/tokens",
            OFFICES,
            json!({"organisation": "township", "purpose": "x", "rights": ["search"], "days": 1}),
        ),
        ("delete", "/api/v1/admin/tokens/{id}", OFFICES, none()),
        ("get", "/api/v1/admin/store", OFFICES, none()),
        ("get", "/api/v1/audit", OFFICES, none()),
        ("get", "/api/v1/audit.csv", OFFICES, none()),
        ("get", "/api/v1/audit/state", OFFICES, none()),
        ("post", "/api/v1/audit/verify", OFFICES, none()),
        ("get", "/api/v1/security/overview", OFFICES, none()),
        ("get", "/api/v1/devices", DESK, none()),
        ("get", "/api/v1/forwarding", DESK, none()),
        ("post", "/api/v1/forwarding/retry", DESK, json!({"destination": "X"})),
        ("delete", "/api/v1/forwarding/{id}", DESK, none()),
        ("get", "/api/v1/forwarding/rules", DESK, none()),
        ("put", "/api/v1/forwarding/rules/{id}", DESK, json!({"destination": "X"})),
        ("delete", "/api/v1/forwarding/rules/{id}", DESK, none()),
        ("get", "/api/v1/remotes", PATIENTS, none()),
        ("post", "/api/v1/remotes/{ae_title}/echo", PATIENTS, none()),
        ("post", "/api/v1/remotes/{ae_title}/find", PATIENTS, json!({"keys": {}})),
        ("post", "/api/v1/remotes/{ae_title}/retrieve", PATIENTS, json!({"study": STUDY})),
        ("get", "/api/v1/watched-folders", PATIENTS, none()),
        ("get", "/api/v1/partners", PATIENTS, none()),
        ("get", "/api/v1/studies", PATIENTS, none()),
        ("get", "/api/v1/studies/{org}/{study}", PATIENTS, none()),
        ("get", "/api/v1/studies/{org}/{study}/arriving", PATIENTS, none()),
        ("get", "/api/v1/studies/{uid}/apart", PATIENTS, none()),
        ("get", "/api/v1/studies/{uid}/identity-in-content", PATIENTS, none()),
        ("get", "/api/v1/hidden", PATIENTS, none()),
        ("get", "/api/v1/corrections", PATIENTS, none()),
        ("post", "/api/v1/corrections", PATIENTS, correction()),
        ("post", "/api/v1/corrections/{id}/undo", PATIENTS, json!({"code": "other", "text": "x"})),
        ("get", "/api/v1/emergency", OFFICES, none()),
        (
            "post",
            "/api/v1/emergency",
            PATIENTS,
            json!({"organisation": "city", "by": "patient_id", "number": "x", "reason": "in an emergency"}),
        ),
        ("get", "/api/v1/emergency/mine", PATIENTS, none()),
        ("get", "/api/v1/emergency/hospitals", PATIENTS, none()),
        ("get", "/api/v1/emergency/setting", OFFICES, none()),
        ("put", "/api/v1/emergency/setting", OFFICES, json!({"is_allowed": true})),
        ("post", "/api/v1/emergency/{id}/review", OFFICES, json!({"is_justified": true})),
        ("get", "/api/v1/patients", PATIENTS, none()),
        ("get", "/api/v1/patients/{id}", PATIENTS, none()),
        ("get", "/api/v1/patient-pairs", PATIENTS, none()),
        ("get", "/api/v1/patient-pairs/{one}/{other}", PATIENTS, none()),
        ("get", "/api/v1/patient-decisions", PATIENTS, none()),
        (
            "post",
            "/api/v1/patient-decisions",
            PATIENTS,
            json!({"one": "0", "other": "1", "verdict": "same", "seen": 0}),
        ),
        ("post", "/api/v1/patient-decisions/{act}/undo", PATIENTS, json!({})),
        ("get", "/api/v1/deidentification/projects", PATIENTS, none()),
        ("post", "/api/v1/deidentification/projects", PATIENTS, json!({"name": "x", "options": []})),
        ("post", "/api/v1/deidentification/projects/{id}/close", PATIENTS, none()),
        ("post", "/api/v1/deidentification/projects/{id}/survey", PATIENTS, json!({"studies": [STUDY]})),
        (
            "post",
            "/api/v1/deidentification/projects/{id}/exports",
            PATIENTS,
            json!({"studies": [STUDY], "with_risky": false, "purpose": "research", "reason": "x"}),
        ),
        ("get", "/api/v1/deidentification/exports/{id}", PATIENTS, none()),
        ("get", "/api/v1/deidentification/collections", PATIENTS, none()),
        (
            "post",
            "/api/v1/deidentification/projects/{id}/placements",
            PATIENTS,
            json!({
                "collection": "x", "studies": [STUDY], "with_risky": false, "purpose": "teaching", "reason": "x"
            }),
        ),
        ("get", "/api/v1/deidentification/placements", PATIENTS, none()),
        ("delete", "/api/v1/deidentification/placements/{id}", PATIENTS, none()),
        ("get", "/api/v1/orders", PATIENTS, none()),
        ("post", "/api/v1/orders", PATIENTS, order()),
        ("post", "/api/v1/orders/import", PATIENTS, none()),
        ("get", "/api/v1/orders/{id}", PATIENTS, none()),
        ("delete", "/api/v1/orders/{id}", PATIENTS, none()),
        ("get", "/api/v1/worklist", PATIENTS, none()),
        ("post", "/api/v1/uploads", PATIENTS, none()),
        ("post", "/api/v1/uploads/documents", PATIENTS, none()),
        ("post", "/api/v1/uploads/held", PATIENTS, json!({"instances": [STUDY]})),
        ("post", "/api/v1/uploads/names", PATIENTS, json!({"names": ["x"]})),
        ("get", "/api/v1/uploads/resumable", PATIENTS, none()),
        ("post", "/api/v1/uploads/resumable", PATIENTS, none()),
        ("get", "/api/v1/uploads/resumable/{id}", PATIENTS, none()),
        ("head", "/api/v1/uploads/resumable/{id}", PATIENTS, none()),
        ("patch", "/api/v1/uploads/resumable/{id}", PATIENTS, none()),
        ("delete", "/api/v1/uploads/resumable/{id}", PATIENTS, none()),
        ("post", "/api/v1/uploads/resumable/{id}/finish", PATIENTS, json!({"sha256": "0".repeat(64)})),
        ("get", "/api/v1/studies/{org}/{study}/measurements", PATIENTS, none()),
        (
            "put",
            "/api/v1/studies/{org}/{study}/measurements",
            PATIENTS,
            json!({"version": 0, "measurements": []}),
        ),
        ("get", "/api/v1/studies/{org}/{study}/measurements.dcm", PATIENTS, none()),
        ("get", "/api/v1/unidentified-slides", PATIENTS, none()),
        ("get", "/api/v1/slides", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/tiles/{level}/{x}/{y}", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/levels/{level}/instances", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/associated/{kind}", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/icc", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/original", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/dzi.dzi", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/dzi_files/{level}/{tile}", PATIENTS, none()),
        ("put", "/api/v1/slides/{id}/identity", PATIENTS, json!({"of": {}})),
        ("put", "/api/v1/slides/{id}/calibration", PATIENTS, json!({"mpp_um": 0.25})),
        ("delete", "/api/v1/slides/{id}/calibration", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/annotations", PATIENTS, none()),
        ("post", "/api/v1/slides/{id}/annotations", PATIENTS, drawing()),
        ("put", "/api/v1/slides/{id}/annotations/{annotation}", PATIENTS, drawing()),
        ("delete", "/api/v1/slides/{id}/annotations/{annotation}", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/annotations/{annotation}/versions", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/annotations.geojson", PATIENTS, none()),
        ("post", "/api/v1/slides/{id}/annotations.geojson", PATIENTS, json!({})),
        ("get", "/api/v1/slides/{id}/annotations.dcm", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/coverage", PATIENTS, none()),
        ("post", "/api/v1/slides/{id}/coverage", PATIENTS, json!({"steps": []})),
        ("post", "/api/v1/slides/{id}/seen", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/bookmarks", PATIENTS, none()),
        ("post", "/api/v1/slides/{id}/bookmarks", PATIENTS, bookmark()),
        ("put", "/api/v1/slides/{id}/bookmarks/{bookmark}", PATIENTS, json!({"name": "x"})),
        ("delete", "/api/v1/slides/{id}/bookmarks/{bookmark}", PATIENTS, none()),
        ("get", "/api/v1/slides/{id}/bookmarks/{bookmark}/picture", PATIENTS, none()),
        ("get", "/iiif/3/{id}/info.json", PATIENTS, none()),
        ("get", "/iiif/3/{id}/{region}/{size}/{rotation}/{file}", PATIENTS, none()),
        ("get", "/api/v1/consults", PATIENTS, none()),
        ("post", "/api/v1/consults", PATIENTS, consult()),
        ("get", "/api/v1/consults/{id}", PATIENTS, none()),
        ("put", "/api/v1/consults/{id}", PATIENTS, consult()),
        ("get", "/api/v1/live", Themselves, none()),
        ("get", "/api/v1/notices", Themselves, none()),
        ("post", "/api/v1/notices/read", Themselves, none()),
        ("post", "/api/v1/notices/{id}/read", Themselves, none()),
        ("get", "/api/v1/notices/mail", Themselves, none()),
        ("put", "/api/v1/notices/mail", Themselves, json!({"address": ""})),
        ("get", "/api/v1/messages/unread", Themselves, none()),
        ("get", "/api/v1/critical/rules", Themselves, none()),
        (
            "put",
            "/api/v1/critical/rules",
            OFFICES,
            json!({"items": [{"name": "x"}], "repeat_min": 5, "escalate_min": 10}),
        ),
        ("get", "/api/v1/templates", Themselves, none()),
        ("get", "/api/v1/templates/{id}", Themselves, none()),
        ("get", "/api/v1/templates/{id}/editions/{version}", Themselves, none()),
        ("put", "/api/v1/templates/{id}", OFFICES, json!({"record_version": 0, "template": template()})),
        ("post", "/api/v1/templates/{id}/publish", OFFICES, json!({"record_version": 1})),
        ("post", "/api/v1/templates/{id}/withdraw", OFFICES, json!({"record_version": 1})),
        ("post", "/api/v1/templates/{id}/offer", OFFICES, json!({"record_version": 1})),
        ("get", "/api/v1/phrases", Themselves, none()),
        ("put", "/api/v1/phrases/own", Themselves, json!({"version": 0, "phrases": []})),
        ("put", "/api/v1/phrases/organisation", OFFICES, json!({"version": 0, "phrases": []})),
        ("get", "/api/v1/consults/{id}/prior-reports", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report/draft.pdf", PATIENTS, none()),
        ("get", "/api/v1/webhook", OFFICES, none()),
        ("put", "/api/v1/webhook", OFFICES, json!({"url": "https://his.example.org/hook"})),
        ("get", "/api/v1/critical", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/critical", PATIENTS, none()),
        ("post", "/api/v1/consults/{id}/critical", PATIENTS, json!({"finding": "x"})),
        ("post", "/api/v1/consults/{id}/critical/{n}/acknowledge", PATIENTS, json!({"read_back": "x"})),
        ("post", "/api/v1/consults/{id}/critical/{n}/withdraw", PATIENTS, json!({"reason": "x"})),
        ("get", "/api/v1/consults/{id}/messages", PATIENTS, none()),
        ("post", "/api/v1/consults/{id}/messages", PATIENTS, json!({"text": "x"})),
        ("put", "/api/v1/consults/{id}/messages/read", PATIENTS, json!({"n": 1})),
        ("get", "/api/v1/statistics", PATIENTS, none()),
        ("get", "/api/v1/statistics.csv", PATIENTS, none()),
        ("get", "/api/v1/statistics/alliance", PATIENTS, none()),
        (
            "post",
            "/api/v1/consults/{id}/grade",
            PATIENTS,
            json!({"version": 1, "grade": "1", "comment": "x"}),
        ),
        ("post", "/api/v1/consults/{id}/attachments", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/attachments/{sha256}", PATIENTS, none()),
        ("delete", "/api/v1/consults/{id}/attachments/{sha256}", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/opinions", PATIENTS, none()),
        (
            "post",
            "/api/v1/consults/{id}/opinions",
            PATIENTS,
            json!({"people": ["x"], "question": "x", "sight": "open"}),
        ),
        ("put", "/api/v1/consults/{id}/opinions/{n}/draft", PATIENTS, json!({"text": "x"})),
        ("post", "/api/v1/consults/{id}/opinions/{n}/give", PATIENTS, json!({"text": "x"})),
        ("post", "/api/v1/consults/{id}/opinions/{n}/decline", PATIENTS, json!({"reason": "x"})),
        ("post", "/api/v1/consults/{id}/opinions/{n}/withdraw", PATIENTS, json!({"reason": "x"})),
        ("get", "/api/v1/consults/{id}/experts", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/second-opinions", PATIENTS, none()),
        (
            "post",
            "/api/v1/consults/{id}/second-opinions",
            PATIENTS,
            json!({"version": 1, "reading_organisation": "city", "urgency": "urgent", "first": "hidden"}),
        ),
        (
            "post",
            "/api/v1/consults/{id}/compare",
            PATIENTS,
            json!({"version": 1, "agreement": "agrees", "comment": "x"}),
        ),
        ("get", "/api/v1/assignment/rules", OFFICES, none()),
        ("put", "/api/v1/assignment/rules", OFFICES, json!({"version": 0, "rules": []})),
        (
            "post",
            "/api/v1/assignment/try",
            OFFICES,
            json!({"kind": "diagnosis", "urgency": "urgent", "requesting": "township"}),
        ),
        ("get", "/api/v1/duty", PATIENTS, none()),
        ("put", "/api/v1/duty/{person}", PATIENTS, json!({"duty": "off"})),
        ("get", "/api/v1/duty/overview", OFFICES, none()),
        (
            "post",
            "/api/v1/duty/{person}/shifts",
            OFFICES,
            json!({"from": "2046-11-27T08:00:00Z", "until": "2046-11-27T16:00:00Z"}),
        ),
        ("delete", "/api/v1/duty/{person}/shifts/{id}", OFFICES, none()),
        ("get", "/api/v1/consults/{id}/candidates", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/late-images", PATIENTS, none()),
        ("post", "/api/v1/consults/{id}/lease", PATIENTS, none()),
        ("post", "/api/v1/consults/{id}/assign", PATIENTS, json!({"version": 1, "person": "x"})),
        (
            "post",
            "/api/v1/consults/{id}/amend",
            PATIENTS,
            json!({"version": 1, "kind": "addendum", "reason": "x"}),
        ),
        ("put", "/api/v1/consults/{id}/report", PATIENTS, report()),
        ("get", "/api/v1/consults/{id}/report/preview", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report/pictures/{sha256}", PATIENTS, none()),
        ("post", "/api/v1/consults/{id}/sign", PATIENTS, signing()),
        ("post", "/api/v1/consults/{id}/review", PATIENTS, signing()),
        (
            "post",
            "/api/v1/consults/{id}/phone-signature",
            PATIENTS,
            json!({"version": 1, "canonical_sha256": "0".repeat(64), "as": "sign"}),
        ),
        ("get", "/api/v1/consults/{id}/phone-signature", PATIENTS, none()),
        ("delete", "/api/v1/consults/{id}/phone-signature", PATIENTS, none()),
        (
            "post",
            "/api/v1/consults/{id}/own-signature",
            PATIENTS,
            json!({"version": 1, "canonical_sha256": "0".repeat(64), "as": "sign"}),
        ),
        (
            "post",
            "/api/v1/consults/{id}/own-signature/complete",
            PATIENTS,
            json!({"transaction": "x", "values": []}),
        ),
        ("get", "/api/v1/consults/{id}/report.pdf", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report.json", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report.p7s", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/chain.pem", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report-sr.dcm", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report-pdf.dcm", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report-kos.dcm", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/report.fhir.json", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/verify", PATIENTS, none()),
        ("get", "/api/v1/consults/{id}/deliveries", PATIENTS, none()),
        ("post", "/api/v1/consults/{id}/deliveries/{delivery}/send", PATIENTS, none()),
        ("get", "/api/v1/return-routes", OFFICES, none()),
        ("put", "/api/v1/return-routes/{id}", OFFICES, return_route()),
        ("delete", "/api/v1/return-routes/{id}", OFFICES, none()),
        ("get", "/api/v1/undelivered", DESK, none()),
        ("post", "/api/v1/undelivered/notices/{id}/send", DESK, none()),
    ]
    .into_iter()
    .chain(STEPS.iter().map(|path| ("post", *path, PATIENTS, reason())))
    .collect()
}

/// Steps of a consult that take the version that was seen, and words where they need some.
const STEPS: [&str; 18] = [
    "/api/v1/consults/{id}/abandon",
    "/api/v1/consults/{id}/accept",
    "/api/v1/consults/{id}/accept-images",
    "/api/v1/consults/{id}/acknowledge",
    "/api/v1/consults/{id}/answer",
    "/api/v1/consults/{id}/ask-back",
    "/api/v1/consults/{id}/cancel",
    "/api/v1/consults/{id}/claim",
    "/api/v1/consults/{id}/decline",
    "/api/v1/consults/{id}/record-decision",
    "/api/v1/consults/{id}/reject",
    "/api/v1/consults/{id}/release",
    "/api/v1/consults/{id}/request-data",
    "/api/v1/consults/{id}/respond",
    "/api/v1/consults/{id}/resume",
    "/api/v1/consults/{id}/return",
    "/api/v1/consults/{id}/submit",
    "/api/v1/consults/{id}/take-over",
];

fn consult() -> Json {
    json!({
        "reading_organisation": "city", "kind": "diagnosis", "urgency": "urgent", "question": "?", "history": "",
        "consent": true, "version": 1, "study": {"org": "township", "study_instance_uid": STUDY},
    })
}

fn report() -> Json {
    json!({"version": 1, "report": {"findings": "x", "diagnosis": "x", "recommendation": "x", "displayed": []}})
}

fn template() -> Json {
    let section = |key: &str| json!({"key": key, "title": {"zh": "x"}});
    json!({"title": {"zh": "x"}, "kind": "radiology", "sections": [section("findings"), section("diagnosis")]})
}

fn return_route() -> Json {
    json!({"name": "x", "method": "stow", "url": "https://pacs.example.org/dicom-web", "forms": ["sr", "pdf"]})
}

fn drawing() -> Json {
    json!({"kind": "point", "points": [[1.0, 1.0]]})
}

fn bookmark() -> Json {
    let view = json!({
        "x": 1.0, "y": 1.0, "zoom": 1.0, "rotation_deg": 0.0, "mirrored": false, "screen_width": 100,
        "screen_height": 100,
    });
    json!({"name": "x", "view": view})
}

fn correction() -> Json {
    json!({"correction": {"kind": "hide", "study": STUDY}, "reason": {"code": "other", "text": "x"}})
}

fn order() -> Json {
    json!({
        "patient": {"id": "P1", "name": "x"}, "accession_number": "A1", "procedure": {"description": "x"},
        "step": {"modality": "CT", "start_date": "20261126"},
    })
}

/// A path with something in place of each parameter: the study that there is, and identifiers of nothing.
fn filled(path: &str) -> String {
    let query = match path {
        "/api/v1/statistics" | "/api/v1/statistics.csv" => {
            "?by=month&from=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z"
        }
        _ if path.contains("/attachments") => "?version=1",
        _ => "",
    };
    [
        ("{org}", "township"),
        ("{study}", STUDY),
        ("{uid}", STUDY),
        ("{id}", "01a2077e-2f43-74a0-8029-0ef7c3507664"),
        ("{ae_title}", "NOBODY"),
        ("{level}", "0"),
        ("{n}", "1"),
        ("{person}", "nobody"),
        ("{version}", "1"),
        ("{x}", "0"),
        ("{y}", "0"),
        ("{kind}", "label"),
        ("{delivery}", "d"),
        ("{tile}", "0_0.jpeg"),
        ("{annotation}", "a"),
        ("{bookmark}", "b"),
        ("{region}", "full"),
        ("{size}", "max"),
        ("{rotation}", "0"),
        ("{file}", "default.jpg"),
        ("{sha256}", "0000000000000000000000000000000000000000000000000000000000000000"),
    ]
    .iter()
    .fold(format!("{path}{query}"), |path, (name, value)| path.replace(name, value))
}

/// A study of the township, whose patient has a name that must be nowhere else.
pub async fn store(house: &House) {
    let mut set = Dataset::new();
    let class = "1.2.840.10008.5.1.4.1.1.2";
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.4.1.1"),
        (tags::STUDY_DATE, VR::DA, "20261126"),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::PATIENT_NAME, VR::PN, CANARY),
        (tags::PATIENT_ID, VR::LO, CANARY),
        (tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
        (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.4.1"),
    ] {
        set.put_text(tag, vr, value);
    }
    let township = OrgId::parse("township").unwrap();
    let arrival = Arrival {
        owner: township,
        via: Via::Import,
        declared: Some((Uid::parse(class).unwrap(), Uid::parse("1.2.3.4.1.1").unwrap())),
    };
    let syntax = TransferSyntax::explicit_little();
    let mut sink = house.storage.sink(&Scope::node("test"), arrival, syntax.clone()).await.unwrap();
    sink.write(&to_bytes(&set, &syntax)).await.unwrap();
    sink.commit().await.unwrap();
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let document = serde_json::to_value(crate::openapi()).unwrap();
    let methods = ["get", "put", "post", "delete", "options", "head", "patch"];
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| methods.contains(&key.as_str())) {
            routes.insert(format!("{method} {path}"));
        }
    }
    let rows: BTreeSet<String> = rows().iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let (no_row, no_route) = (routes.difference(&rows), rows.difference(&routes));
    assert_eq!(no_row.collect::<Vec<_>>(), Vec::<&String>::new(), "say in rows() who may use these routes");
    assert_eq!(no_route.collect::<Vec<_>>(), Vec::<&String>::new(), "these rows have no route any more");
}

#[tokio::test]
async fn nobody_gets_anything_that_is_not_for_anybody() {
    let house = house(LoginRules::default()).await;
    let doctor = house.person("doctor", "township", &[Role::Requester, Role::Reader]).await;
    let cookie = house.session(&doctor, Duration::ZERO).await;
    let expired = house.session(&doctor, Duration::hours(13)).await;
    let disable = |person: &mut access::Person| person.is_disabled = true;
    house.storage.amend_person(&Scope::node("test"), &doctor.id, "", disable).await.unwrap();
    for (method, path, whom, body) in rows() {
        for (who, cookie) in
            [("nobody", ""), ("a disabled account", &cookie), ("an expired session", &expired)]
        {
            let Answer { status, .. } = house.ask(cookie, &method.to_uppercase(), &filled(path), &body).await;
            if whom == Anybody {
                assert!(status < 500, "{method} {path} as {who}: {status}");
            } else {
                assert_eq!(status, 401, "{method} {path} as {who}");
            }
        }
    }
}

#[tokio::test]
async fn the_wrong_role_is_refused_whatever_it_asks_for() {
    let house = house(LoginRules::default()).await;
    store(&house).await;
    let mut wrong = Vec::new();
    for (method, path, whom, body) in rows() {
        let Rights(role) = whom else { continue };
        let login = format!("{role:?}");
        let person = match house.storage.person_by_login(&login).await {
            Ok(person) => person,
            Err(_) => house.person(&login, "township", &[role]).await,
        };
        let cookie = house.session(&person, Duration::ZERO).await;
        let Answer { status, body } = house.ask(&cookie, &method.to_uppercase(), &filled(path), &body).await;
        // Where something is named, it may be looked for before the rights: then it is not there.
        let is_refused = status == 403 || status == 404 && path.contains('{');
        if !is_refused {
            wrong.push(format!("{method} {path} as {role:?}: {status} {body}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Somebody with every working role at another hospital, and at a centre whose grant has ended: lists are empty of what is
/// not theirs, and what is named does not exist.
#[tokio::test]
async fn another_hospital_and_an_ended_grant_see_nothing() {
    let house = house(LoginRules::default()).await;
    store(&house).await;
    let grant = Grant {
        owner: OrgId::parse("township").unwrap(),
        study: Uid::parse(STUDY).unwrap(),
        grantee: OrgId::parse("city").unwrap(),
        consult: ConsultId::parse("c").unwrap(),
    };
    let node = Scope::node("test");
    let change = |grant| Change { grants: vec![grant], ..Change::default() };
    let all =
        [Role::Requester, Role::Uploader, Role::Reader, Role::Reviewer, Role::Coordinator, Role::Archivist];
    let mut cookies = Vec::new();
    for organisation in ["other", "city"] {
        let person = house.person(organisation, organisation, &all).await;
        cookies.push((organisation, house.session(&person, Duration::ZERO).await));
    }
    let study = filled("/api/v1/studies/{org}/{study}");
    house.storage.apply(&node, change(GrantChange::Give(grant.clone()))).await.unwrap();
    assert_eq!(house.ask(&cookies[1].1, "GET", &study, &Json::Null).await.status, 200, "while it is granted");
    house.storage.apply(&node, change(GrantChange::Withdraw(grant))).await.unwrap();

    let wado = format!("/dicom-web/studies/{STUDY}/metadata");
    for (organisation, cookie) in &cookies {
        for path in [&study, &wado] {
            assert_eq!(
                house.ask(cookie, "GET", path, &Json::Null).await.status,
                404,
                "{path} as {organisation}"
            );
        }
        for (method, path, whom, body) in rows() {
            if whom == Themselves || whom == Anybody || method == "options" {
                continue;
            }
            let Answer { status, body } =
                house.ask(cookie, &method.to_uppercase(), &filled(path), &body).await;
            assert!(status < 500 || status == 502, "{method} {path} as {organisation}: {status} {body}");
            assert!(!body.contains(CANARY), "{method} {path} as {organisation} shows the patient: {body}");
            if path.contains("{id}") && path != "/api/v1/forwarding/rules/{id}" {
                assert!(
                    matches!(status, 400 | 403 | 404 | 412 | 415 | 422 | 428),
                    "{method} {path}: {status} {body}"
                );
            }
        }
    }
}
