//! Every text that somebody can write survives what people paste: it is kept exactly as it was written, or refused with the
//! field named. Never cut silently, never an error of the server. The table is held against the OpenAPI document: a text that is
//! neither in it nor among the exceptions fails the test.

mod table;

use crate::consult::{path, sign};
use crate::support::node::Org;
use crate::support::{Answer, Client, Ct, Node, query};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// What is pasted; the first is what anybody would write, and must be kept.
fn payloads(plain: &'static str) -> [(&'static str, String); 5] {
    [
        ("plain words", plain.to_owned()),
        ("a script", "<script>alert(\"1\")</script>&amp;'; DROP TABLE x; --".to_owned()),
        ("100,000 characters", "长".repeat(100_000)),
        ("right to left", "左\u{202E}gpj.exe\u{202C} שלום \u{2067}مرحبا\u{2069}右".to_owned()),
        ("four bytes each", "𠮷田𠀋𪚥𫠣".to_owned()),
    ]
}

/// A text field.
struct Row {
    /// Method and path of the OpenAPI document.
    operation: &'static str,
    /// The property of its body, or `?name` of its address.
    field: &'static str,
    /// What anybody would write there.
    plain: &'static str,
    /// The names under which it is refused, beside the last part of its own.
    named: &'static [&'static str],
    /// Sends a text; gives the answer and, where it was taken, what is read afterwards.
    send: fn(&World, &str) -> Sent,
}

/// An answer, and what is read after it.
struct Sent(Answer, Option<Json>);

/// A node with people, images and cases at hand.
struct World {
    node: Node,
    people: BTreeMap<&'static str, Client>,
    images: Vec<Ct>,
    delivered: [OnceLock<Json>; 2],
}

const LOGINS: [&str; 9] = [
    "township",
    "uploader",
    "archivist",
    "reader",
    "reader2",
    "reviewer",
    "coordinator",
    "admin",
    "security",
];

impl World {
    fn new(name: &str) -> Self {
        let node = Node::start(name);
        let images = Ct::new().sized(16).series_of(2);
        node.machine(Org::Township).stow(&images.iter().map(Ct::file).collect::<Vec<_>>()).expect(200);
        let people = LOGINS.iter().map(|login| (*login, node.person(login))).collect();
        Self { node, people, images, delivered: Default::default() }
    }

    fn as_(&self, login: &str) -> &Client {
        &self.people[login]
    }

    fn request(&self) -> Json {
        json!({
            "reading_organisation": self.node.id_of(Org::City), "kind": "diagnosis", "urgency": "urgent",
            "study": {"org": self.node.id_of(Org::Township), "study_instance_uid": self.images[0].study},
            "question": "右肺结节性质？", "history": "咳嗽两周", "consent": true,
        })
    }

    fn draft(&self) -> Json {
        self.as_("township").post("/api/v1/consults", &self.request()).expect(201).json()
    }

    fn asked_as(&self, kind: &str) -> Json {
        let mut request = self.request();
        request["kind"] = json!(kind);
        let draft = self.as_("township").post("/api/v1/consults", &request).expect(201).json();
        self.done("township", &draft, "submit")
    }

    /// UID of a study of the township that nothing else is about.
    fn another_study(&self) -> String {
        let image = Ct::new().sized(16);
        self.node.machine(Org::Township).stow(&[image.file()]).expect(200);
        image.study
    }

    /// In the pool.
    fn asked(&self) -> Json {
        self.asked_as("diagnosis")
    }

    /// Claimed by the reader.
    fn claimed(&self) -> Json {
        self.done("reader", &self.asked(), "claim")
    }

    fn report(&self) -> Json {
        json!({
            "findings": "右肺上叶见一结节。", "diagnosis": "右肺上叶结节。", "recommendation": "", "template": null,
            "displayed": [],
        })
    }

    /// Signed by the reader, of one kind; made when it is first wanted.
    fn delivered(&self, kind: &str) -> &Json {
        self.delivered[usize::from(kind == "consultation")].get_or_init(|| self.signed(kind))
    }

