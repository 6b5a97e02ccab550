"""Queries, metadata, frames: time and CPU of one request after another, from Farsight and from Orthanc."""

import http.client
import json
import statistics
import subprocess
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pydicom

from process import Failed, Process
from store import send

WANT_JSON = "application/dicom+json"
WANT_FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
WARM_UP = 3


def operations(study: Path) -> dict[str, tuple[str, str]]:
    """What is asked: name → path below the DICOMweb root, Accept."""
    first = pydicom.dcmread(sorted(study.iterdir())[0], stop_before_pixels=True)
    series = f"/studies/{first.StudyInstanceUID}/series/{first.SeriesInstanceUID}"
    instance = f"{series}/instances/{first.SOPInstanceUID}"
    return {
        "patient id": ("/studies?PatientID=FS000005", WANT_JSON),
        "date range, limit 50": ("/studies?StudyDate=20260101-20260630&limit=50", WANT_JSON),
        "name Zhang*": ("/studies?PatientName=Zhang*&limit=50", WANT_JSON),
        "name 张*": (f"/studies?PatientName={quote('张')}*&limit=50", WANT_JSON),
        "series metadata, 100 instances": (f"{series}/metadata", WANT_JSON),
        "frame, 512 KB": (f"{instance}/frames/1", WANT_FRAME),
        "rendered": (f"{instance}/rendered", "image/jpeg"),
    }


def compare(starters: dict, study: list[Path], small: Path, work: Path, repeats: int, say=print) -> list[str]:
    studies = [*study, *sorted(small.iterdir())]
    instances = sum(1 for folder in studies for _ in folder.iterdir())
    wanted = operations(study[0])
    results: dict[str, dict[str, tuple]] = {}
    for name, start in starters.items():
        folder = work / f"query-{name}"
        with start(folder) as server:
            send(server, studies, 4, instances)
            for operation, (path, accept) in wanted.items():
                results.setdefault(operation, {})[name] = one = measure(server, path, accept, repeats)
                say(f"  {name:9} {operation}: {describe(one)}", flush=True)
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    lines = [
        f"{len(studies)} studies, {instances} instances; {repeats} requests one after the other on one connection; "
        "p50 in ms, the server's CPU in ms, what came.",
        "",
        "| Request | " + " | ".join(starters) + " |",
        "|---|" + "---|" * len(starters),
    ]
    for operation, of in results.items():
        lines.append(f"| {operation} | " + " | ".join(describe(of[name]) for name in starters) + " |")
    return lines


def measure(server: Process, path: str, accept: str, repeats: int) -> tuple[float, float, str]:
    """(p50 ms, CPU ms per request, what came)."""
    root = urlsplit(server.dicomweb_url)
    connection = http.client.HTTPConnection(root.hostname, root.port, timeout=60)
    headers = {"Accept": accept, **server.headers}
    times, before, came = [], 0.0, ""
    for turn in range(repeats + WARM_UP):
        if turn == WARM_UP:
            before = server.cpu_ms()
        started = time.monotonic()
        connection.request("GET", root.path + path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if turn >= WARM_UP:
            times.append((time.monotonic() - started) * 1000)
        came = describe_answer(answer, body, accept)
        if answer.status >= 500:
            raise Failed(f"{server.name}: {answer.status} for {path}")
    cpu = (server.cpu_ms() - before) / repeats
    connection.close()
    return statistics.median(times), cpu, came


def describe_answer(answer, body: bytes, accept: str) -> str:
    if answer.status not in (200, 204):
        return f"status {answer.status}"
    if accept == WANT_JSON:
        return f"{len(json.loads(body)) if body else 0} rows"
    return f"{len(body) / 1024:.0f} KiB"


def describe(one: tuple[float, float, str]) -> str:
    return f"{one[0]:.2f}, {one[1]:.2f}, {one[2]}"
