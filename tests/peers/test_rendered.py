"""Rendered pictures against other people's calculations: numpy and Pillow (LittleCMS for colours, FreeType for text), and
DCMTK's `dcmp2pgm` and `dcm2pnm` for grayscale presentation states and overlays."""

import io
import subprocess
import tempfile
import unittest
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image, ImageCms, ImageDraw, ImageFont
from pydicom.pixels import apply_color_lut

import made
from farsight import demo, get, township
from test_pixels import store

warnings.filterwarnings("ignore")
FONT = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
RAMP = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)


def path(ds) -> str:
    return f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def warning(address: str) -> str:
    headers = {"Authorization": f"Bearer {township()['token']}"}
    with urllib.request.urlopen(urllib.request.Request(demo()["base_url"] + address, headers=headers)) as answer:
        return answer.headers.get("Warning", "")


def rounded(values):
    """To the nearest whole number, halves upwards."""
    return np.floor(np.asarray(values) + 0.5)


def linear(values, center, width):
    """PS3.3 C.11.2.1.2.1."""
    values = np.asarray(values, np.float64)
    return rounded(np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255)


def exact(values, center, width):
    """PS3.3 C.11.2.1.3.2."""
    return rounded(np.clip((np.asarray(values, np.float64) - center) / width + 0.5, 0, 1) * 255)


