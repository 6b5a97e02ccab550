"""Opens folders of DICOM files with wsidicom and compares a region in the middle of each level with what a reader of the
scanner's file shows there.

judge_files.py FOLDER FILE [FOLDER FILE …]
"""

import sys
import warnings

import numpy as np
import tifffile
from judge_scanner import MEAN_DIFFERENCE_MAX_C, pages_of
from openslide import OpenSlide, OpenSlideError
from wsidicom import WsiDicom

SIDE = 200


def regions(path, sizes):
    """A function that reads a region of a level by its size, from whichever reader knows the file."""
    try:
        slide = OpenSlide(path)
        slide.read_region((0, 0), 0, (16, 16))
        numbers = {size: number for number, size in enumerate(slide.level_dimensions)}
        bounds = [int(slide.properties.get(f"openslide.bounds-{side}", 0)) for side in "xy"]
        for size in sizes:
            near = [number for known, number in numbers.items() if abs(known[0] - size[0]) <= 1 or any(bounds)]
            if not near:
                raise OpenSlideError("a level that it does not show")
    except OpenSlideError:
        slide = None

    def read(size, factor, left, top, width, height):
        if slide is None:
            with tifffile.TiffFile(path) as tiff:
                page = next(page for page in pages_of(tiff) if page.imagewidth == size[0])
                return page.asarray()[top : top + height, left : left + width]
        number = min(range(slide.level_count), key=lambda n: abs(slide.level_downsamples[n] - factor))
        corner = [bound + round(place * factor) for bound, place in zip(bounds, (left, top), strict=True)]
        return np.asarray(slide.read_region(corner, number, (width, height)).convert("RGB"))

    return read


def main(*arguments):
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    wrong = []
    for folder, path in pairs:
        with WsiDicom.open(folder) as slide:
            sizes = [(level.size.width, level.size.height) for level in slide.pyramids[0]]
            read = regions(path, sizes)
            for level, size in zip(slide.pyramids[0], sizes, strict=True):
                width, height = min(SIDE, size[0]), min(SIDE, size[1])
                left, top = (size[0] - width) // 2, (size[1] - height) // 2
                # Of focal planes the one that other readers show: what wsidicom shows unasked is not always the middle one.
                z = 0.0 if len(level.focal_planes) > 1 else None
                seen = slide.read_region((left, top), level.level, (width, height), z=z)
                seen = np.asarray(seen.convert("RGB"))
                wanted = read(size, sizes[0][0] / size[0], left, top, width, height)
                difference = np.abs(seen.astype(int) - wanted).mean()
                if difference >= MEAN_DIFFERENCE_MAX_C:
                    wrong.append(f"{path}: {size} differs by {difference:.2f} on average")
    assert not wrong, "\n".join(wrong)
    print(f"{len(pairs)} slides agree")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
