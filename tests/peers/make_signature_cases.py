"""Signed pages that nobody would sign: the signature of a page made anew with other certificates and another time stamp.

    make_signature_cases.py PAGE.pdf OTHER.pdf FOLDER

PAGE.pdf and OTHER.pdf have one signature each. Into FOLDER go `NAME.pdf` for each case, `anchors.pem` of the authority that is
trusted, and its lists: `clean.crl`, and `before.crl` and `after.crl`, by which the good certificate was revoked before and after
it signed. The second of the time stamps is printed. Keys are made here and kept nowhere.
"""

import asyncio
import re
import sys
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

from asn1crypto import cms, keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.timestamps import DummyTimeStamper

NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)
# When the signatures were stamped.
STAMPED = NOW - 20 * DAY
# id-kp-documentSigning (RFC 9336).
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")


def usage(*granted: str) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    ).split()
    return x509.KeyUsage(**{name: name in granted for name in names})


class Authority:
    def __init__(self, name: str):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(self.name, self.key, NOW - 3650 * DAY, NOW + 3650 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        builder = builder.add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    def _builder(self, subject, key, begins, ends) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().issuer_name(self.name).subject_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)

    def issue(self, subject: x509.Name, key, begins, ends, purposes, critical: bool = False) -> x509.Certificate:
        builder = self._builder(subject, key, begins, ends)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(usage("digital_signature", "content_commitment"), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
        return builder.sign(self.key, hashes.SHA256())

    def list(self, made: datetime, revoked: dict) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(made).next_update(NOW + 30 * DAY)
        builder = builder.add_extension(x509.CRLNumber(int(made.timestamp())), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        for certificate, since in revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(since).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


class Stamper:
    """A time-stamping authority whose clock stands still."""

    def __init__(self, authority: Authority):
        # pyHanko's stamps with RSA only.
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Time stamps")])
        purposes = [ExtendedKeyUsageOID.TIME_STAMPING]
        certificate = authority.issue(name, key, NOW - 1000 * DAY, NOW + 1000 * DAY, purposes, critical=True)
        self.certificate, self.key = asn1(certificate), private(key)

    def token(self, value: bytes, at: datetime) -> cms.ContentInfo:
        stamper = DummyTimeStamper(self.certificate, self.key, fixed_dt=at)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(value)
        return asyncio.run(stamper.async_timestamp(digest.finalize(), "sha256"))


def asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def private(key) -> keys.PrivateKeyInfo:
    form = serialization.PrivateFormat.PKCS8
    return keys.PrivateKeyInfo.load(key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption()))


class Page:
    """A page with one signature, which can be made anew."""

    def __init__(self, pdf: bytes):
        self.pdf = pdf
        (found,) = re.finditer(rb"/ByteRange ?\[ ?0 (\d+) (\d+) (\d+) *\]", pdf)
        self.start, self.end, _ = (int(number) for number in found.groups())

    def room(self) -> bytes:
        return self.pdf[self.start + 1 : self.end - 1]

    def cms(self) -> cms.ContentInfo:
        return cms.ContentInfo.load(bytes.fromhex(self.room().decode()))

    def signer(self) -> x509.Name:
        (choice,) = self.cms()["content"]["certificates"]
        return x509.load_der_x509_certificate(choice.chosen.dump()).subject

    def with_room(self, digits: bytes) -> bytes:
        assert len(digits) == len(self.room())
        return self.pdf[: self.start + 1] + digits + self.pdf[self.end - 1 :]

    def signed_by(self, certificate: x509.Certificate, key, stamper=None, at=None) -> bytes:
        """The same attributes, but for the certificate that they name."""
        info = self.cms()
        own = asn1(certificate)
        (signer,) = info["content"]["signer_infos"]
        attributes = [attribute.dump() for attribute in signer["signed_attrs"] if not names_certificate(attribute)]
        attributes.append(naming(own).dump())
        # DER sorts a set by the encodings.
        signed = cms.CMSAttributes.load(der_set(sorted(attributes)))
        value = key.sign(signed.dump(), ec.ECDSA(hashes.SHA256()))
        identifier = {"issuer": own.issuer, "serial_number": own.serial_number}
        made = {
            "version": "v1",
            "sid": cms.SignerIdentifier("issuer_and_serial_number", identifier),
            "digest_algorithm": signer["digest_algorithm"],
            "signed_attrs": signed,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": value,
        }
        if stamper is not None:
            stamp = {"type": "signature_time_stamp_token", "values": [stamper.token(value, at)]}
            made["unsigned_attrs"] = cms.CMSAttributes([cms.CMSAttribute(stamp)])
        data = cms.SignedData(
            {
                "version": "v1",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {"content_type": "data"},
                "certificates": [own],
                "signer_infos": [cms.SignerInfo(made)],
            }
        )
        der = cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()
        return self.with_room(der.hex().upper().encode().ljust(len(self.room()), b"0"))


def names_certificate(attribute) -> bool:
    return attribute["type"].native == "signing_certificate_v2"


def naming(certificate) -> cms.CMSAttribute:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate.dump())
    value = tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2({"cert_hash": digest.finalize()})]})
    return cms.CMSAttribute({"type": "signing_certificate_v2", "values": [value]})


