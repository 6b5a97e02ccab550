"""Studies that tests of reading images are about: `made.py KIND FOLDER [STUDY]`, writes files and prints JSON with their UIDs.

STUDY is the UID of one that is there, for a kind that adds to it.
"""

import json
import sys
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from highdicom.color import CIELabColor
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG4HP41, ExplicitVRLittleEndian, RLELossless, generate_uid

# No multiple of eight pixels: frames of single bits begin within bytes (PS3.5 §8.1.1).
ROWS, COLUMNS, SLICES = 50, 47, 12
OF_STUDY = ("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription", "PatientName", "PatientID",
            "PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName")  # fmt: skip


def image(study: str, series: str, frame_of_reference: str, number: int, pixels: np.ndarray) -> Dataset:
    """A slice of a CT, 3 mm from the one before."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame_of_reference
    ds.Modality, ds.Manufacturer, ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "CT", "Farsight", "1", 1, number
    # Each study is of another patient, whom nobody takes for that of another study.
    born = date(1930, 1, 1) + timedelta(days=int(study[-8:]) % 25_000)
    ds.PatientName, ds.PatientID, ds.PatientSex = "^曾文静", f"S{study[-8:]}", "F"
    ds.PatientBirthDate = born.strftime("%Y%m%d")
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


def radiograph() -> Dataset:
    """One that says nothing of how the patient lies."""
    [shown] = stack()[:1]
    shown.SOPClassUID = shown.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    shown.Modality, shown.SeriesDescription = "CR", "正位"
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID", "RescaleType"):
        delattr(shown, keyword)
    return shown


def presented() -> list[Dataset]:
    """A radiograph with a state that shows a part of it, turned, behind a rectangle and a circle; see `state`."""
    shown = radiograph()
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
    for keyword in OF_STUDY:
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
    """The same with what a browser cannot do: a shutter of bits, the patient's own size, units of tiles; a broken table of greys; and what it can."""
    shown, state_of = presented()
    state_of.ShutterShape, state_of.ShutterOverlayGroup = ["BITMAP"], 0x6000
    state_of.DisplayedAreaSelectionSequence[0].PresentationSizeMode = "TRUE SIZE"
    # The ends of its axes, in pixels; the middle of what is displayed, in shares of it.
    ellipse = drawing("PIXEL", "ELLIPSE", [80, 50, 120, 50, 100, 40, 100, 60])
    annotate(state_of, [ellipse, drawing("MATRIX", "POLYLINE", [1, 1, 2, 2])], [words("DISPLAY", [0.5, 0.5], "病灶")])
    voi = Dataset()
    # Eight entries, of which two are there.
    voi.VOILUTSequence = [table(0, np.array([0, 65535]), 16, "SHORT", count=8)]
    state_of.SoftcopyVOILUTSequence = [voi]
    older = state(shown)
    older.SeriesInstanceUID, older.ContentLabel, older.PresentationCreationDate = generate_uid(), "FIRST", "20261101"
    annotate(older, [drawing("PIXEL", "POINT", [100, 50])], [])
    return [shown, state_of, older]


def table(first: int, entries: np.ndarray, bits: int, label: str, count: int | None = None) -> Dataset:
    """An item of a sequence of lookup tables; `count` says what is not so."""
    ds = Dataset()
    descriptor = [(len(entries) if count is None else count) % 65536, first, bits]
    ds.add_new("LUTDescriptor", "SS" if first < 0 else "US", descriptor)
    ds.LUTExplanation = label
    ds.add_new("LUTData", "OW", np.round(entries).astype("<u2").tobytes())
    return ds


SHARE = np.arange(4096) / 4095
NORMAL = table(0, SHARE**2 * (3 - 2 * SHARE) * 4095, 12, "NORMAL")
# Flat at both ends.
HARD = table(0, np.clip((SHARE - 0.125) / 0.75, 0, 1) ** 0.4 * 65535, 16, "HARD")


