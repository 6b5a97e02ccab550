#!/usr/bin/env python3
"""Speed, side by side with other programs, on this machine's loopback.

    run.py                 everything: store, large, busy, tiles, imports, query, scale, retrieve
    run.py scale --studies 1000000
    run.py store tiles     only these
    run.py tiles --gigabytes 4.2    tiles also of a slide of so many gigabytes, for the memory that serving it takes
    run.py --quick         a tenth of the data, one round: does it work, not how fast is it

Servers that are missing or do not start are left out and named in the result.
"""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import busy
import imports
import large
import query
import retrieve
import scale
import store
import tiles
from process import Failed
from servers import Farsight, Orthanc, Storescp, tool

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results"
PARTS = ("store", "large", "busy", "tiles", "imports", "query", "scale", "retrieve")


def main() -> int:
    args = arguments()
    # Ended from outside, too, what was started is ended and its data removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    RESULTS.mkdir(exist_ok=True)
    binary = args.farsight
    with tempfile.TemporaryDirectory(prefix="work-", dir=RESULTS) as folder:
        work = Path(folder)
        report = heading(binary, args.quick)
        for part in args.parts or PARTS:
            print(f"== {part}", flush=True)
            try:
                report += [f"## {part}", "", *RUNNERS[part](binary, work, args), ""]
            except Failed as why:
                print(f"  not measured: {why}", file=sys.stderr, flush=True)
                report += [f"## {part}", "", f"Not measured: {str(why).splitlines()[0]}", ""]
    text = "\n".join(report)
    path = RESULTS / time.strftime("%Y%m%d-%H%M%S.md")
    path.write_text(text)
    print(f"\n{text}\nWritten to {path}")
    return 1 if "Not measured" in text else 0


def arguments() -> argparse.Namespace:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; everything when left out")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=3, help="how often each measurement is repeated (median)")
    parser.add_argument("--studies", type=int, default=100_000, help="the larger index of `scale`")
    parser.add_argument("--gigabytes", type=float, default=0, help="a further slide of `tiles` and `imports`, so large")
    parser.add_argument("--farsight", type=Path, default=target / "release/farsight", help="the program to measure")
    parser.add_argument("--peers-only", action="store_true", help="measure the other programs only")
    args = parser.parse_args()
    if args.quick:
        args.rounds = 1
    return args


def heading(binary: Path, quick: bool) -> list[str]:
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    load = os.getloadavg()[0]
    return [
        f"# Bench of {time.strftime('%Y-%m-%d %H:%M')}{' (quick: figures mean little)' if quick else ''}",
        "",
        f"Commit {commit.stdout.strip()}, {os.cpu_count()} processors ({model}), Linux {platform.release()}, "
        f"load when it began {load:.1f}. Program: {binary.name}.",
        "",
    ]