def voi(ds, center=2047.5, width=4095, function="LINEAR_EXACT"):
    voi = made.item(WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    return {"SoftcopyVOILUTSequence": [voi]}


class Rendered(unittest.TestCase):
    def picture(self, ds, query="", frame=None) -> np.ndarray:
        address = path(ds) + ("" if frame is None else f"/frames/{frame}") + f"/rendered?accept=image/png&{query}"
        status, body, _ = get(address)
        self.assertEqual(status, 200, (address, body[:300]))
        return np.asarray(Image.open(io.BytesIO(body)))

    def close(self, got, wanted, within=0):
        wanted = np.asarray(wanted)
        self.assertEqual(got.shape, wanted.shape)
        off = np.abs(got.astype(int) - wanted.astype(int))
        self.assertLessEqual(off.max(), within, (np.argwhere(off > within)[:5], got.ravel()[:8], wanted.ravel()[:8]))

    def stored(self, *instances):
        for ds in instances:
            store(made.written(ds))
        return instances[0]


class Windows(Rendered):
    def test_windows_of_the_query(self):
        ds = self.stored(made.image(RAMP, RescaleSlope=2, RescaleIntercept=-1000))
        values = RAMP * 2.0 - 1000
        self.close(self.picture(ds, "window=1000,3000"), linear(values, 1000, 3000))
        self.close(self.picture(ds, "window=1000,3000,linear"), linear(values, 1000, 3000))
        self.close(self.picture(ds, "window=1000,3000,linear-exact"), exact(values, 1000, 3000))
        sigmoid = rounded(255 / (1 + np.exp(-4 * (values - 1000) / 3000)))
        self.close(self.picture(ds, "window=1000,3000,sigmoid"), sigmoid)

    def test_viewports(self):
        ds = self.stored(made.image(RAMP, WindowCenter=1536, WindowWidth=3072, VOILUTFunction="LINEAR_EXACT"))
        whole = exact(RAMP, 1536, 3072)
        for sign_x, sign_y in [(1, 1), (-1, 1), (1, -1), (-1, -1)]:
            part = whole[8:40, 16:48][::sign_y, ::sign_x]
            query = f"viewport=32,32,16,8,{32 * sign_x},{32 * sign_y}"
            self.close(self.picture(ds, query), part)
        # Larger by bilinear interpolation, smaller by area average, as Pillow has them.
        grey = Image.fromarray(whole.astype(np.uint8))
        self.close(self.picture(ds, "viewport=192,144"), grey.resize((192, 144), Image.BILINEAR), 1)
        self.close(self.picture(ds, "viewport=16,16"), grey.resize((16, 12), Image.BOX), 1)

    def test_quality_is_heard(self):
        ds = self.stored(made.image(np.random.default_rng(1).integers(0, 255, (64, 64), np.uint8)))
        sizes = [len(get(path(ds) + f"/rendered?quality={quality}", "image/jpeg")[1]) for quality in (10, 50, 95)]
        self.assertEqual(sizes, sorted(sizes))
        self.assertLess(sizes[0] * 2, sizes[2])

    def test_padding_is_black_and_no_part_of_the_range(self):
        pixels = RAMP.astype(np.int16)
        pixels[:4], pixels[4:8] = -2000, -1500
        for photometric in ("MONOCHROME2", "MONOCHROME1"):
            ds = made.image(pixels, photometric, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1500)
            self.stored(ds)
            inside = exact(pixels[8:], (512 + 3071) / 2, 3071 - 512)
            inside = inside if photometric == "MONOCHROME2" else 255 - inside
            self.close(self.picture(ds), np.vstack([np.zeros((8, 64)), inside]))

    def test_polarity_as_dcmtk_has_it(self):
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            for shape in (None, "IDENTITY", "INVERSE"):
                ds = made.image((RAMP % 256).astype(np.uint8), photometric)
                if shape:
                    ds.PresentationLUTShape = shape
                self.stored(ds)
                self.close(self.picture(ds), dcmtk("dcm2pnm", ds), 1)

    def test_modality_and_voi_tables(self):
        rng = np.random.default_rng(2)
        pixels = rng.integers(0, 1024, (32, 40), np.uint16)
        first, second = np.arange(1000) * 3 % 2048, rng.integers(0, 4096, 2000)
        modality = made.table(first, 10, 16, ModalityLUTType="US")
        table = made.table(second, 20, 12)
        ds = made.image(pixels, BitsStored=10, HighBit=9, ModalityLUTSequence=[modality], VOILUTSequence=[table])
        self.stored(ds)
        rescaled = first[np.clip(pixels.astype(int) - 10, 0, 999)]
        shades = second[np.clip(rescaled - 20, 0, 1999)]
        self.close(self.picture(ds), rounded(shades / 4095 * 255))


class Kinds(Rendered):
    def test_floating_point_pixels(self):
        values = np.linspace(-3.5, 9.25, 48 * 64).reshape(48, 64)
        for bits, keyword in ((32, "FloatPixelData"), (64, "DoubleFloatPixelData")):
            kind = np.dtype(f"<f{bits // 8}")
            ds = made.instance(
                made.PARAMETRIC_MAP, Rows=48, Columns=64, SamplesPerPixel=1, BitsAllocated=bits,
                PhotometricInterpretation="MONOCHROME2", NumberOfFrames=2,
            )  # fmt: skip
            frames = np.stack([values, values * -2]).astype(kind)
            frames[0, 0, 0] = np.nan
            setattr(ds, keyword, frames.tobytes())
            self.stored(ds)
            native = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
            for number, frame in enumerate(frames, 1):
                status, body, _ = get(f"{path(ds)}/frames/{number}", native)
                self.assertEqual(status, 200)
                self.assertIn(frame.tobytes(), body)
            second = exact(frames[1], -5.75, 25.5)
            self.close(self.picture(ds, frame=2), second, 1)
            wanted = exact(frames[0], 2, 5)
            wanted[0, 0] = 0
            self.close(self.picture(ds, "window=2,5,linear-exact", frame=1), wanted, 1)
            encapsulated = "transfer-syntax=1.2.840.10008.1.2.1.98"
            for refused, accept in (
                (path(ds) + "/frames/1", "image/jphc"),
                (path(ds) + "/frames/1", f"application/octet-stream; {encapsulated}"),
                (path(ds), f"application/dicom; {encapsulated}"),
            ):
                self.assertEqual(get(refused, accept)[0], 406, accept)
            status, body, _ = get(path(ds), "application/dicom; transfer-syntax=1.2.840.10008.1.2")
            self.assertEqual(getattr(pydicom.dcmread(io.BytesIO(body)), keyword), frames.tobytes())
            mapped = made.item(
                DoubleFloatRealWorldValueFirstValueMapped=0.0, DoubleFloatRealWorldValueLastValueMapped=4.0
            )
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
            ds.SharedFunctionalGroupsSequence = [made.item(RealWorldValueMappingSequence=[mapped])]
            self.stored(ds)
            self.close(self.picture(ds, frame=2), exact(frames[1], 2, 4), 1)

    def test_single_bits_that_do_not_end_on_bytes(self):
        masks = np.random.default_rng(3).integers(0, 2, (5, 9, 11)).astype(bool)
        ds = made.instance(
            made.SEGMENTATION, Rows=9, Columns=11, SamplesPerPixel=1, BitsAllocated=1, BitsStored=1, HighBit=0,
            PixelRepresentation=0, PhotometricInterpretation="MONOCHROME2", NumberOfFrames=5, PixelData=made.bits(masks),
        )  # fmt: skip
        ds["PixelData"].VR = "OB"
        self.stored(ds)
        np.testing.assert_array_equal(pydicom.dcmread(io.BytesIO(made.written(ds))).pixel_array.astype(bool), masks)
        for number, mask in enumerate(masks, 1):
            status, body, _ = get(f"{path(ds)}/frames/{number}", "application/octet-stream")
            self.assertEqual(status, 200)
            unpacked = np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little")
            np.testing.assert_array_equal(unpacked[:99].reshape(9, 11).astype(bool), mask)
            self.assertFalse(unpacked[99:].any())
            self.close(self.picture(ds, frame=number), mask * 255)

    def test_segmented_palettes(self):
        # Straight lines, single values and a repetition, for 16 bits and for 8.
        indices = (np.arange(64 * 8) % 256).astype(np.uint8).reshape(8, 64)
        plain = [0, 4, 0, 9000, 40000, 100]
        red = [*plain, 1, 60, 65535, 1, 64, 0, 2, 2, 0, 0, 0, 1, 500, 1, 63, 30000]
        green, blue = [0, 1, 65535, 1, 255, 0], [0, 1, 0, 1, 255, 65535]
        ds = made.image(indices, "PALETTE COLOR")
        self.palette(ds, "Segmented", [256, 0, 16], [np.array(c, "<u2").tobytes() for c in (red, green, blue)])
        self.stored(ds)
        wanted = apply_color_lut(indices, ds)
        self.close(self.picture(ds), wanted >> 8, 1)
        plainly = made.image(indices, "PALETTE COLOR")
        ramp = np.arange(256, dtype="<u2")
        self.palette(plainly, "", [256, 0, 16], [(ramp * 257).astype("<u2").tobytes() for _ in range(3)])
        self.stored(plainly)
        self.close(self.picture(plainly), np.repeat(indices[..., None], 3, 2))

    @staticmethod
    def palette(ds, kind, descriptor, tables):
        for colour, table in zip(("Red", "Green", "Blue"), tables):
            setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", descriptor)
            setattr(ds, f"{kind}{colour}PaletteColorLookupTableData", table)

    def test_supplemental_palettes(self):
        pixels = (np.arange(40 * 40) % 1200).astype(np.uint16).reshape(40, 40)
        ds = made.image(pixels, PixelPresentation="MIXED", WindowCenter=512, WindowWidth=1024, BitsStored=12, HighBit=11)
        ds.VOILUTFunction = "LINEAR_EXACT"
        tables = [np.random.default_rng(seed).integers(0, 256, 176, np.uint16) << 8 for seed in range(3)]
        self.palette(ds, "", [176, 1024, 16], [table.astype("<u2").tobytes() for table in tables])
        self.stored(ds)
        wanted = np.repeat(exact(pixels, 512, 1024)[..., None], 3, 2)
        coloured = pixels >= 1024
        wanted[coloured] = np.stack([table[pixels[coloured] - 1024] >> 8 for table in tables], -1)
        self.close(self.picture(ds), wanted)

    def test_colour_by_plane_and_halved_chroma(self):
        rng = np.random.default_rng(4)
        rgb = rng.integers(0, 256, (7, 9, 3), np.uint8)
        by_plane = made.image(rgb, "RGB", PlanarConfiguration=1, PixelData=made.padded(rgb.transpose(2, 0, 1).tobytes()))
        self.stored(by_plane)
        self.close(self.picture(by_plane), rgb)
        # Two pixels in four bytes: Y Y Cb Cr (PS3.3 C.7.6.3.1.2).
        y, chroma = rng.integers(0, 256, (6, 8)), rng.integers(0, 256, (6, 4, 2))
        packed = np.concatenate([y.reshape(6, 4, 2), chroma], -1).astype(np.uint8)
        ds = made.image(np.zeros((6, 8, 3), np.uint8), "YBR_FULL_422", PixelData=packed.tobytes())
        self.stored(ds)
        cb, cr = (np.repeat(chroma[..., n], 2, 1) - 128.0 for n in (0, 1))
        wanted = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], -1)
        self.close(self.picture(ds), np.clip(wanted, 0, 255), 1)
        full = made.image(np.stack([y, *np.repeat(chroma, 2, 1).transpose(2, 0, 1)], -1).astype(np.uint8), "YBR_FULL")
        self.stored(full)
        self.close(self.picture(full), np.clip(wanted, 0, 255), 1)

    def test_overlays(self):
        rng = np.random.default_rng(5)
        ds = made.image((RAMP % 200).astype(np.uint8), WindowCenter=128, WindowWidth=256)
        mask = rng.integers(0, 2, (20, 30))
        made.overlay(ds, mask, origin=(-3, 50))
        made.overlay(ds, rng.integers(0, 2, (48, 64)) & (RAMP % 7 == 0), group=0x6002)
        self.stored(ds)
        self.close(self.picture(ds), dcmtk("dcm2pnm", ds, "+O", "0", "+Omr"), 1)
        many = made.image(np.zeros((3, 10, 10), np.uint8), frames=3)
        masks = rng.integers(0, 2, (2, 10, 10))
        made.overlay(many, masks[0])
        many.add_new((0x6000, 0x0015), "IS", 2)
        many.add_new((0x6000, 0x0051), "US", 2)
        many[0x6000, 0x3000].value = made.bits(masks)
        self.stored(many)
        for frame, wanted in enumerate((masks[0] * 0, *masks), 1):
            self.close(self.picture(many, "window=128,256", frame=frame), wanted * 255)

    def test_overlays_in_unused_bits(self):
        values = RAMP % 4096
        bit = (RAMP % 5 == 0) | (RAMP % 64 > 60)
        pixels = values | bit.astype(np.uint16) << 13 | 0x8000
        ds = made.image(pixels, BitsStored=12, HighBit=11, WindowCenter=1536, WindowWidth=3072)
        for element, vr, value in (
            (0x0010, "US", 48), (0x0011, "US", 64), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]),
            (0x0100, "US", 16), (0x0102, "US", 13),
        ):  # fmt: skip
            ds.add_new((0x6000, element), vr, value)
        self.stored(ds)
        wanted = np.where(bit, 255, linear(values, 1536, 3072))
        self.close(self.picture(ds), wanted)
        # The same pixels at the upper end of their cells.
        high = made.image((values << 4) | 5, BitsStored=12, HighBit=15, WindowCenter=1536, WindowWidth=3072)
        self.stored(high)
        self.close(self.picture(high), linear(values, 1536, 3072))