def tables() -> list[Dataset]:
    """A series of which each image makes its greys in another way. Each value from 0 to 4095 has a block of 8 × 8 pixels."""
    first = radiograph()
    first.Rows, first.Columns = 512, 512
    first.BitsStored, first.HighBit, first.PixelRepresentation = 12, 11, 0
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"):
        delattr(first, keyword)
    values = np.kron(np.arange(4096).reshape(64, 64), np.ones((8, 8), dtype=int))

    def another(number: int, pixels: np.ndarray = values) -> Dataset:
        ds = deepcopy(first)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber, ds.PixelData = number, pixels.astype("<i2").tobytes()
        ds["PixelData"].VR = "OW"
        return ds

    two, one, window, modality, signed, sigmoid, broken = (another(number) for number in range(1, 8))
    two.VOILUTSequence = [NORMAL, HARD]
    one.VOILUTSequence, one.PhotometricInterpretation = [HARD], "MONOCHROME1"
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = 2048, 4096, "LINEAR"
    modality.ModalityLUTSequence = [table(0, 65535 - 16 * np.arange(4096), 16, "")]
    modality.ModalityLUTSequence[0].ModalityLUTType = "OD"
    # As long as a table can be: 0 entries, and not within the metadata.
    modality.VOILUTSequence = [table(0, (np.arange(65536) / 65535) ** 0.7 * 65535, 16, "LONG")]
    signed.PixelRepresentation, signed.PixelData = 1, (values - 2048).astype("<i2").tobytes()
    signed["PixelData"].VR = "OW"
    signed.VOILUTSequence = [table(-2048, SHARE**1.8 * 255, 8, "")]
    sigmoid.WindowCenter, sigmoid.WindowWidth, sigmoid.VOILUTFunction = 2048, 1500, "SIGMOID"
    broken.VOILUTSequence = [table(0, np.arange(100), 12, "BROKEN", count=4096)]
    return [two, one, window, modality, signed, sigmoid, broken]


def presented_tables() -> list[Dataset]:
    """The first of these in a state with a table of its own, and one of the presentation after it."""
    shown = tables()[0]
    of = state(shown)
    for keyword in ("ShutterShape", "ImageRotation", "ImageHorizontalFlip", "DisplayedAreaSelectionSequence", "PresentationLUTShape"):
        delattr(of, keyword)
    of.SoftcopyVOILUTSequence[0] = Dataset()
    of.SoftcopyVOILUTSequence[0].VOILUTSequence = [HARD]
    of.PresentationLUTSequence = [table(0, 4095 - SHARE**0.5 * 4095, 12, "")]
    return [shown, of]


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


