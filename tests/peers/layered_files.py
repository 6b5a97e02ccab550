"""Writes slide files of several layers: focal planes of Hamamatsu's, channels of fluorescence in 16 bits by tifffile.

layered_files.py SLIDE FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import tifffile
from openslide import OpenSlide
from scanner_files import hamamatsu

NAMES = ["DAPI", "FITC", "Cy5"]
# Signed 32 bits of red, green, blue and opacity; white is what OME takes for granted.
COLOURS = [0x0000FFFF, 0x00FF00FF, -1]
EXCITATION_NM = [358, 490, 650]


def light(image, planes=1):
    """(channel, plane, row, column) of 16 bits that use all of them, each another picture."""
    shade = image.astype(np.uint32).sum(axis=2)
    turned = [shade, shade[::-1], shade[:, ::-1]]
    noise = np.random.default_rng(7).integers(0, 64, shade.shape, dtype=np.uint32)
    return np.stack([
        np.stack([((765 - each) * (60 + 20 * plane) + noise).clip(0, 65535).astype(np.uint16) for plane in range(planes)])
        for each in turned
    ])  # fmt: skip


def fluorescence(path, pixels, byteorder="<", **options):
    """An OME-TIFF whose channels and planes have their smaller levels in SubIFDs."""
    count = pixels.shape[0]
    facts = {
        "axes": "CZYX", "Name": "scan", "PhysicalSizeX": 0.325, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.325,
        "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 0.75, "PhysicalSizeZUnit": "µm",
        "Channel": {
            "Name": NAMES[:count], "Color": COLOURS[:count], "ExcitationWavelength": EXCITATION_NM[:count],
            "ExcitationWavelengthUnit": ["nm"] * count,
        },
    }  # fmt: skip
    with tifffile.TiffWriter(path, bigtiff=True, ome=True, byteorder=byteorder) as tiff:
        options = {"tile": (256, 256), "photometric": "minisblack", **options}
        tiff.write(pixels, subifds=2, metadata=facts, **options)
        for factor in (2, 4):
            tiff.write(pixels[..., ::factor, ::factor], subfiletype=1, **options)


def shades(path, pixels):
    """A TIFF of one channel in 16 bits that says nothing of it."""
    with tifffile.TiffWriter(path) as tiff:
        for number in range(2):
            level = pixels[0, 0, :: 2**number, :: 2**number]
            tiff.write(level, tile=(208, 176), photometric="minisblack", metadata=None, subfiletype=number)


def main(slide, folder):
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    source = OpenSlide(slide)
    image = np.ascontiguousarray(np.asarray(source.read_region((0, 0), 0, source.dimensions).convert("RGB")))
    hamamatsu(out / "planes.ndpi", image, 1, planes=(-1500, 0, 1500))
    hamamatsu(out / "uneven.ndpi", image, 0, planes=(-1500, 0, 4000))
    part = image[:700, :900]
    fluorescence(out / "plain.ome.tif", light(part))
    fluorescence(out / "plain-planes.ome.tif", light(part, 3)[:2])
    fluorescence(out / "big-endian.ome.tif", light(part), byteorder=">")
    fluorescence(out / "lzw.ome.tif", light(part), compression="lzw", predictor=True)
    fluorescence(out / "deflate.ome.tif", light(part), compression="zlib")
    fluorescence(out / "jpeg-2000.ome.tif", light(part), compression="jpeg2000")
    shades(out / "shades.tif", light(part))


if __name__ == "__main__":
    main(*sys.argv[1:])
