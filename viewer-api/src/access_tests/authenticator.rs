//! An authenticator made of software: what a browser would send for it (WebAuthn level 3 §6, COSE ES256).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const HAS_CREDENTIAL: u8 = 0x40;

pub struct Authenticator {
    pub origin: String,
    pub counter: u32,
    /// Whether it looks whose finger it is.
    pub verifies: bool,
    id: Vec<u8>,
    key: SigningKey,
    user_handle: String,
    rp_id: String,
}

fn text_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// CBOR (RFC 8949) of a byte string shorter than 256 bytes.
fn bytes(value: &[u8]) -> Vec<u8> {
    let mut out =
        if value.len() < 24 { vec![0x40 + value.len() as u8] } else { vec![0x58, value.len() as u8] };
    out.extend_from_slice(value);
    out
}

fn text(value: &str) -> Vec<u8> {
    let mut out = vec![0x60 + value.len() as u8];
    out.extend_from_slice(value.as_bytes());
    out
}

impl Authenticator {
    pub fn new(origin: &str) -> Self {
        let seed = Sha256::digest(access::Secret::random().unwrap().expose());
        let key = SigningKey::from_slice(&seed).unwrap();
        let id = Sha256::digest(seed).to_vec();
        Self {
            origin: origin.to_owned(),
            counter: 0,
            verifies: true,
            id,
            key,
            user_handle: String::new(),
            rp_id: String::new(),
        }
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags | PRESENT | verified);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, challenge: &Json) -> Vec<u8> {
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    /// `navigator.credentials.create`
    pub fn create(&mut self, options: &Json) -> Json {
        self.rp_id = options["rp"]["id"].as_str().unwrap().to_owned();
        self.user_handle = options["user"]["id"].as_str().unwrap().to_owned();
        let point = self.key.verifying_key().to_sec1_point(false);
        let point = point.as_bytes();
        let mut data = self.data(HAS_CREDENTIAL);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&(self.id.len() as u16).to_be_bytes());
        data.extend_from_slice(&self.id);
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        data.extend_from_slice(&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]);
        data.extend_from_slice(&bytes(&point[1..33]));
        data.push(0x22);
        data.extend_from_slice(&bytes(&point[33..65]));
        let mut attestation = vec![0xa3];
        attestation.extend_from_slice(&text("fmt"));
        attestation.extend_from_slice(&text("none"));
        attestation.extend_from_slice(&text("attStmt"));
        attestation.push(0xa0);
        attestation.extend_from_slice(&text("authData"));
        attestation.extend_from_slice(&bytes(&data));
        json!({
            "id": text_of(&self.id), "rawId": text_of(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text_of(&self.client_data("webauthn.create", &options["challenge"])),
                "attestationObject": text_of(&attestation), "transports": ["internal"],
            },
        })
    }

    /// `navigator.credentials.get`
    pub fn get(&mut self, options: &Json) -> Json {
        self.counter += 1;
        self.answer(&options["challenge"])
    }

    /// The same without the counter going up: a copy of the authenticator.
    pub fn answer(&self, challenge: &Json) -> Json {
        let client = self.client_data("webauthn.get", challenge);
        let data = self.data(0);
        let mut signed = data.clone();
        signed.extend_from_slice(&Sha256::digest(&client));
        let signature: DerSignature = self.key.sign(&signed);
        json!({
            "id": text_of(&self.id), "rawId": text_of(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text_of(&client), "authenticatorData": text_of(&data),
                "signature": text_of(signature.as_bytes()), "userHandle": self.user_handle,
            },
        })
    }
}
