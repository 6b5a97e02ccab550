"""Opens a slide with wsidicom over DICOMweb and compares regions with what openslide reads from the scanner's file.

wsi_regions.py BASE_URL TOKEN STUDY SERIES FILE
"""

import random
import sys

import numpy as np
from dicomweb_client.api import DICOMwebClient
from openslide import OpenSlide
from pydicom.uid import UID, JPEGBaseline8Bit, JPEGExtended12Bit
from wsidicom import WsiDicom, WsiDicomWebClient

REGIONS, SIZE = 12, 300
MEAN_DIFFERENCE_MAX = 1.5


def check_client(client: WsiDicomWebClient, study: UID, series: UID) -> None:
    """Every call of the client by itself."""
    found = list(client.get_wsi_instances(study, [series]))
    assert found, "the series has no instances"
    assert list(client.get_annotation_instances(study, [series])) == []
    for series_uid, instance, syntaxes in found:
        assert series_uid == series and syntaxes, (series_uid, syntaxes)
        [syntax] = syntaxes
        metadata = client.get_instance(study, series, instance)
        assert metadata.SOPInstanceUID == instance
        count = int(metadata.get("NumberOfFrames", 1))
        frames = list(client.get_frames(study, series, instance, sorted({1, count}), syntax))
        for frame in frames:
            if syntax == JPEGBaseline8Bit:
                assert frame[:2] == b"\xff\xd8", "a JPEG frame"
            else:
                assert len(frame) == metadata.Rows * metadata.Columns * metadata.SamplesPerPixel, syntax.name
        assert client.is_transfer_syntax_supported(study, series, instance, syntax)
        # Nothing is encoded with loss to please a client.
        assert not client.is_transfer_syntax_supported(study, series, instance, JPEGExtended12Bit)


def main(base: str, token: str, study: str, series: str, path: str) -> None:
    web = DICOMwebClient(f"{base}/dicom-web", headers={"Authorization": f"Bearer {token}"})
    judge, rng = OpenSlide(path), random.Random(7)
    check_client(WsiDicomWebClient(web), UID(study), UID(series))
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
