//! Bodies that do not end: refused early, whatever they would have been.

use super::{Besieged, besieged};
use crate::support::http::Client;
use crate::support::node::Org;
use crate::support::{Ct, Node};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a sender would go on to.
const ENDLESS: u64 = 10 << 30;
/// Far more than any answer needs: a refused sender is listened to a while, so that it gets its answer.
const TAKEN_MAX: u64 = 640 << 20;
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

const STUDIES: &str = "/dicom-web/studies";
const FILES: &str = "multipart/related; type=\"application/dicom\"; boundary=x";
const METADATA: &str = "multipart/related; type=\"application/dicom+json\"; boundary=x";
const XML: &str = "multipart/related; type=\"application/dicom+xml\"; boundary=x";

/// A POST whose body is `start` and then `piece` for ever.
struct Endless<'a> {
    what: &'a str,
    client: &'a Client,
    path: &'a str,
    content_type: &'a str,
    start: &'a [u8],
    piece: &'a [u8],
    statuses: &'a [u16],
}

impl Endless<'_> {
    /// Sends until it is answered or cut off; the answer's status, and the bytes that went out.
    fn send(&self) -> (Option<u16>, u64) {
        let mut stream = TcpStream::connect(self.client.authority()).expect("a connection");
        stream.set_write_timeout(Some(ANSWER_LIMIT)).expect("a time limit");
        let mut reader = stream.try_clone().expect("one more handle");
        reader.set_read_timeout(Some(ANSWER_LIMIT)).expect("a time limit");
        let is_answered = AtomicBool::new(false);
        let end = Instant::now() + ANSWER_LIMIT;
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| {
                let mut head = [0; 12];
                let read = reader.read_exact(&mut head);
                is_answered.store(true, Ordering::SeqCst);
                read.map(|()| head)
            });
            let _ = write!(
                stream,
                "POST {} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
                self.path,
                self.client.authority(),
                self.client.credentials(),
                self.content_type
            );
            let mut sent = 0;
            let mut piece = self.start;
            while sent < ENDLESS && !is_answered.load(Ordering::SeqCst) && Instant::now() < end {
                let is_sent = piece.is_empty()
                    || write!(stream, "{:x}\r\n", piece.len())
                        .and_then(|()| stream.write_all(piece))
                        .and_then(|()| stream.write_all(b"\r\n"))
                        .is_ok();
                if !is_sent {
                    break;
                }
                sent += piece.len() as u64;
                piece = self.piece;
            }
            let head = answer.join().expect("the reader");
            let _ = stream.shutdown(Shutdown::Both);
            let status = head.ok().map(|head| {
                let text = std::str::from_utf8(&head[9..12]).ok();
                text.and_then(|text| text.parse().ok()).expect("an HTTP status")
            });
            (status, sent)
        })
    }

    fn is_refused_early(&self, besieged: &Besieged) {
        besieged.withstands(self.what, |_: &Node| {
            let begin = Instant::now();
            let (status, sent) = self.send();
            // Who goes on sending behind the refusal may be cut off before the answer is read (RFC 9112 §9.6).
            let is_refused = status.is_none_or(|status| self.statuses.contains(&status));
            assert!(is_refused, "{}: {status:?} after {sent} bytes", self.what);
            assert!(sent < TAKEN_MAX, "{}: {} MB were taken", self.what, sent >> 20);
            assert!(begin.elapsed() < ANSWER_LIMIT, "{}: {:?}", self.what, begin.elapsed());
        });
    }
}