def generated(name: str, *arguments: str) -> Path:
    """Generated data, kept between runs in results/data."""
    path = RESULTS / "data" / name
    if not path.exists():
        print(f"  generating {name}", flush=True)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name("partial-" + name)
        shutil.rmtree(partial, ignore_errors=True)
        partial.unlink(missing_ok=True)
        generator = ROOT / "sample-data/generate.py"
        subprocess.run(
            [sys.executable, str(generator), arguments[0], "--out", str(partial), *arguments[1:]],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        partial.rename(path)
    return path


def ct_studies(args) -> tuple[list[Path], int]:
    slices = 10 if args.quick else 100
    folder = generated(f"ct-16x{slices}", "ct", "--studies", "16", "--slices", str(slices))
    return sorted(folder.iterdir()), 16 * slices


def run_store(binary: Path, work: Path, args) -> list[str]:
    starters = {}
    for name, executable, start in (
        ("storescp", "storescp", Storescp),
        ("farsight", str(binary), lambda folder: Farsight(binary, folder)),
        ("orthanc", "Orthanc", Orthanc),
    ):
        if name == "farsight":
            if args.peers_only:
                continue
            if not binary.exists():
                raise Failed(f"{binary} is not there: make bench builds it")
        else:
            tool(executable)
        starters[name] = start
    studies, instances = ct_studies(args)
    size = sum(path.stat().st_size for study in studies for path in study.iterdir())
    runs = store.compare(starters, studies, instances, args.rounds, work)
    return [
        f"{instances} CT instances, {size / 1e6:.0f} MB, sent by `storescu`; median of {args.rounds}. "
        "storescp keeps no index and flushes nothing.",
        "",
        *store.table(runs),
    ]


def run_large(binary: Path, work: Path, args) -> list[str]:
    if args.peers_only or not binary.exists():
        raise Failed("the large object is sent to Farsight only")
    tool("storescu")
    frames = 90 if args.quick else 900
    file = RESULTS / "data" / f"loop-{frames}.dcm"
    if not file.exists():
        print(f"  generating {file.name}", flush=True)
        file.parent.mkdir(exist_ok=True)
        large.write(file, frames)
    return large.measure(binary, file, frames, work)


def run_busy(binary: Path, work: Path, args) -> list[str]:
    if args.peers_only or not binary.exists():
        raise Failed("searches while storing are put to Farsight only")
    tool("storescu")
    studies, _ = ct_studies(args)
    return busy.measure(binary, studies, small_studies(args), work, 200 if args.quick else 2000)


def small_studies(args) -> Path:
    many = 40 if args.quick else 400
    return generated(f"ct-{many}x3-small", "ct", "--studies", str(many), "--slices", "3", "--size", "64")


def run_tiles(binary: Path, work: Path, args) -> list[str]:
    if args.peers_only or not binary.exists():
        raise Failed("tiles need Farsight, whose files nginx serves")
    for name in ("wrk", "nginx"):
        tool(name)
    width, height = (12000, 9000) if args.quick else (48000, 36000)
    slide = generated(f"slide-{width}.svs", "slide", "--width", str(width), "--height", str(height), "--big")
    slides = [slide]
    if args.gigabytes > 0:
        slides.append(gigabytes(args.gigabytes))
    seconds = 2 if args.quick else 8
    return tiles.compare(binary, slides, work, args.rounds, seconds)


def gigabytes(wanted: float) -> Path:
    """A generated SVS of so many gigabytes, kept between runs."""
    path = RESULTS / "data" / f"slide-{wanted:g}GB.svs"
    if not path.exists():
        print(f"  generating {path.name}", flush=True)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name("partial-" + path.name)
        imports.write_svs(partial, int(wanted * 1e9))
        partial.rename(path)
    return path


def run_imports(binary: Path, work: Path, args) -> list[str]:
    if args.peers_only or not binary.exists():
        raise Failed("imports need Farsight")
    if not imports.WSIDICOMIZER.exists():
        raise Failed("wsidicomizer is not installed: scripts/setup.sh bench does that")
    middle = 20_000_000 if args.quick else imports.MIDDLE_BYTES
    return imports.compare(binary, work, args.rounds, middle, int(args.gigabytes * 1e9))


def run_query(binary: Path, work: Path, args) -> list[str]:
    starters = {"orthanc": Orthanc}
    tool("Orthanc")
    if not args.peers_only:
        if not binary.exists():
            raise Failed(f"{binary} is not there: make bench builds it")
        starters["farsight"] = lambda folder: Farsight(binary, folder)
    studies, _ = ct_studies(args)
    return query.compare(starters, studies[:1], small_studies(args), work, 20 if args.quick else 200)


def run_scale(binary: Path, work: Path, args) -> list[str]:
    if args.peers_only or not binary.exists():
        raise Failed("the index is filled for Farsight only")
    tool("wrk")
    filler = binary.with_name("examples") / "search_cost"
    if not filler.exists():
        raise Failed(f"{filler} is not there: make bench builds it")
    sizes = [1000, 2000] if args.quick else [10_000, args.studies]
    return scale.compare(binary, filler, RESULTS / "data", work, sizes, 1 if args.quick else 2)


def run_retrieve(binary: Path, work: Path, args) -> list[str]:
    if args.peers_only or not binary.exists():
        raise Failed("retrieval needs Farsight, whose bytes nginx serves")
    for name in ("curl", "nginx"):
        tool(name)
    studies, _ = ct_studies(args)
    slices = 100 if args.quick else 1000
    thousand = generated(f"ct-1x{slices}-small", "ct", "--studies", "1", "--slices", str(slices), "--size", "64")
    folder = next(path for path in sorted(thousand.iterdir()) if path.is_dir())
    return retrieve.compare(binary, studies[0], folder, work, args.rounds, 20 if args.quick else 200)


RUNNERS = {"store": run_store, "large": run_large, "busy": run_busy, "tiles": run_tiles, "imports": run_imports, "query": run_query, "scale": run_scale, "retrieve": run_retrieve}

if __name__ == "__main__":
    sys.exit(main())
