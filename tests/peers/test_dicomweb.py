"""dicomweb-client: search, metadata, instances, frames, upload."""

import copy
import io
import json
import shutil
import subprocess
import unittest
import urllib.request

import imagecodecs
import numpy as np
import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from farsight import PATIENCE_S, SAMPLES, demo, get, reading_centre, township

MR = SAMPLES / "demo/dicom/mr-shoulder/MR2_UNCR.dcm"
CT = SAMPLES / "demo/dicom/generated-ct/0060.dcm"
RLE = SAMPLES / "syntaxes/MR_small_RLE.dcm"
ENCODED = {
    RLELossless: "image/dicom-rle",
    JPEGLosslessSV1: "image/jpeg",
    JPEGLSLossless: "image/jls",
    JPEG2000Lossless: "image/jp2",
    HTJ2KLosslessRPCL: "image/jphc",
}
# Stored as they are, asked for in Explicit VR Little Endian.
NATIVE_AGAIN = (
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "ExplVR_BigEnd.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_rle_2frame.dcm",
    "emri_small_RLE.dcm",
    "emri_small_jpeg_2k_lossless.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
)


def client(organisation=None) -> DICOMwebClient:
    token = (organisation or township())["token"]
    return DICOMwebClient(demo()["dicomweb_url"], headers={"Authorization": f"Bearer {token}"})


def uids(ds) -> tuple[str, str, str]:
    return ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID


