//! The texts, one row each.

use super::{Row, Sent, World};
use crate::consult::{act, path};
use crate::support::node::Org;
use crate::support::query;
use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicU32, Ordering};

/// Texts that the test does not write, and why: operation, last part of the field's name, reason.
pub const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("*", "kinds", WORD),
    ("*", "signatures", WORD),
    ("*", "valid_from", WORD),
    ("*", "valid_until", WORD),
    ("*", "kind", WORD),
    ("*", "rights", WORD),
    ("*", "roles", WORD),
    ("*", "urgency", WORD),
    ("*", "found_at", WORD),
    ("*", "received_at", WORD),
    ("*", "how", WORD),
    ("*", "grade", WORD),
    ("*", "sight", WORD),
    ("*", "as", WORD),
    ("*", "agreement", WORD),
    ("*", "first", WORD),
    ("*", "purpose", WORD),
    ("*", "state", WORD),
    ("*", "forms", WORD),
    ("*", "method", WORD),
    ("*", "theme", WORD),
    ("*", "tab", WORD),
    ("*", "duty", WORD),
    ("*", "from", WORD),
    ("*", "until", WORD),
    ("*", "code", WORD),
    ("*", "modalities", WORD),
    ("*", "modality", WORD),
    ("*", "birth_date", WORD),
    ("*", "sex", WORD),
    ("*", "weight_kg", WORD),
    ("*", "priority", WORD),
    ("*", "start_date", WORD),
    ("*", "start_time", WORD),
    ("*", "options", WORD),
    ("*", "rotation_deg", WORD),
    ("*", "window_centre", WORD),
    ("*", "window_width", WORD),
    ("*", "class", WORD),
    ("*", "subspecialties", WORD),
    ("*", "colour", WORD),
    ("*", "reading", NAME),
    ("*", "requesting", NAME),
    ("*", "organisation", NAME),
    ("*", "id", NAME),
    ("*", "priors", NAME),
    ("*", "left_out_series", NAME),
    ("*", "once", NAME),
    ("*", "reading_organisation", NAME),
    ("*", "slide_id", NAME),
    ("*", "org", NAME),
    ("*", "study_instance_uid", NAME),
    ("*", "person", NAME),
    ("*", "people", NAME),
    ("*", "consult_id", NAME),
    ("*", "displayed", NAME),
    ("*", "bookmark", NAME),
    ("*", "instance", NAME),
    ("*", "slide", NAME),
    ("*", "template", NAME),
    ("*", "studies", NAME),
    ("*", "collection", NAME),
    ("*", "destination", NAME),
    ("*", "one", NAME),
    ("*", "other", NAME),
    ("*", "study", NAME),
    ("*", "series", NAME),
    ("*", "consult", NAME),
    ("*", "rev", NAME),
    ("*", "steps", NAME),
    ("*", "sha256", NAME),
    ("*", "canonical_sha256", NAME),
    ("*", "worklist_columns", NAME),
    ("*", "sources", NAME),
    ("*", "ae_title", NAME),
    ("*", "station_ae_title", NAME),
    ("*", "login", NAME),
    ("*", "certificate", NAME),
    ("*", "?org", NAME),
    ("*", "?consult", NAME),
    ("*", "trust_anchors_pem", "certificates in PEM: anything else is refused"),
    ("*", "passphrase", SECRET),
    ("*", "password", SECRET),
    ("*", "secret", SECRET),
    ("*", "current", SECRET),
    ("*", "token", SECRET),
    ("post /api/v1/consults/{id}/abandon", "reason", "the step has no words: all steps have one body"),
    ("post /api/v1/consults/{id}/accept", "reason", "the step has no words: all steps have one body"),
    ("post /api/v1/consults/{id}/accept-images", "reason", "the step has no words: all steps have one body"),
    ("post /api/v1/consults/{id}/acknowledge", "reason", "the step has no words: all steps have one body"),
    ("post /api/v1/consults/{id}/claim", "reason", "the step has no words: all steps have one body"),
    ("post /api/v1/consults/{id}/release", "reason", "the step has no words: all steps have one body"),
    ("post /api/v1/consults/{id}/submit", "reason", "the step has no words: all steps have one body"),
    (
        "post /api/v1/consults/{id}/reject",
        "reason",
        "as decline, by the same function; needs an agreement that accepts by a coordinator",
    ),
    (
        "post /api/v1/consults/{id}/return",
        "reason",
        "as decline, by the same function; needs an agreement that has two signatures",
    ),
    (
        "post /api/v1/consults/{id}/take-over",
        "reason",
        "as decline; needs an agreement that has two signatures",
    ),
    ("post /api/v1/consults/{id}/own-signature/complete", "transaction", NAME),
    ("post /api/v1/consults/{id}/own-signature/complete", "values", "signatures: anything else is refused"),
    ("put /api/v1/session/signing-certificate", "certificates", "certificates: anything else is refused"),
    ("post /api/v1/consults/{id}/attachments", "?name", "the name of a file: see the test of its own"),
    (
        "post /api/v1/consults/{id}/messages",
        "view",
        "an address of this application: anything else is refused",
    ),
    ("post /api/v1/assignment/try", "body_parts", "a trial keeps nothing"),
    ("post /api/v1/assignment/try", "description", "a trial keeps nothing"),
    ("post /api/v1/assignment/try", "question", "a trial keeps nothing"),
    ("put /api/v1/notices/mail", "address", "an address of mail: anything else is refused"),
    ("put /api/v1/webhook", "url", "an address: anything else is refused"),
    ("put /api/v1/return-routes/{id}", "url", "an address: anything else is refused"),
    ("post /api/v1/uploads/held", "instances", "UIDs: anything else is refused"),
    ("post /api/v1/uploads/names", "names", "names of files that the browser asks about: nothing is kept"),
    (
        "post /api/v1/uploads/resumable/{id}/finish",
        "description",
        "goes into DICOM objects: consult/src/wrapped tests its length and characters",
    ),
    (
        "post /api/v1/deidentification/projects/{id}/exports",
        "reason",
        "not reached here: stands on the audit chain of an export",
    ),
    (
        "post /api/v1/deidentification/projects/{id}/placements",
        "reason",
        "not reached here: stands on the audit chain of a placement",
    ),
    ("post /api/v1/emergency", "number", "a patient number that is looked for"),
    ("post /api/v1/emergency", "reason", "not reached here: tests/it/emergency.rs reads it again"),
    (
        "post /api/v1/emergency/{id}/review",
        "note",
        "not reached here: needs an emergency access that has ended",
    ),
    ("post /api/v1/patient-decisions", "reason", "not reached here: needs two records of one patient"),
    (
        "post /api/v1/patient-decisions/{act}/undo",
        "reason",
        "not reached here: needs two records of one patient",
    ),
    ("post /api/v1/session/passkeys", "name", "not reached here: needs an authenticator"),
    (
        "post /api/v1/slides/{id}/annotations",
        "text",
        "not reached here: tests/it/slide_notes.rs writes the same on a slide",
    ),
    (
        "put /api/v1/slides/{id}/annotations/{annotation}",
        "text",
        "not reached here: tests/it/slide_notes.rs writes the same on a slide",
    ),
    (
        "post /api/v1/slides/{id}/bookmarks",
        "name",
        "not reached here: tests/it/slide_notes.rs writes the same on a slide",
    ),
    (
        "put /api/v1/slides/{id}/bookmarks/{bookmark}",
        "name",
        "not reached here: tests/it/slide_notes.rs writes the same on a slide",
    ),
];

