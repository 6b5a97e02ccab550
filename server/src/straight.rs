//! The straight way of tiles below hyper (decision 60): a plain request for a tile that is in memory is answered on the
//! connection itself, as it would be answered above. Everything else, and whatever is in doubt, is hyper's, untouched.
//!
//! An HTTP/1.1 connection is read through [`Straight`], which knows whose turn it is. What it hands to hyper it counts: only
//! when hyper has been given exactly one request, and its answer has gone to the last byte, the next byte begins a request.

use crate::lingering::Early;
use crate::streams::Streams;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, Response, header};
use hyper::body::{Buf as _, Bytes};
use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What tiles' addresses begin with.
const TILES: &str = "/api/v1/slides/";
/// Header fields of a request that is looked at; browsers send some twenty.
const FIELDS_MAX: usize = 40;
/// Fields that a plain request may have: those that are looked at above, and those that no answer depends on. Any other may
/// mean something to hyper.
static PLAIN: [HeaderName; 29] = [
    header::HOST,
    header::AUTHORIZATION,
    header::COOKIE,
    header::IF_NONE_MATCH,
    HeaderName::from_static("x-farsight"),
    HeaderName::from_static("x-farsight-organisation"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    header::FORWARDED,
    header::VIA,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::DNT,
    header::PRAGMA,
    header::REFERER,
    header::USER_AGENT,
    HeaderName::from_static("priority"),
    HeaderName::from_static("sec-ch-ua"),
    HeaderName::from_static("sec-ch-ua-mobile"),
    HeaderName::from_static("sec-ch-ua-platform"),
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("sec-gpc"),
];

/// A connection that hyper reads, and on which `at_once` answers what it can.
pub(crate) struct Straight<S, F> {
    stream: S,
    at_once: F,
    requests: Streams,
    early: Early,
    turn: Turn,
    answer: Answer,
}

/// Whose the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nobody's: they begin a request.
    Free,
    /// hyper has a request: so many bytes of its body are still to come, and so many requests had ended before.
    Given { body_left: u64, ended_before: u64 },
    /// hyper's, for as long as the connection lasts.
    Hypers,
}

/// The head of a request that came whole.
struct Head {
    bytes: usize,
    /// Bytes of the body, as the head has it.
    body_bytes: u64,
    /// What it says, if it is plain and for a tile.
    plain: Option<Parts>,
}

/// An answer on its way; its memory is used again.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    head_sent: usize,
    body: Bytes,
    is_unflushed: bool,
    /// A second, and its date in words.
    date: (u64, String),
}

impl<S, F> Straight<S, F> {
    /// Of a new connection; `requests` says how many hyper has answered, and `early` whether the last one too early.
    pub fn new(stream: S, at_once: F, requests: Streams, early: Early) -> Self {
        Self { stream, at_once, requests, early, turn: Turn::Free, answer: Answer::default() }
    }
}

impl Head {
    /// `None`: how long the request is, only hyper can say.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        let httparse::Status::Complete(length) = request.parse(bytes).ok()? else { return None };
        if request.version != Some(1) || request.method == Some("CONNECT") {
            return None;
        }
        let mut body_bytes = None;
        for field in request.headers.iter() {
            let is = |name: HeaderName| name.as_str().eq_ignore_ascii_case(field.name);
            if is(header::TRANSFER_ENCODING) || is(header::UPGRADE) || is(header::EXPECT) {
                return None;
            }
            if is(header::CONTENT_LENGTH) && body_bytes.replace(number(field.value)?).is_some() {
                return None;
            }
        }
        let plain = if body_bytes.is_none() && length == bytes.len() { plain(&request) } else { None };
        Some(Self { bytes: length, body_bytes: body_bytes.unwrap_or(0), plain })
    }
}

/// Digits alone, as in Content-Length (RFC 9110 §8.6).
fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(digits).ok()?.parse().ok())?
}

