"""Tiles: random ones of an imported slide, from Farsight, and the same bytes as ranges from nginx."""

import mmap
import os
import random
import re
import shutil
import statistics
import struct
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pydicom

from process import Failed, Process
from servers import Farsight, Nginx, get, get_json

CONNECTIONS = (16, 64)
TILES = 20_000
CHECKED = 60
ITEM, PIXEL_DATA = b"\xfe\xff\x00\xe0", b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"


@dataclass
class Tile:
    """One tile: Farsight's path, and where its frame lies in the instance."""

    path: str
    file: str
    first: int
    last: int


@dataclass
class Load:
    """One run of `wrk` against one server."""

    server: str
    connections: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


@dataclass
class Served:
    """One slide under load."""

    imported: str
    tiles: int
    of: int
    bytes: float
    peak_mb: float
    loads: list[Load]


def compare(binary: Path, slides: list[Path], work: Path, rounds: int, seconds: int, say=print) -> list[str]:
    """The same of each slide, the smaller first: what memory serving takes must not grow with it."""
    lines, peaks = [], []
    for number, slide in enumerate(slides):
        served = serve(binary, slide, work / f"tiles-{number}", rounds, seconds, say)
        lines += [
            f"Slide: {served.imported}, by the command line beside the running node.",
            f"{served.tiles} random tiles of {served.of}, mean {served.bytes / 1024:.1f} KiB, the same bytes from both "
            f"({CHECKED} compared); `wrk` for {seconds} s on the same processors, median of {rounds}.",
            "",
            *table(served.loads),
            "",
        ]
        peaks.append(f"| {slide.stat().st_size / 1e6:.0f} | {served.of} | {served.peak_mb:.0f} |")
    return [*lines, "Memory of Farsight while it serves, most of all rounds:", "", "| Slide MB | tiles | peak MB |", "|---|---|---|", *peaks]


def serve(binary: Path, slide: Path, work: Path, rounds: int, seconds: int, say) -> Served:
    with Farsight(binary, work / "farsight") as farsight:
        took, cpu, peak = farsight.import_file(slide)
        imported = f"{slide.stat().st_size / 1e6:.0f} MB imported in {took:.1f} s, {cpu:.1f} s CPU, peak {peak:.0f} MB"
        say(f"  {imported}", flush=True)
        files = work / "objects"
        files.mkdir()
        tiles, of = choose(farsight, files)
        size = statistics.mean(tile.last - tile.first + 1 for tile in tiles)
        with Nginx(work / "nginx", files) as nginx:
            check_same(farsight, nginx, tiles)
            lists = {farsight: work / "farsight.list", nginx: work / "nginx.list"}
            authorisation = farsight.headers["Authorization"]
            lists[farsight].write_text("".join(f"{t.path}\tAuthorization\t{authorisation}\n" for t in tiles))
            lists[nginx].write_text("".join(f"/{t.file}\tRange\tbytes={t.first}-{t.last}\n" for t in tiles))
            loads = []
            farsight.forget_peak()
            for _ in range(rounds):
                for connections in CONNECTIONS:
                    for server, wanted in lists.items():
                        loads.append(load(server, wanted, connections, seconds))
                        one = loads[-1]
                        say(
                            f"  {one.server:9} {connections} connections: {one.rate:.0f} tiles/s, "
                            f"p50 {one.p50_ms:.2f} ms, p99 {one.p99_ms:.2f} ms, {one.cpu_us:.0f} us CPU each",
                            flush=True,
                        )
            peak_mb = farsight.peak_mb()
            say(f"  peak while serving: {peak_mb:.0f} MB", flush=True)
    shutil.rmtree(work)
    return Served(imported, len(tiles), of, size, peak_mb, loads)


def choose(farsight: Farsight, files: Path) -> tuple[list[Tile], int]:
    """Random tiles over all levels, each level as often as it has tiles, and how many there are; the instances are kept in
    `files`."""
    found = get_json(f"{farsight.base_url}/api/v1/slides", farsight.headers)["slides"]
    if not found:
        raise Failed("no slide after the import")
    slide = get_json(f"{farsight.base_url}/api/v1/slides/{found[0]['id']}", farsight.headers)
    frames = {}
    series = f"{farsight.dicomweb_url}/studies/{slide['study_instance_uid']}/series/{slide['series_instance_uid']}"
    for instance in get_json(f"{series}/instances", farsight.headers):
        uid = instance["00080018"]["Value"][0]
        path = files / f"{uid}.dcm"
        fetch_instance(f"{series}/instances/{uid}", farsight.headers, path)
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if header.ImageType[2] == "VOLUME":
            frames[int(header.TotalPixelMatrixColumns)] = (path.name, frame_ranges(path, int(header.NumberOfFrames)))
    rng = random.Random(1)
    every = [
        (level["level"], level["width"], level["tiles_x"], x, y)
        for level in slide["levels"]
        for y in range(level["tiles_y"])
        for x in range(level["tiles_x"])
    ]
    tiles = []
    for level, width, across, x, y in rng.sample(every, min(TILES, len(every))):
        if width not in frames:
            raise Failed(f"level {level}, {width} wide, has no DICOM instance")
        name, ranges = frames[width]
        first, last = ranges[y * across + x]
        tiles.append(Tile(f"/api/v1/slides/{slide['id']}/tiles/{level}/{x}/{y}", name, first, last))
    return tiles, len(every)


