"""pydicom as judge of the frames: passed through as stored, and decoded on request to the very same pixels."""

import io
import re
import unittest
import urllib.request
import warnings
import zlib

import numpy as np
import pydicom
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

import made
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


def address(ds) -> str:
    return f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def opened(ds, syntax: str) -> pydicom.Dataset:
    """The instance in another transfer syntax."""
    status, body, _ = get(address(ds), f"application/dicom; transfer-syntax={syntax}")
    assert status == 200, body[:300]
    return pydicom.dcmread(io.BytesIO(body))


class Conversions(unittest.TestCase):
    DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"

    def test_what_was_lossy_says_so_and_keeps_its_uid(self):
        for number, name in enumerate(("SC_rgb_jpeg_dcmtk", "JPGExtended")):
            file = as_another_instance((SAMPLES / "syntaxes" / f"{name}.dcm").read_bytes(), 40 + number)
            ds = pydicom.dcmread(io.BytesIO(file))
            ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "12.5"
            ds.LossyImageCompressionMethod = "ISO_10918_1"
            store(made.written(ds))
            native = opened(ds, ExplicitVRLittleEndian)
            for syntax in (ExplicitVRLittleEndian, RLELossless, JPEGLSLossless):
                got = opened(ds, syntax)
                self.assertEqual(got.file_meta.TransferSyntaxUID, syntax)
                for keyword in (
                    "SOPInstanceUID", "ImageType", "LossyImageCompression", "LossyImageCompressionRatio",
                    "LossyImageCompressionMethod",
                ):  # fmt: skip
                    self.assertEqual(got.get(keyword), ds.get(keyword), (name, syntax, keyword))
                np.testing.assert_array_equal(got.pixel_array, native.pixel_array)

    def test_single_bits_are_put_together_and_taken_apart(self):
        masks = np.random.default_rng(8).integers(0, 2, (5, 9, 11)).astype(bool)
        common = {
            "Rows": 9, "Columns": 11, "SamplesPerPixel": 1, "BitsAllocated": 1, "BitsStored": 1, "HighBit": 0,
            "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2", "NumberOfFrames": 5,
        }  # fmt: skip
        native = made.instance(made.SEGMENTATION, **common, PixelData=made.bits(masks))
        native["PixelData"].VR = "OB"
        store(made.written(native))
        frames = generate_frames(opened(native, self.DEFLATED_FRAME).PixelData, number_of_frames=5)
        for mask, frame in zip(masks, frames, strict=True):
            bits = np.unpackbits(np.frombuffer(zlib.decompressobj(-15).decompress(frame), np.uint8), bitorder="little")
            np.testing.assert_array_equal(bits[:99].reshape(9, 11).astype(bool), mask)
        deflated = []
        for mask in masks:
            deflate = zlib.compressobj(wbits=-15)
            deflated.append(deflate.compress(np.packbits(mask.ravel(), bitorder="little").tobytes()) + deflate.flush())
        coded = made.instance(made.SEGMENTATION, JPEGBaseline8Bit, **common, PixelData=encapsulate(deflated))
        coded["PixelData"].VR = "OB"
        coded["PixelData"].is_undefined_length = True
        # pydicom does not know this transfer syntax.
        store(made.written(coded).replace(JPEGBaseline8Bit.encode(), self.DEFLATED_FRAME.encode() + b"\0"))
        np.testing.assert_array_equal(opened(coded, ExplicitVRLittleEndian).pixel_array.astype(bool), masks)

    def test_signed_pixels_go_out_in_the_next_form_that_is_taken(self):
        pixels = np.arange(-300, 300, dtype=np.int16).reshape(20, 30)
        ds = made.image(pixels)
        store(made.written(ds))
        status, body, kind = get(f"{address(ds)}/frames/1", "image/jxl, image/jls;q=0.5")
        self.assertEqual((status, kind.split(";")[0]), (200, "image/jls"))
        status, body, _ = get(f"{address(ds)}/frames/1", "image/jxl")
        self.assertEqual(status, 406)
        self.assertIn(b"JPEG XL of signed samples", body)

    def test_several_frames_in_one_codestream_are_only_handed_out(self):
        syntax, codestream = "1.2.840.10008.1.2.4.92", b"\xff\x4f\xff\x51" + bytes(96)
        ds = made.image(np.zeros((8, 8), np.uint8), PixelData=encapsulate([codestream]))
        ds.file_meta.TransferSyntaxUID = syntax
        ds["PixelData"].is_undefined_length = True
        store(made.written(ds))
        status, body, kind = get(f"{address(ds)}/frames/1", "image/jpx")
        self.assertEqual((status, body, kind), (200, codestream, f"image/jpx; transfer-syntax={syntax}"))
        for accept, path, expected in (("image/png", "/rendered", 409), ("application/octet-stream", "/frames/1", 406)):
            status, body, _ = get(address(ds) + path, accept)
            self.assertEqual(status, expected, body)
            self.assertIn(b"multi-component", body)


if __name__ == "__main__":
    unittest.main()
