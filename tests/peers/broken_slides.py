"""Writes files that call themselves slides: each is sound in its form, and lies about what it holds.

broken_slides.py SLIDE FOLDER
"""

import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
from scanner_files import ASCII, JPEG, LONG, LONG8, SHORT, YCBCR, Tiff, jpeg

APERIO = "Aperio Image Library v12.0.15 \r\n128x128 (64x64) JPEG/RGB Q=80|AppMag = 20|MPP = 0.5"


def directory(tiff, **changes):
    """A level of 128 × 128 pixels of which some fields are others."""
    fields = {
        256: (LONG, [128]), 257: (LONG, [128]), 258: (SHORT, [8, 8, 8]), 259: (SHORT, [JPEG]), 262: (SHORT, [YCBCR]),
        270: (ASCII, APERIO), 277: (SHORT, [3]), 322: (LONG, [64]), 323: (LONG, [64]), 324: (LONG8, [16] * 4),
        325: (LONG, [10] * 4),
    }  # fmt: skip
    fields.update({int(tag[1:]): value for tag, value in changes.items()})
    tiff.directory([(tag, kind, values) for tag, (kind, values) in fields.items()])


def sized(data, side):
    """A JPEG whose header says that it has so many pixels a side."""
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", side, side) + data[at + 9 :]


def main(slide, folder):
    out = Path(folder)
    whole = Path(slide).read_bytes()
    (out / "cut.svs").write_bytes(whole[: len(whole) // 2])
    (out / "head.svs").write_bytes(whole[:100])
    (out / "text.svs").write_bytes(b"II*\0\xff\xff\xff\xffnot a slide")
    # The first directory says that the next one is itself.
    (out / "endless.tiff").write_bytes(whole[:4] + struct.pack("<I", 8) + whole[8:4096])
    # A sound archive of something else.
    with zipfile.ZipFile(out / "zip.svs", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("报告.txt", "not a slide\n" * 100_000)

    tiles = Tiff("big")
    directory(tiles, t256=(LONG, [1 << 31]), t257=(LONG, [1 << 31]), t322=(LONG, [1 << 15]), t323=(LONG, [1 << 15]))
    tiles.write(out / "2to32-tiles.svs")
    none = Tiff("big")
    directory(none, t322=(LONG, [0]))
    none.write(out / "zero-tiles.svs")
    outside = Tiff("big")
    directory(outside, t324=(LONG8, [1 << 40] * 4))
    outside.write(out / "outside.svs")
    huge = Tiff("big")
    directory(huge, t325=(LONG, [(1 << 32) - 1] * 4))
    huge.write(out / "huge-tile.svs")
    lying = Tiff("big")
    grey = np.full((128, 128, 3), 200, np.uint8)
    lying.tiled(grey, (64, 64), lambda tile: sized(jpeg(np.ascontiguousarray(tile)), 65535), JPEG, YCBCR,
                [(270, ASCII, APERIO)])  # fmt: skip
    lying.write(out / "lying-jpeg.svs")


if __name__ == "__main__":
    main(*sys.argv[1:])
