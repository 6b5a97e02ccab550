"""Writes DICOM VL Whole Slide Microscopy as other makers' scanners and converters do, by pydicom, with what each tile of
them is: `expected.json` has the SHA-256 of the frame of each `level/x/y`, or null where there is none. Where a slide has
several focal planes or optical paths, `?z=…` or `?path=…` behind it names one.

The pixels of `fluor` are in `fluor.npz`, one array of each channel of each level, `dapi_0`.

dicom_slides.py SLIDE FOLDER [NAME …]

With names only these slides, all of one study.
"""

import hashlib
import io
import json
import sys
from pathlib import Path
from urllib.parse import quote

import imagecodecs
import numpy as np
from openslide import OpenSlide
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import ExplicitVRLittleEndian, UID, generate_uid

WSM = "1.2.840.10008.5.1.4.1.1.77.1.6"
JPEG, HTJ2K, J2K = UID("1.2.840.10008.1.2.4.50"), UID("1.2.840.10008.1.2.4.203"), UID("1.2.840.10008.1.2.4.91")
J2K_LOSSLESS, JPEG_XL = UID("1.2.840.10008.1.2.4.90"), UID("1.2.840.10008.1.2.4.112")
HTJ2K_LOSSLESS, JPEG_LS = UID("1.2.840.10008.1.2.4.201"), UID("1.2.840.10008.1.2.4.80")
COLOURS = {JPEG: "YBR_FULL_422", HTJ2K: "YBR_RCT", HTJ2K_LOSSLESS: "YBR_RCT", J2K_LOSSLESS: "YBR_RCT", J2K: "YBR_ICT"}
TILE = 128


