"""Every face of a slide's pixels (plain tiles, IIIF Image API 3, Deep Zoom, WADO-RS) judged by OpenSlide, tifffile and
imagecodecs: the same file, the same pixels.

Tolerances. Stored bytes are compared as bytes. A region at a level's own resolution comes as PNG and is compared pixel by
pixel: both sides decode the same JPEG with libjpeg-turbo, so nothing may differ but for SIMD variants of the colour
conversion (1). Where pixels are averaged, OpenSlide's own reading at level 0 is averaged here the same way (box filter), and
rounding may differ by 1; a JPEG answer is encoded once more, so its mean difference is compared with what Pillow's encoder
loses at the same quality.
"""

import io
import json
import random
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from openslide import OpenSlide
from PIL import Image, ImageCms

import farsight
from farsight import SAMPLES, demo, get, import_files

SLIDES = ["CMU-1-Small-Region.svs", "generated-pyramid.svs"]
DECODER_DIFFERENCE_MAX = 1
JPEG_LOSS_FACTOR = 1.1


def decoded(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(int)


def averaged(pixels: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side // factor * factor for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // factor, factor, width // factor, factor, 3)
    return np.floor(blocks.mean(axis=(1, 3)) + 0.5).astype(int)


class Faces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        demo()
        import_files(*(SAMPLES / "demo/slides" / name for name in SLIDES))
        status, body, _ = get("/api/v1/slides")
        assert status == 200, body
        cls.slides = {slide["source"]: slide for slide in json.loads(body)["slides"]}
        cls.judges = {name: OpenSlide(SAMPLES / "demo/slides" / name) for name in SLIDES}

    def fetch(self, path, kind=None):
        status, body, content_type = get(path)
        self.assertEqual(status, 200, f"{path}: {body[:300]!r}")
        if kind:
            self.assertEqual(content_type, kind, path)
        return body

    def region(self, name, x, y, width, height):
        """Level 0, as OpenSlide reads it."""
        region = self.judges[name].read_region((x, y), 0, (width, height)).convert("RGB")
        return np.asarray(region).astype(int)

    def iiif(self, name, rest):
        return f"/iiif/3/{self.slides[name]['id']}/{rest}"

    def test_a_region_at_native_resolution_is_openslides_pixel_by_pixel(self):
        rng = random.Random(11)
        for name in SLIDES:
            width, height = self.judges[name].dimensions
            for _ in range(8):
                w, h = rng.randrange(1, 700), rng.randrange(1, 500)
                x, y = rng.randrange(width - w), rng.randrange(height - h)
                ours = decoded(self.fetch(self.iiif(name, f"{x},{y},{w},{h}/max/0/default.png"), "image/png"))
                theirs = self.region(name, x, y, w, h)
                self.assertEqual(ours.shape, theirs.shape)
                self.assertLessEqual(np.abs(ours - theirs).max(), DECODER_DIFFERENCE_MAX, f"{name} {x},{y},{w},{h}")

    def test_a_smaller_region_is_the_mean_of_what_it_covers(self):
        # Of a slide with one level, so that nobody's smaller levels come in.
        name = SLIDES[0]
        for x, y, side, factor in ((0, 0, 1200, 2), (333, 777, 900, 3), (100, 100, 1600, 8)):
            path = self.iiif(name, f"{x},{y},{side},{side}/{side // factor},{side // factor}/0/default.png")
            ours = decoded(self.fetch(path))
            theirs = averaged(self.region(name, x, y, side, side), factor)
            self.assertLessEqual(np.abs(ours - theirs).max(), 1 + DECODER_DIFFERENCE_MAX, path)

    def test_a_level_is_used_where_it_has_the_resolution(self):
        name = SLIDES[1]
        slide, judge = self.slides[name], self.judges[name]
        self.assertGreater(len(slide["levels"]), 1)
        for level in slide["levels"][1:]:
            factor = round(level["downsample"])
            w, h = min(300, level["width"]), min(200, level["height"])
            path = self.iiif(name, f"0,0,{w * factor},{h * factor}/{w},{h}/0/default.png")
            ours = decoded(self.fetch(path))
            index = judge.get_best_level_for_downsample(factor + 0.1)
            theirs = np.asarray(judge.read_region((0, 0), index, (w, h)).convert("RGB")).astype(int)
            self.assertLessEqual(np.abs(ours - theirs).max(), DECODER_DIFFERENCE_MAX, path)

    def test_turned_mirrored_and_without_colour(self):
        name = SLIDES[0]
        region = self.region(name, 600, 800, 300, 200)
        for rotation, expected in {
            "0": region,
            "90": np.rot90(region, -1),
            "180": np.rot90(region, 2),
            "270": np.rot90(region, 1),
            "!0": region[:, ::-1],
            "!90": np.rot90(region[:, ::-1], -1),
            "!180": np.rot90(region[:, ::-1], 2),
            "!270": np.rot90(region[:, ::-1], 1),
        }.items():
            ours = decoded(self.fetch(self.iiif(name, f"600,800,300,200/max/{rotation}/color.png")))
            self.assertEqual(ours.shape, expected.shape, rotation)
            self.assertLessEqual(np.abs(ours - expected).max(), DECODER_DIFFERENCE_MAX, rotation)
        grey = np.asarray(Image.fromarray(region.astype(np.uint8)).convert("L")).astype(int)
        path = self.iiif(name, "600,800,300,200/max/0/gray.png")
        self.assertLessEqual(np.abs(decoded(self.fetch(path))[..., 0] - grey).max(), 1 + DECODER_DIFFERENCE_MAX)
        bitonal = decoded(self.fetch(self.iiif(name, "600,800,300,200/max/0/bitonal.png")))
        self.assertEqual(set(np.unique(bitonal)), {0, 255})

    def test_a_tile_that_is_stored_is_the_same_bytes_by_every_way(self):
        for name in SLIDES:
            slide = self.slides[name]
            with tifffile.TiffFile(SAMPLES / "demo/slides" / name) as tiff:
                pages = sorted((page for page in tiff.pages if page.is_tiled), key=lambda page: -page.imagewidth)
                for level, page in zip(slide["levels"], pages, strict=True):
                    self.same_bytes(slide, level, page)

    def same_bytes(self, slide, level, page):
        w, h, factor = level["tile_width"], level["tile_height"], round(level["downsample"])
        x, y = level["width"] // w // 2, level["height"] // h // 2
        if (x + 1) * w > level["width"] or (y + 1) * h > level["height"]:
            return
        tile = self.fetch(f"/api/v1/slides/{slide['id']}/tiles/{level['level']}/{x}/{y}", "image/jpeg")
        part = f"{x * w * factor},{y * h * factor},{w * factor},{h * factor}"
        self.assertEqual(self.fetch(f"/iiif/3/{slide['id']}/{part}/{w},{h}/0/default.jpg", "image/jpeg"), tile)
        if w == h and factor & (factor - 1) == 0:
            last = (max(slide["width"], slide["height"]) - 1).bit_length()
            path = f"/api/v1/slides/{slide['id']}/dzi_files/{last - factor.bit_length() + 1}/{x}_{y}.jpg"
            self.assertEqual(self.fetch(path, "image/jpeg"), tile)
        frame = y * level["tiles_x"] + x + 1
        series = f"/dicom-web/studies/{slide['study_instance_uid']}/series/{slide['series_instance_uid']}"
        path = f"{series}/instances/{level['sop_instance_uid']}/frames/{frame}"
        status, body, kind = get(path, "image/jpeg;transfer-syntax=*")
        self.assertEqual((status, body), (200, tile), kind)
        # And what tifffile makes of the file is what anybody makes of the tile.
        theirs = page.decode(self.raw(page, frame - 1), frame - 1, jpegtables=page.jpegtables)[0].squeeze()
        self.assertLessEqual(np.abs(imagecodecs.jpeg8_decode(tile).astype(int) - theirs).max(), DECODER_DIFFERENCE_MAX)

    @staticmethod
    def raw(page, index):
        file = page.parent.filehandle
        file.seek(page.dataoffsets[index])
        return file.read(page.databytecounts[index])

    def test_deep_zoom_puts_the_slide_together(self):
        """All tiles of a level that nobody stores, as a client puts them: OpenSlide's pixels, averaged."""
        name = SLIDES[0]
        slide = self.slides[name]
        base = f"/api/v1/slides/{slide['id']}"
        image = ElementTree.fromstring(self.fetch(f"{base}/dzi.dzi", "application/xml"))
        space = "{http://schemas.microsoft.com/deepzoom/2008}"
        self.assertEqual(image.tag, f"{space}Image")
        self.assertEqual((image.get("Format"), image.get("Overlap")), ("jpg", "0"))
        size = image.find(f"{space}Size")
        self.assertEqual((int(size.get("Width")), int(size.get("Height"))), self.judges[name].dimensions)
        tile, last = int(image.get("TileSize")), (max(self.judges[name].dimensions) - 1).bit_length()
        for level, factor in ((last, 1), (last - 2, 4)):
            width, height = (-(-side // factor) for side in self.judges[name].dimensions)
            canvas = np.zeros((height, width, 3), int)
            for row in range(-(-height // tile)):
                for column in range(-(-width // tile)):
                    pixels = decoded(self.fetch(f"{base}/dzi_files/{level}/{column}_{row}.jpg", "image/jpeg"))
                    wanted = (min(tile, height - row * tile), min(tile, width - column * tile), 3)
                    self.assertEqual(pixels.shape, wanted, f"{level}/{column}_{row}")
                    canvas[row * tile : row * tile + wanted[0], column * tile : column * tile + wanted[1]] = pixels
            theirs = averaged(self.region(name, 0, 0, *self.judges[name].dimensions), factor)
            ours = canvas[: theirs.shape[0], : theirs.shape[1]]
            lost = io.BytesIO()
            Image.fromarray(theirs.astype(np.uint8)).save(lost, "JPEG", quality=90, subsampling=0)
            lost = np.abs(decoded(lost.getvalue()) - theirs).mean()
            # Stored tiles lose nothing; what is made loses what Pillow's encoder loses at this quality.
            most = DECODER_DIFFERENCE_MAX if factor == 1 else lost * JPEG_LOSS_FACTOR
            self.assertLess(np.abs(ours - theirs).mean(), most, level)
        self.assertEqual(decoded(self.fetch(f"{base}/dzi_files/0/0_0.jpg")).shape, (1, 1, 3))
        for place in (f"{last + 1}/0_0.jpg", f"{last}/99_0.jpg", f"{last}/0_0.png", f"{last}/0.jpg", "x/0_0.jpg"):
            self.assertEqual(get(f"{base}/dzi_files/{place}")[0], 404, place)

    def test_colours_are_converted_as_littlecms_converts_them(self):
        # Somebody else's profile, of larger colours: Adobe RGB, as rendered pictures carry it.
        slide = self.slides[SLIDES[0]]
        series = f"/dicom-web/studies/{slide['study_instance_uid']}/series/{slide['series_instance_uid']}"
        frame = f"{series}/instances/{slide['levels'][0]['sop_instance_uid']}/frames/1/rendered"
        adobe = Image.open(io.BytesIO(self.fetch(f"{frame}?accept=image/jpeg&iccprofile=adobergb"))).info["icc_profile"]
        region = self.region(SLIDES[0], 500, 500, 512, 512).astype(np.uint8)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "adobe.tif"
            options = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "compressionargs": {"level": 95}}
            tifffile.imwrite(path, region, iccprofile=adobe, **options)
            stored = tifffile.imread(path)
            import_files(path)
        slides = json.loads(self.fetch("/api/v1/slides"))["slides"]
        identifier = next(one["id"] for one in slides if one["source"] == "adobe.tif")
        self.assertEqual(self.fetch(f"/api/v1/slides/{identifier}/icc", "application/vnd.iccprofile").rstrip(b"\0"), adobe.rstrip(b"\0"))
        path = f"/iiif/3/{identifier}/full/max/0/default.png"
        plain, srgb = decoded(self.fetch(path)), decoded(self.fetch(f"{path}?icc=srgb"))
        self.assertLessEqual(np.abs(plain - stored).max(), DECODER_DIFFERENCE_MAX)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(adobe))
        wanted = ImageCms.profileToProfile(Image.fromarray(stored), profile, ImageCms.createProfile("sRGB"))
        off = np.abs(srgb - np.asarray(wanted).astype(int))
        # Where colours leave sRGB both clip, each in its own arithmetic.
        self.assertLess(off.mean(), 0.7)
        self.assertLessEqual(np.percentile(off, 99), 2)
        self.assertGreater(np.abs(srgb - plain).mean(), 1, "something was converted")
        tile = decoded(self.fetch(f"/api/v1/slides/{identifier}/tiles/0/1/1?icc=srgb"))
        self.assertLess(np.abs(tile - np.asarray(wanted).astype(int)[256:, 256:]).mean(), 3)

    def test_wado_rs_shows_the_slide_whole_or_the_part_of_a_viewport(self):
        for name in SLIDES:
            slide = self.slides[name]
            series = f"/dicom-web/studies/{slide['study_instance_uid']}/series/{slide['series_instance_uid']}"
            rendered = f"{series}/instances/{slide['levels'][0]['sop_instance_uid']}/rendered"
            whole = decoded(self.fetch(f"{rendered}?accept=image/png", "image/png"))
            width, height = self.judges[name].dimensions
            scale = min(1, 2048 / max(width, height))
            self.assertEqual(whole.shape, (round(height * scale), round(width * scale), 3))
            theirs = self.judges[name].get_thumbnail((whole.shape[1], whole.shape[0])).convert("RGB")
            theirs = np.asarray(theirs.resize((whole.shape[1], whole.shape[0]))).astype(int)
            self.assertLess(np.abs(whole - theirs).mean(), 6, name)
            thumbnail = rendered.replace("/rendered", "/thumbnail")
            small = decoded(self.fetch(f"{thumbnail}?accept=image/png"))
            self.assertEqual(max(small.shape[:2]), 256)
            theirs = np.asarray(Image.fromarray(whole.astype(np.uint8)).resize(small.shape[1::-1], Image.Resampling.BOX))
            self.assertLess(np.abs(small - theirs).mean(), 6, name)
            part = decoded(self.fetch(f"{rendered}?accept=image/png&viewport=300,200,600,800,300,200"))
            region = self.region(name, 600, 800, 300, 200)
            self.assertLessEqual(np.abs(part - region).max(), DECODER_DIFFERENCE_MAX, name)
            flipped = decoded(self.fetch(f"{rendered}?accept=image/png&viewport=300,200,600,800,-300,-200"))
            self.assertLessEqual(np.abs(flipped - region[::-1, ::-1]).max(), DECODER_DIFFERENCE_MAX, name)
            frame = decoded(self.fetch(rendered.replace("/rendered", "/frames/1/rendered?accept=image/png")))
            side = slide["tile_width"]
            self.assertLessEqual(np.abs(frame - self.region(name, 0, 0, side, side)).max(), DECODER_DIFFERENCE_MAX)
            for viewport in ("9000,9000", "100,100,0,0,99999999,10", "100,100,NaN,0,10,10", "0,10"):
                status, body, _ = get(f"{rendered}?viewport={viewport}")
                self.assertEqual((status, json.loads(body)["type"]), (400, "/problems/bad-request"), viewport)

    def test_info_says_only_what_is_true(self):
        for name in SLIDES:
            slide = self.slides[name]
            base = f"{demo()['base_url']}/iiif/3/{slide['id']}"
            body = self.fetch(f"/iiif/3/{slide['id']}/info.json", 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"')
            info = json.loads(body)
            self.assertEqual(info["id"], base)
            self.assertEqual((info["@context"], info["type"]), ("http://iiif.io/api/image/3/context.json", "ImageService3"))
            self.assertEqual((info["protocol"], info["profile"]), ("http://iiif.io/api/image", "level2"))
            self.assertEqual((info["width"], info["height"]), self.judges[name].dimensions)
            for size in info["sizes"]:
                w, h = size["width"], size["height"]
                self.assertEqual(decoded(self.fetch(f"/iiif/3/{slide['id']}/full/{w},{h}/0/default.jpg")).shape, (h, w, 3))
            for tiles in info["tiles"]:
                for factor in tiles["scaleFactors"]:
                    w, h = tiles["width"], tiles["height"]
                    if w * factor <= info["width"] and h * factor <= info["height"]:
                        path = f"/iiif/3/{slide['id']}/0,0,{w * factor},{h * factor}/{w},{h}/0/default.jpg"
                        level = next(l for l in slide["levels"] if round(l["downsample"]) == factor)
                        stored = self.fetch(f"/api/v1/slides/{slide['id']}/tiles/{level['level']}/0/0")
                        self.assertEqual(self.fetch(path), stored)

    def test_an_overview_is_an_image_of_its_own_for_its_own_hospital(self):
        slide = self.slides[SLIDES[0]]
        path = f"/iiif/3/{slide['id']}:overview"
        info = json.loads(self.fetch(f"{path}/info.json"))
        judge = self.judges[SLIDES[0]].associated_images["macro"]
        self.assertEqual((info["width"], info["height"]), judge.size)
        ours = decoded(self.fetch(f"{path}/full/max/0/default.png", "image/png"))
        self.assertLessEqual(np.abs(ours - np.asarray(judge.convert("RGB")).astype(int)).max(), DECODER_DIFFERENCE_MAX)
        for kind in ("label", "overview"):
            for rest in ("info.json", "full/max/0/default.jpg"):
                status, _, _ = get(f"/iiif/3/{slide['id']}:{kind}/{rest}", organisation=farsight.reading_centre())
                self.assertEqual(status, 404, kind)


if __name__ == "__main__":
    unittest.main()
