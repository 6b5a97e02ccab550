"""Judges one imported slide by other people's readers: its tiles are the file's (grade A) or have its coefficients
(grade B), in their places and colours.

judge_scanner.py BASE_URL TOKEN SLIDE_ID FILE
"""

import io
import itertools
import json
import struct
import sys
import urllib.request

import imagecodecs
import numpy as np
import tifffile
from openslide import OpenSlide, OpenSlideError
from PIL import Image

MEAN_DIFFERENCE_MAX = 1.5
# A second lossy generation, and chroma halved.
MEAN_DIFFERENCE_MAX_C = 3


class Node:
    def __init__(self, base, token, slide):
        self.base, self.token, self.slide = base, token, slide
        self.facts = json.loads(self.get(""))

    def get(self, path):
        request = urllib.request.Request(f"{self.base}/api/v1/slides/{self.slide}{path}")
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def tile(self, level, x, y, plane=None):
        return self.get(f"/tiles/{level}/{x}/{y}" + ("" if plane is None else f"?z={plane['z']}"))


def scan(stream):
    """A JPEG from its SOS segment on; anything else as it is. Padding of the fragment is left out."""
    if stream[:2] != b"\xff\xd8":
        return stream
    at = 2
    while stream[at + 1] != 0xDA:
        at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    return stream[at:].rstrip(b"\0")


def codestream(tile):
    """The codestream in a JP2 file, or the tile itself."""
    at = tile.find(b"\xff\x4f\xff\x51")
    return tile[at:] if tile[4:8] == b"jP  " else tile


def z_nm(page):
    """Height of a focal plane (Hamamatsu)."""
    return page.tags.valueof(65424, 0)


def pages_of(tiff):
    for page in tiff.pages:
        yield page
        yield from page.pages or []


