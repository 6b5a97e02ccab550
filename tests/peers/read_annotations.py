"""Reads a DICOM file of annotations with highdicom and compares it with what was drawn.

Usage: read_annotations.py FILE.dcm DRAWN.json
"""

import json
import sys

import numpy as np
from highdicom.ann import annread

GRAPHIC = {"point": "POINT", "line": "POLYLINE", "polygon": "POLYGON", "rectangle": "RECTANGLE", "ellipse": "ELLIPSE"}


def main() -> None:
    found = annread(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        expected = json.load(file)
    assert found.StudyInstanceUID == expected["study"], found.StudyInstanceUID
    assert str(found.PatientName) == expected["patient_name"], found.PatientName
    assert found.ReferencedImageSequence[0].ReferencedSOPInstanceUID == expected["instance"]
    assert str(found.AnnotationCoordinateType) == "2D"
    groups = found.get_annotation_groups()
    assert len(groups) == len(expected["annotations"]), len(groups)
    for group, drawn in zip(groups, expected["annotations"]):
        assert group.graphic_type.value == GRAPHIC[drawn["kind"]], group.graphic_type
        assert group.algorithm_type.value == "MANUAL"
        graphics = group.get_graphic_data(coordinate_type="2D")
        assert len(graphics) == 1
        assert np.array_equal(graphics[0], np.array(drawn["points"])), (graphics[0], drawn["points"])
        description = group.AnnotationGroupDescription
        assert drawn["author"]["name"] in description, description
        assert drawn["text"] in description, description
        assert group.label, "a group has a name"
        assert "CommonZCoordinateValue" not in group, "two dimensions have no third"
    print(f"{len(groups)} groups are as they were drawn")


if __name__ == "__main__":
    main()