def dcmtk(program, ds, *options, state=None) -> np.ndarray:
    """What DCMTK makes of an image."""
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, "image.dcm"), Path(folder, "out.pgm")
        file.write_bytes(made.written(ds))
        command = [program, *options]
        if program == "dcm2pnm":
            command += ["--write-raw-pnm"]
        if state is not None:
            Path(folder, "state.dcm").write_bytes(made.written(state))
            command += ["-p", Path(folder, "state.dcm")]
        subprocess.run([*map(str, command), str(file), str(out)], check=True, capture_output=True)
        return np.asarray(Image.open(out))


class States(Rendered):
    """Grayscale presentation states: DCMTK applies all but shutters, annotations and the displayed area."""

    def check(self, of, within=1, **attributes):
        ds = made.state(of, **attributes)
        self.stored(of, ds)
        self.close(self.picture(ds), dcmtk("dcmp2pgm", of, state=ds), within)
        return ds

    def image(self, **attributes):
        return made.image(RAMP, BitsStored=12, HighBit=11, **attributes)

    def test_windows_tables_and_shapes(self):
        self.check(self.image(), **voi(None))
        self.check(self.image(), **voi(None, 1000, 800, "LINEAR"))
        self.check(self.image(), **voi(None, 1000, 800, "LINEAR"), PresentationLUTShape="INVERSE")
        self.check(self.image(PhotometricInterpretation="MONOCHROME1"), **voi(None, 1000, 800, "LINEAR"))
        self.check(self.image(), RescaleSlope=2, RescaleIntercept=-1000, RescaleType="US", **voi(None, 1000, 4000, "LINEAR"))
        table = made.table((np.sin(np.linspace(0, 3, 3000)) * 4095).astype(int), 10, 12)
        self.check(self.image(), SoftcopyVOILUTSequence=[made.item(VOILUTSequence=[table])])
        modality = made.table(np.arange(3071, -1, -1), 0, 12, ModalityLUTType="US")
        self.check(self.image(), ModalityLUTSequence=[modality], **voi(None, 1500, 2000, "LINEAR"))

    def test_a_presentation_table(self):
        curve = (np.linspace(0, 1, 4096) ** 2 * 4095).astype(int)
        table = made.table(curve, 0, 12)
        of = self.image()
        ds = made.state(of, PresentationLUTSequence=[table], **voi(None, 1500, 3000))
        del ds.PresentationLUTShape
        self.stored(of, ds)
        share = np.clip((RAMP - 1500.0) / 3000 + 0.5, 0, 1)
        self.close(self.picture(ds), rounded(curve[rounded(share * 4095).astype(int)] / 4095 * 255))

    def test_turned_and_flipped(self):
        for rotation in (0, 90, 180, 270):
            for flip in ("N", "Y"):
                self.check(self.image(), ImageRotation=rotation, ImageHorizontalFlip=flip, **voi(None))

    def test_shutters(self):
        rectangle = {
            "ShutterLeftVerticalEdge": 10, "ShutterRightVerticalEdge": 50,
            "ShutterUpperHorizontalEdge": 5, "ShutterLowerHorizontalEdge": 40,
        }  # fmt: skip
        circle = {"CenterOfCircularShutter": ["24", "30"], "RadiusOfCircularShutter": 15}
        grey = {"ShutterPresentationValue": 0x8000}
        plain = exact(RAMP, 2047.5, 4095)
        row, column = np.mgrid[1:49, 1:65]
        seen = {
            "RECTANGULAR": (row >= 5) & (row <= 40) & (column >= 10) & (column <= 50),
            "CIRCULAR": (row - 24) ** 2 + (column - 30) ** 2 <= 15**2,
        }
        for shapes in (["RECTANGULAR"], ["CIRCULAR"], ["RECTANGULAR", "CIRCULAR"]):
            of = self.image()
            ds = made.state(of, ShutterShape=shapes, **rectangle, **circle, **grey, **voi(None))
            self.stored(of, ds)
            visible = np.logical_and.reduce([seen[shape] for shape in shapes])
            self.close(self.picture(ds), np.where(visible, plain, 128))
        corners = ["3", "4", "40", "10", "44", "60", "10", "50"]
        of = self.image()
        ds = made.state(of, ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=corners, **grey, **voi(None))
        self.stored(of, ds)
        seen = Image.new("L", (64, 48))
        ImageDraw.Draw(seen).polygon([(c - 1, r - 1) for r, c in [(3, 4), (40, 10), (44, 60), (10, 50)]], fill=255)
        wanted = np.where(np.asarray(seen) > 0, exact(RAMP, 2047.5, 4095), 128)
        # Pillow inks a polygon's edge as well: at most the pixels on it differ.
        self.assertLess((self.picture(ds) != wanted).sum(), 2 * (48 + 64))
        off = np.argwhere(self.picture(ds) != wanted) + 1.0
        vertices = np.array([(3, 4), (40, 10), (44, 60), (10, 50), (3, 4)], float)
        for row, column in off:
            self.assertLess(min(distance((row, column), a, b) for a, b in zip(vertices, vertices[1:])), 1.0)

    def test_overlays_and_bitmap_shutters(self):
        mask = np.random.default_rng(6).integers(0, 2, (48, 64)) & (RAMP % 64 > 20)
        of = self.image()
        made.overlay(of, mask)
        ds = made.state(of, **voi(None))
        self.stored(of, ds)
        plain = exact(RAMP, 2047.5, 4095)
        self.close(self.picture(ds), plain)
        of.SOPInstanceUID = of.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        layer = made.item(GraphicLayer="OVL", GraphicLayerOrder=1)
        ds = made.state(of, GraphicLayerSequence=[layer], **voi(None))
        ds.add_new((0x6000, 0x1001), "CS", "OVL")
        self.stored(of, ds)
        self.close(self.picture(ds), np.where(mask, 255, plain))
        of = self.image()
        ds = made.state(of, ShutterShape="BITMAP", ShutterOverlayGroup=0x6000, ShutterPresentationValue=0x4000, **voi(None))
        made.overlay(ds, mask)
        self.stored(of, ds)
        self.close(self.picture(ds), np.where(mask, 64, plain))

    def test_displayed_areas(self):
        of = self.image()
        plain = exact(RAMP, 2047.5, 4095).astype(np.uint8)
        beyond = np.zeros((30, 40), np.uint8)
        beyond[4:, 3:] = plain[:26, :37]
        turned = np.rot90(plain[10:30, 20:50], -1)
        quarter = {"ImageRotation": 90, "ImageHorizontalFlip": "N"}
        large = Image.fromarray(plain[10:30, 20:50])
        cases = [
            (((21, 11), (50, 30)), {}, {}, plain[10:30, 20:50], 0),
            (((-2, -3), (37, 26)), {}, {}, beyond, 0),
            (((21, 30), (50, 11)), {}, quarter, turned, 0),
            (((21, 11), (50, 30)), {"PresentationSizeMode": "MAGNIFY", "PresentationPixelMagnificationRatio": 2.5}, {},
             large.resize((75, 50), Image.BILINEAR), 1),
            (((21, 11), (50, 30)), {"PresentationPixelSpacing": [0.8, 0.4]}, {}, large.resize((30, 40), Image.BILINEAR), 1),
        ]  # fmt: skip
        self.stored(of)
        for (first, last), area, more, wanted, within in cases:
            area = {"DisplayedAreaTopLeftHandCorner": list(first), "DisplayedAreaBottomRightHandCorner": list(last), **area}
            ds = made.state(of, area=area, **more, **voi(None))
            self.stored(ds)
            self.close(self.picture(ds), wanted, within)
        # A viewport decides how large it is; true size is not known here, and said so.
        area = {"PresentationSizeMode": "TRUE SIZE", "PresentationPixelSpacing": [0.5, 0.5]}
        ds = made.state(of, area=area, **voi(None))
        self.stored(ds)
        self.close(self.picture(ds, "viewport=128,128"), Image.fromarray(plain).resize((128, 96), Image.BILINEAR), 1)
        self.assertIn("true size", warning(path(ds) + "/rendered"))


