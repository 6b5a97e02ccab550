"""pynetdicom as a modality: verification, storage, queries in Chinese."""

import unittest

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRootFind
from pynetdicom.sop_class import Verification

from farsight import PATIENCE_S, SAMPLES, demo, township

SUCCESS, PENDING = 0x0000, (0xFF00, 0xFF01)
SERIES = sorted((SAMPLES / "demo/dicom/generated-ct-prior").glob("*.dcm"))[:5]
CHARSETS = {"chrX1.dcm": "王^小東", "chrX2.dcm": "王^小东", "chrH31.dcm": "山田^太郎", "chrI2.dcm": "洪^吉洞"}


def associate(contexts, calling=None):
    ae = AE(ae_title=calling or township()["ae_title"])
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = PATIENCE_S
    for abstract, syntaxes in contexts:
        ae.add_requested_context(abstract, syntaxes)
    peer = demo()["dicom"]
    return ae.associate(peer["host"], peer["port"], ae_title=peer["ae_title"])


def store(paths) -> list[int]:
    datasets = [pydicom.dcmread(path) for path in paths]
    contexts = sorted({(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID) for ds in datasets})
    association = associate(contexts)
    if not association.is_established:
        raise AssertionError("no association")
    answers = [association.send_c_store(ds) for ds in datasets]
    association.release()
    if unanswered := sum("Status" not in answer for answer in answers):
        raise AssertionError(f"{unanswered} of {len(answers)} C-STORE requests were not answered")
    return [answer.Status for answer in answers]


def find(**keys) -> list[Dataset]:
    query = Dataset()
    for key, value in keys.items():
        setattr(query, key, value)
    association = associate([(StudyRootFind, ["1.2.840.10008.1.2.1"])])
    if not association.is_established:
        raise AssertionError("no association")
    answers = list(association.send_c_find(query, StudyRootFind))
    association.release()
    if (last := answers[-1][0].get("Status")) != SUCCESS:
        raise AssertionError(f"C-FIND ends with status {last}")
    return [identifier for status, identifier in answers if status.get("Status") in PENDING]


class Dimse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.first = store(SERIES)

    def test_verification(self):
        association = associate([(Verification, ["1.2.840.10008.1.2"])])
        self.assertTrue(association.is_established)
        self.assertEqual(association.send_c_echo().Status, SUCCESS)
        association.release()

    def test_unknown_calling_ae_is_rejected(self):
        association = associate([(Verification, ["1.2.840.10008.1.2"])], calling="NOBODY")
        self.assertFalse(association.is_established)

    def test_a_series_is_stored_and_sending_it_again_is_a_success(self):
        self.assertEqual(self.first, [SUCCESS] * len(SERIES))
        self.assertEqual(store(SERIES), [SUCCESS] * len(SERIES))

    def test_every_level_is_found(self):
        sent = pydicom.dcmread(SERIES[0], stop_before_pixels=True)
        study = sent.StudyInstanceUID
        [found] = find(
            QueryRetrieveLevel="STUDY", StudyInstanceUID=study, PatientID="", NumberOfStudyRelatedInstances=None
        )
        self.assertEqual(found.PatientID, sent.PatientID)
        self.assertEqual(found.NumberOfStudyRelatedInstances, len(SERIES))
        [series] = find(QueryRetrieveLevel="SERIES", StudyInstanceUID=study, SeriesInstanceUID="", Modality="")
        self.assertEqual((series.SeriesInstanceUID, series.Modality), (sent.SeriesInstanceUID, "CT"))
        images = find(
            QueryRetrieveLevel="IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series.SeriesInstanceUID,
            SOPInstanceUID="",
        )  # fmt: skip
        wanted = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in SERIES}
        self.assertEqual({image.SOPInstanceUID for image in images}, wanted)

    def test_a_chinese_name_finds_the_study(self):
        study = pydicom.dcmread(SERIES[0], stop_before_pixels=True).StudyInstanceUID
        for charset in ("GB18030", "ISO_IR 192"):
            found = find(
                SpecificCharacterSet=charset, QueryRetrieveLevel="STUDY", PatientName="张*", StudyInstanceUID=""
            )
            self.assertIn(study, {answer.StudyInstanceUID for answer in found}, charset)
            names = [answer.PatientName for answer in found if answer.StudyInstanceUID == study]
            self.assertEqual(names[0].ideographic, "张^三")

    def test_names_in_other_character_sets_come_back_readable(self):
        paths = [SAMPLES / "charsets" / name for name in CHARSETS]
        self.assertEqual(store(paths), [SUCCESS] * len(paths))
        for path in paths:
            sent = pydicom.dcmread(path)
            [found] = find(QueryRetrieveLevel="STUDY", StudyInstanceUID=sent.StudyInstanceUID, PatientName="")
            self.assertEqual(found.PatientName.ideographic, CHARSETS[path.name], path.name)


if __name__ == "__main__":
    unittest.main()
