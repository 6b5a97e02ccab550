"""A time-stamping authority over HTTP (RFC 3161 §3.4): OpenSSL's `ts -reply` behind a small server.

    tsa.py FOLDER [PORT]

Makes an authority in FOLDER unless one is there (`anchors.pem` is its root), prints its port and answers until it is stopped.
"""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[stamp]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = tsa_config
[tsa_config]
dir = .
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
certs = $dir/anchors.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = yes
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def make(folder: Path) -> None:
    (folder / "config").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-config", "config"]
    openssl(folder, *new, "-extensions", "root", "-subj", "/O=OpenSSL/CN=Root", "-keyout", "root.key", "-out", "anchors.pem")
    request = ["req", "-newkey", "rsa:2048", "-nodes", "-config", "config", "-subj", "/O=OpenSSL/CN=Time stamps"]
    openssl(folder, *request, "-keyout", "tsa.key", "-out", "tsa.csr")
    sign = ["x509", "-req", "-in", "tsa.csr", "-CA", "anchors.pem", "-CAkey", "root.key", "-set_serial", "7", "-days", "30"]
    openssl(folder, *sign, "-extfile", "config", "-extensions", "stamp", "-out", "tsa.pem")


class Handler(BaseHTTPRequestHandler):
    folder: Path
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/timestamp-query":
            self.send_error(415)
            return
        with self.lock:
            (self.folder / "query").write_bytes(body)
            openssl(self.folder, "ts", "-reply", "-config", "config", "-queryfile", "query", "-out", "reply")
            reply = (self.folder / "reply").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


def main() -> None:
    Handler.folder = Path(sys.argv[1])
    if not (Handler.folder / "tsa.pem").exists():
        make(Handler.folder)
    server = HTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