def beside(of: Dataset, sop_class: str, modality: str, number: int, name: str, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """Something else of the same study."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID = sop_class, generate_uid(), generate_uid()
    for keyword in OF_STUDY:
        setattr(ds, keyword, getattr(of, keyword))
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber, ds.SeriesDescription, ds.Manufacturer = modality, number, 1, name, "Farsight"
    ds.ContentDate, ds.ContentTime = "20261120", "110000"
    return ds


def pdf() -> bytes:
    """One empty page."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>"]
    out, places = b"%PDF-1.4\n", []
    for at, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (at, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    return out + b"xref\n0 4\n0000000000 65535 f \n" + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start


def documents() -> list[Dataset]:
    """Three slices, numbered after a PDF that calls itself OT; a report, a video, a CDA."""
    images = stack()[:3]
    page = beside(images[0], "1.2.840.10008.5.1.4.1.1.104.1", "OT", 0, "外院报告")
    page.ConversionType, page.BurnedInAnnotation, page.DocumentTitle, page.MIMETypeOfEncapsulatedDocument = "WSD", "YES", "外院报告", "application/pdf"
    data = pdf()
    page.EncapsulatedDocumentLength, page.EncapsulatedDocument = len(data), data + b"\0" * (len(data) % 2)
    page["EncapsulatedDocument"].VR = "OB"

    cda = beside(images[0], "1.2.840.10008.5.1.4.1.1.104.2", "DOC", 4, "病历摘要")
    cda.ConversionType, cda.BurnedInAnnotation, cda.DocumentTitle, cda.MIMETypeOfEncapsulatedDocument = "WSD", "YES", "病历摘要", "text/xml"
    cda.EncapsulatedDocument = b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>"
    cda["EncapsulatedDocument"].VR = "OB"

    def code(value: str, scheme: str, meaning: str) -> Dataset:
        ds = Dataset()
        ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, scheme, meaning
        return ds

    report = beside(images[0], "1.2.840.10008.5.1.4.1.1.88.11", "SR", 2, "外院结构化报告")
    report.ValueType, report.ContinuityOfContent, report.CompletionFlag, report.VerificationFlag = "CONTAINER", "SEPARATE", "COMPLETE", "UNVERIFIED"
    report.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic imaging report")]
    line = Dataset()
    line.RelationshipType, line.ValueType, line.TextValue = "CONTAINS", "TEXT", "右肺上叶结节 8 mm"
    line.ConceptNameCodeSequence = [code("121071", "DCM", "Finding")]
    report.ContentSequence = [line]

    # `square.mp4`: a bright square that crosses 64 × 64 pixels in ten frames, by x264 through PyAV.
    video = beside(images[0], "1.2.840.10008.5.1.4.1.1.77.1.1.1", "ES", 3, "胃镜", MPEG4HP41)
    video.Rows, video.Columns, video.NumberOfFrames, video.FrameTime, video.CineRate = 64, 64, 10, 100, 10
    video.FrameIncrementPointer = 0x00181063
    video.ImageType, video.SamplesPerPixel, video.PhotometricInterpretation = ["ORIGINAL", "PRIMARY"], 3, "YBR_PARTIAL_420"
    video.PlanarConfiguration, video.BitsAllocated, video.BitsStored, video.HighBit, video.PixelRepresentation = 0, 8, 8, 7, 0
    video.LossyImageCompression, video.LossyImageCompressionRatio = "01", 40
    stream = (Path(__file__).parent / "square.mp4").read_bytes()
    video.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)], has_bot=False)
    video["PixelData"].VR, video["PixelData"].is_undefined_length = "OB", True
    return [*images, page, report, video, cda]


def planes() -> list[Dataset]:
    """Three transverse slices and three sagittal ones through them, of one frame of reference."""
    images = stack()[:3]
    for at in range(3):
        one = deepcopy(images[at])
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.ImageOrientationPatient, one.ImagePositionPatient = [0, 1, 0, 0, 0, -1], [-10 + 10 * at, -20, 26]
        one.SeriesNumber, one.SeriesDescription = 2, "矢状"
        images.append(one)
    sagittal = generate_uid()
    for one in images[3:]:
        one.SeriesInstanceUID = sagittal
    return images


def regions() -> list[Dataset]:
    """An ultrasound picture with one calibrated region: columns 20 to 179, rows 10 to 109, 0.4 mm across and 0.5 mm down."""
    [shown] = stack()[:1]
    shown.SOPClassUID = shown.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    shown.Modality, shown.SeriesDescription = "US", "肝脏"
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID", "RescaleType", "RescaleSlope",
                    "RescaleIntercept", "PixelSpacing", "SliceThickness", "BodyPartExamined"):  # fmt: skip
        delattr(shown, keyword)
    shown.Rows, shown.Columns, shown.PixelRepresentation = 160, 200, 0
    shown.PixelData = np.tile(np.arange(200, dtype="<u2"), (160, 1)).tobytes()
    shown.WindowCenter, shown.WindowWidth = 100, 200
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 20, 10, 179, 109
    region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = 3, 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.04, 0.05
    shown.SequenceOfUltrasoundRegions = [region]
    return [shown]