const WORD: &str = "a word of a list, a moment or a number: anything else is refused";
const NAME: &str = "names something that is there: anything else is refused";
const SECRET: &str = "a secret: never shown again";

/// A number that was not there before, for what must be the only one of its name.
fn fresh() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

const WORDS: &str = "右肺上叶结节";

fn row(
    operation: &'static str,
    field: &'static str,
    named: &'static [&'static str],
    send: fn(&World, &str) -> Sent,
) -> Row {
    Row { operation, field, plain: WORDS, named, send }
}

/// A step of a case whose words are its reason.
macro_rules! step {
    ($step:literal, $who:literal, $case:expr) => {
        row(concat!("post /api/v1/consults/{id}/", $step), "reason", &[], |world, text| {
            let case: fn(&World) -> Json = $case;
            world.on($who, &case(world), $step, json!({"reason": text}))
        })
    };
}

pub fn rows() -> Vec<Row> {
    [asking(), steps(), writing(), together(), centre(), administration(), desk()]
        .into_iter()
        .flatten()
        .collect()
}

fn asking() -> Vec<Row> {
    fn create(world: &World, field: &str, text: &str) -> Sent {
        let mut request = world.request();
        request[field] = json!(text);
        let answer = world.as_("township").post("/api/v1/consults", &request);
        let made = answer.status.eq(&201).then(|| answer.json());
        world.then(answer, || world.see("township", &made.expect("it was made")))
    }
    fn edit(world: &World, field: &str, text: &str) -> Sent {
        let draft = world.draft();
        let mut request = world.request();
        request[field] = json!(text);
        request["version"] = draft["version"].clone();
        let answer = world.as_("township").put(&path(&draft, ""), &request);
        world.then(answer, || world.see("township", &draft))
    }
    vec![
        row("post /api/v1/consults", "question", &[], |w, text| create(w, "question", text)),
        row("post /api/v1/consults", "history", &[], |w, text| create(w, "history", text)),
        row("put /api/v1/consults/{id}", "question", &[], |w, text| edit(w, "question", text)),
        row("put /api/v1/consults/{id}", "history", &[], |w, text| edit(w, "history", text)),
    ]
}

