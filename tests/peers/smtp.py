"""A mail server that keeps what it is handed (aiosmtpd): STARTTLS with a certificate of its own, log-in required.

    smtp.py FOLDER

Makes `anchors.pem` (its certificate, for localhost) in FOLDER, prints its port and takes messages until it is stopped. Each is a line of
`taken.jsonl`: envelope and text. The first is put off (451), mail to `nobody@` is refused (550). Who logs in is `farsight` with
`mail secret`.
"""

import datetime
import json
import ssl
import sys
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Kept:
    """What happens to a message."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "taken.jsonl"
        self.asked = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.asked += 1
        if self.asked == 1:
            return "451 later"
        if address.startswith("nobody@"):
            return "550 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        taken = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode("ascii"),
            "tls": session.ssl is not None,
            "user": session.auth_data and session.auth_data.login.decode(),
        }
        with self.file.open("a") as file:
            file.write(json.dumps(taken) + "\n")
        return "250 kept"


def authenticator(server, session, envelope, mechanism, auth_data):
    good = mechanism in ("PLAIN", "LOGIN") and (auth_data.login, auth_data.password) == (b"farsight", b"mail secret")
    return AuthResult(success=good, auth_data=auth_data if good else None)


class Server(Controller):
    """On a free port of this machine."""

    def __init__(self, handler, context) -> None:
        self.context = context
        super().__init__(handler, hostname="127.0.0.1", port=0)

    def factory(self):
        return SMTP(
            self.handler,
            hostname="mail.test",
            tls_context=self.context,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticator,
        )

    def _trigger_server(self):
        # The base class connects to the port that it was given, to wake the server up.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def certify(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for localhost, of nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file, certificate_file = folder / "key.pem", folder / "anchors.pem"
    plain = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_file, certificate_file


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    key, certificate = certify(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(Kept(folder), context)
    server.start()
    print(server.port, flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
