"""Judges a slide of several focal planes or channels by tifffile, pydicom and wsidicom: the exported instances hold every
layer of every level of the file, sample for sample.

judge_layers.py FOLDER FILE
"""

import sys
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import tifffile
from judge_scanner import planes as components
from pydicom.encaps import generate_frames
from wsidicom import WsiDicom


def arrays(path, heights):
    """Of every level an array of (channel, plane, row, column[, colour]), as tifffile reads the file; of NDPI in Y, Cb, Cr."""
    with tifffile.TiffFile(path) as tiff:
        if tiff.is_ndpi:
            pages = [page for page in tiff.pages if page.tags.valueof(65421) > 0]
            assert "Z" in tiff.series[0].axes, tiff.series[0]
            # Where they could not be kept together, it is the one in focus.
            pages = [page for page in pages if heights > 1 or page.tags.valueof(65424) == 0]
            found = {}
            for page in sorted(pages, key=lambda page: page.tags.valueof(65424)):
                tiff.filehandle.seek(page.tags[273].value[0])
                stream = tiff.filehandle.read(page.tags[279].value[0])
                found.setdefault(page.imagewidth, []).append(components(stream))
            return [np.stack(found[width])[None] for width in sorted(found, reverse=True)]
        series = tiff.series[0]
        levels = [series.levels[number] for number in range(len(series.levels))] if series.is_pyramidal else None
        pictures = [level.asarray() for level in levels] if levels else [page.asarray() for page in tiff.pages]
        axes = series.axes
        for axis in "CZ":
            if axis not in axes:
                at = 0 if axis == "C" else axes.index("Y")
                pictures = [np.expand_dims(picture, at) for picture in pictures]
                axes = axes[:at] + axis + axes[at:]
        assert axes == "CZYX", axes
        return pictures


def frames_of(instance):
    """Decoded frames."""
    syntax = instance.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        shape = (int(instance.NumberOfFrames), instance.Rows, instance.Columns)
        yield from np.frombuffer(instance.PixelData, "<u2" if instance.BitsAllocated == 16 else "u1").reshape(shape)
        return
    for frame in generate_frames(instance.PixelData, number_of_frames=int(instance.NumberOfFrames)):
        if syntax.endswith(".4.80"):
            yield imagecodecs.jpegls_decode(frame)
        elif syntax.endswith((".4.90", ".4.91")):
            yield imagecodecs.jpeg2k_decode(frame)
        else:
            yield components(frame)


def judge_level(instance, wanted):
    """TILED_FULL: tiles row by row, then focal planes, then optical paths (PS3.3 §C.7.6.17.3)."""
    paths, heights = wanted.shape[:2]
    assert instance.DimensionOrganizationType == "TILED_FULL"
    assert (instance.NumberOfOpticalPaths, instance.TotalPixelMatrixFocalPlanes) == (paths, heights)
    frames = frames_of(instance)
    rows, columns = instance.Rows, instance.Columns
    height, width = instance.TotalPixelMatrixRows, instance.TotalPixelMatrixColumns
    # Chroma that is subsampled is interpolated, also across what becomes a border of tiles.
    compared = slice(0, 1) if instance.PhotometricInterpretation == "YBR_FULL_422" else slice(None)
    for path in range(paths):
        for plane in range(heights):
            layer = wanted[path, plane]
            assert layer.shape[:2] == (height, width), (layer.shape, height, width)
            for top in range(0, height, rows):
                for left in range(0, width, columns):
                    part = layer[top : top + rows, left : left + columns]
                    frame = next(frames)[: part.shape[0], : part.shape[1]]
                    is_equal = (frame == part) if part.ndim == 2 else (frame[..., compared] == part[..., compared])
                    assert is_equal.all(), f"path {path}, plane {plane}, {left}/{top} differs"
    assert next(frames, None) is None


def main(folder, path):
    instances = [pydicom.dcmread(file) for file in Path(folder).iterdir()]
    volumes = [instance for instance in instances if instance.ImageType[2] == "VOLUME"]
    volumes.sort(key=lambda instance: -instance.TotalPixelMatrixColumns)
    wanted = arrays(path, volumes[0].TotalPixelMatrixFocalPlanes)
    assert len(volumes) == len(wanted), (len(volumes), len(wanted))
    for instance, level in zip(volumes, wanted, strict=True):
        judge_level(instance, level)
    with WsiDicom.open(folder) as slide:
        level = slide.pyramids[0][0]
        heights, paths = sorted(level.focal_planes), list(level.optical_paths)
        assert (len(paths), len(heights)) == wanted[0].shape[:2], (paths, heights)
        for number, name in enumerate(sorted(paths)):
            for plane, z in enumerate(heights):
                seen = np.asarray(slide.read_region((100, 120), 0, (300, 200), z=z, path=name))
                part = wanted[0][number, plane][120:320, 100:400]
                if seen.ndim == 2:
                    assert (seen == part).all(), f"wsidicom shows something else of path {name} at {z}"
    print("heights", *[float(z) for z in heights])
    print(f"{sum(level.shape[0] * level.shape[1] for level in wanted)} layers agree")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
