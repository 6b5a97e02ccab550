"""Tiles that browsers cannot show as they are stored, made into JPEG by the node: imagecodecs decodes what is stored and judges
what is shown. The slides are those of `dicom_slides.py`, lossless, so that what differs is what JPEG of that quality loses."""

import io
import json
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from farsight import SAMPLES, demo, get, import_files

BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
TILE, SHOWN_WITHIN_S = 128, 60
LOSS_FACTOR = 1.25
DECODERS = {
    "named": imagecodecs.jpeg2k_decode,
    "high": imagecodecs.htj2k_decode,
    "jpegls": imagecodecs.jpegls_decode,
    "plain": lambda frame: np.frombuffer(frame[: TILE * TILE * 3], np.uint8).reshape(TILE, TILE, 3),
}


def loss(pixels):
    """What Pillow's JPEG of the same quality loses on average."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90, subsampling=0)
    return np.abs(imagecodecs.jpeg8_decode(stream.getvalue()).astype(int) - pixels).mean()


class DerivedTiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        demo()
        with tempfile.TemporaryDirectory() as folder:
            slide = SAMPLES / "demo/slides/CMU-1-Small-Region.svs"
            script = Path(__file__).with_name("dicom_slides.py")
            subprocess.run([sys.executable, script, slide, folder], check=True)
            wanted = [*DECODERS, "fluor"]
            files = [path for path in sorted(Path(folder).glob("*.dcm")) if path.name.rsplit("-", 1)[0] in wanted]
            import_files(*files)
        end = time.monotonic() + SHOWN_WITHIN_S
        while True:
            slides = json.loads(get("/api/v1/slides")[1])["slides"]
            cls.slides = {slide["source"]: slide for slide in slides}
            if set(wanted) <= set(cls.slides):
                break
            assert time.monotonic() < end, f"{set(wanted)} against {set(cls.slides)}"
            time.sleep(0.2)

    def tile(self, name, rest, accept):
        status, body, kind = get(f"/api/v1/slides/{self.slides[name]['id']}/tiles/{rest}", accept)
        self.assertEqual(status, 200, f"{name} {rest}: {body[:300]!r}")
        return body, kind

    def test_what_is_shown_is_what_is_stored(self):
        for name, decode in DECODERS.items():
            for place in ("0/0/0", "0/2/1"):
                stored, kind = self.tile(name, place, "*/*")
                self.assertNotEqual(kind, "image/jpeg", name)
                shown, kind = self.tile(name, place, BROWSER)
                self.assertEqual(kind, "image/jpeg", name)
                pixels = decode(stored)
                off = np.abs(imagecodecs.jpeg8_decode(shown).astype(int) - pixels).mean()
                self.assertLess(off, loss(pixels) * LOSS_FACTOR + 0.3, f"{name} {place}")

    def test_shades_of_neighbours_match(self):
        """Twelve bits, shown by the window of the optical path: a straight line from stored values to shades, everywhere the same."""
        slide = self.slides["fluor"]
        [*channels] = slide["channels"]
        window = channels[0]["window"]
        low, high = window["low"], window["high"]
        for place in ("0/0/0", "0/1/1", "0/2/2"):
            stored, kind = self.tile("fluor", place, "*/*")
            decode = {"image/jls": imagecodecs.jpegls_decode, "image/j2c": imagecodecs.jpeg2k_decode}.get(kind)
            values = decode(stored) if decode else np.frombuffer(stored[: TILE * TILE * 2], "<u2").reshape(TILE, TILE)
            wanted = np.clip((values.astype(float) - low) / (high - low) * 255, 0, 255)
            shown, kind = self.tile("fluor", place, BROWSER)
            self.assertEqual(kind, "image/jpeg")
            pixels = imagecodecs.jpeg8_decode(shown)
            grey = pixels if pixels.ndim == 2 else pixels[..., 0]
            off = np.abs(grey.astype(int) - wanted).mean()
            self.assertLess(off, loss(wanted.round().astype(np.uint8)) * LOSS_FACTOR + 1, place)


if __name__ == "__main__":
    unittest.main()