fn plain(request: &httparse::Request<'_, '_>) -> Option<Parts> {
    let path = request.path.filter(|path| request.method == Some("GET") && path.starts_with(TILES))?;
    let mut plain = Request::new(());
    *plain.uri_mut() = path.parse().ok()?;
    let headers = plain.headers_mut();
    headers.reserve(request.headers.len());
    for field in request.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let is_kept = name == header::CONNECTION && field.value.eq_ignore_ascii_case(b"keep-alive");
        if !is_kept && !PLAIN.contains(&name) {
            return None;
        }
        headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(plain.into_parts().0)
}

impl Answer {
    /// Writes the head as hyper does.
    fn begin(&mut self, answer: Response<Bytes>) {
        let (parts, body) = answer.into_parts();
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if self.date.0 != second || self.date.1.is_empty() {
            self.date = (second, httpdate::fmt_http_date(now));
        }
        self.head.clear();
        let mut put = |text: &[u8]| self.head.extend_from_slice(text);
        put(b"HTTP/1.1 ");
        put(parts.status.as_str().as_bytes());
        put(b" ");
        put(parts.status.canonical_reason().unwrap_or_default().as_bytes());
        put(b"\r\n");
        for (name, value) in &parts.headers {
            put(name.as_str().as_bytes());
            put(b": ");
            put(value.as_bytes());
            put(b"\r\n");
        }
        put(b"date: ");
        put(self.date.1.as_bytes());
        put(b"\r\n\r\n");
        (self.head_sent, self.body, self.is_unflushed) = (0, body, true);
    }

    fn sent(&mut self, bytes: usize) {
        let of_head = bytes.min(self.head.len() - self.head_sent);
        self.head_sent += of_head;
        self.body.advance(bytes - of_head);
    }
}

impl<S: AsyncWrite + Unpin, F> Straight<S, F> {
    /// Brings an answer that is on its way to its end: nothing is read and nothing else written before.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.answer.is_unflushed {
            let head = self.answer.head.get(self.answer.head_sent..).unwrap_or_default();
            if head.is_empty() && self.answer.body.is_empty() {
                // Others wait for its memory.
                self.answer.body = Bytes::new();
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
                self.answer.is_unflushed = false;
                break;
            }
            let pieces = [IoSlice::new(head), IoSlice::new(&self.answer.body)];
            let bytes = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &pieces))?;
            if bytes == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.answer.sent(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S, F: FnMut(Parts) -> Option<Response<Bytes>>> Straight<S, F> {
    /// An answer to what has just come, or whose it is.
    fn look_at(&mut self, bytes: &[u8]) -> Option<Response<Bytes>> {
        match self.turn {
            Turn::Hypers => {}
            Turn::Given { body_left, ended_before } => {
                let left = body_left.checked_sub(bytes.len() as u64);
                self.turn = left.map_or(Turn::Hypers, |body_left| Turn::Given { body_left, ended_before });
            }
            Turn::Free => {
                let head = Head::parse(bytes);
                let ended_before = self.requests.ended();
                let (Some(head), Some(ended_before)) = (head, ended_before) else {
                    self.turn = Turn::Hypers;
                    return None;
                };
                if let Some(answer) = head.plain.and_then(&mut self.at_once) {
                    return Some(answer);
                }
                let left = head.body_bytes.checked_sub((bytes.len() - head.bytes) as u64);
                self.turn = left.map_or(Turn::Hypers, |body_left| Turn::Given { body_left, ended_before });
            }
        }
        None
    }
}

impl<S, F> AsyncRead for Straight<S, F>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: FnMut(Parts) -> Option<Response<Bytes>> + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        let this = &mut *self;
        let before = into.filled().len();
        loop {
            ready!(this.poll_sent(cx))?;
            ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
            let Some(answer) = this.look_at(into.filled().get(before..).unwrap_or_default()) else {
                return Poll::Ready(Ok(()));
            };
            into.set_filled(before);
            this.requests.touch();
            this.answer.begin(answer);
        }
    }
}

