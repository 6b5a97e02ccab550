"""Judges what a node puts together of fluorescence channels, tiles and IIIF pictures, by arithmetic of NumPy's on the pixels
that were sent.

judge_channels.py BASE_URL TOKEN SLIDE_ID FLUOR_NPZ
"""

import io
import json
import sys
import urllib.request
from urllib.parse import quote, urlencode

import numpy as np
from PIL import Image

# A JPEG for the eye, of a narrow window: what it loses is noise, which the means of blocks do not see.
MEAN_DIFFERENCE_MAX = 6.0
BLOCK_DIFFERENCE_MAX = 4.0


def get(base, token, path):
    request = urllib.request.Request(base + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return answer.read(), answer.headers


def composed(pixels, channels):
    """Window, colour, sum."""
    out = np.zeros((*next(iter(pixels.values())).shape, 3))
    for name, colour, low, high in channels:
        light = np.clip((pixels[name].astype(float) - low) / (high - low), 0, 1)
        out += light[..., None] * np.array([int(colour[at : at + 2], 16) for at in (0, 2, 4)])
    return np.clip(out, 0, 255)


def blocks(pixels, side=8):
    """Means of whole blocks."""
    rows, columns = (length // side for length in pixels.shape[:2])
    return pixels[: rows * side, : columns * side].reshape(rows, side, columns, side, 3).mean(axis=(1, 3))


def main(base, token, slide, path):
    facts = json.loads(get(base, token, f"/api/v1/slides/{slide}")[0])
    arrays = np.load(path)
    names = {channel["path"]: channel["path"].split(":")[0] for channel in facts["channels"]}
    usual = [(names[c["path"]], c["color"], c["window"]["low"], c["window"]["high"]) for c in facts["channels"]]
    chosen = [("cy5", "FF00FF", 0, 3000), ("fitc", "00FF80", 500, 2000)]
    by_name = {name: path for path, name in names.items()}

    def written(channels):
        def escaped(text):
            return text.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")

        return ",".join(f"{escaped(by_name[name])}:{colour}:{low}-{high}" for name, colour, low, high in channels)

    assert written(usual) == facts["composition"], (written(usual), facts["composition"])
    for level in facts["levels"]:
        pixels = {name: arrays[f"{name}_{level['level']}"] for name in names.values()}
        for channels in (usual, chosen):
            wanted = composed(pixels, channels)
            for y in range(level["tiles_y"]):
                for x in range(level["tiles_x"]):
                    query = "?channels=" + quote(written(channels))
                    body, headers = get(base, token, f"/api/v1/slides/{slide}/tiles/{level['level']}/{x}/{y}{query}")
                    assert headers["Content-Type"] == "image/jpeg" and "channels" in headers["Farsight-Derived"]
                    seen = np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(float)
                    top, left = y * level["tile_height"], x * level["tile_width"]
                    part = wanted[top : top + seen.shape[0], left : left + seen.shape[1]]
                    seen = seen[: part.shape[0], : part.shape[1]]
                    place = f"{level['level']}/{x}/{y}"
                    difference = np.abs(seen - part).mean()
                    assert difference < MEAN_DIFFERENCE_MAX, f"{place}: {difference:.2f} on average"
                    difference = np.abs(blocks(seen) - blocks(part)).max()
                    assert difference < BLOCK_DIFFERENCE_MAX, f"{place}: {difference:.2f} in a block"
        judge_picture(base, token, slide, level, pixels, written(chosen), chosen, level["level"] == 0)
    print("channels agree")


def judge_picture(base, token, slide, level, pixels, text, channels, is_first):
    """The whole level by IIIF, without loss, of channels that the identifier names: pixel by pixel."""
    image = quote(f"{slide};" + urlencode({"channels": text}), safe=";=&")
    info = json.loads(get(base, token, f"/iiif/3/{image}/info.json")[0])
    shown = [service["shown"] for service in info["service"] if service.get("type") == "FarsightSlide"]
    assert shown[0]["channels"] == text and info["id"].endswith(image), info
    if is_first:
        assert (info["width"], info["height"]) == (level["width"], level["height"])
    body, headers = get(base, token, f"/iiif/3/{image}/full/{level['width']},{level['height']}/0/default.png")
    assert "channels=" in headers["Farsight-Derived"], headers
    seen = np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(float)
    difference = np.abs(seen - composed(pixels, channels)[: level["height"], : level["width"]]).max()
    # Each channel is rounded before it is added.
    assert difference <= len(channels), f"IIIF, level {level['level']}: {difference:.2f} in a pixel"


if __name__ == "__main__":
    main(*sys.argv[1:])
