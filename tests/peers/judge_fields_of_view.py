"""Judges pictures of fields of view by the slide's own pixels, as OpenSlide decodes them.

Usage: judge_fields_of_view.py FOLDER SLIDE: plain.jpg, turned.jpg, mirrored.jpg, oblique.jpg and edge.jpg are what a window
of 600 × 500 pixels shows of the slide around (1000, 900), or around (2200, 900) at the edge.
"""

import sys
from pathlib import Path

import numpy as np
import openslide
from PIL import Image

# Both sides have been JPEG once more, or sampled between pixels.
CLOSE = 4.0


def picture(name: str) -> np.ndarray:
    return np.asarray(Image.open(Path(sys.argv[1]) / name).convert("RGB")).astype(float)


def expect_close(name: str, found: np.ndarray, expected: np.ndarray, most: float = CLOSE) -> None:
    assert found.shape == expected.shape, (name, found.shape, expected.shape)
    off = np.abs(found - expected).mean()
    print(f"{name}: {off:.2f} off")
    assert off < most, (name, off)


def main() -> None:
    slide = openslide.OpenSlide(sys.argv[2])
    region = slide.read_region((700, 650), 0, (600, 500)).convert("RGB")
    expected = np.asarray(region).astype(float)
    expect_close("plain", picture("plain.jpg"), expected)
    expect_close("turned", picture("turned.jpg"), np.rot90(expected, -1))
    expect_close("mirrored", picture("mirrored.jpg"), np.fliplr(expected))

    around = slide.read_region((400, 300), 0, (1200, 1200)).convert("RGB")
    turned = around.rotate(-30, resample=Image.Resampling.BILINEAR).crop((300, 350, 900, 850))
    expect_close("oblique", picture("oblique.jpg"), np.asarray(turned).astype(float), 8.0)

    edge = picture("edge.jpg")
    width, _ = slide.dimensions
    on_slide = width - 1900
    inside = np.asarray(slide.read_region((1900, 650), 0, (on_slide, 500)).convert("RGB")).astype(float)
    expect_close("edge", edge[:, : on_slide - 8], inside[:, : on_slide - 8])
    assert edge[:, on_slide + 16 :].std() < 3.0, "beyond the slide there is nothing"


if __name__ == "__main__":
    main()
