"""Studies that tests of reading images are about: `made.py KIND FOLDER [STUDY]`, writes files and prints JSON with their UIDs.

STUDY is the UID of one that is there, for a kind that adds to it.
"""

import json
import sys
from copy import deepcopy
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from highdicom.color import CIELabColor
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

# No multiple of eight pixels: frames of single bits begin within bytes (PS3.5 §8.1.1).
ROWS, COLUMNS, SLICES = 50, 47, 12


def image(study: str, series: str, frame_of_reference: str, number: int, pixels: np.ndarray) -> Dataset:
    """A slice of a CT, 3 mm from the one before."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame_of_reference
    ds.Modality, ds.Manufacturer, ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "CT", "Farsight", "1", 1, number
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "^曾文静", f"S{study[-8:]}", "19660505", "F"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.ReferringPhysicianName = "20261120", "101500", "", ""
    ds.StudyDescription, ds.SeriesDescription, ds.PositionReferenceIndicator = "胸部平扫", "薄层", ""
    ds.ImageType, ds.PatientPosition, ds.BodyPartExamined = ["ORIGINAL", "PRIMARY", "AXIAL"], "HFS", "CHEST"
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [-20, -20, 3 * number], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [0.8, 0.8], 3
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, 0, "HU"
    ds.WindowCenter, ds.WindowWidth = 40, 400
    ds.PixelData = pixels.astype("<i2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def stack() -> list[Dataset]:
    """Dark, with a bright rectangle on the fourth to the ninth: 20 columns from 10 on, 10 rows from 5 on."""
    study, series, frame_of_reference = generate_uid(), generate_uid(), generate_uid()
    images = []
    for number in range(1, SLICES + 1):
        pixels = np.full((ROWS, COLUMNS), -150)
        if 4 <= number <= 9:
            # Drawn between pixels, it is white up to the edge: 240 is halfway.
            pixels[5:15, 10:30] = 630
        images.append(image(study, series, frame_of_reference, number, pixels))
    return images


def segment(number: int, label: str, colour: str | None) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Nodule,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="Net", version="1", family=codes.DCM.ArtificialIntelligence
        ),
        display_color=None if colour is None else CIELabColor.from_string(colour),
    )


def segmentation(images: list[Dataset], mask: np.ndarray, kind: str, name: str, segments: list, **more) -> Dataset:
    return hd.seg.Segmentation(
        source_images=images,
        pixel_array=mask,
        segmentation_type=hd.seg.SegmentationTypeValues(kind),
        segment_descriptions=segments,
        series_instance_uid=generate_uid(),
        series_number=100,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Farsight",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
        series_description=name,
        content_label="SEG",
        **more,
    )


def nowhere_named(ds: Dataset, frame_of_reference: str | None = None) -> Dataset:
    """Only places say where it belongs."""
    ds = deepcopy(ds)
    ds.SeriesInstanceUID, ds.SOPInstanceUID = generate_uid(), generate_uid()
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    for groups in ds.PerFrameFunctionalGroupsSequence:
        groups.pop("DerivationImageSequence", None)
    if frame_of_reference is not None:
        ds.FrameOfReferenceUID = frame_of_reference
    return ds


def segments() -> list[Dataset]:
    images = stack()
    two = np.zeros((SLICES, ROWS, COLUMNS, 2), dtype=np.uint8)
    two[3:9, 5:15, 10:30, 0] = 1
    two[4:6, 30:34, 40:44, 1] = 1
    binary = segmentation(images, two, "BINARY", "结节分割", [segment(1, "右上肺结节", "red"), segment(2, "血管", "blue")])
    half = np.zeros((SLICES, ROWS, COLUMNS), dtype=np.float32)
    half[1:3, 20:30, 20:30] = 0.5
    likely = segmentation(
        images, half, "FRACTIONAL", "概率", [segment(1, "可疑区", "lime")], max_fractional_value=100,
        fractional_type=hd.seg.SegmentationFractionalTypeValues.PROBABILITY,
    )  # fmt: skip
    labels = np.zeros((SLICES, ROWS, COLUMNS), dtype=np.uint8)
    labels[10, 0:5, 0:5] = 1
    labels[10, 40:45, 0:5] = 2
    organs = segmentation(images, labels, "LABELMAP", "器官", [segment(1, "肝", None), segment(2, "脾", None)])
    return [*images, binary, nowhere_named(likely), organs, nowhere_named(binary, generate_uid())]


def presented() -> list[Dataset]:
    """A radiograph with a state that shows a part of it, turned, behind a rectangle and a circle; see `state`."""
    [shown] = stack()[:1]
    shown.SOPClassUID = shown.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    shown.Modality, shown.SeriesDescription = "CR", "正位"
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID", "RescaleType"):
        delattr(shown, keyword)
    shown.Rows, shown.Columns = 100, 200
    # A ramp, so that each column is known by its shade; white behind the shutters would be seen.
    shown.PixelData = np.tile(np.arange(200, dtype="<i2") + 100, (100, 1)).tobytes()
    shown.WindowCenter, shown.WindowWidth = 200, 400
    return [shown, state(shown)]


def state(of: Dataset) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.11.1", generate_uid()
    for keyword in ("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription", "PatientName",
                    "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName"):  # fmt: skip
        setattr(ds, keyword, getattr(of, keyword))
    ds.SeriesInstanceUID, ds.Modality, ds.SeriesNumber, ds.InstanceNumber = generate_uid(), "PR", 90, 1
    ds.Manufacturer, ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "Farsight", "FOCUS", "", ""
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20261120", "110000"
    image_of = Dataset()
    image_of.ReferencedSOPClassUID, image_of.ReferencedSOPInstanceUID = of.SOPClassUID, of.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedImageSequence = of.SeriesInstanceUID, [image_of]
    ds.ReferencedSeriesSequence = [series]
    ds.ShutterShape = ["RECTANGULAR", "CIRCULAR"]
    ds.ShutterLeftVerticalEdge, ds.ShutterRightVerticalEdge = 61, 140
    ds.ShutterUpperHorizontalEdge, ds.ShutterLowerHorizontalEdge = 21, 80
    ds.CenterOfCircularShutter, ds.RadiusOfCircularShutter = [50, 100], 36
    ds.ShutterPresentationValue = 0xFFFF
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = [51, 11], [150, 90]
    area.PresentationSizeMode, area.PresentationPixelSpacing = "SCALE TO FIT", [0.8, 0.8]
    ds.DisplayedAreaSelectionSequence = [area]
    ds.ImageRotation, ds.ImageHorizontalFlip = 90, "Y"
    voi = Dataset()
    voi.WindowCenter, voi.WindowWidth = 200, 200
    ds.SoftcopyVOILUTSequence = [voi]
    ds.PresentationLUTShape = "INVERSE"
    return ds


def drawing(units: str, kind: str, points: list[float]) -> Dataset:
    ds = Dataset()
    ds.GraphicAnnotationUnits, ds.GraphicDimensions, ds.NumberOfGraphicPoints = units, 2, len(points) // 2
    ds.GraphicData, ds.GraphicType, ds.GraphicFilled = points, kind, "N"
    return ds


def words(units: str, anchor: list[float], text: str) -> Dataset:
    ds = Dataset()
    ds.AnchorPointAnnotationUnits, ds.AnchorPoint, ds.AnchorPointVisibility = units, anchor, "N"
    ds.UnformattedTextValue = text
    return ds


def annotate(state_of: Dataset, drawings: list[Dataset], texts: list[Dataset]) -> None:
    on, layer = Dataset(), Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "ONE", 1
    on.GraphicLayer = "ONE"
    if drawings:
        on.GraphicObjectSequence = drawings
    if texts:
        on.TextObjectSequence = texts
    state_of.GraphicAnnotationSequence, state_of.GraphicLayerSequence = [on], [layer]


def unpresentable() -> list[Dataset]:
    """The same with what a browser cannot do: a shutter of bits, the patient's own size, a table of greys, units of tiles; and what it can."""
    shown, state_of = presented()
    state_of.ShutterShape, state_of.ShutterOverlayGroup = ["BITMAP"], 0x6000
    state_of.DisplayedAreaSelectionSequence[0].PresentationSizeMode = "TRUE SIZE"
    # The ends of its axes, in pixels; the middle of what is displayed, in shares of it.
    ellipse = drawing("PIXEL", "ELLIPSE", [80, 50, 120, 50, 100, 40, 100, 60])
    annotate(state_of, [ellipse, drawing("MATRIX", "POLYLINE", [1, 1, 2, 2])], [words("DISPLAY", [0.5, 0.5], "病灶")])
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [2, 0, 16], b"\x00\x00\xff\xff"
    voi = Dataset()
    voi.VOILUTSequence = [table]
    state_of.SoftcopyVOILUTSequence = [voi]
    older = state(shown)
    older.SeriesInstanceUID, older.ContentLabel, older.PresentationCreationDate = generate_uid(), "FIRST", "20261101"
    annotate(older, [drawing("PIXEL", "POINT", [100, 50])], [])
    return [shown, state_of, older]


