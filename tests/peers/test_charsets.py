"""Character sets from end to end: what pydicom's charset files and a table of our own say in QIDO-RS, metadata, C-FIND.

The bytes of the table are made by Python's codecs; where a set needs escape sequences, they stand in the table.
"""

import json
import subprocess
import unittest
from pathlib import Path
from urllib.parse import quote

import pydicom
from pydicom.data import get_charset_files
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRootFind

from farsight import demo, get, program, township
from test_dimse import PENDING, SUCCESS, associate

# Specific Character Set, the bytes of Patient's Name, what they say.
TABLE = [
    ("GB18030", "Zhang^San=张^𠮷㐂".encode("gb18030"), "Zhang^San=张^𠮷㐂"),
    ("GB18030", "Li=李^誠運錦璡鑌".encode("gb18030"), "Li=李^誠運錦璡鑌"),
    ("GBK", "Li=張^誠運".encode("gbk"), "Li=張^誠運"),
    ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东"),
    ("\\ISO 2022 IR 87", b"Yamada=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada=山田^太郎"),
    ("\\ISO 2022 IR 87\\ISO 2022 IR 159", b"A=\x1b$(D\x30\x21\x1b(B^\x1b$BB@\x1b(B", "A=丂^太"),
    ("\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong=洪^吉洞"),
    ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ".encode("shift_jis"), "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    ("ISO_IR 100", "Müller^Jérôme".encode("latin-1"), "Müller^Jérôme"),
    ("ISO_IR 101", "Łukasz^Żak".encode("iso8859-2"), "Łukasz^Żak"),
    ("ISO_IR 109", "Ĝan^Ŝafo".encode("iso8859-3"), "Ĝan^Ŝafo"),
    ("ISO_IR 110", "Jānis^Bērziņš".encode("iso8859-4"), "Jānis^Bērziņš"),
    ("ISO_IR 144", "Иванов^Пётр".encode("iso8859-5"), "Иванов^Пётр"),
    ("ISO_IR 127", "قباني^لنزار".encode("iso8859-6"), "قباني^لنزار"),
    ("ISO_IR 126", "Διονύσιος".encode("iso8859-7"), "Διονύσιος"),
    ("ISO_IR 138", "שרון^דבורה".encode("iso8859-8"), "שרון^דבורה"),
    ("ISO_IR 148", "Ayşe^İğdır".encode("iso8859-9"), "Ayşe^İğdır"),
    ("ISO_IR 203", "Œuvre^Žofie".encode("iso8859-15"), "Œuvre^Žofie"),
    ("ISO_IR 166", "สมชาย^ใจดี".encode("tis-620"), "สมชาย^ใจดี"),
    ("ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-A\xc4neas^\x1b-L\xbb\xee\xda", "Äneas^Люк"),
    ("ISO_IR 192", "Wang=王^小東🙂".encode(), "Wang=王^小東🙂"),
]  # fmt: skip

# What a sender with a configured character set sends: a wrong label or none.
WRONGLY_LABELLED = [(label, "张^三丰".encode("gbk"), "张^三丰") for label in (None, "ISO_IR 100")]
TEXT_VRS = {"PN", "LO", "SH", "ST", "LT", "UT"}


def raw(keyword: str, vr: str, value: bytes) -> RawDataElement:
    value += b" " * (len(value) % 2)
    return RawDataElement(Tag(keyword), vr, len(value), value, 0, False, True)