/// A PNG of one grey pixel.
pub fn pixel() -> Vec<u8> {
    use base64::Engine as _;
    let text = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

fn steps() -> Vec<Row> {
    vec![
        step!("cancel", "township", World::asked),
        step!("decline", "reader", World::claimed),
        step!("request-data", "reader", World::claimed),
        step!("resume", "township", |w| w.done("reader", &w.claimed(), "request-data")),
        step!("ask-back", "township", |w| w.signed("diagnosis")),
        step!("answer", "reader", |w| {
            let report = w.delivered("diagnosis").clone();
            w.done("township", &report, "ask-back");
            report
        }),
        step!("record-decision", "township", |w| w.signed("consultation")),
        row("post /api/v1/consults/{id}/assign", "reason", &[], |w, text| {
            w.on("coordinator", &w.asked(), "assign", json!({"person": "demo-reader2", "reason": text}))
        }),
        row("post /api/v1/consults/{id}/amend", "reason", &[], |w, text| {
            let report = w.delivered("diagnosis").clone();
            let sent = w.on("reader", &report, "amend", json!({"kind": "addendum", "reason": text}));
            if sent.0.status == 200 {
                w.done("reader", &report, "abandon");
            }
            sent
        }),
        row("post /api/v1/consults/{id}/grade", "comment", &[], |w, text| {
            w.on("reviewer", &w.signed("diagnosis"), "grade", json!({"grade": "2a", "comment": text}))
        }),
        row("post /api/v1/consults/{id}/respond", "reason", &[], |w, text| {
            let report = w.signed("diagnosis");
            w.on("reviewer", &report, "grade", json!({"grade": "3a", "comment": "漏诊"})).0.expect(200);
            w.on("reader", &report, "respond", json!({"reason": text}))
        }),
    ]
}

fn writing() -> Vec<Row> {
    fn in_template(world: &World, change: fn(&mut Json, &str), text: &str) -> Sent {
        world.writing(|report| {
            report["template"] = json!("breast-cancer");
            report["template_version"] = json!(1);
            change(report, text);
        })
    }
    fn image(world: &World, change: fn(&mut Json, &str), text: &str) -> Sent {
        let mut choice = json!({
            "id": format!("0199aaaa-0000-7000-8000-{:012x}", fresh()), "instance": world.images[0].instance,
            "frame": 1, "window_centre": "1800", "window_width": "3000", "rotation_deg": "0", "mirrored": false,
            "inverted": false, "name": "x", "picture_width": 64, "picture_height": 64,
            "marks": [{"kind": "point", "points": [[8, 8]], "label": "x"}],
        });
        change(&mut choice, text);
        world.writing(|report| report["key_images"] = json!([choice]))
    }
    let at = "put /api/v1/consults/{id}/report";
    vec![
        row(at, "report.findings", &[], |w, text| w.writing(|report| report["findings"] = json!(text))),
        row(at, "report.diagnosis", &[], |w, text| w.writing(|report| report["diagnosis"] = json!(text))),
        row(at, "report.recommendation", &[], |w, text| {
            w.writing(|report| report["recommendation"] = json!(text))
        }),
        row(at, "report.sections.*", &["sections"], |w, text| {
            in_template(w, |report, text| report["sections"] = json!({"immuno": text}), text)
        }),
        row(at, "report.values.*", &["values"], |w, text| {
            in_template(w, |report, text| report["values"] = json!({"quadrant": [text]}), text)
        }),
        row(at, "report.key_images[].name", &["key_images"], |w, text| {
            image(w, |choice, text| choice["name"] = json!(text), text)
        }),
        row(at, "report.key_images[].marks", &["key_images"], |w, text| {
            image(w, |choice, text| choice["marks"][0]["label"] = json!(text), text)
        }),
    ]
}

fn together() -> Vec<Row> {
    /// Asked of the second reader by the first.
    fn invited(world: &World) -> Json {
        let case = world.claimed();
        let body = json!({"people": ["demo-reader2"], "question": "能否手术？", "sight": "open"});
        world.as_("reader").post(&path(&case, "/opinions"), &body).expect(201);
        case
    }
    fn opinion(world: &World, who: &str, step: &str, body: &Json) -> Sent {
        let case = invited(world);
        let address = path(&case, &format!("/opinions/1/{step}"));
        let client = world.as_(who);
        let answer = if step == "draft" { client.put(&address, body) } else { client.post(&address, body) };
        world.then(answer, || world.get(who, &path(&case, "/opinions")))
    }
    fn alarm(world: &World) -> Json {
        let case = world.claimed();
        world.as_("reader").post(&path(&case, "/critical"), &json!({"finding": "气胸"})).expect(201);
        case
    }
    fn acknowledged(world: &World, who: &str, body: &Json) -> Sent {
        let case = alarm(world);
        let answer = world.as_(who).post(&path(&case, "/critical/1/acknowledge"), body);
        world.then(answer, || world.get(who, &path(&case, "/critical")))
    }
    fn message(world: &World, body: &Json) -> Sent {
        let case = world.delivered("diagnosis");
        let answer = world.as_("township").post(&path(case, "/messages"), body);
        world.then(answer, || world.get("reader", &path(case, "/messages")))
    }
    vec![
        row("post /api/v1/consults/{id}/opinions", "question", &[], |w, text| {
            let case = w.claimed();
            let body = json!({"people": ["demo-reader2"], "question": text, "sight": "open"});
            let answer = w.as_("reader").post(&path(&case, "/opinions"), &body);
            w.then(answer, || w.get("reader", &path(&case, "/opinions")))
        }),
        row("put /api/v1/consults/{id}/opinions/{n}/draft", "text", &[], |w, text| {
            opinion(w, "reader2", "draft", &json!({"text": text}))
        }),
        row("post /api/v1/consults/{id}/opinions/{n}/give", "text", &[], |w, text| {
            opinion(w, "reader2", "give", &json!({"text": text}))
        }),
        row("post /api/v1/consults/{id}/opinions/{n}/decline", "reason", &[], |w, text| {
            opinion(w, "reader2", "decline", &json!({"reason": text}))
        }),
        row("post /api/v1/consults/{id}/opinions/{n}/withdraw", "reason", &[], |w, text| {
            opinion(w, "reader", "withdraw", &json!({"reason": text}))
        }),
        row("post /api/v1/consults/{id}/second-opinions", "question", &[], |w, text| {
            let first = w.signed("diagnosis");
            let first = w.see("township", &first);
            let body = json!({"version": first["version"], "reading_organisation": w.node.id_of(Org::City),
                "urgency": "urgent", "first": "shown", "question": text});
            let answer = w.as_("township").post(&path(&first, "/second-opinions"), &body);
            let made = answer.status.eq(&201).then(|| answer.json());
            w.then(answer, || w.see("township", &made.expect("it was made")))
        }),
        row("post /api/v1/consults/{id}/compare", "comment", &["reason"], |w, text| {
            let first = w.signed("diagnosis");
            let first = w.see("township", &first);
            let body = json!({"version": first["version"], "reading_organisation": w.node.id_of(Org::City),
                "urgency": "urgent", "first": "shown"});
            let second = w.as_("township").post(&path(&first, "/second-opinions"), &body).expect(201).json();
            let claimed = act(w.as_("reader2"), &second, "claim").expect(200).json();
            let body = json!({"version": claimed["version"], "report": w.report()});
            let saved = w.as_("reader2").put(&path(&claimed, "/report"), &body).expect(200).json();
            let passphrase = &w.node.account("reader2")["signing_passphrase"];
            crate::consult::sign(w.as_("reader2"), &saved, passphrase).expect(200);
            let mut sent =
                w.on("township", &second, "compare", json!({"agreement": "minor", "comment": text}));
            if sent.1.is_some() {
                sent.1 = Some(w.get("township", &path(&first, "/second-opinions")));
            }
            sent
        }),
        row("post /api/v1/consults/{id}/critical", "finding", &[], |w, text| {
            let case = w.claimed();
            let answer = w.as_("reader").post(&path(&case, "/critical"), &json!({"finding": text}));
            w.then(answer, || w.get("township", &path(&case, "/critical")))
        }),
        row("post /api/v1/consults/{id}/critical/{n}/acknowledge", "read_back", &[], |w, text| {
            acknowledged(w, "township", &json!({"read_back": text}))
        }),
        row("post /api/v1/consults/{id}/critical/{n}/acknowledge", "received_by", &[], |w, text| {
            let body = json!({"read_back": "气胸", "how": "telephone", "received_by": text});
            acknowledged(w, "reader", &body)
        }),
        row("post /api/v1/consults/{id}/critical/{n}/withdraw", "reason", &[], |w, text| {
            let case = alarm(w);
            let answer = w.as_("reader").post(&path(&case, "/critical/1/withdraw"), &json!({"reason": text}));
            w.then(answer, || w.get("township", &path(&case, "/critical")))
        }),
        row("post /api/v1/consults/{id}/messages", "text", &[], |w, text| message(w, &json!({"text": text}))),
        row("post /api/v1/consults/{id}/messages", "marks", &[], |w, text| {
            let mark = json!({"on": "image", "instance": w.images[0].instance, "frame": 1, "x_px": 1.0, "y_px": 1.0,
                "label": text});
            message(w, &json!({"text": "x", "marks": [mark]}))
        }),
    ]
}

fn centre() -> Vec<Row> {
    fn phrases(world: &World, whose: &str, who: &str, change: fn(&mut Json, &str), text: &str) -> Sent {
        let address = format!("/api/v1/phrases/{whose}");
        let kept = world.get(who, "/api/v1/phrases");
        let version = kept[whose]["version"].clone();
        let mut phrase = json!({"abbreviation": "fj", "title": "结节", "text": "见一结节"});
        change(&mut phrase, text);
        let answer = world.as_(who).put(&address, &json!({"version": version, "phrases": [phrase]}));
        world.then(answer, || world.get(who, "/api/v1/phrases"))
    }
    fn template(world: &World, change: fn(&mut Json, &str), text: &str) -> Sent {
        let address = format!("/api/v1/templates/field-{}", fresh());
        let section = |key: &str| json!({"key": key, "title": {"zh": "x"}, "fields": []});
        let mut template = json!({"title": {"zh": "x"}, "kind": "radiology", "sections": [section("findings"), section("diagnosis")]});
        let field = json!({"key": "size", "label": {"zh": "x"}, "kind": "choice", "choices": [{"code": "a", "zh": "x"}]});
        template["sections"][0]["fields"] = json!([field]);
        change(&mut template, text);
        let body = json!({"record_version": 0, "template": template});
        let answer = world.as_("coordinator").put(&address, &body);
        world.then(answer, || world.get("coordinator", &address))
    }
    fn rules(world: &World, change: fn(&mut Json, &str), text: &str) -> Sent {
        let kept = world.get("coordinator", "/api/v1/assignment/rules");
        // Of no study here, so that it takes no case from the other rows.
        let mut rule = json!({"name": "x", "modalities": ["MG"], "words": [], "to": {"who": "pool"}});
        change(&mut rule, text);
        let body = json!({"version": kept["version"], "rules": [rule]});
        let answer = world.as_("coordinator").put("/api/v1/assignment/rules", &body);
        world.then(answer, || world.get("coordinator", "/api/v1/assignment/rules"))
    }
    fn critical(world: &World, change: fn(&mut Json, &str), text: &str) -> Sent {
        let mut item = json!({"name": "气胸", "name_en": "pneumothorax"});
        change(&mut item, text);
        let body = json!({"items": [item], "repeat_min": 5, "escalate_min": 10});
        let answer = world.as_("coordinator").put("/api/v1/critical/rules", &body);
        world.then(answer, || world.get("coordinator", "/api/v1/critical/rules"))
    }
    let (own, common) = ("put /api/v1/phrases/own", "put /api/v1/phrases/organisation");
    let templates = "put /api/v1/templates/{id}";
    let mut rows = vec![
        row(own, "phrases", &["phrases"], |w, text| {
            phrases(w, "own", "reader", |one, text| one["text"] = json!(text), text)
        }),
        row(common, "phrases", &["phrases"], |w, text| {
            phrases(w, "organisation", "coordinator", |one, text| one["title"] = json!(text), text)
        }),
        row(templates, "template", &["title"], |w, text| {
            template(w, |one, text| one["title"]["zh"] = json!(text), text)
        }),
        row(templates, "template", &["body_part"], |w, text| {
            template(w, |one, text| one["body_part"] = json!({"zh": text}), text)
        }),
        row(templates, "template", &["sections"], |w, text| {
            template(w, |one, text| one["sections"][0]["title"]["zh"] = json!(text), text)
        }),
        row(templates, "template", &["sections"], |w, text| {
            template(w, |one, text| one["sections"][0]["normal"] = json!(text), text)
        }),
        row(templates, "template", &["fields", "sections"], |w, text| {
            template(w, |one, text| one["sections"][0]["fields"][0]["label"]["zh"] = json!(text), text)
        }),
        row(templates, "template", &["fields", "sections"], |w, text| {
            template(w, |one, text| one["sections"][0]["fields"][0]["unit"] = json!(text), text)
        }),
        row(templates, "template", &["fields", "sections"], |w, text| {
            template(w, |one, text| one["sections"][0]["fields"][0]["choices"][0]["zh"] = json!(text), text)
        }),
        row("put /api/v1/assignment/rules", "rules", &[], |w, text| {
            rules(w, |one, text| one["name"] = json!(text), text)
        }),
        row("put /api/v1/assignment/rules", "rules", &[], |w, text| {
            rules(w, |one, text| one["words"] = json!([text]), text)
        }),
        Row {
            plain: "CHEST",
            ..row("put /api/v1/assignment/rules", "rules", &[], |w, text| {
                rules(w, |one, text| one["body_parts"] = json!([text]), text)
            })
        },
        row("put /api/v1/critical/rules", "items[].name", &["items"], |w, text| {
            critical(w, |one, text| one["name"] = json!(text), text)
        }),
        row("put /api/v1/critical/rules", "items[].name_en", &["items"], |w, text| {
            critical(w, |one, text| one["name_en"] = json!(text), text)
        }),
        row("put /api/v1/return-routes/{id}", "name", &[], |w, text| {
            let address = "/api/v1/return-routes/field";
            let body = json!({"name": text, "method": "stow", "url": "https://pacs.example.org/dicom-web",
                "forms": ["sr", "pdf"]});
            let answer = w.as_("admin").put(address, &body);
            w.then(answer, || w.get("admin", "/api/v1/return-routes"))
        }),
    ];
    rows.push(Row {
        plain: "fei",
        ..row(own, "phrases", &["phrases"], |w, text| {
            phrases(w, "own", "reader", |one, text| one["abbreviation"] = json!(text), text)
        })
    });
    rows
}

fn administration() -> Vec<Row> {
    fn organisation(world: &World, method: &str, text: &str) -> Sent {
        let id = format!("field-{}", fresh());
        let admin = world.as_("admin");
        let all = "/api/v1/admin/organisations";
        let body = |name: &str| json!({"id": id, "name": name, "kind": "hospital"});
        let answer = match method {
            "post" => admin.post(all, &body(text)),
            _ => {
                admin.post(all, &body("x")).expect(201);
                admin.put(&format!("{all}/{id}"), &json!({"name": text, "kind": "hospital"}))
            }
        };
        world.then(answer, || world.get("admin", all))
    }
    fn person(world: &World, method: &str, change: fn(&mut Json, &str), text: &str) -> Sent {
        let admin = world.as_("admin");
        let all = "/api/v1/admin/people";
        let mut body = json!({
            "organisation": world.node.id_of(Org::City), "login": format!("field{}", fresh()), "roles": ["reader"],
            "name": "何秀兰", "title": "主治医师",
            "credential": {"licence": "110310000054321", "scope": "影像", "modalities": ["CT"],
                "valid_from": "2026-01-01", "valid_until": "2049-12-31"},
        });
        let answer = match method {
            "post" => {
                change(&mut body, text);
                admin.post(all, &body)
            }
            _ => {
                let made = admin.post(all, &body).expect(201).json();
                let mut particulars = json!({"name": body["name"], "title": body["title"],
                    "credential": body["credential"]});
                change(&mut particulars, text);
                admin.put(&format!("{all}/{}", made["id"].as_str().expect("an id")), &particulars)
            }
        };
        let organisation = world.node.id_of(Org::City);
        world.then(answer, || world.get("admin", &query(all, &[("organisation", organisation)])))
    }
    let (new, change) = ("post /api/v1/admin/people", "put /api/v1/admin/people/{id}");
    vec![
        row("post /api/v1/admin/organisations", "name", &[], |w, text| organisation(w, "post", text)),
        row("put /api/v1/admin/organisations/{id}", "name", &[], |w, text| organisation(w, "put", text)),
        row(new, "name", &[], |w, text| person(w, "post", |one, text| one["name"] = json!(text), text)),
        row(new, "title", &[], |w, text| person(w, "post", |one, text| one["title"] = json!(text), text)),
        Row {
            plain: "110310000054322",
            ..row(new, "credential.licence", &["credential"], |w, text| {
                person(w, "post", |one, text| one["credential"]["licence"] = json!(text), text)
            })
        },
        Row {
            plain: "110310000054323",
            ..row(change, "credential.licence", &["credential"], |w, text| {
                person(w, "put", |one, text| one["credential"]["licence"] = json!(text), text)
            })
        },
        row(new, "credential.scope", &["credential"], |w, text| {
            person(w, "post", |one, text| one["credential"]["scope"] = json!(text), text)
        }),
        row(change, "name", &[], |w, text| person(w, "put", |one, text| one["name"] = json!(text), text)),
        row(change, "title", &[], |w, text| person(w, "put", |one, text| one["title"] = json!(text), text)),
        row(change, "credential.scope", &["credential"], |w, text| {
            person(w, "put", |one, text| one["credential"]["scope"] = json!(text), text)
        }),
        row("post /api/v1/admin/tokens", "purpose", &[], |w, text| {
            let organisation = w.node.id_of(Org::City);
            let body =
                json!({"organisation": organisation, "purpose": text, "rights": ["search"], "days": 1});
            let answer = w.as_("security").post("/api/v1/admin/tokens", &body);
            let all = query("/api/v1/admin/tokens", &[("organisation", organisation)]);
            w.then(answer, || w.get("security", &all))
        }),
    ]
}

fn desk() -> Vec<Row> {
    fn filter(world: &World, change: fn(&mut Json, &str), text: &str) -> Sent {
        let mut filter = json!({"name": "x", "tab": "all", "q": ""});
        change(&mut filter, text);
        let answer =
            world.as_("reader").put("/api/v1/session/preferences", &json!({"worklist_filters": [filter]}));
        world.then(answer, || world.get("reader", "/api/v1/session/preferences"))
    }
    let mut rows = vec![
        row(
            "put /api/v1/session/preferences",
            "worklist_filters[].name",
            &["worklist_filters"],
            |w, text| filter(w, |one, text| one["name"] = json!(text), text),
        ),
        row("put /api/v1/session/preferences", "worklist_filters[].q", &["worklist_filters"], |w, text| {
            filter(w, |one, text| one["q"] = json!(text), text)
        }),
        row("put /api/v1/studies/{org}/{study}/measurements", "measurements", &["text"], |w, text| {
            let study =
                format!("/api/v1/studies/{}/{}/measurements", w.node.id_of(Org::Township), w.images[0].study);
            let seen = w.get("township", &study);
            let sheets = seen["sheets"].as_array().expect("sheets");
            let own = sheets.iter().find(|sheet| sheet["own"] == true);
            let version = own.map_or(json!(0), |sheet| sheet["version"].clone());
            let arrow = json!({"id": format!("1.2.826.0.1.3680043.8.498.{}", fresh()), "kind": "arrow",
                "series": w.images[0].series, "instance": w.images[0].instance, "frame": 1,
                "points": [[1.0, 1.0], [4.0, 4.0]], "values": [], "text": text});
            let answer = w.as_("township").put(&study, &json!({"version": version, "measurements": [arrow]}));
            w.then(answer, || w.get("township", &study))
        }),
        row("post /api/v1/corrections", "reason.text", &["reason"], |w, text| {
            let study = w.another_study();
            let correction = json!({"kind": "hide", "study": study});
            let body = json!({"correction": correction, "reason": {"code": "other", "text": text}});
            let answer = w.as_("archivist").post("/api/v1/corrections", &body);
            w.then(answer, || w.get("archivist", "/api/v1/corrections"))
        }),
        row("post /api/v1/corrections/{id}/undo", "text", &["reason"], |w, text| {
            let study = w.another_study();
            let correction = json!({"kind": "hide", "study": study});
            let body = json!({"correction": correction, "reason": {"code": "other", "text": "x"}});
            let made = w.as_("archivist").post("/api/v1/corrections", &body);
            let id = made.json()["id"].as_str().expect("an id").to_owned();
            let undo = format!("/api/v1/corrections/{id}/undo");
            let answer = w.as_("archivist").post(&undo, &json!({"code": "other", "text": text}));
            w.then(answer, || w.get("archivist", "/api/v1/corrections"))
        }),
        row("post /api/v1/deidentification/projects", "name", &[], |w, text| {
            let all = "/api/v1/deidentification/projects";
            let answer = w.as_("archivist").post(all, &json!({"name": text, "options": []}));
            w.then(answer, || w.get("archivist", all))
        }),
        row("put /api/v1/forwarding/rules/{id}", "description", &[], |w, text| {
            let device =
                ["ae", "add", "FIELDARCH", "--org", w.node.id_of(Org::City), "--contact", "127.0.0.1:11112"];
            // Known from the first of the texts on.
            let _ = w.node.command(&device);
            let body = json!({"destination": "FIELDARCH", "description": text, "state": "paused"});
            let answer = w.as_("admin").put("/api/v1/forwarding/rules/field", &body);
            w.then(answer, || w.get("admin", "/api/v1/forwarding/rules"))
        }),
    ];
    rows.extend(orders());
    rows
}

/// Texts of an order. They go into DICOM objects, whose fields are short.
macro_rules! order {
    ($field:literal, $pointer:literal) => {
        row("post /api/v1/orders", $field, &[], |world, text| {
            let mut order = json!({
                "patient": {"id": "P1", "name": "张三", "allergies": "", "alerts": ""},
                "accession_number": format!("A{}", fresh()), "admission_id": "", "referring_physician": "",
                "requesting_physician": "", "requesting_service": "",
                "procedure": {"id": "1", "description": "x", "reason": "",
                    "code": {"value": "1", "scheme": "99X", "meaning": "x"}},
                "step": {"id": "1", "modality": "CT", "start_date": "20261126", "performing_physician": "",
                    "description": "x", "station_name": "", "location": "",
                    "protocol": {"value": "1", "scheme": "99X", "meaning": "x"}},
            });
            *order.pointer_mut($pointer).expect("a text of an order") = json!(text);
            let answer = world.as_("uploader").post("/api/v1/orders", &order);
            world.then(answer, || world.get("uploader", "/api/v1/orders?limit=200"))
        })
    };
}

fn orders() -> Vec<Row> {
    let words = vec![
        order!("patient.name", "/patient/name"),
        order!("patient.allergies", "/patient/allergies"),
        order!("patient.alerts", "/patient/alerts"),
        order!("referring_physician", "/referring_physician"),
        order!("requesting_physician", "/requesting_physician"),
        order!("requesting_service", "/requesting_service"),
        order!("procedure.description", "/procedure/description"),
        order!("procedure.reason", "/procedure/reason"),
        order!("procedure.code.meaning", "/procedure/code/meaning"),
        order!("step.description", "/step/description"),
        order!("step.performing_physician", "/step/performing_physician"),
        order!("step.location", "/step/location"),
        order!("step.protocol.meaning", "/step/protocol/meaning"),
    ];
    let codes = vec![
        order!("patient.id", "/patient/id"),
        order!("accession_number", "/accession_number"),
        order!("admission_id", "/admission_id"),
        order!("procedure.id", "/procedure/id"),
        order!("procedure.code.value", "/procedure/code/value"),
        order!("procedure.code.scheme", "/procedure/code/scheme"),
        order!("step.id", "/step/id"),
        order!("step.station_name", "/step/station_name"),
        order!("step.protocol.value", "/step/protocol/value"),
        order!("step.protocol.scheme", "/step/protocol/scheme"),
    ];
    let codes = codes.into_iter().map(|row| Row { plain: "N17", ..row });
    words.into_iter().chain(codes).collect()
}
