"""DICOM files around the phantom's pixels: CT series and chest radiographs, the same bytes every time."""

import hashlib
import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
)

from patients import Patient, patient
from phantom import radiograph
from phantom.chest import Chest

FIELD_MM = 372.0
FIRST_S_MM, LAST_S_MM = -4.0, 284.0
CENTRE_Y_MM = 8.0
BODIES = 4
CHARSETS = {"GB18030": "GB18030", "UTF-8": "ISO_IR 192"}


@dataclass(frozen=True)
class Study:
    """What one generated study says about itself; `key` decides its UIDs."""

    key: str
    patient: Patient
    date: str
    time: str
    number: str
    charset: str
    name_groups: bool
    institution: str = "青山镇中心卫生院"
    description: str = "胸部CT增强"
    series: str = "纵隔 2.4mm"
    body: int = 7
    nodule_mm: float = 0.0


def uid(*parts: object) -> str:
    """A UID under 2.25 that depends on nothing but `parts`."""
    digest = hashlib.sha256("/".join(map(str, ("farsight-sample", *parts))).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def charset_for(choice: str, index: int) -> str:
    if choice == "mixed":
        return ("GB18030", "ISO_IR 192")[index % 2]
    return CHARSETS[choice]


def bulk_study(index: int, charset: str, slices: int, size: int) -> Study:
    """The study number `index` of a volume run; runs of other shapes have other UIDs."""
    return Study(
        key=f"ct/{index:05d}/{charset}-{slices}x{size}",
        patient=patient(index),
        date=f"2026{1 + index // 28 % 12:02d}{1 + index % 28:02d}",
        time=f"{8 + index % 10:02d}{index * 7 % 60:02d}00",
        number=f"A{index + 1:07d}",
        charset=charset_for(charset, index),
        name_groups=index % 3 != 2,
        body=7 + index % BODIES,
        nodule_mm=8.0 if index % 5 == 0 else 0.0,
    )


def spacing_mm(slices: int) -> float:
    """Between slices, so that the whole chest is covered."""
    return round((LAST_S_MM - FIRST_S_MM) / max(slices, 2), 2)


def write_ct(out: Path, studies: list[Study], slices: int, size: int, say=print) -> int:
    """Writes every study as `out/<key>/NNNN.dcm`; studies with the same body share its pixels."""
    by_body: dict[tuple[int, float], list[Study]] = {}
    for study in studies:
        by_body.setdefault((study.body, study.nodule_mm), []).append(study)
    jobs = [(str(out), key, group, slices, size, n) for key, group in by_body.items() for n in range(slices)]
    done = 0
    workers = min(len(os.sched_getaffinity(0)), 8)
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        for count in pool.imap_unordered(_write_ct_slice, jobs, chunksize=4):
            done += count
            if done % 200 < count:
                say(f"  CT: {done} of {len(studies) * slices} slices", flush=True)
    return done


_chests: dict[tuple[int, float], Chest] = {}


def _chest(key: tuple[int, float]) -> Chest:
    if key not in _chests:
        _chests[key] = Chest(*key)
    return _chests[key]


def _write_ct_slice(job) -> int:
    out, key, studies, slices, size, number = job
    step, pixel = spacing_mm(slices), FIELD_MM / size
    x = (np.arange(size) - (size - 1) / 2) * pixel
    y = x + CENTRE_Y_MM
    depth = FIRST_S_MM + number * step
    hu = np.clip(np.rint(_chest(key).slice(x, y, depth)), -1024, 3071).astype("<i2")
    stored = hu.tobytes()
    for study in studies:
        ds = _common(study, CTImageStorage, "CT", number + 1)
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.SeriesDescription = study.series
        ds.BodyPartExamined = "CHEST"
        ds.PatientPosition = "HFS"
        ds.ContrastBolusAgent = "碘海醇"
        ds.KVP = "120"
        ds.XRayTubeCurrent = "240"
        ds.ExposureTime = "500"
        ds.ConvolutionKernel = "B30"
        ds.GantryDetectorTilt = "0"
        ds.SliceThickness = f"{step:g}"
        ds.SpacingBetweenSlices = f"{step:g}"
        ds.FrameOfReferenceUID = uid(study.key, "frame")
        ds.PositionReferenceIndicator = None
        ds.AcquisitionNumber = "1"
        ds.ImagePositionPatient = [f"{x[0]:.3f}", f"{y[0]:.3f}", f"{-depth:.2f}"]
        ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
        ds.SliceLocation = f"{-depth:.2f}"
        ds.PixelSpacing = [f"{pixel:.6f}", f"{pixel:.6f}"]
        _pixels(ds, size, size, bits_stored=16, signed=True)
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
        ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["400", "1500"]
        ds.WindowCenterWidthExplanation = ["MEDIASTINUM", "LUNG"]
        ds.PixelData = stored
        _save(ds, Path(out) / study.key.replace("/", "-") / f"{number + 1:04d}.dcm")
    return len(studies)


def write_radiograph(path: Path, study: Study) -> None:
    """One CR image, posterior-anterior."""
    pixels = radiograph.project(Chest(study.body, study.nodule_mm))
    ds = _common(study, ComputedRadiographyImageStorage, "CR", 1)
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.SeriesDescription = study.series
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = "PA"
    ds.PatientOrientation = ["L", "F"]
    ds.KVP = "125"
    ds.DistanceSourceToDetector = "1800"
    ds.ImagerPixelSpacing = [f"{radiograph.PIXEL_MM:g}"] * 2
    ds.PixelSpacing = [f"{radiograph.PIXEL_MM:g}"] * 2
    ds.PixelSpacingCalibrationType = "GEOMETRY"
    ds.PixelSpacingCalibrationDescription = "magnification left out"
    _pixels(ds, *pixels.shape, bits_stored=12, signed=False)
    low, high = np.percentile(pixels, [2, 99.5])
    ds.WindowCenter, ds.WindowWidth = f"{(low + high) / 2:.0f}", f"{high - low:.0f}"
    ds.PixelData = pixels.astype("<u2").tobytes()
    _save(ds, path)


def _common(study: Study, sop_class: str, modality: str, number: int) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = study.charset
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid(study.key, "instance", number)
    ds.StudyInstanceUID = uid(study.key, "study")
    ds.SeriesInstanceUID = uid(study.key, "series")
    ds.InstanceCreationDate = ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = study.date
    ds.InstanceCreationTime = ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = study.time
    ds.AccessionNumber = study.number
    ds.Modality = modality
    ds.Manufacturer = "Farsight sample generator"
    ds.ManufacturerModelName = "Phantom"
    ds.DeviceSerialNumber = "1"
    ds.SoftwareVersions = "1"
    ds.InstitutionName = study.institution
    ds.StationName = f"{modality}1"
    ds.StudyDescription = study.description
    ds.ReferringPhysicianName = "周^医生" if study.name_groups else "周医生"
    ds.StudyID = study.number[-6:]
    ds.SeriesNumber = "1"
    ds.InstanceNumber = str(number)
    ds.PatientName = study.patient.name(study.name_groups)
    ds.PatientID = study.patient.patient_id
    ds.PatientBirthDate = study.patient.birth_date
    ds.PatientSex = study.patient.sex
    born = study.patient.birth_date
    age = int(study.date[:4]) - int(born[:4]) - (study.date[4:] < born[4:])
    ds.PatientAge = f"{age:03d}Y"
    ds.BurnedInAnnotation = "NO"
    return ds


def _pixels(ds: Dataset, rows: int, columns: int, bits_stored: int, signed: bool) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits_stored, bits_stored - 1
    ds.PixelRepresentation = int(signed)


def _save(ds: Dataset, path: Path) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = "FARSIGHT_SAMPLE"
    ds.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    ds.save_as(partial, enforce_file_format=True)
    partial.replace(path)