def carrier(label: str | None, name: bytes) -> Dataset:
    """A small instance whose name is these bytes."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if label is not None:
        ds["SpecificCharacterSet"] = raw("SpecificCharacterSet", "CS", label.encode())
    ds["PatientName"] = raw("PatientName", "PN", name)
    ds.PatientID = "charset"
    ds.Modality = "OT"
    return identified(ds)


def identified(ds: Dataset) -> Dataset:
    ds.SOPClassUID = ds.get("SOPClassUID") or SecondaryCaptureImageStorage
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = (generate_uid() for _ in range(3))
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def store(datasets: list[Dataset], calling: str | None = None) -> None:
    classes = sorted({ds.SOPClassUID for ds in datasets})
    association = associate([(name, [ExplicitVRLittleEndian]) for name in classes], calling)
    if not association.is_established:
        raise AssertionError("no association")
    statuses = {association.send_c_store(ds).Status for ds in datasets}
    association.release()
    if statuses != {SUCCESS}:
        raise AssertionError(f"C-STORE: {statuses}")


def find(query: Dataset, calling: str | None = None) -> list[Dataset]:
    query.QueryRetrieveLevel = "STUDY"
    association = associate([(StudyRootFind, [ExplicitVRLittleEndian])], calling)
    if not association.is_established:
        raise AssertionError("no association")
    answers = list(association.send_c_find(query, StudyRootFind))
    association.release()
    return [identifier for status, identifier in answers if status.get("Status") in PENDING]


def question(study: str, label: str | None) -> Dataset:
    query = Dataset()
    if label is not None:
        query["SpecificCharacterSet"] = raw("SpecificCharacterSet", "CS", label.encode())
    query.StudyInstanceUID = study
    query.PatientName = ""
    return query


def dicomweb(path: str) -> list[dict]:
    status, body, _ = get(f"/dicom-web{path}", "application/dicom+json")
    if status == 204:
        return []
    if status != 200:
        raise AssertionError(f"{path}: {status} {body[:200]!r}")
    return json.loads(body)


def components(name: dict) -> str:
    parts = [name.get(part, "") for part in ("Alphabetic", "Ideographic", "Phonetic")]
    # Delimiters of empty components are nothing.
    return "=".join(parts).rstrip("=^ ")


def said(name, label: str | None = None) -> str:
    """A name as pydicom read it, with what it cannot do done after it: ISO-IR 58 escapes stay in, ISO_IR 203 is Latin-1."""
    text = str(name).replace("\x1b$)A", "")
    text = text.encode("latin-1").decode("iso8859-15") if label == "ISO_IR 203" else text
    return text.rstrip("= ")


def texts(element_set: dict, path: str = "") -> dict[str, list]:
    """Every text of a data set in the DICOM JSON Model, by its path."""
    found = {}
    for tag, element in element_set.items():
        if element["vr"] == "SQ":
            for number, item in enumerate(element.get("Value", [])):
                found |= texts(item, f"{path}{tag}/{number}/")
        elif element["vr"] in TEXT_VRS and element.get("Value"):
            values = [components(v) if isinstance(v, dict) else (v or "").strip() for v in element["Value"]]
            found[path + tag] = values
    return found


class CharacterSets(unittest.TestCase):
    def check(self, ds: Dataset, label: str | None, expected: str, calling: str | None = None) -> None:
        study = ds.StudyInstanceUID
        [row] = dicomweb(f"/studies?StudyInstanceUID={study}")
        self.assertEqual(components(row["00100010"]["Value"][0]), expected, "QIDO-RS")
        [metadata] = dicomweb(f"/studies/{study}/metadata")
        self.assertEqual(components(metadata["00100010"]["Value"][0]), expected, "metadata")
        status, body, _ = get(f"/api/v1/studies/{township()['id']}/{study}")
        self.assertEqual(status, 200, body[:200])
        parts = expected.split("=")
        shown = next(part for part in [*parts[1:2], parts[0], *parts[2:]] if part)
        # People see no delimiters.
        self.assertEqual(sorted(json.loads(body)["patient_name"].replace(" ", "")), sorted(shown.replace("^", "")))
        for asked in ("ISO_IR 192", label):
            [answer] = find(question(study, asked), calling)
            self.assertEqual(said(answer.PatientName, asked), expected, f"C-FIND in {asked}")
        # By name, percent-encoded.
        alphabetic = quote(expected.split("=")[0])
        found = {row["0020000D"]["Value"][0] for row in dicomweb(f"/studies?PatientName={alphabetic}")}
        self.assertIn(study, found, "QIDO-RS by name")

    def test_the_table(self):
        sent = [(carrier(label, name), label, text) for label, name, text in TABLE]
        store([ds for ds, _, _ in sent])
        for ds, label, text in sent:
            with self.subTest(label=label, text=text):
                self.check(ds, label, text)

    def test_every_charset_file_of_pydicom(self):
        files = [identified(pydicom.dcmread(path, force=True)) for path in get_charset_files("*.dcm")]
        self.assertGreaterEqual(len(files), 15)
        store(files)
        for ds in files:
            with self.subTest(file=Path(ds.filename).name):
                [metadata] = dicomweb(f"/studies/{ds.StudyInstanceUID}/metadata")
                wanted, got = texts(ds.to_json_dict()), texts(metadata)
                # pydicom knows private attributes that come as UN.
                self.assertEqual({p: v for p, v in wanted.items() if p in got}, got)
                self.assertGreaterEqual(got.keys(), {p for p in wanted if not int(p[3]) % 2})
                if "PatientName" in ds:
                    label = ds.get_item("SpecificCharacterSet")
                    label = "\\".join(label.value) if not isinstance(label.value, (bytes, str)) else label.value
                    label = label.decode().strip() if isinstance(label, bytes) else label
                    self.check(ds, label, said(ds.PatientName))

    def test_the_answer_is_in_the_set_of_the_question_or_in_utf8_when_that_lacks_a_character(self):
        ds = carrier("GB18030", "Zhang^San=张^三".encode("gb18030"))
        store([ds])
        for asked, answered in [
            ("GB18030", "GB18030"), ("GBK", "GBK"), ("\\ISO 2022 IR 58", ["", "ISO 2022 IR 58"]),
            ("ISO_IR 192", "ISO_IR 192"), ("ISO_IR 100", "ISO_IR 192"), (None, "ISO_IR 192"),
        ]:  # fmt: skip
            [answer] = find(question(ds.StudyInstanceUID, asked))
            label = answer.SpecificCharacterSet
            self.assertEqual(label if isinstance(label, str) else list(label), answered)
            self.assertEqual(said(answer.PatientName), "Zhang^San=张^三", asked)

    def test_questions_are_understood_in_chinese_sets(self):
        ds = carrier("GB18030", "=錦^誠".encode("gb18030"))
        store([ds])
        for label, key in [
            ("GB18030", "錦*".encode("gb18030")),
            ("GBK", "錦^誠".encode("gbk")),
            ("ISO_IR 192", "錦*".encode()),
        ]:
            query = Dataset()
            query["SpecificCharacterSet"] = raw("SpecificCharacterSet", "CS", label.encode())
            query["PatientName"] = raw("PatientName", "PN", key)
            query.StudyInstanceUID = ""
            found = {answer.StudyInstanceUID for answer in find(query)}
            self.assertIn(ds.StudyInstanceUID, found, label)

    def test_a_sender_that_labels_gbk_as_latin_1_is_understood_by_configuration(self):
        command = [program(), "ae", "add", "--data", demo()["data"], "GBKCT", "--org", township()["id"]]
        done = subprocess.run([*map(str, command), "--character-set", "GBK"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for label, name, text in WRONGLY_LABELLED:
            ds = carrier(label, name)
            store([ds], calling="GBKCT")
            with self.subTest(label=label):
                self.check(ds, label, text, calling="GBKCT")
                query = question("", label)
                query["PatientName"] = raw("PatientName", "PN", "张^三*".encode("gbk"))
                answers = [a for a in find(query, calling="GBKCT") if a.StudyInstanceUID == ds.StudyInstanceUID]
                self.assertEqual([said(answer.PatientName) for answer in answers], [text])
                self.assertEqual(answers[0].SpecificCharacterSet, "GB18030")
        # Another sender's label is believed.
        ds = carrier("ISO_IR 100", "Jérôme".encode("latin-1"))
        store([ds])
        self.check(ds, "ISO_IR 100", "Jérôme")


if __name__ == "__main__":
    unittest.main()