#[test]
fn ten_gigabytes_of_chunked_zeros() {
    let besieged = besieged();
    let (machine, person) = (besieged.node.machine(Org::Township), &besieged.uploader);
    let zeros = vec![0; 1 << 20];
    let part = b"--x\r\nContent-Type: application/dicom\r\n\r\n";
    let json_part = b"--x\r\nContent-Type: application/dicom+json\r\n\r\n";
    let xml_part = b"--x\r\nContent-Type: application/dicom+xml\r\n\r\n";
    let headers = b"--x\r\nContent-Type: ";
    let good = Ct::new().file().bytes;
    let json = "application/json";
    type Case<'a> = (&'a str, &'a Client, &'a str, &'a str, &'a [u8], &'a [u16]);
    let cases: [Case<'_>; 13] = [
        ("STOW-RS, a part", &machine, STUDIES, FILES, part, &[409]),
        ("STOW-RS, no part", &machine, STUDIES, FILES, b"", &[400]),
        ("STOW-RS, a part's headers", &machine, STUDIES, FILES, headers, &[400]),
        ("STOW-RS, one file", &machine, STUDIES, "application/dicom", b"", &[409]),
        ("STOW-RS, behind a good file", &machine, STUDIES, "application/dicom", &good, &[409]),
        ("STOW-RS, JSON metadata", &machine, STUDIES, METADATA, json_part, &[400, 413]),
        ("STOW-RS, XML metadata", &machine, STUDIES, XML, xml_part, &[400, 413]),
        ("STOW-RS, of another type", &machine, STUDIES, "text/plain", b"", &[415]),
        ("upload", person, "/api/v1/uploads", "application/dicom", b"", &[422]),
        ("log-in", &besieged.node.nobody(), "/api/v1/session", json, b"", &[400, 413, 422]),
        ("an order", &machine, "/api/v1/orders", json, b"", &[400, 413, 422]),
        ("a consult", person, "/api/v1/consults", json, b"", &[400, 403, 413, 422]),
        ("nobody", &besieged.node.nobody(), STUDIES, FILES, part, &[401]),
    ];
    for (what, client, path, content_type, start, statuses) in cases {
        Endless { what, client, path, content_type, start, piece: &zeros, statuses }
            .is_refused_early(&besieged);
    }
    besieged.is_sound();
}

#[test]
fn multipart_without_end() {
    let besieged = besieged();
    let machine = besieged.node.machine(Org::Township);
    let empty_parts = b"--x\r\nContent-Type: application/dicom\r\n\r\n\r\n".repeat(2000);
    let header_lines = b"X-Header: and one more\r\n".repeat(2000);
    let half_boundaries = b"\r\n--y\r\n--".repeat(20_000);
    let numbers = b"[1,1,1,1,1,1,1,1],".repeat(20_000);
    type Case<'a> = (&'a str, &'a str, &'a [u8], &'a [u8], &'a [u16]);
    let cases: [Case<'_>; 4] = [
        ("empty parts", FILES, b"", &empty_parts, &[409]),
        ("header lines", FILES, b"--x\r\n", &header_lines, &[400]),
        ("half a boundary", FILES, b"", &half_boundaries, &[400]),
        ("JSON", METADATA, b"--x\r\nContent-Type: application/dicom+json\r\n\r\n[", &numbers, &[400, 413]),
    ];
    for (what, content_type, start, piece, statuses) in cases {
        let client = &machine;
        Endless { what, client, path: STUDIES, content_type, start, piece, statuses }
            .is_refused_early(&besieged);
    }
    // It breaks off in the middle of a good file, and in a part's headers.
    let file = Ct::new().file().bytes;
    for (what, end) in [("in a file", file.len() - 100), ("before a file", 0)] {
        besieged.withstands(what, |_| {
            let mut body = b"--x\r\nContent-Type: application/dicom\r\n".to_vec();
            if end > 0 {
                body.extend(b"\r\n");
                body.extend(&file[..end]);
            }
            let answer = machine.post_bytes(STUDIES, FILES, body);
            assert!([400, 409].contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
        });
    }
    besieged.is_sound();
}

#[test]
fn lengths_that_are_never_sent() {
    let besieged = besieged();
    let machine = besieged.node.machine(Org::Township);
    for path in [STUDIES, "/api/v1/orders"] {
        besieged.withstands(path, |_| {
            let mut stream = TcpStream::connect(machine.authority()).expect("a connection");
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: {FILES}\r\nContent-Length: 10737418240\r\n\r\n--x",
                machine.authority(),
                machine.credentials()
            )
            .expect("it is taken");
            // The sender is gone: nothing waits for the rest.
            drop(stream);
        });
    }
}
