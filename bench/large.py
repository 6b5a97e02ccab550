"""One object of gigabytes by C-STORE into `farsight serve`: memory, time, and whether the same bytes come back."""

import hashlib
import struct
import subprocess
import time
import urllib.request
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from process import Failed
from servers import Serve
from store import send

ULTRASOUND_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"
ROWS, COLUMNS = 768, 1024
FRAME_BYTES = ROWS * COLUMNS * 3
PIECE = 1 << 20


def write(path: Path, frames: int) -> None:
    """An ultrasound loop whose pixels are a stream that no block of repeats; written without holding it."""
    data = Dataset()
    data.SOPClassUID = ULTRASOUND_MULTIFRAME
    data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = (f"2.25.7770{n}" for n in (1, 2, 3))
    data.PatientID, data.PatientName, data.Modality = "LARGE1", "Large^Loop", "US"
    data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20260102", "101112", "L1", "1"
    data.SeriesNumber, data.InstanceNumber = 1, 1
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.NumberOfFrames, data.Rows, data.Columns = frames, ROWS, COLUMNS
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.FrameTime = 7, 0, "33"
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    partial = path.with_suffix(".partial")
    data.save_as(partial, enforce_file_format=True)
    length = frames * FRAME_BYTES
    base = hashlib.shake_256(b"large").digest(PIECE)
    with partial.open("ab") as file:
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, length))
        for no in range(0, length, PIECE):
            piece = no.to_bytes(8, "little") + base[8:]
            file.write(piece[: length - no])
    partial.rename(path)


def tail_sha256(read, total: int, tail: int) -> str:
    """Of the last bytes of a stream: Pixel Data is the last element."""
    skip, digest = total - tail, hashlib.sha256()
    while piece := read(PIECE):
        if skip < len(piece):
            digest.update(piece[skip:])
        skip = max(0, skip - len(piece))
    return digest.hexdigest()


def measure(binary: Path, file: Path, frames: int, work: Path, say=print) -> list[str]:
    length = frames * FRAME_BYTES
    with file.open("rb") as sent:
        wanted = tail_sha256(sent.read, file.stat().st_size, length)
    with Serve(binary, work / "large") as server:
        time.sleep(1)
        server.forget_peak()
        before = server.peak_mb()
        run = send(server, [file], 1, 1)
        instance = f"{server.dicomweb_url}/studies/2.25.77702/series/2.25.77703/instances/2.25.77701"
        server.forget_peak()
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        request = urllib.request.Request(instance, headers={**server.headers, "Accept": accept})
        started = time.monotonic()
        with urllib.request.urlopen(request, timeout=600) as answer:
            boundary = answer.headers.get_param("boundary")
            # Behind the file: CR LF, the closing delimiter, perhaps CR LF.
            came, tail = hashlib.sha256(), b""
            ends = len(boundary) + 8
            head = answer.read(4096)
            at = head.index(b"\r\n\r\n") + 4
            pixels = find_pixels(head[at:], length) + at
            left = length
            piece = head[pixels:]
            while piece and left > 0:
                came.update(piece[:left])
                tail = piece[left:]
                left -= min(left, len(piece))
                piece = answer.read(PIECE)
            tail += piece + answer.read()
        seconds = time.monotonic() - started
        peak_out = server.peak_mb()
        if left or came.hexdigest() != wanted or len(tail) > ends or boundary.encode() not in tail:
            raise Failed("the large object did not come back as it was sent")
    subprocess.run(["rm", "-rf", str(work / "large")], check=True)
    size = file.stat().st_size / 1e6
    line = (
        f"{size:.0f} MB, {frames} frames: stored in {run.seconds:.1f} s ({size / run.seconds:.0f} MB/s, "
        f"{run.cpu_ms / size * 1000:.0f} ms CPU per GB), peak {run.peak_mb:.0f} MB, {before:.0f} MB before it; "
        f"retrieved in {seconds:.1f} s, peak {peak_out:.0f} MB, the same bytes (SHA-256 of Pixel Data)."
    )
    say(f"  {line}", flush=True)
    return [line]


def find_pixels(head: bytes, length: int) -> int:
    """Where the value of Pixel Data begins."""
    mark = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, length)
    other = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, length)
    for header in (mark, other):
        if (at := head.find(header)) >= 0:
            return at + len(header)
    raise Failed("no Pixel Data at the beginning of the large object that came back")
