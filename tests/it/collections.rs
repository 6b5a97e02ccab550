//! Teaching collections: an archivist puts studies there without their identity, learners look at them, nothing else happens.

use crate::support::node::Org;
use crate::support::{Client, Ct, Node, sample, wait_for};
use serde_json::{Value as Json, json};
use std::time::Duration;

const LIBRARY: &str = "library";
const PASSWORD: &str = "quiet heron 31";
const PLACEMENTS: &str = "/api/v1/deidentification/placements";
const LIMIT: Duration = Duration::from_secs(60);
const BURNED_IN: &[u8] = b"\x28\x00\x01\x03CS\x04\x00YES ";

/// A node with a collection that the centre looks after, which looks after the township, too; and a learner.
fn node_with_library(name: &str) -> (Node, Client) {
    let node = Node::start(name);
    let city = node.id_of(Org::City);
    let add = ["org", "add", LIBRARY, "教学库", "--kind", "collection", "--looked-after-by", city];
    node.command(&add).expect_success();
    let learner = account(&node, "learner", LIBRARY, "learner");
    (node, learner)
}

fn account(node: &Node, login: &str, org: &str, role: &str) -> Client {
    let add = ["user", "add", login, login, "--org", org, "--roles", role, "--invite"];
    let link = node.command(&add).expect_success().stdout;
    let secret = link.trim().split_once('#').expect("a link with a secret").1.to_owned();
    let take = json!({"secret": secret, "password": PASSWORD});
    node.nobody().post("/api/v1/invitations/take", &take).expect(204);
    Client::logged_in(node.base_url(), login, PASSWORD)
}

