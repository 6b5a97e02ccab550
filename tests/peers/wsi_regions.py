"""Opens a slide with wsidicom over DICOMweb and compares regions with what openslide reads from the scanner's file.

wsi_regions.py BASE_URL TOKEN STUDY SERIES FILE
"""

import random
import sys

import numpy as np
from dicomweb_client.api import DICOMwebClient
from openslide import OpenSlide
from wsidicom import WsiDicom, WsiDicomWebClient

REGIONS, SIZE = 12, 300
MEAN_DIFFERENCE_MAX = 1.5


def main(base: str, token: str, study: str, series: str, path: str) -> None:
    web = DICOMwebClient(f"{base}/dicom-web", headers={"Authorization": f"Bearer {token}"})
    judge, rng = OpenSlide(path), random.Random(7)
    with WsiDicom.open_web(WsiDicomWebClient(web), study, series) as slide:
        assert (slide.size.width, slide.size.height) == judge.dimensions, slide.size
        for _ in range(REGIONS):
            x, y = rng.randrange(judge.dimensions[0] - SIZE), rng.randrange(judge.dimensions[1] - SIZE)
            ours = np.asarray(slide.read_region((x, y), 0, (SIZE, SIZE)).convert("RGB")).astype(int)
            theirs = np.asarray(judge.read_region((x, y), 0, (SIZE, SIZE)).convert("RGB")).astype(int)
            difference = np.abs(ours - theirs).mean()
            assert difference < MEAN_DIFFERENCE_MAX, f"region {x},{y} differs by {difference:.2f} on average"
    print(f"{REGIONS} regions agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
