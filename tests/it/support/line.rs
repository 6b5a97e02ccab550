//! The live line as a client hears it that we did not write (tungstenite).

use super::Client;
use serde_json::Value as Json;
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tungstenite::handshake::client::generate_key;
use tungstenite::http::Request;
use tungstenite::{HandshakeError, Message, WebSocket};

/// An open line.
pub struct Line(WebSocket<TcpStream>);

impl Line {
    /// Opens a line as a page of the node, or says with which status it was refused.
    pub fn try_open(client: &Client, after: Option<i64>, origin: Option<&str>) -> Result<Self, u16> {
        let authority = client.authority();
        let query = after.map_or(String::new(), |seq| format!("?after={seq}"));
        let mut request = Request::get(format!("ws://{authority}/api/v1/live{query}"))
            .header("Host", authority)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", generate_key());
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        for line in client.credentials().lines() {
            let (name, value) = line.split_once(": ").expect("a header");
            request = request.header(name, value);
        }
        let stream = TcpStream::connect(authority).expect("the node listens");
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a time limit");
        match handshake(request.body(()).expect("a request"), stream) {
            Ok(socket) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("the line is not opened: {error}"),
        }
    }

    /// Opens a line as a page of the node; its first word is heard.
    pub fn open(client: &Client, after: Option<i64>) -> Self {
        let origin = format!("http://{}", client.authority());
        let mut line = Self::try_open(client, after, Some(&origin)).expect("a line");
        assert_eq!(line.hear(Duration::from_secs(10)).expect("a greeting")["what"], "hello");
        line
    }

    /// The next word that is not a beat; `Err` with the code when the server closes, 0 when it says nothing in time.
    pub fn hear(&mut self, limit: Duration) -> Result<Json, u16> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            match self.0.read() {
                Ok(Message::Text(text)) => {
                    let word: Json = serde_json::from_str(&text).expect("JSON");
                    if word["what"] != "beat" {
                        return Ok(word);
                    }
                }
                Ok(Message::Close(frame)) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if is_silence(&error) => {}
                Err(_) => return Err(1006),
            }
        }
        Err(0)
    }

    /// The next word about this, whatever else is said before.
    #[track_caller]
    pub fn hear_of(&mut self, what: &str, id: &str) -> Json {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            match self.hear(end - Instant::now()) {
                Ok(word) if word["what"] == what && (id.is_empty() || word["id"] == id) => return word,
                Ok(_) => {}
                Err(code) => panic!("nothing of {what} {id}: {code}"),
            }
        }
        panic!("nothing of {what} {id}");
    }

    /// Everything that is said within a while.
    pub fn all(&mut self, limit: Duration) -> Vec<Json> {
        let end = Instant::now() + limit;
        let mut all = Vec::new();
        while let Ok(word) = self.hear(end.saturating_duration_since(Instant::now())) {
            all.push(word);
        }
        all
    }

    /// Says something.
    pub fn say(&mut self, text: &str) -> Result<(), tungstenite::Error> {
        self.0.send(Message::text(text.to_owned()))
    }
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn handshake(request: Request<()>, stream: TcpStream) -> Result<WebSocket<TcpStream>, tungstenite::Error> {
    let mut attempt = tungstenite::client(request, stream);
    loop {
        match attempt {
            Ok((socket, _)) => return Ok(socket),
            Err(HandshakeError::Interrupted(middle)) => attempt = middle.handshake(),
            Err(HandshakeError::Failure(error)) => return Err(error),
        }
    }
}
