"""A key in its owner's hands, for tests of signing with one's own certificate.

    own_key.py make FOLDER AUTHORITY NAME ORGANISATION KIND [LEGACY]   by OpenSSL: `own.p12`, `chain.pem`
    own_key.py sign FILE                                               what a node asks, on standard input, is signed

The authority is a PEM file with certificate and key. Kinds: rsa, p256, p384, sm2. LEGACY is the word `legacy`: the file is encrypted as
programs did it for twenty years (RC2, Triple DES, SHA-1). The passphrase of every file is PASSPHRASE. `sign` reads the JSON that
`own-signature` answers with, and prints the body that `own-signature/complete` takes; signatures are made by the package cryptography.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import pkcs12

PASSPHRASE = "own 签名 key"

KINDS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "sm2": ["-algorithm", "SM2"],
}


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def make(folder: Path, authority: Path, name: str, organisation: str, kind: str, is_legacy: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    root = str(authority.resolve())
    (folder / "usage").write_text("keyUsage=critical,digitalSignature,nonRepudiation\n")
    openssl(folder, "genpkey", *KINDS[kind], "-out", "own.key")
    digest = "-sm3" if kind == "sm2" else "-sha256"
    subject = f"/O={organisation}/CN={name}"
    openssl(folder, "req", "-new", digest, "-utf8", "-key", "own.key", "-subj", subject, "-out", "own.csr")
    issued = ["-CA", root, "-CAkey", root, "-CAcreateserial", "-CAserial", "serial", "-days", "30", "-extfile", "usage"]
    openssl(folder, "x509", "-req", "-sha256", "-in", "own.csr", *issued, "-out", "own.pem")
    openssl(folder, "x509", "-in", root, "-out", "root.pem")
    (folder / "chain.pem").write_bytes((folder / "own.pem").read_bytes() + (folder / "root.pem").read_bytes())
    made = ["-export", "-inkey", "own.key", "-in", "own.pem", "-certfile", "root.pem", "-passout", f"pass:{PASSPHRASE}"]
    openssl(folder, "pkcs12", *made, *(["-legacy"] if is_legacy else []), "-out", "own.p12")


def sign(file: Path, asked: dict) -> dict:
    key, _, _ = pkcs12.load_key_and_certificates(file.read_bytes(), PASSPHRASE.encode())
    sha = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}[asked["algorithm"].rsplit("-", 1)[1]]
    values = []
    for message in map(base64.b64decode, asked["messages"]):
        if isinstance(key, ec.EllipticCurvePrivateKey):
            values.append(key.sign(message, ec.ECDSA(sha)))
        else:
            values.append(key.sign(message, padding.PKCS1v15(), sha))
    return {"transaction": asked["transaction"], "values": [base64.b64encode(one).decode() for one in values]}


def main() -> None:
    command, *arguments = sys.argv[1:]
    if command == "make":
        folder, authority, name, organisation, kind, *legacy = arguments
        make(Path(folder), Path(authority), name, organisation, kind, legacy == ["legacy"])
    else:
        print(json.dumps(sign(Path(arguments[0]), json.load(sys.stdin))))


if __name__ == "__main__":
    main()