# Of 220 × 200 pixels the bits of a plane are more than metadata carry (4 KiB), and come by their address.
TALL, WIDE = 220, 200


def grey(pixels: np.ndarray, of: Dataset | None = None) -> Dataset:
    """A secondary capture of 12 bits, in a series of its own (of a study that is there), so dark that only what lies over it is white."""
    [shown] = stack()[:1]
    for keyword in OF_STUDY if of is not None else ():
        setattr(shown, keyword, getattr(of, keyword))
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID", "PositionReferenceIndicator",
                    "PatientPosition", "RescaleType", "RescaleSlope", "RescaleIntercept", "SliceThickness"):  # fmt: skip
        delattr(shown, keyword)
    shown.SOPClassUID = shown.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"
    shown.Modality, shown.SeriesDescription, shown.ConversionType = "OT", "叠加", "WSD"
    shown.NumberOfFrames, shown.Rows, shown.Columns = pixels.shape
    shown.FrameIncrementPointer, shown.PageNumberVector = 0x00182001, list(range(1, len(pixels) + 1))
    shown.BitsStored, shown.HighBit, shown.PixelRepresentation = 12, 11, 0
    shown.PresentationLUTShape = "IDENTITY"
    shown.PixelData = pixels.astype("<u2").tobytes()
    shown["PixelData"].VR = "OW"
    shown.WindowCenter, shown.WindowWidth = 1000, 2000
    return shown


def overlay(ds: Dataset, group: int, bits: np.ndarray, origin: tuple[int, int] = (1, 1), kind: str = "G", label: str = "") -> None:
    """An overlay plane of one frame, or of several one after the other."""
    rows, columns = bits.shape[-2:]
    packed = np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()
    ds.add_new((group, 0x0010), "US", rows)
    ds.add_new((group, 0x0011), "US", columns)
    ds.add_new((group, 0x0040), "CS", kind)
    ds.add_new((group, 0x0050), "SS", list(origin))
    ds.add_new((group, 0x0100), "US", 1)
    ds.add_new((group, 0x0102), "US", 0)
    if label:
        ds.add_new((group, 0x1500), "LO", label)
    ds.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))


def lines() -> np.ndarray:
    """A frame along the edges, and a slope."""
    bits = np.zeros((TALL, WIDE), dtype=bool)
    bits[[0, -1]] = bits[:, [0, -1]] = True
    bits[np.arange(WIDE), np.arange(WIDE)] = True
    return bits


def overlays() -> list[Dataset]:
    """Planes of every kind, each in a series of its own: laid over one frame, over some of many, in the pixels, and none that can be."""
    ramp = np.tile(np.arange(WIDE) * 5 + 300, (1, TALL, 1))
    drawn = grey(ramp)
    overlay(drawn, 0x6000, lines(), label="划线")
    # Only its last seven rows and first six columns are on the image.
    overlay(drawn, 0x6002, np.ones((10, 12), dtype=bool), (-2, WIDE - 5), "R", "可疑区")
    drawn.add_new((0x6002, 0x0022), "LO", "右上")
    drawn.add_new((0x6002, 0x1301), "IS", 120)
    drawn.add_new((0x6002, 0x1302), "DS", "1200.5")
    drawn.add_new((0x6002, 0x1303), "DS", "4.2")

    # Frames of 2350 bits: the second begins within a byte.
    cine = grey(np.full((4, ROWS, COLUMNS), 600), drawn)
    bits = np.zeros((2, ROWS, COLUMNS), dtype=bool)
    bits[0, 5:15, 10:30] = bits[1, 30:34, 40:44] = True
    overlay(cine, 0x6000, bits, label="逐帧")
    cine.add_new((0x6000, 0x0015), "IS", 2)
    cine.add_new((0x6000, 0x0051), "US", 2)

    # As before 2004: bit 12 of the pixels themselves.
    old = grey(np.full((1, TALL, WIDE), 600) | (lines().astype(int) << 12), drawn)
    for element, value in ((0x0010, TALL), (0x0011, WIDE), (0x0100, 16), (0x0102, 12)):
        old.add_new((0x6000, element), "US", value)
    old.add_new((0x6000, 0x0040), "CS", "G")
    old.add_new((0x6000, 0x0050), "SS", [1, 1])

    wrong = grey(ramp, drawn)
    for group, size in ((0x6000, (4000, 4000)), (0x6002, (0, 5)), (0x6004, (2000, 3000))):
        overlay(wrong, group, np.ones((4, 8) if group < 0x6004 else (TALL, WIDE), dtype=bool))
        wrong[group, 0x0010].value, wrong[group, 0x0011].value = size
    overlay(wrong, 0x6006, np.ones((4, 8), dtype=bool))
    del wrong[0x6006, 0x3000]
    wrong[0x6006, 0x0100].value, wrong[0x6006, 0x0102].value = 16, 3
    return [drawn, cine, old, wrong]


