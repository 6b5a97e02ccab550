"""Writes a Key Object Selection that rejects files: make_rejection.py CODE OUT FILE... (CODE as in PS3.16 CID 7011)."""

import sys
from collections import defaultdict

from pydicom import Dataset, FileMetaDataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage, generate_uid

MEANINGS = {
    "113001": "Rejected for Quality Reasons",
    "113037": "Rejected for Patient Safety Reasons",
    "113038": "Incorrect Modality Worklist Entry",
    "113039": "Data Retention Policy Expired",
}


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def main(code: str, out: str, *files: str) -> None:
    images = [dcmread(file, stop_before_pixels=True) for file in files]
    first = images[0]
    note = Dataset()
    for keyword in (
        "SpecificCharacterSet PatientName PatientID PatientBirthDate PatientSex StudyInstanceUID StudyDate StudyTime "
        "AccessionNumber StudyID ReferringPhysicianName"
    ).split():
        setattr(note, keyword, first.get(keyword, ""))
    note.SOPClassUID = KeyObjectSelectionDocumentStorage
    note.SOPInstanceUID = generate_uid()
    note.SeriesInstanceUID = generate_uid()
    note.Modality = "KO"
    note.SeriesNumber, note.InstanceNumber = 99, 1
    note.Manufacturer = "pydicom"
    note.ReferencedPerformedProcedureStepSequence = []
    note.ContentDate, note.ContentTime = "20261121", "101500"
    note.ValueType, note.ContinuityOfContent = "CONTAINER", "SEPARATE"
    note.ConceptNameCodeSequence = [
        item(CodeValue=code, CodingSchemeDesignator="DCM", CodeMeaning=MEANINGS.get(code, "Of Interest"))
    ]
    note.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="2010")]
    series: dict[str, list[Dataset]] = defaultdict(list)
    note.ContentSequence = []
    for image in images:
        reference = item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
        series[image.SeriesInstanceUID].append(reference)
        value_type = "IMAGE" if "Rows" in image else "COMPOSITE"
        note.ContentSequence.append(
            item(RelationshipType="CONTAINS", ValueType=value_type, ReferencedSOPSequence=[reference])
        )
    note.CurrentRequestedProcedureEvidenceSequence = [
        item(
            StudyInstanceUID=first.StudyInstanceUID,
            ReferencedSeriesSequence=[
                item(SeriesInstanceUID=uid, ReferencedSOPSequence=references) for uid, references in series.items()
            ],
        )
    ]
    note.file_meta = FileMetaDataset()
    note.file_meta.MediaStorageSOPClassUID = note.SOPClassUID
    note.file_meta.MediaStorageSOPInstanceUID = note.SOPInstanceUID
    note.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    note.save_as(out, enforce_file_format=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
