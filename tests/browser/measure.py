"""What a measurement should say, from the pixels of the file: `measure.py FOLDER MEASUREMENT`, prints JSON."""

import json
import sys
from pathlib import Path

import numpy as np
import pydicom


def image_of(folder: Path, instance: str) -> pydicom.Dataset:
    for path in sorted(folder.rglob("*.dcm")):
        if pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID == instance:
            return pydicom.dcmread(path)
    raise SystemExit(f"no file has the instance {instance}")


def main() -> None:
    folder, measurement = Path(sys.argv[1]), json.loads(sys.argv[2])
    ds = image_of(folder, measurement["instance"])
    values = ds.pixel_array * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
    row_mm, column_mm = (float(mm) for mm in ds.PixelSpacing)
    # (0.5, 0.5) is the middle of the first pixel.
    points = np.array(measurement["points"], dtype=float)
    y, x = np.mgrid[0 : values.shape[0], 0 : values.shape[1]] + 0.5
    kind = measurement["kind"]
    if kind in ("length", "ratio"):
        (x0, y0), (x1, y1) = points
        found = {"length": float(np.hypot((x1 - x0) * column_mm, (y1 - y0) * row_mm))}
    elif kind in ("angle", "cobb"):
        # At the second of three points; between two lines.
        mm = points * (column_mm, row_mm)
        first, second = (mm[0] - mm[1], mm[2] - mm[1]) if kind == "angle" else (mm[1] - mm[0], mm[3] - mm[2])
        cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
        degrees = float(np.degrees(np.arccos(cosine)))
        # Lines have no direction.
        found = {"angle": degrees if kind == "angle" else min(degrees, 180 - degrees)}
    elif kind == "probe":
        column, row = np.floor(points[0]).astype(int)
        found = {"pixel_value": float(values[row, column])}
    else:
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        a, b = (right - left) / 2, (bottom - top) / 2
        if kind == "ellipse":
            inside = ((x - (left + a)) / a) ** 2 + ((y - (top + b)) / b) ** 2 <= 1
            area = np.pi * a * column_mm * b * row_mm
        else:
            inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
            area = 4 * a * column_mm * b * row_mm
        chosen = values[inside]
        found = {"area": float(area), "mean": float(chosen.mean()), "standard_deviation": float(chosen.std())}
    print(json.dumps(found))


main()