def der_set(members: list) -> bytes:
    content = b"".join(members)
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    header = bytes([len(content)]) if len(content) < 0x80 else bytes([0x80 | len(length)]) + length
    return b"\x31" + header + content


def changed(pdf: bytes, at: int) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]


def changed_hex(room: bytes, part: bytes) -> bytes:
    """The last byte of a part of the signature is another."""
    digits = part.hex().upper().encode()
    end = room.index(digits) + len(digits)
    return room[: end - 1] + (b"0" if room[end - 1 : end] != b"0" else b"1") + room[end:]


def with_text(pdf: bytes) -> bytes:
    """Another text over the page, in an increment."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    cover = generic.StreamObject(stream_data=b"q 1 1 1 rg 0 0 600 900 re f Q")
    writer.add_stream_to_page(0, writer.add_object(cover))
    return written(writer)


def with_note(pdf: bytes) -> bytes:
    """A note on the page, in an increment."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    page_ref, _ = writer.find_page_for_modification(0)
    page = page_ref.get_object()
    note = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/Text"),
            pdf_name("/Rect"): generic.ArrayObject(generic.NumberObject(n) for n in (20, 20, 40, 40)),
            pdf_name("/Contents"): generic.pdf_string("no nodule"),
        }
    )
    notes = generic.ArrayObject(page.get("/Annots", ()))
    notes.append(writer.add_object(note))
    page["/Annots"] = notes
    writer.update_container(page)
    return written(writer)


def written(writer) -> bytes:
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def main() -> None:
    page, other, folder = (Path(argument) for argument in sys.argv[1:4])
    page, other = Page(page.read_bytes()), Page(other.read_bytes())
    trusted, stranger = Authority("Authority of the cases"), Authority("Authority of the cases")
    stamper, unknown_stamper = Stamper(trusted), Stamper(stranger)
    key = ec.generate_private_key(ec.SECP256R1())
    purposes = [ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING]

    def issued(begins: int, ends: int, by: Authority = trusted) -> x509.Certificate:
        return by.issue(page.signer(), key, NOW + begins * DAY, NOW + ends * DAY, purposes)

    good = issued(-365, 365)
    files = {
        "good": page.signed_by(good, key, stamper, STAMPED),
        "expired-before": page.signed_by(issued(-700, -30), key, stamper, STAMPED),
        "expired-after": page.signed_by(issued(-700, -10), key, stamper, STAMPED),
        "expired-unstamped": page.signed_by(issued(-700, -10), key),
        "not-yet": page.signed_by(issued(-10, 365), key, stamper, STAMPED),
        "untrusted": page.signed_by(issued(-365, 365, stranger), key, stamper, STAMPED),
        "untrusted-stamp": page.signed_by(good, key, unknown_stamper, STAMPED),
        "swapped": page.with_room(other.room()),
    }
    signed = Page(files["good"])
    value = signed.cms()["content"]["signer_infos"][0]["signature"].native
    token = signed.cms()["content"]["signer_infos"][0]["unsigned_attrs"][0]["values"][0].dump()
    files["byte-page"] = changed(files["good"], signed.start // 2)
    files["byte-moment"] = changed(files["good"], files["good"].rindex(b"/M") + len("/M (D:2026"))
    files["byte-signature"] = signed.with_room(changed_hex(signed.room(), value))
    files["byte-stamp"] = signed.with_room(changed_hex(signed.room(), token))
    files["text-appended"] = with_text(files["good"])
    files["note-appended"] = with_note(files["good"])
    for name, pdf in files.items():
        (folder / f"{name}.pdf").write_bytes(pdf)
    lists = {
        "clean": trusted.list(STAMPED - DAY, {}),
        "before": trusted.list(STAMPED - 4 * DAY, {good: STAMPED - 5 * DAY}),
        "after": trusted.list(NOW - 9 * DAY, {good: NOW - 10 * DAY}),
    }
    for name, der in lists.items():
        (folder / f"{name}.crl").write_bytes(der)
    (folder / "anchors.pem").write_bytes(trusted.pem())
    print(int(STAMPED.timestamp()))


if __name__ == "__main__":
    main()