def pixels_of(ds: pydicom.Dataset) -> np.ndarray:
    """By pydicom; HTJ2K by OpenJPEG, as pydicom has no decoder for it here."""
    if ds.file_meta.TransferSyntaxUID != HTJ2KLosslessRPCL:
        return ds.pixel_array
    frames = pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=ds.get("NumberOfFrames", 1))
    decoded = [imagecodecs.jpeg2k_decode(frame) for frame in frames]
    return np.stack(decoded) if len(decoded) > 1 else decoded[0]


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

    def test_every_level_is_searched(self):
        study, series, instance = uids(self.files[CT])
        found = client().search_for_series(study, fields=["Modality"])
        self.assertIn(series, {row["0020000E"]["Value"][0] for row in found})
        found = client().search_for_instances(study, series)
        self.assertIn(instance, {row["00080018"]["Value"][0] for row in found})
        found = client().search_for_series(search_filters={"SeriesInstanceUID": series})
        self.assertEqual([row["0020000D"]["Value"][0] for row in found], [study])

    def test_whole_studies_and_series_come_one_by_one_and_at_once(self):
        study, series, instance = uids(self.files[CT])
        for retrieved in (
            client().retrieve_study(study),
            list(client().iter_study(study)),
            client().retrieve_series(study, series),
            list(client().iter_series(study, series)),
        ):
            self.assertIn(instance, {ds.SOPInstanceUID for ds in retrieved})
        for metadata in (client().retrieve_study_metadata(study), client().retrieve_series_metadata(study, series)):
            self.assertIn(instance, {item["00080018"]["Value"][0] for item in metadata})
        self.assertEqual(client().retrieve_instance_metadata(study, series, instance)["00080018"]["Value"], [instance])

    def test_frames_are_rendered_and_series_too(self):
        study, series, instance = uids(self.files[CT])
        picture = client().retrieve_instance_frames_rendered(
            study, series, instance, [1], media_types=("image/png",), params={"window": "40,400,linear"}
        )
        self.assertEqual(picture[:4], b"\x89PNG")
        picture = client().retrieve_instance_rendered(
            study, series, instance, media_types=("image/jpeg",), params={"viewport": "64,64", "quality": "70"}
        )
        self.assertEqual(picture[:2], b"\xff\xd8")

    def test_bulk_data_come_whole_and_by_range(self):
        ds = self.files[MR]
        [metadata] = client().retrieve_series_metadata(*uids(ds)[:2])
        url = demo()["base_url"] + metadata["7FE00010"]["BulkDataURI"]
        self.assertEqual(client().retrieve_bulkdata(url), [ds.PixelData])
        self.assertEqual(list(client().iter_bulkdata(url)), [ds.PixelData])
        self.assertEqual(client().retrieve_bulkdata(url, byte_range=(100, 199)), [ds.PixelData[100:200]])

    def test_what_is_stored_compressed_comes_native_with_the_same_pixels(self):
        for name in NATIVE_AGAIN:
            ds = pydicom.dcmread(SAMPLES / "syntaxes" / name)
            # Several samples have the same.
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
            client().store_instances([ds])
            media_types = (("application/dicom", ExplicitVRLittleEndian),)
            got = client().retrieve_instance(*uids(ds), media_types=media_types)
            self.assertEqual(got.file_meta.TransferSyntaxUID, ExplicitVRLittleEndian, name)
            expected = ds.pixel_array
            if ds.PhotometricInterpretation.startswith("YBR_FULL"):
                # Both make RGB of it, each by its own rounding.
                difference = np.abs(got.pixel_array.astype(int) - expected.astype(int)).max()
                self.assertLessEqual(difference, 2, name)
            else:
                self.assertTrue(np.array_equal(got.pixel_array, expected), name)
            self.assertEqual(got.SOPInstanceUID, ds.SOPInstanceUID, name)
            self.assertEqual(got.get("PatientName"), ds.get("PatientName"), name)

    def test_what_is_asked_for_compressed_holds_the_same_pixels(self):
        """Judged by pydicom and its decoders, which are not ours."""
        for name in ("MR_small.dcm", "MR_small_bigendian.dcm", "SC_rgb.dcm", "SC_rgb_2frame.dcm", "SC_rgb_small_odd.dcm"):
            ds = pydicom.dcmread(SAMPLES / "syntaxes" / name)
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
            client().store_instances([ds])
            study, series, instance = uids(ds)
            path = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}"
            for syntax, media_type in ENCODED.items():
                with self.subTest(name, syntax=syntax.name):
                    # dicomweb-client knows no HTJ2K.
                    status, body, _ = get(path, f"application/dicom; transfer-syntax={syntax}")
                    self.assertEqual(status, 200)
                    got = pydicom.dcmread(io.BytesIO(body))
                    self.assertEqual(got.file_meta.TransferSyntaxUID, syntax)
                    self.assertTrue(np.array_equal(pixels_of(got), ds.pixel_array))
                    _, _, content_type = get(path + "/frames/1", media_type)
                    self.assertEqual(content_type, f"{media_type}; transfer-syntax={syntax}")

    def test_metadata_and_bulk_data_are_stored(self):
        ds = copy.deepcopy(self.files[MR])
        ds.SOPInstanceUID, ds.SeriesInstanceUID = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
        bulk = {}

        def place(element):
            location = f"http://elsewhere.example/{element.tag:08x}"
            bulk[location] = element.value
            return location

        metadata = ds.to_json_dict(bulk_data_threshold=1024, bulk_data_element_handler=place)
        self.assertEqual(len(bulk), 1)
        parts = [("application/dicom+json", None, json.dumps([metadata]).encode())]
        parts += [("application/octet-stream", location, value) for location, value in bulk.items()]
        body = b""
        for content_type, location, value in parts:
            where = f"Content-Location: {location}\r\n" if location else ""
            body += f"--frontier\r\nContent-Type: {content_type}\r\n{where}\r\n".encode() + value + b"\r\n"
        body += b"--frontier--\r\n"
        content_type = 'multipart/related; type="application/dicom+json"; boundary=frontier'
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {township()['token']}"}
        request = urllib.request.Request(demo()["dicomweb_url"] + "/studies", body, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            self.assertEqual(answer.status, 200)
        got = client().retrieve_instance(*uids(ds), media_types=(("application/dicom", "*"),))
        self.assertTrue(np.array_equal(got.pixel_array, ds.pixel_array))
        self.assertEqual(got.PatientName, ds.PatientName)

    def test_series_are_rendered(self):
        study, series, _ = uids(self.files[CT])
        answer = client().retrieve_series_rendered(study, series, media_types=("image/png",))
        self.assertEqual(answer[:4], b"\x89PNG")

    def test_frames_come_one_by_one_and_natively(self):
        ds = self.files[RLE]
        media_types = (("application/octet-stream", ExplicitVRLittleEndian),)
        [frame] = list(client().iter_instance_frames(*uids(ds), [1], media_types=media_types))
        pixels = np.frombuffer(frame, ds.pixel_array.dtype).reshape(ds.pixel_array.shape)
        self.assertTrue(np.array_equal(pixels, ds.pixel_array))

    def test_frames_come_through_a_proxy_that_retries_in_small_chunks(self):
        chunky = client()
        chunky.set_chunk_size(1000)
        chunky.set_http_retry_params(retry=True, max_attempts=2, wait_exponential_multiplier=10)
        got = chunky.retrieve_instance(*uids(self.files[CT]), media_types=(("application/dicom", "*"),))
        self.assertEqual(got, self.files[CT])

    def test_whatever_the_page_size_all_pages_are_reached(self):
        study, series, _ = uids(self.files[CT])
        everything = client().search_for_studies(limit=100)
        self.assertEqual(client().search_for_studies(limit=1, get_remaining=True), everything)
        self.assertEqual(client().search_for_series(study, limit=1, get_remaining=True), client().search_for_series(study))
        instances = client().search_for_instances(study, series)
        self.assertEqual(client().search_for_instances(study, series, limit=1, get_remaining=True), instances)
        named = client().search_for_studies(fuzzymatching=True, search_filters={"PatientName": "zhang"}, fields=["00081030"])
        self.assertIn(study, {row["0020000D"]["Value"][0] for row in named})
        everywhere = client().search_for_instances(search_filters={"StudyInstanceUID": study})
        self.assertEqual(len(everywhere), len(client().search_for_instances(study)))

    def test_who_may_deletes_with_a_reason(self):
        """Deletion is a person's: the archivist's session, as a browser has it."""
        ds = copy.deepcopy(self.files[CT])
        instances = []
        ds.StudyInstanceUID = pydicom.uid.generate_uid()
        for series in (pydicom.uid.generate_uid(), pydicom.uid.generate_uid()):
            for _ in range(2):
                ds.SeriesInstanceUID = series
                ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
                client().store_instances([ds])
                instances.append(uids(ds))
        study = ds.StudyInstanceUID
        account = next(one for one in demo()["accounts"] if one["roles"] == ["archivist"])
        session = requests.Session()
        login = {"login": account["login"], "password": account["password"]}
        answer = session.post(demo()["base_url"] + "/api/v1/session", json=login, timeout=PATIENCE_S)
        self.assertEqual(answer.status_code, 200)
        archivist = DICOMwebClient(demo()["dicomweb_url"], session=session)
        left = lambda: len(client().search_for_instances(study))  # noqa: E731
        why = {"reason": "wrong patient", "code": "wrong_identity"}
        with self.assertRaises(requests.HTTPError) as machine:
            client().delete_study(study, additional_params=why)
        self.assertEqual(machine.exception.response.status_code, 403)
        with self.assertRaises(requests.HTTPError) as silent:
            archivist.delete_study(study)
        self.assertEqual(silent.exception.response.status_code, 400)
        self.assertEqual(left(), 4)
        archivist.delete_instance(*instances[0], additional_params=why)
        self.assertEqual(left(), 3)
        archivist.delete_series(*instances[3][:2], additional_params=why)
        self.assertEqual(left(), 1)
        archivist.delete_study(study, additional_params=why)
        self.assertEqual(left(), 0)

    def test_wado_uri(self):
        ds = self.files[RLE]
        study, series, instance = uids(ds)
        path = f"/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}"
        status, body, content_type = get(path)
        self.assertEqual((status, content_type, body[:2]), (200, "image/jpeg", b"\xff\xd8"))
        status, body, content_type = get(path + "&contentType=application%2Fdicom")
        got = pydicom.dcmread(io.BytesIO(body))
        self.assertEqual(got.file_meta.TransferSyntaxUID, ExplicitVRLittleEndian)
        self.assertTrue(np.array_equal(got.pixel_array, ds.pixel_array))

    def test_http_2_without_tls(self):
        if shutil.which("curl") is None:
            self.skipTest("curl is missing")
        command = ["curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code}"]
        command += ["-H", f"Authorization: Bearer {township()['token']}", demo()["dicomweb_url"] + "/studies"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.stdout, "2 200")

    def test_another_organisation_sees_nothing(self):
        study, series, _ = uids(self.files[CT])
        other = reading_centre()
        self.assertEqual(client(other).search_for_studies(search_filters={"StudyInstanceUID": study}), [])
        hidden, _, _ = get(f"/dicom-web/studies/{study}/series/{series}/metadata", organisation=other)
        missing, _, _ = get(f"/dicom-web/studies/2.25.1/series/{series}/metadata", organisation=other)
        self.assertEqual((hidden, missing), (404, 404))


if __name__ == "__main__":
    unittest.main()
