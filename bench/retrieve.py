"""Retrieval: a whole series, frames, the metadata of a thousand instances and pictures, with the same bytes from nginx
where nginx can have them."""

import http.client
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pydicom

from process import Failed, Process
from servers import Farsight, Nginx
from store import send
from tiles import fetch_instance

ANY_FILE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
ANY_FRAME = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
WARM_UP = 5


@dataclass
class Answered:
    """Requests one after another on one connection."""

    what: str
    server: str
    p50_ms: float
    first_byte_ms: float
    cpu_ms: float
    kib: float


def compare(binary: Path, study: Path, thousand: Path, work: Path, rounds: int, repeats: int, say=print) -> list[str]:
    with Farsight(binary, work / "retrieve-farsight") as farsight:
        count = sum(1 for folder in (study, thousand) for _ in folder.iterdir())
        send(farsight, [study, thousand], 2, count)
        series, instance = addresses(study)
        many, _ = addresses(thousand)
        every = [f"{one}/frames/1" for one in instances_of(thousand)]
        files = work / "retrieve-files"
        files.mkdir()
        stream = ["-H", f"Authorization: {farsight.headers['Authorization']}", "-H", f"Accept: {ANY_FILE}"]
        fetched = fetch(f"{farsight.dicomweb_url}{series}", stream, files / "series")
        fetch_instance(f"{farsight.dicomweb_url}{instance}", farsight.headers, files / "instance")
        pixels = len(pydicom.dcmread(files / "instance").PixelData)
        size = (files / "instance").stat().st_size
        frame_range = {"Range": f"bytes={size - pixels}-{size - 1}"}
        farsight.forget_peak()
        with Nginx(work / "retrieve-nginx", files) as nginx:
            lines, answers = [], []
            for turn in range(rounds):
                ours = rate(farsight, f"{farsight.dicomweb_url}{series}", stream, fetched)
                theirs = rate(nginx, f"{nginx.base_url}/series", [], fetched)
                lines.append((ours, theirs))
                say(f"  series of {fetched / 1e6:.0f} MB: farsight {ours[0]:.0f} MB/s, nginx {theirs[0]:.0f}", flush=True)
                frame, bulk = f"{instance}/frames/1", f"{instance}/bulkdata/7FE00010"
                # What costs little is done more often: processor time is counted in hundredths of a second.
                for what, server, paths, headers, times in (
                    ("frame, 512 KB", farsight, [frame], {"Accept": ANY_FRAME}, 10),
                    ("frame, 512 KB", nginx, ["/instance"], frame_range, 10),
                    ("frames, 8 KB, each once", farsight, every, {"Accept": ANY_FRAME}, 5),
                    ("instance, 513 KB", farsight, [instance], {"Accept": ANY_FILE}, 10),
                    ("bulk data, 512 KB", farsight, [bulk], {"Accept": "application/octet-stream"}, 10),
                    ("metadata of 1,000", farsight, [f"{many}/metadata"], {"Accept-Encoding": "gzip"}, 1),
                    ("rendered 512²", farsight, [f"{instance}/rendered"], {"Accept": "image/jpeg"}, 1),
                    ("frame as RLE", farsight, [frame], {"Accept": "image/dicom-rle"}, 1),
                    ("frame as JPEG-LS", farsight, [frame], {"Accept": "image/jls"}, 1),
                    ("frame as HTJ2K", farsight, [frame], {"Accept": "image/jphc"}, 1),
                ):
                    one = ask(what, server, paths, headers, repeats * times)
                    if one is None:
                        continue
                    answers.append(one)
                    if turn == 0:
                        say(f"  {one.server:9} {what}: {describe(one)}", flush=True)
        peak = farsight.peak_mb()
    return report(lines, answers, fetched, repeats, rounds, peak)


def addresses(study: Path) -> tuple[str, str]:
    """Paths of a study's one series and of its first instance."""
    first = pydicom.dcmread(sorted(study.iterdir())[0], stop_before_pixels=True)
    series = f"/studies/{first.StudyInstanceUID}/series/{first.SeriesInstanceUID}"
    return series, f"{series}/instances/{first.SOPInstanceUID}"