def windows() -> list[Dataset]:
    """A stack with a state that has a window for each image."""
    images = stack()[:3]
    made = state(images[0])
    for keyword in ("ShutterShape", "ImageRotation", "ImageHorizontalFlip", "DisplayedAreaSelectionSequence", "PresentationLUTShape"):
        delattr(made, keyword)
    references = []
    vois = []
    for at, one in enumerate(images):
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
        references.append(reference)
        voi = Dataset()
        voi.ReferencedImageSequence, voi.WindowCenter, voi.WindowWidth = [reference], 50 + 100 * at, 300 + at
        vois.append(voi)
    made.ReferencedSeriesSequence[0].ReferencedImageSequence = references
    made.SoftcopyVOILUTSequence = vois
    made.PresentationLUTShape = "IDENTITY"
    return [*images, made]


def late(study: str) -> list[Dataset]:
    """One more image of a study, in a series of its own."""
    return [image(study, generate_uid(), generate_uid(), 1, np.full((ROWS, COLUMNS), 40))]


KINDS = {
    "stack": stack,
    "late": late,
    "segments": segments,
    "presented": presented,
    "unpresentable": unpresentable,
    "windows": windows,
}


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    made = KINDS[kind](*sys.argv[3:])
    for at, ds in enumerate(made):
        pydicom.dcmwrite(folder / f"{at}.dcm", ds, enforce_file_format=True)
    uids = {"series": [ds.SeriesInstanceUID for ds in made], "instances": [ds.SOPInstanceUID for ds in made]}
    print(json.dumps({"study": made[0].StudyInstanceUID, **uids}))


main()
