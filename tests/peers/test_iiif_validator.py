"""The IIIF consortium's own validator, unmodified, over its test image of a hundred coloured squares, imported as a slide."""

import json
import tempfile
import unittest
import urllib.request
from pathlib import Path

import numpy as np
import tifffile
from iiif_validator.validator import ImageAPI, TestSuite, ValidationInfo

from farsight import demo, get, import_files, township

LEVEL, VERSION, SQUARE = 2, "3.0", 100
# cors: no origin is configured, on purpose. size_noup: wants !2000,3000 of a smaller image refused; IIIF Image API 3.0 §4.2
# says "as large as possible but not larger than the extracted region", which is what OpenSeadragon and Mirador count on.
EXPECTED = {"cors", "size_noup"}


class Validator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        colours = np.array(ValidationInfo().colorInfo, np.uint8).transpose(1, 0, 2)
        image = np.kron(colours, np.ones((SQUARE, SQUARE, 1), np.uint8))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "squares.tif"
            options = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "compressionargs": {"level": 95}}
            tifffile.imwrite(path, image, **options)
            import_files(path)
        slides = json.loads(get("/api/v1/slides")[1])["slides"]
        cls.slide = next(slide for slide in slides if slide["source"] == "squares.tif")
        # The validator knows nothing of tokens.
        opener = urllib.request.build_opener()
        opener.addheaders = [("Authorization", f"Bearer {township()['token']}")]
        urllib.request.install_opener(opener)

    @classmethod
    def tearDownClass(cls):
        urllib.request.install_opener(urllib.request.build_opener())

    def test_every_test_of_level_2_but_two(self):
        server = demo()["base_url"].removeprefix("http://")
        tests, failed = TestSuite(ValidationInfo()).list_tests(VERSION), {}
        wanted = [name for name, about in tests.items() if about["level"] <= LEVEL]
        self.assertGreater(len(wanted), 30)
        for name in wanted:
            client = ImageAPI(self.slide["id"], server, "iiif/3", "http", "", VERSION, debug=False)
            try:
                TestSuite(ValidationInfo()).run_test(name, client)
                if client.exception:
                    failed[name] = f"{client.exception.type}: {client.exception.got} ({client.urls})"
            except Exception as error:  # Its way to say that something is wrong.
                failed[name] = repr(error)
        self.assertEqual(set(failed) - EXPECTED, set(), failed)


if __name__ == "__main__":
    unittest.main()
