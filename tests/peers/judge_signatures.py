"""What pyHanko says of signed PDFs: one line of JSON for each.

    judge_signatures.py ANCHORS.pem FILE…           judge
    judge_signatures.py --token SIGNATURE.p7s FOLDER   take the time stamp out: `token` and the `value` that it is for
    judge_signatures.py --pades ANCHORS.pem LIST.crl FILE…   judge with a revocation list that must say something
    judge_signatures.py --apart PAGE.pdf FOLDER   take the last signature out: `page.p7s`, the `content` that it covers, and as
                                                  with --token
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

from asn1crypto import cms, crl
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import policy_decl, validate_pdf_signature
from pyhanko.sign.validation.ades import ades_with_time_validation
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer

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


def judge_pades(path: Path, roots: list, revocation: crl.CertificateList) -> dict:
    with path.open("rb") as file:
        (signature,) = PdfFileReader(file, strict=False).embedded_signatures
        return {
            "at_stamp": at_stamp(signature, roots, revocation),
            "with_time": asyncio.run(with_time(signature, roots, revocation)),
        }


def at_stamp(signature, roots: list, revocation: crl.CertificateList) -> dict:
    """As of the moment that the time stamp states; now, when there is none."""
    token = next(extract_tst_data_iter(signature.signer_info, signed=False), None)
    moment = None if token is None else token["encap_content_info"]["content"].parsed["gen_time"].native
    settings = {"trust_roots": roots, "allow_fetching": False, "revocation_mode": "require", "crls": [revocation]}
    status = validate_pdf_signature(
        signature, ValidationContext(moment=moment, **settings), ts_validation_context=ValidationContext(**settings)
    )
    stamp = status.timestamp_validity
    whole = status.coverage.name == "ENTIRE_FILE"
    return {
        "ok": bool(status.bottom_line) and whole,
        "stamp": stamp is not None and bool(stamp.intact and stamp.valid and stamp.trusted),
        "indication": status.trust_problem_indic.name if status.trust_problem_indic else None,
        "intact": status.intact and status.valid,
        "coverage": status.coverage.name,
    }


async def with_time(signature, roots: list, revocation: crl.CertificateList) -> str:
    """Validation of signatures with time, EN 319 102-1 §5.5, now."""
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=roots), revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO)
    )
    local = policy_decl.RevocationInfoGatheringSpec(
        online_fetching_rule=policy_decl.RevinfoOnlineFetchingRule.LOCAL_ONLY
    )
    known = policy_decl.LocalKnowledge(known_crls=[CRLContainer(revocation)])
    spec = policy_decl.SignatureValidationSpec(policy, revinfo_gathering_policy=local, local_knowledge=known)
    signature.compute_integrity_info()
    result = await ades_with_time_validation(
        signature.signed_data,
        spec,
        raw_digest=signature.compute_digest(),
        extra_status_kwargs=signature.summarise_integrity_info(),
        status_cls=PdfSignatureStatus,
    )
    return result.ades_subindic.name


def take_apart(page: Path, folder: Path) -> None:
    with page.open("rb") as file:
        signature = PdfFileReader(file, strict=False).embedded_signatures[-1]
        _, start, end, rest = (int(number) for number in signature.byte_range)
        info = cms.ContentInfo.load(signature.pkcs7_content)
    pdf = page.read_bytes()
    (folder / "content").write_bytes(pdf[:start] + pdf[end : end + rest])
    (folder / "page.p7s").write_bytes(info.dump())
    if info["content"]["signer_infos"][0]["unsigned_attrs"]:
        take_token(folder / "page.p7s", folder)


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
    if sys.argv[1] == "--apart":
        take_apart(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    if sys.argv[1] == "--pades":
        roots = list(load_certs_from_pemder([sys.argv[2]]))
        revocation = crl.CertificateList.load(Path(sys.argv[3]).read_bytes())
        for path in sys.argv[4:]:
            print(json.dumps({"file": path, **judge_pades(Path(path), roots, revocation)}), flush=True)
        return
    roots = list(load_certs_from_pemder([sys.argv[1]]))
    for path in sys.argv[2:]:
        print(json.dumps({"file": path, **judge(Path(path), roots)}), flush=True)


if __name__ == "__main__":
    main()
