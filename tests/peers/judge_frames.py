"""Judges encoded frames by other people's decoders: judge_frames.py FOLDER, as codec/tests/judges.rs writes it.

Every frame is decoded by at least one library, and compared bit by bit with the pixels that went in. One image of each
kind is also put into a multi-frame Part 10 file and read by GDCM through pydicom.
"""

import io
import sys
import warnings
import zlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import libjpeg
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.pixels.decoders.rle import _rle_decode_frame
from pydicom.uid import UID, generate_uid

warnings.filterwarnings("ignore")
LITTLE, RLE, DEFLATED_FRAME = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"
JPEG_LOSSLESS, JPEG_LS, J2K = (f"1.2.840.10008.1.2.4.{n}" for n in (70, 80, 90))
HTJ2K, HTJ2K_RPCL, JPEG_XL = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 110))


class Case(NamedTuple):
    target: str
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    signed: int
    planar: int
    photometric: str
    frame: bytes
    pixels: np.ndarray  # rows × columns (× samples)

    @property
    def shape(self):
        return (self.rows, self.columns) + ((self.samples,) if self.samples > 1 else ())


def cases(folder: Path):
    blob = io.BytesIO((folder / "frames.bin").read_bytes())
    for line in (folder / "cases.tsv").read_text().splitlines():
        target, *numbers, photometric, frame, pixels = line.split("\t")
        rows, columns, samples, allocated, stored, signed, planar = map(int, numbers)
        frame, pixels = blob.read(int(frame)), blob.read(int(pixels))
        kind = np.dtype(f"<{'i' if signed else 'u'}{allocated // 8}")
        shape = (rows, columns) + ((samples,) if samples > 1 else ())
        pixels = np.frombuffer(pixels, kind).reshape(shape)
        yield Case(target, rows, columns, samples, allocated, stored, signed, planar, photometric, frame, pixels)


def native(case: Case):
    return np.frombuffer(case.frame, case.pixels.dtype)


def inflated(case: Case):
    return np.frombuffer(zlib.decompress(case.frame, -15), case.pixels.dtype)


def pydicom_rle(case: Case):
    planes = _rle_decode_frame(case.frame, case.rows, case.columns, case.samples, case.allocated, ">")
    planes = np.frombuffer(bytes(planes), case.pixels.dtype).reshape(case.samples, case.rows, case.columns)
    return planes.transpose(1, 2, 0)


def libjpeg_plain(case: Case):
    return libjpeg.decode(case.frame, colour_transform=0)


JUDGES = {
    LITTLE: {"numpy": native},
    DEFLATED_FRAME: {"zlib": inflated},
    RLE: {"pydicom": pydicom_rle},
    JPEG_LOSSLESS: {"libjpeg": libjpeg_plain, "jpegsof3": lambda case: imagecodecs.jpegsof3_decode(case.frame)},
    JPEG_LS: {"libjpeg": libjpeg_plain, "CharLS": lambda case: imagecodecs.jpegls_decode(case.frame)},
    J2K: {"OpenJPEG": lambda case: imagecodecs.jpeg2k_decode(case.frame)},
    HTJ2K: {
        "OpenJPH": lambda case: imagecodecs.htj2k_decode(case.frame, planar=False),
        "OpenJPEG": lambda case: imagecodecs.jpeg2k_decode(case.frame),
    },
    JPEG_XL: {"libjxl": lambda case: imagecodecs.jpegxl_decode(case.frame)},
}
JUDGES[HTJ2K_RPCL] = JUDGES[HTJ2K]


def is_same(case: Case, decoded) -> bool:
    """The same bits: what a decoder says of the sign is its own affair."""
    decoded = np.asarray(decoded)
    mask = (1 << max(case.stored, 2)) - 1
    if decoded.size != case.pixels.size:
        return False
    return np.array_equal(decoded.astype(np.int64).ravel() & mask, case.pixels.astype(np.int64).ravel() & mask)


def part_10(same: list[Case]) -> pydicom.Dataset:
    """A multi-frame file of frames of one shape."""
    first = same[0]
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(first.target)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.Rows, ds.Columns, ds.SamplesPerPixel = first.rows, first.columns, first.samples
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = first.allocated, first.stored, first.stored - 1
    ds.PixelRepresentation, ds.PhotometricInterpretation = first.signed, first.photometric
    ds.NumberOfFrames = len(same)
    if first.samples > 1:
        ds.PlanarConfiguration = first.planar
    ds.PixelData = encapsulate([case.frame for case in same])
    ds["PixelData"].VR = "OB"
    file = io.BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(file.getvalue()))


def main(folder: Path) -> int:
    judged, wrong, errors, kinds = 0, [], Counter(), defaultdict(list)
    for case in cases(folder):
        what = f"{case.target} {case.shape} {case.allocated}/{case.stored} signed {case.signed} {case.photometric}"
        answers = 0
        for name, judge in JUDGES[case.target].items():
            try:
                decoded = judge(case)
            except Exception as error:  # a decoder's own limits: another one must do then
                errors[f"{name} {case.target}: {type(error).__name__} {str(error)[:60]}"] += 1
                continue
            answers += 1
            if not is_same(case, decoded):
                wrong.append(f"{name}: {what}")
        if not answers:
            wrong.append(f"no judge: {what}")
        judged += 1
        if case.target in (RLE, JPEG_LOSSLESS, JPEG_LS, J2K) and case.rows in (17, 512) and case.stored in (8, 12, 16):
            kinds[case[:9]].append(case)
    for same in kinds.values():
        got = pixel_array(part_10(same), raw=True, decoding_plugin="" if same[0].target == RLE else "gdcm")
        for case, frame in zip(same, got, strict=True):
            if not is_same(case, frame):
                wrong.append(f"part 10: {case[:9]}")
    print("\n".join(f"{name} × {count}" for name, count in errors.items()))
    print("\n".join(wrong[:40]), f"\n{len(wrong)} wrong", f"\n{len(kinds)} files, {judged} frames judged")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