def distance(point, a, b):
    point, a, b = (np.asarray(p, float) for p in (point, a, b))
    along = np.clip(np.dot(point - a, b - a) / max(np.dot(b - a, b - a), 1e-9), 0, 1)
    return np.linalg.norm(point - a - along * (b - a))


class Graphics(Rendered):
    """A pixel is inked when its centre is within half a pixel of the line."""

    def inked(self, objects, query="", area=None, **attributes):
        of = made.image(np.zeros((96, 128), np.uint8))
        layer = made.item(GraphicLayer="A", GraphicLayerOrder=1, **attributes)
        annotation = made.item(GraphicLayer="A", **objects)
        ds = made.state(of, area=area, GraphicLayerSequence=[layer], GraphicAnnotationSequence=[annotation], **voi(None, 128, 256))
        self.stored(of, ds)
        return self.picture(ds, query)

    @staticmethod
    def graphic(kind, data, units="PIXEL", filled="N"):
        return made.item(
            GraphicAnnotationUnits=units, GraphicDimensions=2, NumberOfGraphicPoints=len(data) // 2, GraphicData=data,
            GraphicType=kind, GraphicFilled=filled,
        )  # fmt: skip

    def agrees(self, got, off, ink=255, unsure=0.02):
        """`off`: how far each pixel's centre is from the line."""
        sure = np.abs(off - 0.5) > unsure
        np.testing.assert_array_equal((got == ink)[sure], (off < 0.5)[sure])

    def grid(self, shape=(96, 128)):
        return np.mgrid[0 : shape[0], 0 : shape[1]].transpose(1, 2, 0) + 0.5

    def test_points_lines_circles_and_ellipses(self):
        places = self.grid()
        line = [(10.0, 20.0), (90.5, 33.0), (40.0, 80.0)]
        got = self.inked({"GraphicObjectSequence": [self.graphic("POLYLINE", [v for p in line for v in p])]})
        off = [[min(distance(p[::-1], a, b) for a, b in zip(line, line[1:])) for p in row] for row in places]
        self.agrees(got, np.array(off))
        from_centre = np.linalg.norm(places - (50, 60), axis=-1)
        got = self.inked({"GraphicObjectSequence": [self.graphic("CIRCLE", [60, 50, 60, 80])]})
        self.agrees(got, np.abs(from_centre - 30))
        got = self.inked({"GraphicObjectSequence": [self.graphic("CIRCLE", [60, 50, 60, 80], filled="Y")]})
        self.agrees(got, np.maximum(from_centre - 30, 0))
        got = self.inked({"GraphicObjectSequence": [self.graphic("POINT", [60, 50])]})
        self.agrees(got, np.maximum(from_centre - 1, 0))
        got = self.inked({"GraphicObjectSequence": [self.graphic("ELLIPSE", [20, 50, 100, 50, 60, 30, 60, 70])]})
        t = np.linspace(0, 2 * np.pi, 20000)
        curve = np.stack([50 + 20 * np.sin(t), 60 + 40 * np.cos(t)], -1)
        off = np.array([[np.hypot(*(curve - p).T).min() for p in row] for row in places])
        self.agrees(got, off)

    def test_a_smooth_line_goes_through_its_points(self):
        points = [(10, 10), (40, 70), (80, 20), (120, 80)]
        got = self.inked({"GraphicObjectSequence": [self.graphic("INTERPOLATED", [v + 0.5 for p in points for v in p])]})
        self.assertTrue(all(got[y, x] == 255 for x, y in points))

    def test_units_inks_and_viewports(self):
        places = self.grid()
        got = self.inked(
            {"GraphicObjectSequence": [self.graphic("POLYLINE", [0.25, 0.5, 0.75, 0.5], "DISPLAY")]},
            GraphicLayerRecommendedDisplayGrayscaleValue=0x8000,
        )
        self.agrees(got, np.array([[distance(p, (48, 32), (48, 96)) for p in row] for row in places]), ink=128)
        # Red by CIELab, as LittleCMS has it for sRGB.
        lab = [54.29, 80.81, 69.89]
        coded = [round(lab[0] / 100 * 65535), *(round((v + 128) / 255 * 65535) for v in lab[1:])]
        got = self.inked(
            {"GraphicObjectSequence": [self.graphic("CIRCLE", [60, 50, 60, 80])]},
            GraphicLayerRecommendedDisplayCIELabValue=coded,
        )
        self.assertEqual(got.shape, (96, 128, 3))
        red = got[got.any(-1)]
        self.assertLessEqual(np.abs(red.astype(int) - (255, 0, 0)).max(), 3)
        # In an area that is shown twice as large, lines are as thin as before.
        area = {"DisplayedAreaTopLeftHandCorner": [33, 25], "DisplayedAreaBottomRightHandCorner": [96, 72]}
        got = self.inked({"GraphicObjectSequence": [self.graphic("CIRCLE", [64, 48, 64, 58])]}, "viewport=128,96", area)
        self.agrees(got, np.abs(np.linalg.norm(places - (48, 64), axis=-1) - 20))

    def test_text(self):
        text = made.item(
            BoundingBoxAnnotationUnits="PIXEL", BoundingBoxTopLeftHandCorner=[10.0, 12.0],
            BoundingBoxBottomRightHandCorner=[126.0, 40.0], BoundingBoxTextHorizontalJustification="LEFT",
            UnformattedTextValue="肝脏 12 mm",
        )  # fmt: skip
        got = self.inked({"TextObjectSequence": [text]})
        self.written(got, "肝脏 12 mm", 10, (10, 12))

    def written(self, got, text, em, at):
        """FreeType writes the same with the same font: much alike, though not pixel by pixel."""
        # Eight times as large and made smaller, so that no hinting moves anything.
        wanted = Image.new("L", (got.shape[1] * 8, got.shape[0] * 8))
        font = ImageFont.truetype(FONT, em * 8, index=2)
        ImageDraw.Draw(wanted).text((at[0] * 8, (at[1] + em * 1.03) * 8), text, 255, font, anchor="ls")
        wanted = wanted.resize(got.shape[::-1], Image.BOX)
        a, b = got.astype(float).ravel(), np.asarray(wanted, float).ravel()
        self.assertGreater(a @ b / np.sqrt((a @ a) * (b @ b)), 0.9, text)

    def test_annotations_on_request(self):
        of = made.image(np.zeros((512, 512), np.uint8))
        of.Modality, of.KVP = "CR", "120"
        self.stored(of)
        plain = self.picture(of)
        self.assertFalse(plain.any())
        em = 512 / 28
        self.written(self.picture(of, "annotation=patient")[:28], "张三  Zhang San", em, (em / 3, em / 3))
        technique = self.picture(of, "annotation=technique")
        self.assertFalse(technique[:256, :256].any())
        self.assertTrue(technique[256:, :256].any() and technique[:256, 256:].any())
        both = self.picture(of, "annotation=patient,technique")
        np.testing.assert_array_equal(both, np.maximum(technique, self.picture(of, "annotation=patient")))
        self.assertIn("not supported: ecg", warning(path(of) + "/rendered?annotation=patient,ecg"))


