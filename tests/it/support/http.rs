//! HTTP as a machine or a person: one call, one answer.

use serde_json::{Value as Json, json};
use std::time::Duration;
use ureq::http::{HeaderMap, Method, Request};

const BODY_BYTES_MAX: u64 = 256 << 20;

/// Someone who asks.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    headers: Vec<(String, String)>,
}

/// What came back.
pub struct Answer {
    what: String,
    /// HTTP status.
    pub status: u16,
    headers: HeaderMap,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Client {
    /// Without credentials.
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .max_redirects(0)
            // A server that refuses before it has read the body closes the connection: it is not to be used again.
            .max_idle_connections(0)
            .build();
        Self { agent: config.into(), base: base.to_owned(), headers: Vec::new() }
    }

    /// With a machine's bearer token.
    pub fn with_token(base: &str, token: &str) -> Self {
        Self::new(base).with_header("Authorization", &format!("Bearer {token}"))
    }

    /// Logs in and keeps the session cookie.
    pub fn logged_in(base: &str, login: &str, password: &str) -> Self {
        let client = Self::new(base);
        let answer =
            client.post("/api/v1/session", &json!({"login": login, "password": password})).expect(200);
        let cookie = answer.session_cookie().split(';').next().unwrap_or_default().to_owned();
        client.with_header("Cookie", &cookie).with_header("X-Farsight", "1")
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self
    }

    /// GET with `Accept: */*`.
    pub fn get(&self, path: &str) -> Answer {
        self.get_as(path, "*/*")
    }

    /// GET with an Accept header.
    pub fn get_as(&self, path: &str, accept: &str) -> Answer {
        self.send(Method::GET, path, &[("Accept", accept)], Vec::new())
    }

    /// HEAD with `Accept: */*`.
    pub fn head(&self, path: &str) -> Answer {
        self.send(Method::HEAD, path, &[("Accept", "*/*")], Vec::new())
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Json) -> Answer {
        self.post_bytes(path, "application/json", body.to_string().into_bytes())
    }

    /// PUT of JSON.
    pub fn put(&self, path: &str, body: &Json) -> Answer {
        self.send(Method::PUT, path, &[("Content-Type", "application/json")], body.to_string().into_bytes())
    }

    /// PATCH of anything.
    pub fn patch_bytes(&self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        self.send(Method::PATCH, path, &[("Content-Type", content_type)], body)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Vec::new())
    }

    /// POST of anything.
    pub fn post_bytes(&self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        self.send(Method::POST, path, &[("Content-Type", content_type)], body)
    }

    /// STOW-RS of whole files in one request (PS3.18 §10.5).
    pub fn stow<B: AsRef<[u8]>>(&self, files: &[B]) -> Answer {
        let mut body = Vec::new();
        for file in files {
            body.extend_from_slice(b"--farsight-part\r\nContent-Type: application/dicom\r\n\r\n");
            body.extend_from_slice(file.as_ref());
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--farsight-part--\r\n");
        self.post_bytes(
            "/dicom-web/studies",
            "multipart/related; type=\"application/dicom\"; boundary=farsight-part",
            body,
        )
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        self.base.strip_prefix("http://").expect("plain HTTP")
    }

    /// The headers that say who asks, as they go over the wire.
    pub fn credentials(&self) -> String {
        self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }

    fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let what = format!("{method} {path}");
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap_or_else(|error| panic!("{what}: {error}"));
        let answer = if request.body().is_empty() && request.method() != Method::POST {
            self.agent.run(request.map(|_| ()))
        } else {
            self.agent.run(request)
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
        Answer {
            what,
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer
                .body_mut()
                .with_config()
                .limit(BODY_BYTES_MAX)
                .read_to_vec()
                .expect("the body comes whole"),
        }
    }
}

impl Answer {
    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        self
    }

    /// Fails unless it is an RFC 9457 problem of this kind.
    #[track_caller]
    pub fn expect_problem(self, status: u16, slug: &str) -> Self {
        let this = self.expect(status);
        assert_eq!(this.header("content-type"), "application/problem+json", "{}", this.what);
        let problem = this.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{}: {problem}", this.what);
        assert!(problem["instance"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
        this
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The cookie of the session that was begun, among others that may be set, or nothing.
    pub fn session_cookie(&self) -> &str {
        let mut cookies = self.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok());
        cookies.find(|cookie| cookie.starts_with("farsight_session=")).unwrap_or_default()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.text()))
    }

    /// The beginning of the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]).into_owned()
    }

    /// The parts of a multipart/related body: (Content-Type, bytes).
    #[track_caller]
    pub fn parts(&self) -> Vec<(String, Vec<u8>)> {
        let content_type = self.header("content-type");
        assert!(content_type.starts_with("multipart/related"), "{}: {content_type}", self.what);
        let boundary = content_type
            .split(';')
            .find_map(|p| p.trim().strip_prefix("boundary="))
            .expect("multipart has a boundary")
            .trim_matches('"');
        let delimiter = format!("--{boundary}").into_bytes();
        let mut places = find_all(&self.body, &delimiter);
        let end = places.pop().expect("a last boundary");
        assert!(self.body[end + delimiter.len()..].starts_with(b"--"), "the last boundary closes");
        places.push(end);
        places.windows(2).map(|pair| part(&self.body[pair[0] + delimiter.len()..pair[1]])).collect()
    }
}

fn part(bytes: &[u8]) -> (String, Vec<u8>) {
    let split = find_all(bytes, b"\r\n\r\n").first().copied().expect("a part has headers");
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let content_type = head
        .lines()
        .find_map(|l| l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case("content-type")))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default();
    (content_type, bytes[split + 4..bytes.len() - 2].to_vec())
}

fn find_all(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = bytes[from..].windows(wanted.len()).position(|w| w == wanted) {
        places.push(from + at);
        from += at + wanted.len();
    }
    places
}

/// `path?name=value&…`, percent-encoded.
pub fn query(path: &str, pairs: &[(&str, &str)]) -> String {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{text}")
}
