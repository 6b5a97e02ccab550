"""Judges the picture of a key image by the image's own pixels, as pydicom reads them.

Usage: judge_key_image.py IMAGE.dcm PICTURE.jpg VIEW: a JSON object with window_centre, window_width, rotation_deg (clockwise),
mirrored and inverted. The picture has as many pixels as the image.
"""

import json
import sys

import numpy as np
import pydicom
from PIL import Image

# The picture is JPEG of a quality of 90.
CLOSE = 5.0
# Any other window or way round.
FAR = 20.0


def seen(image: pydicom.Dataset, view: dict) -> np.ndarray:
    values = image.pixel_array.astype(float) * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0))
    centre, width = float(view["window_centre"]), float(view["window_width"])
    # PS3.3 C.11.2.1.2.1
    shades = np.clip(((values - (centre - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)
    # Inverted is what differs from the image's own look.
    if view["inverted"] != (image.PhotometricInterpretation == "MONOCHROME1"):
        shades = 255 - shades
    shades = np.rot90(shades, -int(view["rotation_deg"]) // 90)
    return np.fliplr(shades) if view["mirrored"] else shades


def main() -> None:
    image, view = pydicom.dcmread(sys.argv[1]), json.loads(sys.argv[3])
    picture = np.asarray(Image.open(sys.argv[2]).convert("L")).astype(float)
    off = np.abs(picture - seen(image, view)).mean()
    print(f"{off:.2f} off")
    assert off < CLOSE, off
    for change in [
        {"rotation_deg": str((int(view["rotation_deg"]) + 90) % 360)},
        {"mirrored": not view["mirrored"]},
        {"inverted": not view["inverted"]},
        {"window_centre": str(float(view["window_centre"]) + float(view["window_width"]))},
    ]:
        other = np.abs(picture - seen(image, view | change)).mean()
        assert other > FAR, (change, other)


if __name__ == "__main__":
    main()