def tiles_are_the_files(node, path):
    """Every tile of every level, byte by byte, at the place that tifffile finds it; missing ones are white."""
    checked = missing = 0
    with tifffile.TiffFile(path) as tiff:
        tiled = [page for page in pages_of(tiff) if page.is_tiled]
        for level in node.facts["levels"]:
            size = (level["tile_width"], level["tile_height"])
            padded = tuple(-(-level[side] // tile) * tile for side, tile in zip(("width", "height"), size, strict=True))
            sizes = {(page.imagewidth, page.imagelength): page for page in reversed(tiled)}
            page = sizes.get((level["width"], level["height"])) or sizes[padded]
            assert (page.tilewidth, page.tilelength) == size
            across = -(-page.imagewidth // page.tilewidth)
            for y in range(level["tiles_y"]):
                for x in range(level["tiles_x"]):
                    served = node.tile(level["level"], x, y)
                    count = page.databytecounts[y * across + x]
                    if count == 0:
                        assert (imagecodecs.jpeg8_decode(served) == 255).all(), "a missing tile is not white"
                        missing += 1
                        continue
                    tiff.filehandle.seek(page.dataoffsets[y * across + x])
                    original = codestream(tiff.filehandle.read(count))
                    wanted, got = scan(original), scan(served)
                    assert got == wanted or got == wanted + b"\0", f"tile {level['level']}/{x}/{y} differs"
                    checked += 1
    report = node.facts["grade_report"]
    assert (report["tiles_checked"], report["filled"]) == (checked, missing), (report, checked, missing)
    print(f"{checked} tiles are the file's, {missing} are missing in it")


def decoded(node, tile):
    if tile[:2] == b"\xff\xd8":
        return imagecodecs.jpeg8_decode(tile)
    if tile[:2] == b"\xff\x0a" or tile[4:8] == b"JXL ":
        return imagecodecs.jpegxl_decode(tile)
    pixels = imagecodecs.jpeg2k_decode(tile)
    # Without a colour transform of its own (COD, MCT) the components are what the scanner's file calls them.
    at = tile.find(b"\xff\x52")
    if tile[at + 8] == 0 and "33003" in node.facts["source"]:
        return np.asarray(Image.fromarray(pixels, "YCbCr").convert("RGB"))
    return pixels


def pixels_are_in_place(node, path):
    """Tiles of the middle of each level against what a reader of the file shows there."""
    try:
        slide = OpenSlide(path)
        if len(slide.level_dimensions) < len(node.facts["levels"]):
            slide = None
        else:
            # OpenSlide takes a Hamamatsu file with 4:2:0 for broken, which tifffile and libjpeg read.
            slide.read_region((0, 0), 0, (16, 16))
    except OpenSlideError:
        slide = None
    for level in node.facts["levels"]:
        x, y = level["tiles_x"] // 2, level["tiles_y"] // 2
        left, top = x * level["tile_width"], y * level["tile_height"]
        width, height = min(level["tile_width"], level["width"] - left), min(level["tile_height"], level["height"] - top)
        seen = decoded(node, node.tile(level["level"], x, y))[:height, :width].astype(int)
        if slide is None:
            with tifffile.TiffFile(path) as tiff:
                page = next(page for page in pages_of(tiff) if page.imagewidth == level["width"] and z_nm(page) == 0)
                wanted = page.asarray()[top : top + height, left : left + width]
        else:
            number = next(
                number for number, factor in enumerate(slide.level_downsamples)
                if abs(factor / level["downsample"] - 1) < 0.02
            )  # fmt: skip
            corner = [
                int(slide.properties.get(f"openslide.bounds-{side}", 0)) + round(place * level["downsample"])
                for side, place in (("x", left), ("y", top))
            ]
            wanted = np.asarray(slide.read_region(corner, number, (width, height)).convert("RGB"))
        difference = np.abs(seen - wanted).mean()
        most = MEAN_DIFFERENCE_MAX_C if node.facts["grade"] == "C" else MEAN_DIFFERENCE_MAX
        assert difference < most, f"level {level['level']} differs by {difference:.2f} on average"
    if slide is not None:
        for name in ("x", "y"):
            ours, theirs = node.facts["mpp_um"], slide.properties.get(f"openslide.mpp-{name}")
            # No microscope has a pixel of five nanometres: OpenSlide believes what some library wrote unasked.
            is_plausible = theirs is not None and float(theirs) > 0.01
            assert not is_plausible or abs(ours[name] - float(theirs)) < 1e-4, (ours, theirs)
        power = slide.properties.get("openslide.objective-power")
        assert power is None or node.facts["objective"] == float(power), (power, node.facts["objective"])
    print("pixels agree")


def planes(stream):
    """Y, Cb and Cr of a JPEG, as libjpeg has them before it converts colours."""
    picture = Image.open(io.BytesIO(stream))
    picture.draft("YCbCr", picture.size)
    assert picture.mode == "YCbCr"
    return np.asarray(picture)


def coefficients_are_the_files(node, path):
    """Equal coefficients and quantisers decode to equal samples. Luma is never interpolated: it is compared whole, and
    so is chroma where it is not subsampled."""
    with tifffile.TiffFile(path) as tiff:
        for level, plane in itertools.product(node.facts["levels"], node.facts["focal_planes"] or [None]):
            height = 0 if plane is None else round(plane["z_um"] * 1000)
            page = next(page for page in tiff.pages if page.imagewidth == level["width"] and z_nm(page) == height)
            place = page.tags[273].value[0], page.tags[279].value[0]
            tiff.filehandle.seek(place[0])
            stream = tiff.filehandle.read(place[1])
            whole = planes(stream)
            is_subsampled = stream[stream.find(b"\xff\xc0") + 11] != 0x11
            for y in range(level["tiles_y"]):
                for x in range(level["tiles_x"]):
                    left, top = x * level["tile_width"], y * level["tile_height"]
                    wanted = whole[top : top + level["tile_height"], left : left + level["tile_width"]]
                    got = planes(node.tile(level["level"], x, y, plane))
                    assert got.shape[:2] == (level["tile_height"], level["tile_width"])
                    got = got[: wanted.shape[0], : wanted.shape[1]]
                    compared = slice(0, 1) if is_subsampled else slice(0, 3)
                    assert (got[..., compared] == wanted[..., compared]).all(), f"{level['level']}/{x}/{y} differs"
    print("coefficients are the file's")


def main(base, token, slide, path):
    node = Node(base, token, slide)
    if node.facts["grade"] == "A":
        tiles_are_the_files(node, path)
    elif node.facts["grade"] == "B":
        coefficients_are_the_files(node, path)
    pixels_are_in_place(node, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
