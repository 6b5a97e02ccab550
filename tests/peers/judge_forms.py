"""pydicom and fhir.resources as judges of what a report is delivered as.

judge_forms.py dicom FOLDER [PDF]: every file in the folder; writes the encapsulated page, by its said length, to PDF.
judge_forms.py fhir FILE: a bundle of FHIR R4 (R4B's definitions, which are the same for these resources).
"""

import base64
import json
import sys
from pathlib import Path

import pydicom


def dicom(folder: str, pdf: str | None) -> None:
    found = []
    for path in sorted(Path(folder).iterdir()):
        dataset = pydicom.dcmread(path)
        found.append({
            "class": dataset.SOPClassUID.name,
            "instance": dataset.SOPInstanceUID,
            "study": dataset.StudyInstanceUID,
            "patient": dataset.PatientID,
            "verifier": [item.VerifyingObserverName for item in dataset.get("VerifyingObserverSequence", [])][:1],
            "evidence": [
                sop.ReferencedSOPInstanceUID
                for study in dataset.get("CurrentRequestedProcedureEvidenceSequence", [])
                for series in study.ReferencedSeriesSequence
                for sop in series.ReferencedSOPSequence
            ],
        })
        if pdf is not None and "EncapsulatedDocument" in dataset:
            Path(pdf).write_bytes(dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength])
    for one in found:
        one["verifier"] = [str(name) for name in one["verifier"]]
    print(json.dumps(found, ensure_ascii=False))


def fhir(path: str) -> None:
    from fhir.resources.R4B.bundle import Bundle

    text = Path(path).read_text()
    bundle = Bundle.model_validate_json(text)
    kinds = sorted(entry.resource.get_resource_type() for entry in bundle.entry)
    report = next(e["resource"] for e in json.loads(text)["entry"] if e["resource"]["resourceType"] == "DiagnosticReport")
    pdf = base64.b64decode(report["presentedForm"][0]["data"])
    print(json.dumps({"kinds": kinds, "pdf_bytes": len(pdf), "status": report["status"]}))


if __name__ == "__main__":
    {"dicom": lambda folder, pdf=None: dicom(folder, pdf), "fhir": fhir}[sys.argv[1]](*sys.argv[2:])
