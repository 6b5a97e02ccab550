"""tifffile and openslide as judges of an imported slide: the scanner's tiles, untouched, in their places."""

import json
import random
import struct
import tempfile
import unittest
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from openslide import OpenSlide

from farsight import SAMPLES, demo, get, import_files

SLIDES = ["CMU-1-Small-Region.svs", "generated-pyramid.svs"]
TILES_COMPARED = 25


def scan(stream: bytes) -> bytes:
    """The entropy-coded part of a JPEG stream, from the first SOS segment on."""
    at = 2
    while stream[at + 1] != 0xDA:
        at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    return stream[at:].rstrip(b"\0")


def rgb(slide: OpenSlide, level: int, place: tuple[int, int]) -> np.ndarray:
    """256 x 256 pixels of a level, from a place counted in the level's own pixels."""
    x, y = (int(at * slide.level_downsamples[level]) for at in place)
    return np.asarray(slide.read_region((x, y), level, (256, 256)).convert("RGB")).astype(int)


class Slides(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        demo()
        import_files(*(SAMPLES / "demo/slides" / name for name in SLIDES))
        status, body, _ = get("/api/v1/slides")
        assert status == 200, body
        cls.slides = {slide["source"]: slide for slide in json.loads(body)["slides"]}

    def tile(self, slide, level, x, y):
        status, body, kind = get(f"/api/v1/slides/{slide['id']}/tiles/{level}/{x}/{y}")
        self.assertEqual((status, kind), (200, "image/jpeg"))
        return body

    def levels(self, name):
        """(slide, level, TIFF page) for each level."""
        slide = self.slides[name]
        with tifffile.TiffFile(SAMPLES / "demo/slides" / name) as tiff:
            pages = sorted((page for page in tiff.pages if page.is_tiled), key=lambda page: -page.imagewidth)
            self.assertEqual([level["width"] for level in slide["levels"]], [page.imagewidth for page in pages])
            for level, page in zip(slide["levels"], pages, strict=True):
                yield slide, level, page

    def test_size_and_scale_are_the_scanners(self):
        for name in SLIDES:
            slide, judge = self.slides[name], OpenSlide(SAMPLES / "demo/slides" / name)
            self.assertEqual((slide["width"], slide["height"]), judge.dimensions)
            self.assertAlmostEqual(slide["mpp_um"]["x"], float(judge.properties["openslide.mpp-x"]), places=4)
            self.assertEqual(slide["objective"], float(judge.properties["openslide.objective-power"]))

    def test_scans_of_random_tiles_are_those_of_the_file(self):
        rng = random.Random(3)
        for name in SLIDES:
            for slide, level, page in self.levels(name):
                every = [(x, y) for y in range(level["tiles_y"]) for x in range(level["tiles_x"])]
                for x, y in rng.sample(every, min(TILES_COMPARED, len(every))):
                    index = y * level["tiles_x"] + x
                    file = page.parent.filehandle
                    file.seek(page.dataoffsets[index])
                    original = file.read(page.databytecounts[index])
                    served = self.tile(slide, level["level"], x, y)
                    self.assertEqual(scan(served), scan(original), f"{name} {level['level']}/{x}/{y}")

    def test_a_browser_sees_the_colours_that_openslide_sees(self):
        for name in SLIDES:
            judge = OpenSlide(SAMPLES / "demo/slides" / name)
            slide = self.slides[name]
            x, y = slide["levels"][0]["tiles_x"] // 2, slide["levels"][0]["tiles_y"] // 2
            width, height = slide["tile_width"], slide["tile_height"]
            wanted = np.asarray(judge.read_region((x * width, y * height), 0, (width, height)).convert("RGB"))
            seen = imagecodecs.jpeg8_decode(self.tile(slide, 0, x, y))
            self.assertLess(np.abs(seen.astype(int) - wanted).mean(), 1.5, name)

    def test_openslide_reads_what_leaves_as_dicom_as_it_reads_the_scanners_file(self):
        for name in SLIDES:
            study = f"/dicom-web/studies/{self.slides[name]['study_instance_uid']}"
            _, listed, _ = get(f"{study}/instances", "application/dicom+json")
            with tempfile.TemporaryDirectory() as folder:
                for number, instance in enumerate(json.loads(listed)):
                    series, uid = (instance[tag]["Value"][0] for tag in ("0020000E", "00080018"))
                    one = f"{study}/series/{series}/instances/{uid}"
                    status, file, _ = get(one, "application/dicom; transfer-syntax=*")
                    self.assertEqual(status, 200)
                    path = Path(folder) / f"{number}.dcm"
                    path.write_bytes(file)
                ours, scanners = OpenSlide(path), OpenSlide(SAMPLES / "demo/slides" / name)
                self.assertEqual(ours.level_dimensions, scanners.level_dimensions)
                self.assertNotIn("label", ours.associated_images)
                for level, (width, height) in enumerate(ours.level_dimensions):
                    place = (width // 3, height // 3)
                    same = np.array_equal(rgb(ours, level, place), rgb(scanners, level, place))
                    self.assertTrue(same, f"{name} {level}")
                ours.close()

    def test_a_tile_outside_the_slide_is_not_found(self):
        slide = self.slides[SLIDES[0]]
        for place in ("0/999/0", "0/0/999", "99/0/0"):
            self.assertEqual(get(f"/api/v1/slides/{slide['id']}/tiles/{place}")[0], 404, place)


if __name__ == "__main__":
    unittest.main()
