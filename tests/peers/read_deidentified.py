"""Reads a ZIP archive of de-identified DICOM files with zipfile and pydicom: what they say, and whether a needle is anywhere.

usage: read_deidentified.py ARCHIVE NEEDLE…  → JSON on standard output
"""

import io
import json
import sys
import zipfile

import pydicom

archive, needles = sys.argv[1], sys.argv[2:]
instances, found = [], []
with zipfile.ZipFile(archive) as file:
    assert file.testzip() is None, "a damaged archive"
    manifest = json.loads(file.read("manifest.json"))
    for name in file.namelist():
        data = file.read(name)
        for needle in needles:
            for coding in ("utf-8", "gb18030"):
                if needle.encode(coding) in data or needle in name:
                    found.append([name, needle])
        if not name.endswith(".dcm"):
            continue
        dataset = pydicom.dcmread(io.BytesIO(data))
        instances.append(
            {
                "name": name,
                "patient_name": str(dataset.PatientName),
                "patient_id": dataset.PatientID,
                "study": dataset.StudyInstanceUID,
                "series": dataset.SeriesInstanceUID,
                "instance": dataset.SOPInstanceUID,
                "meta_instance": dataset.file_meta.MediaStorageSOPInstanceUID,
                "removed": dataset.PatientIdentityRemoved,
                "codes": [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence],
                "temporal": dataset.LongitudinalTemporalInformationModified,
                "study_date": dataset.get("StudyDate", ""),
                "pixels": len(dataset.get("PixelData", b"")),
                "private": sum(1 for element in dataset.iterall() if element.tag.is_private),
            }
        )
print(json.dumps({"manifest": manifest, "instances": instances, "found": found}))