def fetch_instance(url: str, headers: dict[str, str], path: Path) -> None:
    """The one part of a WADO-RS answer, into a file, piece by piece: an instance may have gigabytes."""
    accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*', **headers}
    with urllib.request.urlopen(urllib.request.Request(url, headers=accept)) as answer, path.open("wb") as out:
        head = b""
        while b"\r\n\r\n" not in head:
            head += answer.read(1 << 12)
        part = head.index(b"\r\n\r\n") + 4
        boundary = head[: head.index(b"\r\n")]
        out.write(head[part:])
        shutil.copyfileobj(answer, out, 1 << 20)
    # Behind the part stands the last boundary.
    end = b"\r\n" + boundary + b"--"
    length = path.stat().st_size
    with path.open("rb+") as file:
        file.seek(max(0, length - len(end) - 64))
        at = file.tell() + file.read().rindex(end)
        file.truncate(at)


def frame_ranges(path: Path, frames: int) -> list[tuple[int, int]]:
    """First and last byte of each frame in the file, when each is one fragment."""
    ranges = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(PIXEL_DATA)
        if at < 0:
            raise Failed(f"{path.name} has no encapsulated pixel data")
        at += len(PIXEL_DATA)
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
        while data[at : at + 4] == ITEM:
            length = struct.unpack_from("<I", data, at + 4)[0]
            ranges.append((at + 8, at + 7 + length))
            at += 8 + length
    if len(ranges) != frames:
        raise Failed(f"{path.name}: {len(ranges)} fragments for {frames} frames")
    return ranges


def check_same(farsight: Farsight, nginx: Nginx, tiles: list[Tile]) -> None:
    for tile in tiles[:CHECKED]:
        ours = get(farsight.base_url + tile.path, farsight.headers)
        theirs = get(f"{nginx.base_url}/{tile.file}", {"Range": f"bytes={tile.first}-{tile.last}"})
        if ours.rstrip(b"\0") != theirs.rstrip(b"\0"):
            raise Failed(f"{tile.path}: {len(ours)} bytes from Farsight are not the {len(theirs)} of the instance")


def load(server: Process, wanted: Path, connections: int, seconds: int) -> Load:
    script = Path(__file__).with_name("tiles.lua")
    before = server.cpu_ms()
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), server.base_url]
    done = subprocess.run(
        command, env={**os.environ, "TILES": str(wanted)}, capture_output=True, text=True, timeout=60 + seconds
    )
    cpu = server.cpu_ms() - before
    out = done.stdout
    if done.returncode != 0 or "Non-2xx" in out or "Socket errors" in out:
        raise Failed(f"wrk against {server.name}: {out[-500:]}{done.stderr[-500:]}")
    requests = int(re.search(r"(\d+) requests in", out)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    p50, p99 = (milliseconds(re.search(rf"{part}%\s+([\d.]+)(us|ms|s)", out)) for part in (50, 99))
    return Load(server.name, connections, rate, p50, p99, cpu * 1000 / requests)


def milliseconds(found: re.Match) -> float:
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def table(loads: list[Load]) -> list[str]:
    lines = [
        "| Connections | Server | tiles/s | p50 ms | p99 ms | CPU us each | Farsight / it |",
        "|---|---|---|---|---|---|---|",
    ]
    for connections in CONNECTIONS:
        own = statistics.median(one.rate for one in loads if (one.server, one.connections) == ("farsight", connections))
        for name in dict.fromkeys(one.server for one in loads):
            of = [one for one in loads if (one.server, one.connections) == (name, connections)]
            rate, p50, p99, cpu = (
                statistics.median(getattr(one, field) for one in of) for field in ("rate", "p50_ms", "p99_ms", "cpu_us")
            )
            lines.append(
                f"| {connections} | {name} | {rate:.0f} | {p50:.2f} | {p99:.2f} | {cpu:.0f} | {own / rate:.2f} |"
            )
    return lines