fn project(archivist: &Client, options: &[&str]) -> String {
    let body = json!({"name": "课题", "options": options});
    let made = archivist.post("/api/v1/deidentification/projects", &body).expect(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

fn into(project: &str) -> String {
    format!("/api/v1/deidentification/projects/{project}/placements")
}

fn wish(study: &str, with_risky: bool) -> Json {
    json!({
        "collection": LIBRARY, "studies": [study], "with_risky": with_risky, "purpose": "teaching", "reason": "第三章",
    })
}

/// What lies in collections, once nothing is being done to it.
fn at_rest(archivist: &Client) -> Vec<Json> {
    wait_for("collections come to rest", LIMIT, || {
        let all = archivist.get(PLACEMENTS).expect(200).json();
        let all = all["placements"].as_array().expect("placements").clone();
        let is_done = |one: &Json| one["state"] == "there" || one["state"] == "failed";
        all.iter().all(is_done).then_some(all)
    })
}

fn studies(who: &Client) -> Vec<Json> {
    who.get("/api/v1/studies").expect(200).json()["studies"].as_array().expect("studies").clone()
}

/// The same file with an element put in front of (0028,1050).
fn with_element(ct: &Ct, element: &[u8]) -> Vec<u8> {
    let file = ct.file();
    let bytes: &[u8] = file.as_ref();
    let at = bytes.windows(6).position(|w| w == b"\x28\x00\x50\x10DS").expect("it is there");
    [&bytes[..at], element, &bytes[at..]].concat()
}

fn assert_names_nobody(what: &str, body: &[u8], needles: &[&str]) {
    for needle in needles {
        let found = body.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!found, "{what} says {needle}");
    }
}

#[test]
fn learners_see_a_study_without_its_identity_and_the_archivist_takes_it_out_again() {
    let (node, learner) = node_with_library("collections");
    let ct = Ct::new();
    let series = ct.clone().series_of(4);
    let mut files = vec![with_element(&series[0], BURNED_IN)];
    files.extend(series[1..].iter().map(|one| one.file().as_ref().to_vec()));
    node.machine(Org::Township).stow(&files).expect(200);
    let archivist = node.person("archivist");
    let id = project(&archivist, &["retain_modified_dates"]);

    let put = archivist.post(&into(&id), &wish(&ct.study, false)).expect(202).json();
    assert_eq!(put["placements"][0]["study"]["study_instance_uid"], json!(ct.study));
    let placed = at_rest(&archivist);
    let one = &placed[0];
    assert_eq!((&one["state"], &one["instances"], &one["of"]), (&json!("there"), &json!(3), &json!(4)));
    assert_eq!(one["left_out"], json!({"burned_in": 1}));
    let pseudonym = one["pseudonym"].as_str().expect("a pseudonym");

    // What a learner sees, to the last byte.
    let needles = [
        "Zhang",
        "张",
        ct.patient_id.as_str(),
        ct.accession.as_str(),
        ct.study.as_str(),
        ct.series.as_str(),
        series[1].instance.as_str(),
        "19680301",
        "20261120",
        "胸部",
    ];
    let list = learner.get("/api/v1/studies").expect(200);
    assert_names_nobody("the list", &list.body, &needles);
    let seen = list.json()["studies"][0].clone();
    assert_eq!((&seen["patient_name"], &seen["patient_id"]), (&json!(pseudonym), &json!(pseudonym)));
    assert_eq!((&seen["is_deidentified"], &seen["instance_count"]), (&json!(true), &json!(3)));
    let copy = seen["study_instance_uid"].as_str().expect("a UID");
    let metadata =
        learner.get_as(&format!("/dicom-web/studies/{copy}/metadata"), "application/dicom+json").expect(200);
    assert_names_nobody("the metadata", &metadata.body, &needles);
    let instances = metadata.json();
    assert_eq!(instances.as_array().map(Vec::len), Some(3));
    assert_eq!(instances[0]["00120062"]["Value"], json!(["YES"]));
    for one in instances.as_array().expect("instances") {
        let uid = |tag: &str| one[tag]["Value"][0].as_str().expect("a UID").to_owned();
        let path =
            format!("/dicom-web/studies/{copy}/series/{}/instances/{}", uid("0020000E"), uid("00080018"));
        learner.get(&format!("{path}/frames/1")).expect(200);
        let file = learner.get_as(&path, "application/dicom; transfer-syntax=*").expect(200);
        assert_names_nobody("an instance", &file.body, &needles);
    }
    learner.get(&format!("/api/v1/studies/{LIBRARY}/{copy}")).expect(200);

    // The study itself is out of a learner's sight, as the copy is out of the hospital's.
    learner.get(&format!("{}/frames/1", series[1].path())).expect(404);
    let township = node.id_of(Org::Township);
    learner.get(&format!("/api/v1/studies/{township}/{}", ct.study)).expect_problem(404, "not-found");
    archivist.get(&format!("/api/v1/studies/{LIBRARY}/{copy}")).expect_problem(404, "not-found");
    assert!(!studies(&archivist)[0]["is_deidentified"].as_bool().expect("a mark"));

    // The same again is recognised; with what somebody has looked at, the rest follows.
    archivist.post(&into(&id), &wish(&ct.study, false)).expect(202);
    assert_eq!(at_rest(&archivist).len(), 1);
    assert_eq!(studies(&learner)[0]["instance_count"], json!(3));
    archivist.post(&into(&id), &wish(&ct.study, true)).expect(202);
    assert_eq!(at_rest(&archivist)[0]["instances"], json!(4));
    let seen = studies(&learner);
    assert_eq!((&seen[0]["instance_count"], &seen[0]["flags"]), (&json!(4), &json!([])));

    // The chain: one event for each act and one for each study of it; those of the collection know nothing of the study.
    let township_auditor = account(&node, "township-auditor", township, "auditor");
    let events = township_auditor.get("/api/v1/audit?action=export&limit=1000").expect(200).json();
    let exported = |object: &str| {
        let all = events["events"].as_array().expect("events");
        all.iter().filter(|event| event["object"] == json!(object)).count()
    };
    assert_eq!(exported(&format!("deidentification/{id}/collection/{LIBRARY}")), 3);
    assert_eq!(exported(&format!("study/{}", ct.study)), 3);
    let library_auditor = account(&node, "library-auditor", LIBRARY, "auditor");
    let events = library_auditor.get("/api/v1/audit?limit=1000").expect(200);
    let stored = events.json()["events"].as_array().expect("events").clone();
    let stored = stored.iter().filter(|event| event["action"] == "store").count();
    assert!(stored >= 4, "{stored}");
    let secret = [&ct.study, "demo-archivist", &series[1].instance, &id];
    assert_names_nobody("the chain of the collection", &events.body, &secret);

    // A closed project leaves what is there, and nobody knows any more whose it is.
    archivist.post(&format!("/api/v1/deidentification/projects/{id}/close"), &Json::Null).expect(200);
    let placed = at_rest(&archivist);
    assert_eq!((&placed[0]["study"], &placed[0]["state"]), (&Json::Null, &json!("there")));
    assert_eq!(studies(&learner).len(), 1);
    archivist.post(&into(&id), &wish(&ct.study, false)).expect_problem(409, "wrong-state");

    // Taken out, the copies are gone; the study is not.
    let path = format!("{PLACEMENTS}/{}", placed[0]["id"].as_str().expect("an id"));
    node.person("city-archivist").delete(&path).expect_problem(404, "not-found");
    archivist.delete(&path).expect(202);
    wait_for("the copies are gone", LIMIT, || at_rest_or_gone(&archivist).is_empty().then_some(()));
    assert_eq!(studies(&learner), Vec::<Json>::new());
    learner.get(&format!("/dicom-web/studies/{copy}/metadata")).expect(404);
    archivist.get(&format!("{}/frames/1", series[1].path())).expect(200);
    node.command(&["fsck"]).expect_success();
}

fn at_rest_or_gone(archivist: &Client) -> Vec<Json> {
    archivist.get(PLACEMENTS).expect(200).json()["placements"].as_array().expect("placements").clone()
}

#[test]
fn what_leads_back_is_not_put_there_and_only_what_is_ones_own() {
    let (node, _) = node_with_library("collections-refused");
    node.command(&["org", "add", "linxi", "临溪县医院"]).expect_success();
    let far =
        ["org", "add", "far-library", "别家教学库", "--kind", "collection", "--looked-after-by", "linxi"];
    node.command(&far).expect_success();
    let (ct, elsewhere) = (Ct::new(), Ct::new());
    node.machine(Org::Township).stow(&[ct.file()]).expect(200);
    node.machine(Org::City).stow(&[elsewhere.file()]).expect(200);
    let archivist = node.person("archivist");
    let found = archivist.get("/api/v1/deidentification/collections").expect(200).json();
    assert_eq!(found["collections"], json!([{"id": LIBRARY, "name": "教学库"}]));
    let id = project(&archivist, &[]);
    let with = |field: &str, value: Json| {
        let mut body = wish(&ct.study, false);
        body[field] = value;
        body
    };
    let field = |body: &Json, project: &str| {
        let problem = archivist.post(&into(project), body).expect_problem(422, "invalid").json();
        problem["field"].as_str().expect("a field").to_owned()
    };
    assert_eq!(field(&with("collection", json!("far-library")), &id), "collection");
    assert_eq!(field(&with("collection", json!(node.id_of(Org::City))), &id), "collection");
    assert_eq!(field(&with("collection", json!("-e")), &id), "collection");
    assert_eq!(field(&with("studies", json!([])), &id), "studies");
    assert_eq!(field(&with("reason", json!(" ")), &id), "reason");
    let leads_back = project(&archivist, &["retain_uids"]);
    assert_eq!(field(&wish(&ct.study, false), &leads_back), "project");
    let not_ours = archivist.post(&into(&id), &wish(&elsewhere.study, false));
    not_ours.expect_problem(404, "not-found");
    node.person("township").post(&into(&id), &wish(&ct.study, false)).expect_problem(403, "forbidden");
    node.person("city-archivist").post(&into(&id), &wish(&ct.study, false)).expect_problem(404, "not-found");
    assert_eq!(at_rest(&archivist), Vec::<Json>::new());
    // What never goes out leaves nothing to be put there.
    let file = with_element(&Ct { study: ct.study.clone(), ..Ct::new() }, BURNED_IN);
    let risky = Ct::new();
    node.machine(Org::Township).stow(&[file, with_element(&risky, BURNED_IN)]).expect(200);
    archivist.post(&into(&id), &wish(&risky.study, false)).expect(202);
    let placed = at_rest(&archivist);
    assert_eq!((&placed[0]["state"], &placed[0]["why"]), (&json!("failed"), &json!("nothing_goes")));
}

#[test]
fn nothing_but_looking_belongs_to_a_collection() {
    let (node, learner) = node_with_library("collections-nothing-else");
    let refused = |arguments: &[&str]| {
        let done = node.command(arguments).expect_failure();
        assert!(done.output().contains("教学库"), "{arguments:?}: {}", done.output());
    };
    refused(&["ae", "add", "LIBRARY1", "--org", LIBRARY]);
    refused(&["token", "add", "--org", LIBRARY, "--rights", "store,search"]);
    refused(&["user", "add", "nobody", "某人", "--org", LIBRARY, "--roles", "reader", "--invite"]);
    let township = node.id_of(Org::Township);
    refused(&["user", "add", "nobody", "某人", "--org", township, "--roles", "learner", "--invite"]);
    refused(&["org", "add", LIBRARY, "教学库", "--kind", "hospital"]);
    refused(&["org", "add", township, "卫生院", "--kind", "collection"]);
    let city = node.id_of(Org::City);
    refused(&["agreement", "add", "--requesting", LIBRARY, "--reading", city]);
    refused(&["agreement", "add", "--requesting", township, "--reading", LIBRARY]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = Ct::new().file().write(folder.path(), "one.dcm");
    refused(&["import", file.to_str().expect("UTF-8"), "--org", LIBRARY]);

    // The same on the pages of administration, with the field named.
    let (admin, security) = (node.person("admin"), node.person("security"));
    let field = |answer: crate::support::Answer| {
        answer.expect_problem(422, "invalid").json()["field"].as_str().expect("a field").to_owned()
    };
    let kind = json!({"name": "教学库", "kind": "centre"});
    assert_eq!(field(admin.put(&format!("/api/v1/admin/organisations/{LIBRARY}"), &kind)), "kind");
    let person = |organisation: &str, role: &str, memberships: Json| json!({"organisation": organisation, "login": "xue", "name": "学员", "roles": [role], "memberships": memberships});
    let people = "/api/v1/admin/people";
    assert_eq!(field(admin.post(people, &person(LIBRARY, "requester", json!([])))), "roles");
    assert_eq!(field(admin.post(people, &person(city, "learner", json!([])))), "roles");
    let member = |role: &str| json!([{"organisation": LIBRARY, "roles": [role]}]);
    assert_eq!(field(admin.post(people, &person(city, "reader", member("reader")))), "memberships");
    admin.post(people, &person(city, "reader", member("learner"))).expect(201);
    let token = json!({"organisation": LIBRARY, "purpose": "x", "rights": ["search", "store"], "days": 1});
    assert_eq!(field(security.post("/api/v1/admin/tokens", &token)), "rights");
    let agreement = json!({
        "requesting": LIBRARY, "reading": city, "kinds": ["diagnosis"], "signatures": "single", "auto_accept": true,
        "turnarounds": [{"urgency": "urgent", "turnaround_min": 60}],
        "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2049-12-31T00:00:00Z",
    });
    assert_eq!(field(admin.post("/api/v1/admin/agreements", &agreement)), "requesting");

    // A learner looks, and does nothing else.
    let file = Ct::new().file();
    learner.stow(&[&file]).expect_problem(403, "forbidden");
    learner.post_bytes("/api/v1/uploads", "application/dicom", file.bytes).expect_problem(403, "forbidden");
    let emergency = json!({"organisation": city, "by": "patient_id", "number": "P1", "reason": "昏迷患者急诊入院，需要既往影像"});
    learner.post("/api/v1/emergency", &emergency).expect_problem(403, "forbidden");
    learner.get("/api/v1/deidentification/projects").expect_problem(403, "forbidden");
    learner.get(PLACEMENTS).expect_problem(403, "forbidden");
}

#[test]
fn a_member_chooses_to_act_for_the_collection_and_sees_it_alone() {
    let (node, _) = node_with_library("collections-member");
    let ct = Ct::new();
    node.machine(Org::Township).stow(&[ct.file()]).expect(200);
    let archivist = node.person("archivist");
    let id = project(&archivist, &[]);
    archivist.post(&into(&id), &wish(&ct.study, false)).expect(202);
    at_rest(&archivist);
    node.let_act_for("reader2", LIBRARY, "learner");
    let reader = node.person("reader2");
    assert_eq!(studies(&reader), Vec::<Json>::new());
    let me = reader.put("/api/v1/session/acting-for", &json!({"organisation": LIBRARY})).expect(200).json();
    assert_eq!((&me["organisation"]["kind"], &me["roles"]), (&json!("collection"), &json!(["learner"])));
    assert_eq!(studies(&reader)[0]["is_deidentified"], json!(true));
}

/// Stopped in the middle, it goes on where it was, and every instance is there once.
#[test]
fn a_study_on_its_way_into_a_collection_survives_kill_9() {
    const INSTANCES: u16 = 400;
    let (mut node, learner) = node_with_library("collections-killed");
    let ct = Ct::new().sized(128);
    let files: Vec<_> = ct.clone().series_of(INSTANCES).iter().map(Ct::file).collect();
    for some in files.chunks(100) {
        node.machine(Org::Township).stow(some).expect(200);
    }
    let archivist = node.person("archivist");
    let id = project(&archivist, &[]);
    archivist.post(&into(&id), &wish(&ct.study, false)).expect(202);
    wait_for("some are there", LIMIT, || {
        let seen = studies(&learner);
        seen.first().filter(|study| study["instance_count"].as_u64() > Some(10)).map(|_| ())
    });
    node.kill();
    let node = node.restart();
    let learner = Client::logged_in(node.base_url(), "learner", PASSWORD);
    let count = studies(&learner)[0]["instance_count"].as_u64().expect("a count");
    assert!(count < u64::from(INSTANCES), "killed in the middle: {count}");
    let archivist = node.person("archivist");
    let placed = at_rest(&archivist);
    assert_eq!(
        (&placed[0]["state"], &placed[0]["instances"]),
        (&json!("there"), &json!(INSTANCES)),
        "{placed:?}"
    );
    let seen = studies(&learner);
    assert_eq!((&seen[0]["instance_count"], &seen[0]["flags"]), (&json!(INSTANCES), &json!([])));
    node.command(&["fsck"]).expect_success();
}

#[test]
fn a_slide_opens_in_a_collection_level_by_level_without_its_label() {
    let (node, learner) = node_with_library("collections-slide");
    let file = sample("demo/slides/CMU-1-Small-Region.svs");
    let patient = ["--patient-name", "李秀英", "--patient-id", "QH20260017"];
    let import = ["import", file.to_str().expect("UTF-8"), "--org", node.id_of(Org::Township)];
    node.command(&[&import[..], &patient].concat()).expect_success();
    let archivist = node.person("archivist");
    let original = archivist.get("/api/v1/slides").expect(200).json()["slides"][0].clone();
    let id = project(&archivist, &[]);
    let study = original["study_instance_uid"].as_str().expect("a UID");
    archivist.post(&into(&id), &wish(study, false)).expect(202);
    let placed = at_rest(&archivist);
    assert_eq!(placed[0]["state"], json!("there"), "{placed:?}");

    let levels = original["levels"].as_array().expect("levels").len();
    let list = wait_for("the slide", LIMIT, || {
        let answer = learner.get("/api/v1/slides").expect(200);
        let slides = answer.json()["slides"].as_array().expect("slides").clone();
        let whole = |slide: &Json| slide["levels"].as_array().map(Vec::len) == Some(levels);
        slides.first().is_some_and(whole).then_some(answer)
    });
    let file_name = original["source"].as_str().expect("a source");
    assert_names_nobody("the list", &list.body, &["李秀英", "QH20260017", study, file_name]);
    let slide = list.json()["slides"][0].clone();
    assert_eq!(slide["patient_name"], placed[0]["pseudonym"]);
    assert_eq!(slide["is_deidentified"], json!(true));
    assert_eq!((&slide["has_label"], &slide["has_overview"]), (&json!(false), &json!(false)));
    for key in ["width", "height", "mpp_um", "objective"] {
        assert_eq!(slide[key], original[key], "{key}");
    }
    let uid = |slide: &Json| slide["id"].as_str().expect("an id").to_owned();
    for (level, facts) in original["levels"].as_array().expect("levels").iter().enumerate() {
        assert_eq!(slide["levels"][level]["width"], facts["width"]);
        let (x, y) =
            (facts["tiles_x"].as_u64().expect("tiles") - 1, facts["tiles_y"].as_u64().expect("tiles") - 1);
        for place in [format!("{level}/0/0"), format!("{level}/{x}/{y}")] {
            let there = learner.get(&format!("/api/v1/slides/{}/tiles/{place}", uid(&slide))).expect(200);
            let here = archivist.get(&format!("/api/v1/slides/{}/tiles/{place}", uid(&original))).expect(200);
            assert_eq!(there.body, here.body, "{place}");
        }
    }
    learner.get(&format!("/iiif/3/{}/full/!400,400/0/default.jpg", uid(&slide))).expect(200);
    learner.get(&format!("/api/v1/slides/{}/associated/label", uid(&slide))).expect(404);
    learner.get(&format!("/api/v1/slides/{}/original", uid(&slide))).expect(404);
    learner.get(&format!("/api/v1/slides/{}", uid(&original))).expect(404);
}
