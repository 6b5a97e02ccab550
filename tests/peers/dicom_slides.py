"""Writes DICOM VL Whole Slide Microscopy as other makers' scanners and converters do, by pydicom, with what each tile of
them is: `expected.json` has the SHA-256 of the frame of each `level/x/y`, or null where there is none.

dicom_slides.py SLIDE FOLDER
"""

import hashlib
import io
import json
import sys
from pathlib import Path

import imagecodecs
import numpy as np
from openslide import OpenSlide
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, UID, generate_uid

WSM = "1.2.840.10008.5.1.4.1.1.77.1.6"
JPEG, HTJ2K, J2K = UID("1.2.840.10008.1.2.4.50"), UID("1.2.840.10008.1.2.4.203"), UID("1.2.840.10008.1.2.4.91")
TILE = 128


def jpeg(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def tiles_of(image):
    height, width = image.shape[:2]
    across, down = -(-width // TILE), -(-height // TILE)
    canvas = np.full((down * TILE, across * TILE, 3), 255, np.uint8)
    canvas[:height, :width] = image
    return {
        (x, y): canvas[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE] for y in range(down) for x in range(across)
    }


class Slide:
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.study, self.series, self.frame_of_reference = generate_uid(), generate_uid(), generate_uid()
        self.count = 0

    def instance(self, size, frames, syntax=JPEG, flavor="VOLUME", organization="TILED_FULL", **options):
        """Writes one instance; options: `positions`, `concatenation`, `planes`, `paths`, `fragments`, `bot`."""
        self.count += 1
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = syntax
        d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = WSM
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
        d.SpecificCharacterSet = "ISO_IR 192"
        d.PatientName, d.PatientID, d.StudyDate = "Wang^Wu=王^五", "W5", "20260102"
        d.StudyInstanceUID, d.SeriesInstanceUID = self.study, self.series
        d.Modality, d.InstanceNumber, d.ContainerIdentifier = "SM", str(self.count), self.name
        d.FrameOfReferenceUID = self.frame_of_reference
        d.ImageType = ["ORIGINAL" if self.count == 1 else "DERIVED", "PRIMARY", flavor, "NONE"]
        d.Rows = d.Columns = TILE
        if flavor != "VOLUME":
            d.Columns, d.Rows = size
        d.TotalPixelMatrixColumns, d.TotalPixelMatrixRows = size
        d.ImagedVolumeWidth, d.ImagedVolumeHeight = 1.0, size[1] / size[0]
        d.NumberOfFrames = str(len(frames))
        d.SamplesPerPixel, d.PhotometricInterpretation, d.PlanarConfiguration = 3, "YBR_FULL_422", 0
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 8, 8, 7, 0
        d.DimensionOrganizationType = organization
        d.TotalPixelMatrixFocalPlanes = options.get("planes", 1)
        path = Dataset()
        path.OpticalPathIdentifier, path.ObjectiveLensPower = "1", "20"
        d.OpticalPathSequence = [path] * options.get("paths", 1)
        d.NumberOfOpticalPaths = options.get("paths", 1)
        if "concatenation" in options:
            uid, number, offset = options["concatenation"]
            d.ConcatenationUID, d.InConcatenationNumber, d.ConcatenationFrameOffsetNumber = uid, number, offset
        if "positions" in options:
            groups = []
            for x, y in options["positions"]:
                place, group = Dataset(), Dataset()
                place.ColumnPositionInTotalImagePixelMatrix = x * TILE + 1
                place.RowPositionInTotalImagePixelMatrix = y * TILE + 1
                place.ZOffsetInSlideCoordinateSystem = "0"
                group.PlanePositionSlideSequence = [place]
                groups.append(group)
            d.PerFrameFunctionalGroupsSequence = groups
        if syntax.is_encapsulated:
            per_frame = options.get("fragments", 1)
            d.PixelData = encapsulate(frames, fragments_per_frame=per_frame, has_bot=options.get("bot", True))
            d["PixelData"].is_undefined_length = True
        else:
            d.PixelData = b"".join(frames)
        d["PixelData"].VR = "OB"
        d.save_as(self.folder / f"{self.name}-{self.count}.dcm", enforce_file_format=True)


def digest(frame):
    """Without the padding that makes a fragment's length even."""
    return hashlib.sha256(frame.rstrip(b"\0")).hexdigest()


def main(slide, folder):
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    source = OpenSlide(slide)
    image = np.asarray(source.read_region((500, 500), 0, (700, 500)).convert("RGB"))
    half = np.asarray(Image.fromarray(image).resize((350, 250)))
    tiles, small = tiles_of(image), tiles_of(half)
    frames = {place: jpeg(tile) for place, tile in tiles.items()}
    order = list(tiles)
    expected = {}

    def expect(name, level, found):
        expected.setdefault(name, {}).update(
            {f"{level}/{x}/{y}": None if frame is None else digest(frame) for (x, y), frame in found.items()}
        )

    full = Slide("full", out)
    full.instance((700, 500), [frames[place] for place in order])
    full.instance((350, 250), [jpeg(tile) for tile in small.values()])
    full.instance((1, 1), [jpeg(np.full((TILE, TILE, 3), 200, np.uint8))])
    full.instance((90, 60), [jpeg(image[:60, :90])], flavor="LABEL")
    expect("full", 0, frames)
    expect("full", 1, {place: jpeg(tile) for place, tile in small.items()})
    expect("full", 2, {(0, 0): jpeg(np.full((TILE, TILE, 3), 200, np.uint8))})

    sparse = Slide("sparse", out)
    kept = [place for place in reversed(order) if place not in {(0, 0), (4, 2)}]
    sparse.instance((700, 500), [frames[place] for place in kept], organization="TILED_SPARSE", positions=kept)
    expect("sparse", 0, {place: frames[place] if place in kept else None for place in order})

    parts, uid = Slide("parts", out), generate_uid()
    parts.instance((700, 500), [frames[place] for place in order[:7]], concatenation=(uid, 1, 0), bot=False)
    parts.instance((700, 500), [frames[place] for place in order[7:]], concatenation=(uid, 2, 7), bot=False)
    expect("parts", 0, frames)

    planes = Slide("planes", out)
    stack = [jpeg(np.clip(tiles[place].astype(int) + 10 * n, 0, 255).astype(np.uint8)) for n in range(6) for place in order]
    planes.instance((700, 500), stack, planes=3, paths=2)
    expect("planes", 0, dict(zip(order, stack[len(order) : 2 * len(order)], strict=True)))

    fragments = Slide("fragments", out)
    fragments.instance((700, 500), [frames[place] for place in order], fragments=3, bot=False)
    expect("fragments", 0, frames)

    def codestream(tile):
        return imagecodecs.jpeg2k_encode(np.ascontiguousarray(tile), level=0, codecformat="j2k", mct=True)

    named = Slide("named", out)
    named.instance((700, 500), [codestream(tile) for tile in tiles.values()], syntax=HTJ2K)
    expect("named", 0, {place: codestream(tile) for place, tile in tiles.items()})

    plain = Slide("plain", out)
    plain.instance((700, 500), [tile.tobytes() for tile in tiles.values()], syntax=ExplicitVRLittleEndian)
    expect("plain", 0, {place: tile.tobytes() for place, tile in tiles.items()})
    (out / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(*sys.argv[1:])