    fn signed(&self, kind: &str) -> Json {
        let claimed = self.done("reader", &self.asked_as(kind), "claim");
        let body = json!({"version": claimed["version"], "report": self.report()});
        let saved = self.as_("reader").put(&path(&claimed, "/report"), &body).expect(200).json();
        sign(self.as_("reader"), &saved, &self.node.account("reader")["signing_passphrase"])
            .expect(200)
            .json()
    }

    fn see(&self, login: &str, consult: &Json) -> Json {
        self.as_(login).get(&path(consult, "")).expect(200).json()
    }

    /// A step that is no matter of the test.
    fn done(&self, login: &str, consult: &Json, step: &str) -> Json {
        let version = self.see(login, consult)["version"].clone();
        let body = json!({"version": version, "reason": "因为"});
        self.as_(login).post(&path(consult, &format!("/{step}")), &body).expect(200).json()
    }

    /// A call on a case with the version that it has; what is read then is the case.
    fn on(&self, login: &str, consult: &Json, step: &str, mut body: Json) -> Sent {
        body["version"] = self.see(login, consult)["version"].clone();
        let answer = self.as_(login).post(&path(consult, &format!("/{step}")), &body);
        self.then(answer, || self.see(login, consult))
    }

    fn then(&self, answer: Answer, read: impl FnOnce() -> Json) -> Sent {
        let seen = (answer.status < 300).then(read);
        Sent(answer, seen)
    }

    /// A report with something else in it, of a case that the reader has.
    fn writing(&self, change: impl FnOnce(&mut Json)) -> Sent {
        let consult = self.claimed();
        let mut report = self.report();
        change(&mut report);
        let body = json!({"version": consult["version"], "report": report});
        let answer = self.as_("reader").put(&path(&consult, "/report"), &body);
        self.then(answer, || self.see("reader", &consult))
    }

    fn get(&self, login: &str, path: &str) -> Json {
        self.as_(login).get(path).expect(200).json()
    }
}

/// Whether a text is somewhere in it, exactly; it may stand within a sentence of ours.
fn holds(json: &Json, text: &str) -> bool {
    match json {
        Json::String(found) => found.contains(text),
        Json::Array(all) => all.iter().any(|one| holds(one, text)),
        Json::Object(all) => all.values().any(|one| holds(one, text)),
        _ => false,
    }
}

#[test]
fn what_is_written_is_kept_exactly_or_refused_with_its_field() {
    let world = World::new("fields");
    let mut wrong = Vec::new();
    for row in table::rows() {
        // As a path, of which the refusal names a part: `procedure.code` of `procedure.code.meaning`.
        let own = format!(".{}.", row.field.replace("[]", ""));
        for (what, text) in payloads(row.plain) {
            let Sent(answer, seen) = (row.send)(&world, &text);
            let said = answer.text();
            let said: String = said.chars().take(300).collect();
            let at = format!("{} {}, {what}", row.operation, row.field);
            match (answer.status, seen) {
                (200..300, Some(seen)) if holds(&seen, &text) => {}
                (200..300, _) => wrong.push(format!("{at}: taken and not kept as it was written: {said}")),
                (422, _) if what == "plain words" => wrong.push(format!("{at}: refused: {said}")),
                (422, _) => {
                    let field = answer.json()["field"].as_str().unwrap_or_default().to_owned();
                    if !own.contains(&format!(".{field}.")) && !row.named.contains(&field.as_str()) {
                        wrong.push(format!("{at}: refused as `{field}`: {said}"));
                    }
                }
                (status, _) => wrong.push(format!("{at}: {status}: {said}")),
            }
        }
    }
    world.node.nobody().get("/readyz").expect(200);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A file's name is not words: it loses its path and marks of direction, which could disguise what it is, and has a box for what no
/// font has. But for those it is kept, and it is never cut.
#[test]
fn a_name_of_an_attachment_is_kept_but_for_its_tricks_or_refused() {
    let world = World::new("attachment-names");
    for (text, kept) in [
        ("<script>alert('1')<.pdf", Some("<script>alert('1')<.pdf")),
        ("𠮷田𠀋.png", Some("𠮷田𠀋.png")),
        ("左\u{202E}gpj.exe\u{202C}.png", Some("左gpj.exe.png")),
        (&"长".repeat(1_000), None),
    ] {
        let draft = world.draft();
        let version = draft["version"].to_string();
        let address = query(&path(&draft, "/attachments"), &[("version", &version), ("name", text)]);
        let answer = world.as_("township").post_bytes(&address, "application/octet-stream", table::pixel());
        match kept {
            Some(name) => assert_eq!(answer.expect(200).json()["attachments"][0]["name"], name),
            None => assert_eq!(answer.expect_problem(422, "invalid").json()["field"], "name"),
        }
    }
}

/// Texts of an operation's body and address, as the document has them: `reason`, `report.findings`, `rules[].name`.
fn texts(document: &Json, operation: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
        collect(document, schema, "", 0, &mut found);
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "query" && is_text(&parameter["schema"]) {
            found.insert(format!("?{}", parameter["name"].as_str().unwrap_or_default()));
        }
    }
    found
}

