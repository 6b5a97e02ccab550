"""dicomweb-client: search, metadata, instances, frames, upload."""

import unittest

import numpy as np
import pydicom
from dicomweb_client.api import DICOMwebClient

from farsight import SAMPLES, demo, get, reading_centre, township

MR = SAMPLES / "demo/dicom/mr-shoulder/MR2_UNCR.dcm"
CT = SAMPLES / "demo/dicom/generated-ct/0060.dcm"
RLE = SAMPLES / "syntaxes/MR_small_RLE.dcm"


def client(organisation=None) -> DICOMwebClient:
    token = (organisation or township())["token"]
    return DICOMwebClient(demo()["dicomweb_url"], headers={"Authorization": f"Bearer {token}"})


def uids(ds) -> tuple[str, str, str]:
    return ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID


class Dicomweb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = {path: pydicom.dcmread(path) for path in (MR, CT, RLE)}
        cls.answer = client().store_instances(list(cls.files.values()))

    def test_upload_names_what_was_stored(self):
        stored = {item.ReferencedSOPInstanceUID for item in self.answer.ReferencedSOPSequence}
        self.assertEqual(stored, {ds.SOPInstanceUID for ds in self.files.values()})

    def test_studies_are_found_by_id_by_name_and_by_date(self):
        ct = self.files[CT]
        for filters in (
            {"PatientID": ct.PatientID},
            {"PatientName": "张*"},
            {"PatientName": "zhang*"},
            {"StudyDate": "20261101-20261130"},
            {"AccessionNumber": ct.AccessionNumber, "ModalitiesInStudy": "CT"},
        ):
            found = client().search_for_studies(search_filters=filters)
            self.assertIn(ct.StudyInstanceUID, {row["0020000D"]["Value"][0] for row in found}, filters)
        self.assertEqual(client().search_for_studies(search_filters={"PatientID": "NOBODY"}), [])

    def test_paging_reaches_every_study_once(self):
        everything = client().search_for_studies(limit=100)
        pages = [client().search_for_studies(limit=1, offset=n) for n in range(len(everything))]
        self.assertEqual([row for page in pages for row in page], everything)

    def test_metadata_are_the_elements_that_were_sent(self):
        for ds in self.files.values():
            [metadata] = client().retrieve_series_metadata(*uids(ds)[:2])
            got = pydicom.Dataset.from_json(metadata, bulk_data_uri_handler=lambda *_: None)
            for keyword in ("SOPInstanceUID", "PatientID", "PatientName", "Rows", "PixelSpacing", "WindowCenter"):
                self.assertEqual(got.get(keyword), ds.get(keyword), keyword)

    def test_an_instance_comes_back_as_it_was(self):
        for ds in self.files.values():
            got = client().retrieve_instance(*uids(ds), media_types=(("application/dicom", "*"),))
            self.assertEqual(got.file_meta.TransferSyntaxUID, ds.file_meta.TransferSyntaxUID)
            self.assertEqual(got, ds)

    def test_frames_hold_the_same_pixels(self):
        for path in (MR, CT):
            ds = self.files[path]
            [frame] = client().retrieve_instance_frames(*uids(ds), [1])
            pixels = np.frombuffer(frame, ds.pixel_array.dtype).reshape(ds.pixel_array.shape)
            self.assertTrue(np.array_equal(pixels, ds.pixel_array), path.name)

    def test_rendered_is_a_picture(self):
        picture = client().retrieve_instance_rendered(*uids(self.files[CT]), media_types=("image/jpeg",))
        self.assertEqual(picture[:2], b"\xff\xd8")

    def test_another_organisation_sees_nothing(self):
        study, series, _ = uids(self.files[CT])
        other = reading_centre()
        self.assertEqual(client(other).search_for_studies(search_filters={"StudyInstanceUID": study}), [])
        hidden, _, _ = get(f"/dicom-web/studies/{study}/series/{series}/metadata", organisation=other)
        missing, _, _ = get(f"/dicom-web/studies/2.25.1/series/{series}/metadata", organisation=other)
        self.assertEqual((hidden, missing), (404, 404))


if __name__ == "__main__":
    unittest.main()
