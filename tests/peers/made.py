"""Objects that the rendering tests are about, made with pydicom: images of any shape, and presentation states for them."""

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
GRAYSCALE_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
COLOR_STATE = "1.2.840.10008.5.1.4.1.1.11.2"
PSEUDO_COLOR_STATE = "1.2.840.10008.5.1.4.1.1.11.3"


def item(**attributes) -> Dataset:
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def instance(sop_class: str, syntax: str = ExplicitVRLittleEndian, **attributes) -> Dataset:
    """A data set with a patient, a study and a series of its own, that can be written as a file."""
    ds = item(
        SpecificCharacterSet="ISO_IR 192", SOPClassUID=sop_class, SOPInstanceUID=generate_uid(), Modality="OT",
        StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid(), PatientName="Zhang^San=张^三",
        PatientID="P001", PatientBirthDate="19600229", PatientSex="F", StudyDate="20250131", StudyTime="093000",
        AccessionNumber="", StudyID="1", ReferringPhysicianName="", SeriesNumber=1, InstanceNumber=1,
    )  # fmt: skip
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.update(item(**attributes))
    return ds


def image(pixels: np.ndarray, photometric: str = "MONOCHROME2", frames: int = 1, **attributes) -> Dataset:
    """An image of rows × columns (× 3), or of frames × rows × columns, 8 or 16 bit."""
    shape = pixels.shape if frames == 1 else pixels.shape[1:]
    bits = pixels.dtype.itemsize * 8
    ds = instance(
        COMPUTED_RADIOGRAPHY if frames == 1 and len(shape) == 2 else SECONDARY_CAPTURE,
        Rows=shape[0], Columns=shape[1], SamplesPerPixel=1 if len(shape) == 2 else 3, BitsAllocated=bits,
        BitsStored=bits, HighBit=bits - 1, PixelRepresentation=int(pixels.dtype.kind == "i"),
        PhotometricInterpretation=photometric, PixelData=padded(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()),
    )  # fmt: skip
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    if len(shape) == 3:
        ds.PlanarConfiguration = 0
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.update(item(**attributes))
    return ds


def table(entries, first: int, bits: int, **attributes) -> Dataset:
    """An item of a LUT sequence."""
    data = np.asarray(entries).astype("<u2").tobytes()
    return item(LUTDescriptor=[len(entries), first, bits], LUTData=data, **attributes)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def bits(mask: np.ndarray) -> bytes:
    """Single bits, the first in the least significant one."""
    return padded(np.packbits(mask.astype(bool).ravel(), bitorder="little").tobytes())


def overlay(ds: Dataset, mask: np.ndarray, group: int = 0x6000, origin=(1, 1), kind: str = "G") -> None:
    ds.add_new((group, 0x0010), "US", mask.shape[0])
    ds.add_new((group, 0x0011), "US", mask.shape[1])
    ds.add_new((group, 0x0040), "CS", kind)
    ds.add_new((group, 0x0050), "SS", list(origin))
    ds.add_new((group, 0x0100), "US", 1)
    ds.add_new((group, 0x0102), "US", 0)
    ds.add_new((group, 0x3000), "OW", bits(mask))


def reference(of: Dataset) -> Dataset:
    return item(ReferencedSOPClassUID=of.SOPClassUID, ReferencedSOPInstanceUID=of.SOPInstanceUID)


def state(of: Dataset, sop_class: str = GRAYSCALE_STATE, area: dict | None = None, **attributes) -> Dataset:
    """A presentation state of an image, which shows all of it unless `area` says something else."""
    shown = {
        "DisplayedAreaTopLeftHandCorner": [1, 1],
        "DisplayedAreaBottomRightHandCorner": [of.Columns, of.Rows],
        "PresentationSizeMode": "SCALE TO FIT",
        "PresentationPixelAspectRatio": ["1", "1"],
    }
    shown.update(area or {})
    if "PresentationPixelSpacing" in shown:
        del shown["PresentationPixelAspectRatio"]
    ds = instance(
        sop_class, Modality="PR", StudyInstanceUID=of.StudyInstanceUID, SeriesNumber=9, ContentLabel="SHOWN",
        ContentDescription="", PresentationCreationDate="20250131", PresentationCreationTime="093000",
        ContentCreatorName="Li^Si", Manufacturer="",
        ReferencedSeriesSequence=[
            item(SeriesInstanceUID=of.SeriesInstanceUID, ReferencedImageSequence=[reference(of)])
        ],
        DisplayedAreaSelectionSequence=[item(ReferencedImageSequence=[reference(of)], **shown)],
    )  # fmt: skip
    if sop_class != COLOR_STATE:
        ds.PresentationLUTShape = "IDENTITY"
    ds.update(item(**attributes))
    return ds


def written(ds: Dataset) -> bytes:
    file = io.BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()