fn is_text(schema: &Json) -> bool {
    let is_string = schema["type"] == "string"
        || schema["type"].as_array().is_some_and(|all| all.iter().any(|one| one == "string"));
    is_string && schema.get("enum").is_none() && schema.get("format").is_none()
}

fn collect(document: &Json, schema: &Json, at: &str, depth: u8, found: &mut BTreeSet<String>) {
    if depth > 8 {
        return;
    }
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        collect(document, document.pointer(pointer).unwrap_or(&Json::Null), at, depth + 1, found);
    }
    if is_text(schema) && !at.is_empty() {
        found.insert(at.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect(document, property, &below(name), depth + 1, found);
    }
    if schema["items"].is_object() {
        collect(document, &schema["items"], &format!("{at}[]"), depth + 1, found);
    }
    if schema["additionalProperties"].is_object() {
        collect(document, &schema["additionalProperties"], &below("*"), depth + 1, found);
    }
    for several in ["allOf", "oneOf", "anyOf"] {
        for one in schema[several].as_array().into_iter().flatten() {
            collect(document, one, at, depth + 1, found);
        }
    }
}

#[test]
fn every_text_of_the_interface_is_in_the_table_or_an_exception_with_its_reason() {
    let document = Node::shared().nobody().get("/api/v1/openapi.json").expect(200).json();
    let rows: BTreeSet<(&str, &str)> = table::rows().iter().map(|row| (row.operation, row.field)).collect();
    let (mut missing, mut operations) = (Vec::new(), BTreeSet::new());
    let mut used = BTreeSet::new();
    for (address, item) in document["paths"].as_object().expect("paths") {
        for method in ["post", "put", "patch"] {
            let Some(operation) = item.get(method) else { continue };
            let name = format!("{method} {address}");
            for field in texts(&document, operation) {
                let last = field.rsplit('.').next().unwrap_or_default().trim_end_matches("[]");
                let exception = table::EXCEPTIONS
                    .iter()
                    .position(|(at, what, _)| (*at == "*" || *at == name) && *what == last);
                let is_in_table = rows.contains(&(name.as_str(), field.as_str()));
                match (is_in_table, exception) {
                    (false, None) => missing.push(format!("{name} {field}")),
                    (false, Some(n)) => {
                        used.insert(n);
                    }
                    (true, _) => {}
                }
            }
            operations.insert(name);
        }
    }
    assert!(missing.is_empty(), "say what becomes of these texts:\n{}", missing.join("\n"));
    let gone = rows.iter().filter(|(operation, _)| !operations.contains(*operation));
    assert_eq!(gone.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "these operations are gone");
    let idle: Vec<_> = (0..table::EXCEPTIONS.len()).filter(|n| !used.contains(n)).collect();
    let idle: Vec<_> = idle.into_iter().map(|n| table::EXCEPTIONS[n]).collect();
    assert!(idle.is_empty(), "these exceptions are about nothing: {idle:?}");
}