class Colours(Rendered):
    """LittleCMS converts the same colours by the same profiles."""

    def test_profiles(self):
        rng = np.random.default_rng(7)
        rgb = rng.integers(0, 256, (40, 50, 3), np.uint8)
        rgb[:20] = np.add.outer(np.arange(20) * 5, np.arange(50) * 3)[..., None] // 2
        with Image.fromarray(rgb) as picture:
            ds = made.image(rgb, "RGB")
            self.stored(ds)
            for name in ("srgb", "adobergb", "rommrgb", "yes"):
                status, body, _ = get(path(ds) + f"/rendered?iccprofile={name}&accept=image/png")
                self.assertEqual(status, 200, body)
                got = Image.open(io.BytesIO(body))
                embedded = ImageCms.ImageCmsProfile(io.BytesIO(got.info["icc_profile"]))
                wanted = ImageCms.profileToProfile(
                    picture, ImageCms.createProfile("sRGB"), embedded, ImageCms.Intent.PERCEPTUAL
                )
                self.close(np.asarray(got), wanted, 1 if name in ("yes", "srgb") else 3)
            status, body, _ = get(path(ds) + "/rendered?iccprofile=no&accept=image/png")
            self.assertNotIn("icc_profile", Image.open(io.BytesIO(body)).info)
            # An image with a profile of its own: kept by yes, converted by srgb.
            adobe = Image.open(io.BytesIO(get(path(ds) + "/rendered?iccprofile=adobergb&accept=image/png")[1]))
            own = made.image(np.asarray(adobe), "RGB", ICCProfile=made.padded(adobe.info["icc_profile"]))
            self.stored(own)
            kept = Image.open(io.BytesIO(get(path(own) + "/rendered?iccprofile=yes&accept=image/png")[1]))
            self.assertEqual(kept.info["icc_profile"].rstrip(b"\0"), adobe.info["icc_profile"].rstrip(b"\0"))
            self.close(np.asarray(kept), np.asarray(adobe))
            profile = ImageCms.ImageCmsProfile(io.BytesIO(adobe.info["icc_profile"]))
            shown = ImageCms.profileToProfile(adobe, profile, ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL)
            self.close(self.picture(own, "iccprofile=srgb"), shown, 3)
            # As a colour presentation state says: its profile, converted for a display that is not known.
            plain = made.image(np.asarray(adobe), "RGB")
            state = made.state(plain, made.COLOR_STATE, ICCProfile=made.padded(adobe.info["icc_profile"]))
            self.stored(plain, state)
            self.close(self.picture(state), shown, 3)

    def test_grey_with_a_profile_and_in_jpeg(self):
        ds = made.image((RAMP % 256).astype(np.uint8))
        self.stored(ds)
        status, body, _ = get(path(ds) + "/rendered?iccprofile=srgb", "image/jpeg")
        self.assertEqual(status, 200)
        got = Image.open(io.BytesIO(body))
        self.assertEqual((got.mode, ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(got.info["icc_profile"]))).strip()), ("RGB", "sRGB IEC61966-2.1"))

    def test_pseudo_colours(self):
        of = made.image(RAMP, BitsStored=12, HighBit=11)
        tables = [np.random.default_rng(seed).integers(0, 256, 256, np.uint16) << 8 for seed in range(3)]
        ds = made.state(of, made.PSEUDO_COLOR_STATE, ICCProfile=made.padded(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()), **voi(None))
        Kinds.palette(ds, "", [256, 0, 16], [table.astype("<u2").tobytes() for table in tables])
        self.stored(of, ds)
        shades = exact(RAMP, 2047.5, 4095).astype(int)
        self.close(self.picture(ds), np.stack([table[shades] >> 8 for table in tables], -1), 2)