def jpeg(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def tiles_of(image):
    height, width = image.shape[:2]
    across, down = -(-width // TILE), -(-height // TILE)
    canvas = np.full((down * TILE, across * TILE, *image.shape[2:]), 255 if image.ndim == 3 else 0, image.dtype)
    canvas[:height, :width] = image
    return {
        (x, y): canvas[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE] for y in range(down) for x in range(across)
    }


class Slide:
    # The study of all, when they are to have one.
    shared_study = None

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.study = self.shared_study or generate_uid()
        self.series, self.frame_of_reference = generate_uid(), generate_uid()
        self.count = 0

    def instance(self, size, frames, syntax=JPEG, flavor="VOLUME", organization="TILED_FULL", **options):
        """Writes one instance; options: `positions` of frames as (x, y), (x, y, z) or (x, y, z, path), `concatenation`,
        `planes` with a `step_mm` between them, `paths` as a number or as dictionaries, `fragments`, `bot`, `eot`, `bits` of
        a sample without colour."""
        self.count += 1
        d = Dataset()
        d.file_meta = FileMetaDataset()
        # pydicom does not know JPEG XL: written as another of the same length, and named below.
        is_xl = syntax == JPEG_XL
        syntax = d.file_meta.TransferSyntaxUID = HTJ2K_LOSSLESS if is_xl else syntax
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
        bits = options.get("bits", 8)
        if "bits" in options:
            d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        else:
            d.SamplesPerPixel, d.PlanarConfiguration = 3, 0
            d.PhotometricInterpretation = "XYB" if is_xl else COLOURS.get(syntax, "RGB")
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 8 if bits <= 8 else 16, bits, bits - 1, 0
        d.DimensionOrganizationType = organization
        d.TotalPixelMatrixFocalPlanes = options.get("planes", 1)
        paths = options.get("paths", 1)
        paths = [{"OpticalPathIdentifier": "1", "ObjectiveLensPower": "20"}] * paths if isinstance(paths, int) else paths
        d.OpticalPathSequence = [path_of(facts) for facts in paths]
        d.NumberOfOpticalPaths = len(paths)
        if "step_mm" in options:
            measures, shared = Dataset(), Dataset()
            measures.SpacingBetweenSlices, measures.PixelSpacing = options["step_mm"], [0.0005, 0.0005]
            shared.PixelMeasuresSequence = [measures]
            d.SharedFunctionalGroupsSequence = [shared]
        if "concatenation" in options:
            uid, number, offset = options["concatenation"]
            d.ConcatenationUID, d.InConcatenationNumber, d.ConcatenationFrameOffsetNumber = uid, number, offset
        if "positions" in options:
            groups = []
            for x, y, *more in options["positions"]:
                place, group = Dataset(), Dataset()
                place.ColumnPositionInTotalImagePixelMatrix = x * TILE + 1
                place.RowPositionInTotalImagePixelMatrix = y * TILE + 1
                place.ZOffsetInSlideCoordinateSystem = str(more[0]) if more else "0"
                group.PlanePositionSlideSequence = [place]
                if len(more) > 1:
                    group.OpticalPathIdentificationSequence = [path_of({"OpticalPathIdentifier": more[1]})]
                groups.append(group)
            d.PerFrameFunctionalGroupsSequence = groups
        if options.get("eot"):
            d.PixelData, d.ExtendedOffsetTable, d.ExtendedOffsetTableLengths = encapsulate_extended(frames)
            d["PixelData"].is_undefined_length = True
        elif syntax.is_encapsulated:
            per_frame = options.get("fragments", 1)
            d.PixelData = encapsulate(frames, fragments_per_frame=per_frame, has_bot=options.get("bot", True))
            d["PixelData"].is_undefined_length = True
        else:
            d.PixelData = b"".join(frames)
        d["PixelData"].VR = "OB" if syntax.is_encapsulated or bits <= 8 else "OW"
        path = self.folder / f"{self.name}-{self.count}.dcm"
        d.save_as(path, enforce_file_format=True)
        if is_xl:
            path.write_bytes(path.read_bytes().replace(HTJ2K_LOSSLESS.encode(), JPEG_XL.encode(), 1))


def path_of(facts):
    """An item with these attributes; `color` is the colour of the light in words."""
    item = Dataset()
    for name, value in facts.items():
        if name == "color":
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value.lower(), "99TEST", value
            item.IlluminationColorCodeSequence = [code]
        else:
            setattr(item, name, value)
    return item


def digest(frame):
    """Without the padding that makes a fragment's length even."""
    return hashlib.sha256(frame.rstrip(b"\0")).hexdigest()


def fluorescence(out, image, expect):
    """Each channel an instance of its own, in a syntax of its own, 12 bits, dark but for what shines."""
    channels = {
        "dapi": (JPEG_LS, imagecodecs.jpegls_encode, {"IlluminationWaveLength": 405.0}),
        "fitc:1,2%": (HTJ2K_LOSSLESS, imagecodecs.htj2k_encode, {"color": "Green"}),
        "cy5": (ExplicitVRLittleEndian, lambda tile: tile.astype("<u2").tobytes(), {}),
    }
    slide, arrays = Slide("fluor", out), {}
    for level, factor in enumerate((1, 2)):
        for index, (identifier, (syntax, encode, facts)) in enumerate(channels.items()):
            plane = (255 - image[::factor, ::factor, index].astype(np.uint16)) * (4 + 5 * index)
            arrays[f"{identifier.split(':')[0]}_{level}"] = plane
            frames = {place: encode(np.ascontiguousarray(tile)) for place, tile in tiles_of(plane).items()}
            facts = {"OpticalPathIdentifier": identifier, "OpticalPathDescription": f"channel {index}", **facts}
            size = (plane.shape[1], plane.shape[0])
            options = {"bits": 12, "paths": [facts], "eot": syntax == JPEG_LS}
            slide.instance(size, list(frames.values()), syntax=syntax, **options)
            if index == 0:
                expect("fluor", level, frames)
            expect("fluor", level, frames, f"?path={quote(identifier)}")
    np.savez(out / "fluor.npz", **arrays)


def stacks(out, tiles, expect):
    """Focal planes and optical paths: of TILED_FULL, of TILED_SPARSE in any order, and as an instance for each."""
    order = list(tiles)

    def variant(number):
        return [jpeg(np.clip(tiles[place].astype(int) + 9 * number, 0, 255).astype(np.uint8)) for place in order]

    paths = [{"OpticalPathIdentifier": name, "OpticalPathDescription": name * 2} for name in ("blue", "green")]
    planes = (-0.5, 0.0, 0.5)
    frames = {
        (path["OpticalPathIdentifier"], z): dict(zip(order, variant(3 * p + n), strict=True))
        for p, path in enumerate(paths) for n, z in enumerate(planes)
    }  # fmt: skip

    def expect_all(name, shift=0.5):
        expect(name, 0, frames["blue", 0.0])
        for (path, z), found in frames.items():
            expect(name, 0, found, f"?z={z + shift:g}&path={path}")
        expect(name, 0, frames["green", 0.0], "?path=green")
        expect(name, 0, frames["blue", 0.5], f"?z={0.5 + shift:g}")

    full = Slide("stack", out)
    in_line = [frame for found in frames.values() for frame in found.values()]
    full.instance((700, 500), in_line, planes=3, paths=paths, step_mm=0.0005)
    expect_all("stack")

    sparse = Slide("scattered", out)
    places = [(*place, z, path) for (path, z), found in frames.items() for place in found]
    shuffled = np.random.default_rng(4).permutation(len(places))
    sparse.instance(
        (700, 500), [in_line[at] for at in shuffled], organization="TILED_SPARSE", planes=3, paths=paths,
        positions=[places[at] for at in shuffled],
    )  # fmt: skip
    expect_all("scattered", 0)

    apart = Slide("apart", out)
    for (path, z), found in frames.items():
        facts = [one for one in paths if one["OpticalPathIdentifier"] == path]
        positions = [(*place, z, path) for place in order]
        organization = "TILED_SPARSE"
        apart.instance(
            (700, 500), list(found.values()), paths=facts, positions=positions, organization=organization, bot=False
        )
    expect_all("apart", 0)


def main(slide, folder, *names):
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    if names:
        Slide.shared_study = generate_uid()
    source = OpenSlide(slide)
    image = np.asarray(source.read_region((500, 500), 0, (700, 500)).convert("RGB"))
    half = np.asarray(Image.fromarray(image).resize((350, 250)))
    tiles, small = tiles_of(image), tiles_of(half)
    frames = {place: jpeg(tile) for place, tile in tiles.items()}
    order = list(tiles)
    expected = {}

    def expect(name, level, found, query=""):
        expected.setdefault(name, {}).update(
            {f"{level}/{x}/{y}{query}": None if frame is None else digest(frame) for (x, y), frame in found.items()}
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

    def irreversible(tile):
        return imagecodecs.jpeg2k_encode(tile, level=40, codecformat="j2k", mct=True, reversible=False)

    for name, syntax, encode, options in [
        ("reversible", J2K_LOSSLESS, codestream, {}),
        ("irreversible", J2K, irreversible, {}),
        ("jpegxl", JPEG_XL, lambda tile: imagecodecs.jpegxl_encode(tile, distance=1.0), {}),
        ("jpegls", JPEG_LS, lambda tile: imagecodecs.jpegls_encode(tile), {}),
        ("high", HTJ2K_LOSSLESS, lambda tile: imagecodecs.htj2k_encode(tile), {}),
        ("extended", JPEG, jpeg, {"eot": True}),
        ("bare", JPEG, jpeg, {"bot": False}),
    ]:
        coded = {place: encode(np.ascontiguousarray(tile)) for place, tile in tiles.items()}
        Slide(name, out).instance((700, 500), list(coded.values()), syntax=syntax, **options)
        expect(name, 0, coded)
    stacks(out, tiles, expect)
    fluorescence(out, image, expect)
    (out / "expected.json").write_text(json.dumps(expected))
    for path in out.glob("*.dcm") if names else ():
        if path.name.rsplit("-", 1)[0] not in names:
            path.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