def activated() -> list[Dataset]:
    """An image with three planes, and a state that activates two: one of the image, and one with its own bits."""
    shown = grey(np.tile(np.arange(WIDE) * 5 + 300, (1, TALL, 1)))
    square = np.ones((30, 20), dtype=bool)
    overlay(shown, 0x6000, lines(), label="未启用")
    overlay(shown, 0x6002, square, (21, 31), label="启用")
    overlay(shown, 0x6004, square, (101, 31), label="被替换")
    made = state(shown)
    for keyword in ("ShutterShape", "ImageRotation", "ImageHorizontalFlip"):
        delattr(made, keyword)
    area = made.DisplayedAreaSelectionSequence[0]
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = [1, 1], [WIDE, TALL]
    made.SoftcopyVOILUTSequence[0].WindowCenter, made.SoftcopyVOILUTSequence[0].WindowWidth = 1000, 2000
    made.PresentationLUTShape = "IDENTITY"
    overlay(made, 0x6004, square.T, (151, 101), label="状态自带")
    # A shutter's, say: nobody is to see it.
    overlay(made, 0x6006, square)
    for group in (0x6002, 0x6004):
        made.add_new((group, 0x1001), "CS", "ONE")
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "ONE", 1
    made.GraphicLayerSequence = [layer]
    return [shown, made]


LONG = 1_200


def long() -> list[Dataset]:
    """As many slices of 512 × 512 as a fine scan of the whole body has; all of the same pixels, packed, so that they are soon made."""
    study, series, frame_of_reference = generate_uid(), generate_uid(), generate_uid()
    row, column = np.mgrid[0:512, 0:512]
    body = np.where((row - 256) ** 2 + (column - 256) ** 2 < 200**2, 40, -1000)
    first = image(study, series, frame_of_reference, 1, body)
    first.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    images = [first]
    for number in range(2, LONG + 1):
        one = deepcopy(first)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.InstanceNumber, one.ImagePositionPatient = number, [-20, -20, number]
        images.append(one)
    return images


KINDS = {
    "stack": stack,
    "late": late,
    "segments": segments,
    "presented": presented,
    "unpresentable": unpresentable,
    "windows": windows,
    "tables": tables,
    "presented-tables": presented_tables,
    "documents": documents,
    "planes": planes,
    "regions": regions,
    "overlays": overlays,
    "activated": activated,
    "long": long,
}


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    made = KINDS[kind](*sys.argv[3:])
    for at, ds in enumerate(made):
        pydicom.dcmwrite(folder / f"{at}.dcm", ds, enforce_file_format=True)
    uids = {"series": [ds.SeriesInstanceUID for ds in made], "instances": [ds.SOPInstanceUID for ds in made]}
    print(json.dumps({"study": made[0].StudyInstanceUID, **uids}))


main()
