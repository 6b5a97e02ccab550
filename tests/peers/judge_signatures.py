"""What pyHanko says of signed PDFs: one line of JSON for each.

    judge_signatures.py ANCHORS.pem FILE…           judge
    judge_signatures.py --token SIGNATURE.p7s FOLDER   take the time stamp out: `token` and the `value` that it is for
"""

import json
import logging
import sys
from pathlib import Path

from asn1crypto import cms
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

# What it says of files that are not in order goes into the verdict.
logging.disable(logging.CRITICAL)


def judge(path: Path, roots: list) -> dict:
    try:
        with path.open("rb") as file:
            # Strict reading refuses what is only ugly; a viewer would not.
            signatures = PdfFileReader(file, strict=False).embedded_signatures
            return {"signatures": [one(signature, roots) for signature in signatures]}
    except Exception as error:  # Whatever a damaged file makes it stumble on is its opinion: not a signed PDF.
        return {"error": f"{type(error).__name__}: {error}"}


def one(signature, roots: list) -> dict:
    context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
    status = validate_pdf_signature(signature, context)
    stamp = status.timestamp_validity
    return {
        "field": signature.field_name,
        "intact": status.intact,
        "valid": status.valid,
        "trusted": status.trusted,
        "coverage": status.coverage.name,
        "changes": status.modification_level.name if status.modification_level else None,
        "stamp": None if stamp is None else bool(stamp.intact and stamp.valid and stamp.trusted),
        "ok": bool(status.bottom_line),
        "revoked": bool(status.revoked),
    }


def take_token(signature: Path, folder: Path) -> None:
    info = cms.ContentInfo.load(signature.read_bytes())["content"]["signer_infos"][0]
    (attribute,) = info["unsigned_attrs"]
    assert attribute["type"].native == "signature_time_stamp_token"
    (folder / "token").write_bytes(attribute["values"][0].dump())
    (folder / "value").write_bytes(info["signature"].native)


def main() -> None:
    if sys.argv[1] == "--token":
        take_token(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    roots = list(load_certs_from_pemder([sys.argv[1]]))
    for path in sys.argv[2:]:
        print(json.dumps({"file": path, **judge(Path(path), roots)}), flush=True)


if __name__ == "__main__":
    main()