class Thumbnails(Rendered):
    def test_the_middle_of_a_series_and_of_an_image(self):
        first = made.image(np.full((1, 20, 20), 0, np.uint8)[0])
        shades = {}
        for number in range(1, 6):
            ds = made.image(np.full((20, 20), number * 40, np.uint8), WindowCenter=128, WindowWidth=256, InstanceNumber=number)
            ds.StudyInstanceUID, ds.SeriesInstanceUID = first.StudyInstanceUID, first.SeriesInstanceUID
            self.stored(ds)
            shades[number] = linear(number * 40, 128, 256)
        report = made.instance("1.2.840.10008.5.1.4.1.1.88.11", Modality="SR", SeriesNumber=7)
        report.StudyInstanceUID = first.StudyInstanceUID
        self.stored(report)
        study = f"/dicom-web/studies/{first.StudyInstanceUID}"
        for address in (study, f"{study}/series/{first.SeriesInstanceUID}"):
            status, body, _ = get(address + "/thumbnail?accept=image/png")
            self.assertEqual((status, np.asarray(Image.open(io.BytesIO(body)))[3, 3]), (200, shades[3]))
        frames = made.image(np.stack([np.full((9, 9), n, np.uint8) for n in (10, 90, 200)]), frames=3, WindowCenter=128, WindowWidth=256)
        self.stored(frames)
        status, body, _ = get(path(frames) + "/thumbnail?accept=image/png")
        self.assertEqual(np.asarray(Image.open(io.BytesIO(body)))[3, 3], linear(90, 128, 256))
        for address in (path(report), f"{study}/series/{report.SeriesInstanceUID}"):
            status, body, kind = get(address + "/thumbnail")
            self.assertEqual((status, kind), (404, "application/problem+json"))
            self.assertIn(b"no-image", body)
        self.assertEqual(get("/dicom-web/studies/1.2.3.4.5.6.7/thumbnail")[0], 404)


if __name__ == "__main__":
    unittest.main()