impl<S, F> AsyncWrite for Straight<S, F>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Unpin,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        ready!(self.poll_sent(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        ready!(self.poll_sent(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper calls it when all that it has of an answer has been taken. The answer is at its end when its body was given
    /// up before that.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = &mut *self;
        ready!(this.poll_sent(cx))?;
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        if let Turn::Given { body_left: 0, ended_before } = this.turn
            && this.requests.ended() == ended_before.checked_add(1)
        {
            this.turn = if this.early.get() { Turn::Hypers } else { Turn::Free };
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_sent(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answer as Answers, Server};
    use crate::lingering::Received;
    use axum::body::Body;
    use axum::http::StatusCode;
    use model::Limits;
    use std::net::{IpAddr, SocketAddr};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;
    use tokio::time::{Instant, timeout};

    const TILE: &str = "GET /api/v1/slides/a/tiles/0/0/0 HTTP/1.1\r\nHost: a\r\n\r\n";
    const LIMIT: Duration = Duration::from_secs(20);

    /// A node whose tiles are all of these bytes; at `/refused` nothing of a body is read.
    #[derive(Clone)]
    struct Node {
        tile: Bytes,
        is_at_once: bool,
        at_once: Arc<AtomicUsize>,
        above: Arc<AtomicUsize>,
    }

    impl Node {
        fn tile(&self, headers: &axum::http::HeaderMap) -> Response<Bytes> {
            let is_known = headers.contains_key(header::IF_NONE_MATCH);
            let answer = Response::builder().header(header::ETAG, "\"a\"").header("x-said", "a: b");
            if is_known {
                return answer.status(StatusCode::NOT_MODIFIED).body(Bytes::new()).unwrap();
            }
            let length = self.tile.len();
            answer.header(header::CONTENT_LENGTH, length).body(self.tile.clone()).unwrap()
        }
    }

    impl Answers for Node {
        async fn answer(&self, request: Request<Received>) -> axum::response::Response {
            self.above.fetch_add(1, Ordering::SeqCst);
            if request.uri().path() == "/refused" {
                return Response::builder().status(StatusCode::FORBIDDEN).body(Body::empty()).unwrap();
            }
            let (parts, body) = request.into_parts();
            axum::body::to_bytes(Body::new(body), usize::MAX).await.unwrap();
            self.tile(&parts.headers).map(Body::from)
        }

        fn at_once(&self, request: &Parts, peer: IpAddr) -> Option<Response<Bytes>> {
            assert!(peer.is_loopback());
            self.is_at_once.then(|| {
                self.at_once.fetch_add(1, Ordering::SeqCst);
                self.tile(&request.headers)
            })
        }
    }

    struct Running {
        node: Node,
        address: SocketAddr,
        stop: watch::Sender<bool>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Running {
        async fn start(tile: Bytes, is_at_once: bool, idle_timeout_ms: u64) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let node = Node { tile, is_at_once, at_once: Arc::default(), above: Arc::default() };
            let limits = Limits { http_idle_timeout_ms: idle_timeout_ms, ..Limits::default() };
            let (stop, stopped) = watch::channel(false);
            let task = tokio::spawn(Server::new(listener, node.clone(), &limits, None).run(stopped));
            Self { node, address, stop, task }
        }

        async fn small() -> Self {
            Self::start(Bytes::from_static(b"a tile"), true, 60_000).await
        }

        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }

        /// Answers below hyper, and above it.
        fn counts(&self) -> (usize, usize) {
            (self.node.at_once.load(Ordering::SeqCst), self.node.above.load(Ordering::SeqCst))
        }
    }

    async fn send(stream: &mut TcpStream, text: &str) {
        stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// One answer: its head without the date, and its body.
    async fn answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
        let all = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("the line holds"));
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            stream.read_exact(&mut body).await.unwrap();
            assert_eq!(head.matches("\r\ndate: ").count(), 1, "{head}");
            (
                head.split("\r\n").filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n"),
                body,
            )
        };
        timeout(LIMIT, all).await.expect("an answer")
    }

    async fn ask(stream: &mut TcpStream, text: &str) -> (String, Vec<u8>) {
        send(stream, text).await;
        answer(stream).await
    }

    /// A request for a tile with these header fields.
    fn tile_with(fields: &str) -> String {
        TILE.replace("Host: a\r\n", &format!("Host: a\r\n{fields}"))
    }

    #[tokio::test]
    async fn answers_below_hyper_are_the_same_to_the_byte() {
        let tile = Bytes::from(vec![7; 100_000]);
        let below = Running::start(tile.clone(), true, 60_000).await;
        let above = Running::start(tile, false, 60_000).await;
        let (mut one, mut other) = (below.connect().await, above.connect().await);
        let requests = [
            TILE.to_owned(),
            TILE.replace("0/0/0", "3/17/4?rev=0123456789abcdef"),
            tile_with("Authorization: Bearer x\r\n"),
            tile_with("cookie: a=b\r\nCOOKIE: c=d\r\nConnection: keep-alive\r\n"),
            tile_with("If-None-Match: \"a\"\r\nAccept: image/*\r\nSec-Fetch-Site: same-origin\r\n"),
            tile_with("X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nUser-Agent: \u{e9}\r\n"),
        ];
        for (number, request) in requests.iter().enumerate() {
            assert_eq!(ask(&mut one, request).await, ask(&mut other, request).await, "{request}");
            assert_eq!(below.counts(), (number + 1, 0), "{request}");
            assert_eq!(above.counts(), (0, number + 1), "{request}");
        }
    }

    #[tokio::test]
    async fn what_is_not_plain_is_hypers() {
        let running = Running::small().await;
        let requests = [
            TILE.replace("GET", "POST"),
            TILE.replace("GET", "OPTIONS"),
            TILE.replace("1.1", "1.0"),
            TILE.replace("/api/v1/slides", "/api/v1/studies"),
            TILE.replace("/api", "http://a/api"),
            tile_with("Content-Length: 0\r\n"),
            tile_with("Transfer-Encoding: chunked\r\n").to_owned() + "0\r\n\r\n",
            tile_with("Connection: close\r\n"),
            tile_with("Connection: keep-alive, te\r\n"),
            tile_with("Expect: 100-continue\r\n"),
            tile_with("Origin: http://b\r\n"),
            tile_with("Range: bytes=0-1\r\n"),
            tile_with("Upgrade: websocket\r\nConnection: upgrade\r\n"),
            tile_with("X-Unheard-Of: 1\r\n"),
        ];
        for (number, request) in requests.iter().enumerate() {
            let (head, _) = ask(&mut running.connect().await, request).await;
            assert!(head.contains(" 200 OK"), "{request}: {head}");
            assert_eq!(running.counts(), (0, number + 1), "{request}");
        }
    }

    #[tokio::test]
    async fn after_a_whole_request_above_the_next_is_answered_below() {
        let running = Running::small().await;
        let mut stream = running.connect().await;
        let (other, post) = (
            tile_with("X-Unheard-Of: 1\r\n"),
            "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        );
        for (number, above) in [other.clone(), post.clone(), other, post].iter().enumerate() {
            assert_eq!(ask(&mut stream, above).await.1, b"a tile");
            assert_eq!(ask(&mut stream, TILE).await.1, b"a tile");
            assert_eq!(running.counts(), (number + 1, number + 1), "{above}");
        }
        // Two at once, and whatever comes after them, are hyper's.
        send(&mut stream, &[TILE, TILE].concat()).await;
        assert_eq!(answer(&mut stream).await, answer(&mut stream).await);
        assert_eq!(ask(&mut stream, TILE).await.1, b"a tile");
        assert_eq!(running.counts(), (4, 7));
    }

    #[tokio::test]
    async fn a_body_that_looks_like_a_request_is_none() {
        let running = Running::small().await;
        let mut stream = running.connect().await;
        assert_eq!(ask(&mut stream, TILE).await.1, b"a tile");
        // It is refused before the body comes; what comes then is still the body.
        let length = TILE.len() * 3;
        let (head, _) = ask(
            &mut stream,
            &format!("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
        )
        .await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
        for _ in 0..3 {
            let _ = stream.write_all(TILE.as_bytes()).await;
        }
        let mut rest = Vec::new();
        let _ = timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("it closes");
        assert_eq!((String::from_utf8_lossy(&rest), running.counts()), ("".into(), (1, 1)));
    }

    /// Every way in which requests may be cut into pieces: a tile is answered only where a request begins.
    #[test]
    fn pieces_are_counted_wherever_they_are_cut() {
        let chunked = "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n39\r\n";
        let length = TILE.len();
        for (before, is_free_after) in [
            (format!("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{TILE}"), true),
            (
                format!("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{TILE}", length + 1),
                false,
            ),
            (format!("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: +{length}\r\n\r\n{TILE}"), false),
            (
                format!("POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{TILE}"),
                false,
            ),
            (format!("{chunked}{TILE}"), false),
            (format!("GET / HTTP/1.0\r\n\r\n{TILE}"), false),
            (format!("GET / HTTP/1.1\r\n\r\n{TILE}"), false),
            (format!("{TILE}{TILE}"), false),
        ] {
            for cut in 1..=before.len() {
                for second in [cut, usize::midpoint(cut, before.len()), before.len()] {
                    let pieces = [&before[..cut], &before[cut..second], &before[second..]];
                    let requests = Streams::new();
                    let at_once = |_: Parts| Some(Response::new(Bytes::new()));
                    let mut line = Straight::new((), at_once, requests, Early::default());
                    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                        let is_one = line.turn == Turn::Free && piece == TILE;
                        assert_eq!(line.look_at(piece.as_bytes()).is_some(), is_one, "{pieces:?}");
                    }
                    let is_counted = line.turn == Turn::Given { body_left: 0, ended_before: 0 };
                    let is_head_whole = before.find("\r\n\r\n").is_some_and(|end| cut >= end + 4);
                    assert_eq!(is_counted, is_free_after && is_head_whole, "{pieces:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn who_reads_slowly_gets_every_byte_and_so_does_who_is_there_when_the_node_stops() {
        let tile: Bytes = (0..251).collect::<Vec<u8>>().repeat(65_000).into();
        let running = Running::start(tile.clone(), true, 60_000).await;
        let mut stream = running.connect().await;
        for _ in 0..2 {
            send(&mut stream, TILE).await;
            let mut begin = [0; 15];
            stream.read_exact(&mut begin).await.unwrap();
            assert_eq!(&begin, b"HTTP/1.1 200 OK");
            assert!(answer(&mut stream).await.1 == tile.as_ref());
        }
        send(&mut stream, TILE).await;
        let mut begin = [0; 15];
        stream.read_exact(&mut begin).await.unwrap();
        running.stop.send(true).unwrap();
        assert!(answer(&mut stream).await.1 == tile.as_ref());
        assert_eq!(stream.read(&mut begin).await.unwrap(), 0);
        timeout(LIMIT, running.task).await.expect("it stops").unwrap();
        assert_eq!(running.node.at_once.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_connection_of_tiles_is_idle_after_the_last_and_not_before() {
        let idle = Duration::from_millis(1500);
        let running = Running::start(Bytes::from_static(b"a tile"), true, 1500).await;
        let mut stream = running.connect().await;
        let begun = Instant::now();
        let mut asked = begun;
        while begun.elapsed() < 2 * idle {
            asked = Instant::now();
            assert_eq!(ask(&mut stream, TILE).await.1, b"a tile");
        }
        let mut rest = Vec::new();
        timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("it closes").unwrap();
        assert!(rest.is_empty() && asked.elapsed() >= idle, "{:?}", asked.elapsed());
        assert_eq!(running.counts().1, 0);
    }
}