def instances_of(study: Path) -> list[str]:
    """Paths of all instances of a study."""
    found = []
    for path in sorted(study.iterdir()):
        one = pydicom.dcmread(path, stop_before_pixels=True)
        found.append(f"/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}/instances/{one.SOPInstanceUID}")
    return found


def fetch(url: str, options: list[str], path: Path) -> int:
    done = subprocess.run(["curl", "-sf", *options, "-o", str(path), url], timeout=300)
    if done.returncode != 0:
        raise Failed(f"curl ended with {done.returncode} for {url}")
    return path.stat().st_size


def rate(server: Process, url: str, options: list[str], expected: int) -> tuple[float, float]:
    """(MB per second, CPU ms per 100 MB) of one stream."""
    before, started = server.cpu_ms(), time.monotonic()
    done = subprocess.run(
        ["curl", "-sf", *options, "-o", "/dev/null", "-w", "%{size_download}", url],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    seconds = time.monotonic() - started
    # Boundaries are of one length, so all answers are.
    if done.returncode != 0 or int(done.stdout) != expected:
        raise Failed(f"{server.name}: curl ended with {done.returncode}, {done.stdout} of {expected} bytes")
    return expected / 1e6 / seconds, (server.cpu_ms() - before) / (expected / 1e8)


def ask(what: str, server: Process, paths: list[str], headers: dict, repeats: int) -> Answered | None:
    """One path after another, and from the beginning again. None when the server has no such form."""
    root = urlsplit(getattr(server, "dicomweb_url", server.base_url))
    connection = http.client.HTTPConnection(root.hostname, root.port, timeout=60)
    headers = {**getattr(server, "headers", {}), **headers}
    whole, first_byte, size, before = [], [], 0, 0.0
    for turn in range(repeats + WARM_UP):
        if turn == WARM_UP:
            before = server.cpu_ms()
        path = paths[turn % len(paths)]
        started = time.monotonic()
        connection.request("GET", root.path + path, headers=headers)
        answer = connection.getresponse()
        came = time.monotonic()
        size = len(answer.read())
        if answer.status == 406:
            connection.close()
            return None
        if answer.status not in (200, 206):
            raise Failed(f"{server.name}: {answer.status} for {path}")
        if turn >= WARM_UP:
            whole.append((time.monotonic() - started) * 1000)
            first_byte.append((came - started) * 1000)
    cpu = (server.cpu_ms() - before) / repeats
    connection.close()
    return Answered(what, server.name, statistics.median(whole), statistics.median(first_byte), cpu, size / 1024)


def describe(one: Answered) -> str:
    return f"p50 {one.p50_ms:.2f} ms, first byte {one.first_byte_ms:.2f} ms, {one.cpu_ms:.3f} ms CPU, {one.kib:.0f} KiB"


def report(lines: list, answers: list[Answered], size: int, repeats: int, rounds: int, peak: float) -> list[str]:
    ours, theirs = (statistics.median(line[side][0] for line in lines) for side in (0, 1))
    our_cpu, their_cpu = (statistics.median(line[side][1] for line in lines) for side in (0, 1))
    text = [
        f"A series of {size / 1e6:.0f} MB as one answer, by curl: farsight {ours:.0f} MB/s, nginx {theirs:.0f} MB/s "
        f"({ours / theirs:.2f}); CPU per 100 MB {our_cpu:.0f} and {their_cpu:.0f} ms. Median of {rounds}.",
        "",
        f"{repeats} requests (ten times as many of what costs little) one after the other on one connection, the client "
        f"in Python; median of {rounds}. Farsight's peak: {peak:.0f} MB.",
        "",
        "| Request | Server | p50 ms | first byte ms | CPU ms each | KiB |",
        "|---|---|---|---|---|---|",
    ]
    for what, server in dict.fromkeys((one.what, one.server) for one in answers):
        of = [one for one in answers if (one.what, one.server) == (what, server)]
        p50, first, cpu, kib = (
            statistics.median(getattr(one, field) for one in of)
            for field in ("p50_ms", "first_byte_ms", "cpu_ms", "kib")
        )
        text.append(f"| {what} | {server} | {p50:.2f} | {first:.2f} | {cpu:.3f} | {kib:.0f} |")
    return text
