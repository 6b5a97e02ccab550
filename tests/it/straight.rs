//! The straight way of a tile below HTTP's own layers (decision 60): on a connection that is kept, it answers as every other
//! way, and whoever may no longer see the tile is refused by the next byte.

use crate::support::node::Org;
use crate::support::{Client, Node, sample, wait_for};
use serde_json::{Value as Json, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A node with a slide, and the slide.
fn import(name: &str) -> (Node, Json) {
    let node = Node::start(name);
    let slide = sample("demo/slides/CMU-1-Small-Region.svs");
    let slide = slide.to_str().expect("UTF-8");
    node.command(&["import", slide, "--org", node.id_of(Org::Township)]).expect_success();
    let slides = node.person("township").get("/api/v1/slides").expect(200).json();
    let slide = slides["slides"][0].clone();
    (node, slide)
}

fn tile(slide: &Json, place: &str) -> String {
    format!("/api/v1/slides/{}/tiles/{place}", slide["id"].as_str().expect("an id"))
}

/// A connection that is kept, of somebody.
struct Line {
    stream: TcpStream,
    fields: String,
}

/// An answer: status, head without the date, body.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    head: Vec<String>,
    body: Vec<u8>,
}

impl Line {
    fn of(client: &Client) -> Self {
        let stream = TcpStream::connect(client.authority()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        Self { stream, fields: format!("Host: {}\r\n{}", client.authority(), client.credentials()) }
    }

    fn get(&mut self, path: &str, more: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\n{}{more}\r\n", self.fields);
        self.stream.write_all(request.as_bytes()).expect("the line holds");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.trim_end().split("\r\n").filter(|line| !line.starts_with("date: "));
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let head: Vec<String> = lines.map(str::to_owned).collect();
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
        self.stream.read_exact(&mut body).expect("the body comes whole");
        Answer { status: status.parse().expect("a number"), head, body }
    }

    /// A tile, twice: what the first has brought into memory, the second is answered from at once.
    fn warm(&mut self, path: &str) {
        for _ in 0..2 {
            assert_eq!(self.get(path, "").status, 200);
        }
    }
}

/// A field that is unheard of leaves a request to the layers above.
const ABOVE: &str = "X-Unheard-Of: 1\r\n";

#[test]
fn answers_are_the_same_to_the_byte() {
    let (node, slide) = &import("straight");
    let tile = |place: &str| tile(slide, place);
    let nobody = Client::new(node.base_url());
    let other = slide["id"].as_str().expect("an id").replace(|c: char| c.is_ascii_digit(), "0");
    let paths = [
        tile("0/0/0"),
        tile("0/1/1"),
        tile("1/0/0"),
        tile(&format!("0/0/0?rev={}", "0".repeat(16))),
        tile("0/0/0?as=stored"),
        tile("0/0/0?as=gif"),
        tile("9/0/0"),
        tile("0/4294967295/0"),
        tile("0/-1/0"),
        tile("0/0/0/0"),
        format!("/api/v1/slides/{other}/tiles/0/0/0"),
    ];
    for client in [node.person("township"), node.machine(Org::Township), node.person("reader"), nobody] {
        let (mut below, mut above) = (Line::of(&client), Line::of(&client));
        for path in &paths {
            for more in
                ["", "Accept: image/*\r\nCache-Control: no-cache\r\n", "X-Farsight-Organisation: none\r\n"]
            {
                let seen = [below.get(path, more), below.get(path, more)];
                let mut expected = above.get(path, &format!("{more}{ABOVE}"));
                for mut seen in seen {
                    without_instance(&mut seen);
                    without_instance(&mut expected);
                    assert_eq!(seen, expected, "{path} {more}");
                }
                let tag = expected.head.iter().find_map(|line| line.strip_prefix("etag: "));
                if let Some(tag) = tag {
                    let known = format!("{more}If-None-Match: \"x\", {tag}\r\n");
                    let seen = below.get(path, &known);
                    assert_eq!((seen.status, seen.body.len()), (304, 0));
                    assert_eq!(seen, above.get(path, &format!("{known}{ABOVE}")), "{path}");
                }
            }
        }
    }
}

/// Each problem has an identifier of its own.
fn without_instance(answer: &mut Answer) {
    if answer.status >= 400 {
        let mut problem: Json = serde_json::from_slice(&answer.body).expect("a problem");
        problem["instance"] = Json::Null;
        answer.body = problem.to_string().into_bytes();
    }
}

#[test]
fn a_session_that_has_ended_and_a_token_that_was_revoked_are_refused_at_once() {
    let (node, slide) = import("straight-ended");
    let path = tile(&slide, "0/0/0");
    let person = node.person("township");
    let mut line = Line::of(&person);
    line.warm(&path);
    person.delete("/api/v1/session").expect(204);
    assert_eq!(line.get(&path, "").status, 401);
    assert_eq!(line.get(&path, "").status, 401);

    let security = node.person("security");
    let wanted = json!({
        "organisation": node.id_of(Org::Township), "purpose": "tiles", "rights": ["search", "retrieve"], "days": 7,
    });
    let made = security.post("/api/v1/admin/tokens", &wanted).expect(201).json();
    let machine = Client::with_token(node.base_url(), made["secret"].as_str().expect("a secret"));
    let mut line = Line::of(&machine);
    line.warm(&path);
    security.delete(&format!("/api/v1/admin/tokens/{}", made["id"].as_str().expect("an id"))).expect(204);
    assert_eq!(line.get(&path, "").status, 401);
    assert_eq!(line.get(&path, "").status, 401);
}

#[test]
fn a_grant_that_was_withdrawn_shows_no_tile_for_longer_than_it_ever_did() {
    let (node, slide) = import("straight-withdrawn");
    let path = tile(&slide, "0/0/0");
    let (township, reader) = (node.person("township"), node.person("reader"));
    let mut line = Line::of(&reader);
    assert_eq!(line.get(&path, "").status, 404);
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "frozen",
        "slide_id": slide["id"],
        "study": {"org": node.id_of(Org::Township), "study_instance_uid": slide["study_instance_uid"]},
        "question": "切缘是否干净？", "consent": true,
    });
    let draft = township.post("/api/v1/consults", &question).expect(201).json();
    let consult = format!("/api/v1/consults/{}", draft["id"].as_str().expect("an id"));
    let sent =
        township.post(&format!("{consult}/submit"), &json!({"version": draft["version"]})).expect(200).json();
    line.warm(&path);
    let reason = json!({"version": sent["version"], "reason": "问题已经解决"});
    township.post(&format!("{consult}/cancel"), &reason).expect(200);
    // A slide is remembered for five seconds.
    wait_for("the tile to be out of sight", Duration::from_secs(7), || {
        (line.get(&path, "").status == 404).then_some(())
    });
    assert_eq!(line.get(&path, "").status, 404);
}
