"""pydicom as judge of the frames: passed through as stored, and decoded on request to the very same pixels."""

import io
import re
import unittest
import urllib.request
import warnings

import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian

from farsight import SAMPLES, demo, get, township

warnings.filterwarnings("ignore")
ANY = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
NATIVE = f'multipart/related; type="application/octet-stream"; transfer-syntax={ExplicitVRLittleEndian}'
# Lossless syntaxes, one or more of each: decoding must give the same numbers.
LOSSLESS = [
    "MR_small_RLE", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless", "JPGLosslessP14SV1_1s_1f_8b", "SC_rgb_rle",
    "SC_rgb_rle_16bit", "emri_small_RLE", "emri_small_jpeg_2k_lossless", "emri_small_jpeg_ls_lossless",
    "MR_small_bigendian", "MR_small_implicit", "rtdose_rle",
]  # fmt: skip
ENCAPSULATED = ["SC_rgb_jpeg_dcmtk", "examples_ybr_color", "JPGExtended", *LOSSLESS[:9]]


def part(answer: bytes, content_type: str) -> tuple[str, bytes]:
    """(Content-Type, bytes) of the only part."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)[1].encode()
    _, only, _ = answer.split(b"--" + boundary)
    head, body = only.split(b"\r\n\r\n", 1)
    kind = re.search(rb"(?im)^content-type: *(.+?)\r?$", head + b"\r\n")[1].decode()
    return kind, body.removesuffix(b"\r\n")


def store(file: bytes) -> None:
    boundary = b"peer-part"
    body = b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--%s--\r\n" % (boundary, file, boundary)
    headers = {
        "Authorization": f"Bearer {township()['token']}",
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary.decode()}',
    }
    with urllib.request.urlopen(urllib.request.Request(demo()["dicomweb_url"] + "/studies", body, headers)) as answer:
        assert answer.status == 200


def as_another_instance(file: bytes, number: int) -> bytes:
    """Several samples are the same image in different syntaxes, under one SOP Instance UID: the last digits change."""
    uid = pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True).SOPInstanceUID.encode()
    return file.replace(uid, uid[:-2] + b"%d" % (10 + number))


class Pixels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = {}
        for number, name in enumerate(sorted({*LOSSLESS, *ENCAPSULATED})):
            file = as_another_instance((SAMPLES / "syntaxes" / f"{name}.dcm").read_bytes(), number)
            store(file)
            cls.files[name] = pydicom.dcmread(io.BytesIO(file))

    def frame(self, ds, number, accept):
        path = f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"
        path += f"/instances/{ds.SOPInstanceUID}/frames/{number}"
        status, body, content_type = get(path, accept)
        self.assertEqual(status, 200, (path, body[:300]))
        return part(body, content_type)

    def test_compressed_frames_are_passed_through(self):
        for name in ENCAPSULATED:
            ds = self.files[name]
            frames = list(generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1))))
            for number in {1, len(frames)}:
                kind, body = self.frame(ds, number, ANY)
                self.assertIn(ds.file_meta.TransferSyntaxUID, kind, name)
                self.assertEqual(body.rstrip(b"\0"), frames[number - 1].rstrip(b"\0"), f"{name} frame {number}")

    def test_decoded_frames_are_what_pydicom_decodes(self):
        for name in LOSSLESS:
            ds = self.files[name]
            pixels = ds.pixel_array
            frames = pixels if int(ds.get("NumberOfFrames", 1)) > 1 else pixels[np.newaxis]
            for number in {1, len(frames)}:
                _, body = self.frame(ds, number, NATIVE)
                wanted = frames[number - 1]
                got = np.frombuffer(body[: wanted.nbytes], wanted.dtype.newbyteorder("<"))
                if ds.SamplesPerPixel == 3 and not np.array_equal(got, wanted.ravel()):
                    got = got.reshape(3, *wanted.shape[:2]).transpose(1, 2, 0)  # colour by plane
                self.assertTrue(np.array_equal(got.ravel(), wanted.ravel()), f"{name} frame {number}")


if __name__ == "__main__":
    unittest.main()
