"""A remote signing service with a telephone: the reference implementation of docs/remote-signing.md.

    phone_signing.py FOLDER PORT AUTHORITY NAME ORGANISATION

Makes a key for NAME of ORGANISATION in FOLDER, certified by the authority in a PEM file (certificate and key), unless one is
there; writes `chain.pem` and `token`, prints its port and answers until it is stopped. The key is named `cred-1`. `--rsa` makes an RSA
key instead of one on P-256.

The telephone is a second face, for tests: `GET /phone` lists every question that the signer has been shown, `POST /phone/answer` with
`{"responseID", "how"}` answers one: `agree`, `refuse`, `expire`, `wrong-signature` (over something else), `wrong-key` (of nobody
known), `one-value`. `{"away": true}` has the service answer 503, `{"drops": 1}` take the next question and break off without an
answer. Questions and answers are kept in memory only.
"""

import base64
import datetime
import json
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID

CREDENTIAL = "cred-1"
SHA256 = "2.16.840.1.101.3.4.2.1"
SCHEMES = {"1.2.840.10045.4.3.2": "ec", "1.2.840.113549.1.1.11": "rsa"}


class Refusal(Exception):
    """An answer of 4xx with a word."""

    def __init__(self, word: str, status: int = 400) -> None:
        super().__init__(word)
        self.word, self.status = word, status


def certify(key, authority: Path, name: str, organisation: str) -> list[x509.Certificate]:
    pem = authority.read_bytes()
    root = x509.load_pem_x509_certificate(pem)
    root_key = serialization.load_pem_private_key(pem, None)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(
            x509.KeyUsage(True, True, False, False, False, False, False, False, False),
            critical=True,
        )
    )
    return [builder.sign(root_key, hashes.SHA256()), root]


class Service:
    """Keys, questions and answers."""

    def __init__(self, folder: Path, authority: Path, name: str, organisation: str, is_rsa: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.questions: dict[str, dict] = {}
        self.is_away, self.drops = False, 0
        key_file, chain_file, token_file = folder / "key.pem", folder / "chain.pem", folder / "token"
        if not key_file.exists():
            key = rsa.generate_private_key(65537, 3072) if is_rsa else ec.generate_private_key(ec.SECP256R1())
            chain = certify(key, authority, name, organisation)
            chain_file.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
            plain = serialization.NoEncryption()
            key_file.write_bytes(
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
            )
            token_file.touch(mode=0o600)
            token_file.write_text(uuid.uuid4().hex + "\n")
        self.key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        self.chain = x509.load_pem_x509_certificates(chain_file.read_bytes())
        self.token = token_file.read_text().strip()

    def info(self, body: dict) -> dict:
        self.known(body)
        der = [base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode() for one in self.chain]
        return {"key": {"status": "enabled"}, "cert": {"status": "valid", "certificates": der}}

    def known(self, body: dict) -> None:
        if body.get("credentialID") != CREDENTIAL:
            raise Refusal("invalid_request")

    def sign_hash(self, body: dict) -> dict:
        self.known(body)
        if body.get("operationMode") != "A" or body.get("hashAlgorithmOID") != SHA256:
            raise Refusal("invalid_request")
        kind = "rsa" if isinstance(self.key, rsa.RSAPrivateKey) else "ec"
        if SCHEMES.get(body.get("signAlgo")) != kind:
            raise Refusal("invalid_request")
        digests = [base64.b64decode(text, validate=True) for text in body["hashes"]]
        if not digests or any(len(digest) != 32 for digest in digests):
            raise Refusal("invalid_request")
        transaction = body["clientData"]
        with self.lock:
            for response, question in self.questions.items():
                if question["transaction"] == transaction:
                    if question["digests"] != digests:
                        raise Refusal("invalid_request")
                    return {"responseID": response}
            response = uuid.uuid4().hex
            self.questions[response] = {
                "transaction": transaction,
                "digests": digests,
                "text": body["description"],
                "fields": sorted(body),
                "until": time.monotonic() + float(body["validity_period"]),
                "answer": None,
            }
        return {"responseID": response}

    def question(self, body: dict) -> dict:
        found = self.questions.get(body.get("responseID"))
        if found is None:
            raise Refusal("invalid_request")
        return found

    def polling(self, body: dict) -> dict | None:
        question = self.question(body)
        how = question["answer"]
        if how is None:
            if time.monotonic() > question["until"]:
                raise Refusal("expired")
            return None
        if how == "expire":
            raise Refusal("expired")
        if how in ("refuse", "cancelled"):
            raise Refusal("access_denied")
        digests = question["digests"]
        key = self.key
        if how == "wrong-signature":
            digests = [bytes(32) for _ in digests]
        if how == "wrong-key":
            key = ec.generate_private_key(ec.SECP256R1())
        if how == "one-value":
            digests = digests[:1]
        return {"signatures": [base64.b64encode(self.sign(key, digest)).decode() for digest in digests]}

    @staticmethod
    def sign(key, digest: bytes) -> bytes:
        hashed = utils.Prehashed(hashes.SHA256())
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, padding.PKCS1v15(), hashed)
        return key.sign(digest, ec.ECDSA(hashed))

    def cancel(self, body: dict) -> dict:
        question = self.question(body)
        with self.lock:
            question["answer"] = question["answer"] or "cancelled"
        return {}

    def phone(self) -> list[dict]:
        now = time.monotonic()
        return [
            {
                "responseID": response,
                "text": one["text"],
                "digests": [digest.hex() for digest in one["digests"]],
                "fields": one["fields"],
                "answer": one["answer"] or ("expired" if now > one["until"] else None),
            }
            for response, one in self.questions.items()
        ]

    def answer(self, body: dict) -> dict:
        if "responseID" not in body:
            self.is_away, self.drops = body.get("away", False), body.get("drops", 0)
            return {}
        question = self.question(body)
        with self.lock:
            if question["answer"] is None:
                question["answer"] = body["how"]
        return {"answer": question["answer"]}


class Face(BaseHTTPRequestHandler):
    """HTTP: the service for nodes with the token, the telephone for tests."""

    service: Service

    def do_GET(self) -> None:
        if self.path == "/phone":
            self.say(200, self.service.phone())
        else:
            self.say(404, {"error": "not_found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        service = self.service
        calls = {
            "/csc/v2/credentials/info": service.info,
            "/csc/v2/signatures/signHash": service.sign_hash,
            "/csc/v2/signatures/signPolling": service.polling,
            "/csc/v2/signatures/signCancel": service.cancel,
        }
        try:
            if self.path == "/phone/answer":
                self.say(200, service.answer(body))
                return
            if service.is_away:
                self.say(503, {"error": "temporarily_unavailable"})
                return
            if self.path not in calls:
                raise Refusal("not_found", 404)
            if self.headers.get("Authorization") != f"Bearer {service.token}":
                raise Refusal("invalid_token", 401)
            answer = calls[self.path](body)
            if service.drops > 0 and self.path.endswith("signHash"):
                service.drops -= 1
                self.close_connection = True
                return
            self.say(202 if answer is None else 200, answer or {})
        except Refusal as refusal:
            self.say(refusal.status, {"error": refusal.word})
        except (KeyError, ValueError):
            self.say(400, {"error": "invalid_request"})

    def say(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    arguments = [one for one in sys.argv[1:] if one != "--rsa"]
    folder, port, authority, name, organisation = arguments
    Face.service = Service(Path(folder), Path(authority), name, organisation, "--rsa" in sys.argv)
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Face)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
