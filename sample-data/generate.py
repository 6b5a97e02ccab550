#!/usr/bin/env python3
"""Generates studies and slides, the same bytes every time: for the demo, and in any volume for tests and benches.

generate.py demo                        what `farsight demo` imports, into cache/demo; quick when it is there
generate.py ct --out DIR --studies N --slices M [--charset GB18030|UTF-8|mixed] [--size 512]
generate.py slide --out FILE.svs --width W --height H [--big]
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE / "cache"
STAMP = CACHE / "generated.json"
DEMO_SLIDE = "demo/slides/generated-pyramid.svs"


def main() -> int:
    args = arguments()
    if args.command == "demo":
        return demo()
    started = time.monotonic()
    if args.command == "ct":
        from studies import bulk_study, write_ct

        wanted = [bulk_study(index, args.charset, args.slices, args.size) for index in range(args.studies)]
        count = write_ct(args.out, wanted, args.slices, args.size)
        print(f"{count} CT instances in {args.out} ({time.monotonic() - started:.1f} s)")
    else:
        from slides import write_slide

        write_slide(args.out, args.width, args.height, args.big, args.seed)
        size = args.out.stat().st_size
        print(f"{args.out}: {args.width} x {args.height}, {size / 1e6:.0f} MB ({time.monotonic() - started:.1f} s)")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="what `farsight demo` imports")
    ct = commands.add_parser("ct", help="CT studies of different patients")
    ct.add_argument("--out", type=Path, required=True)
    ct.add_argument("--studies", type=positive, default=1)
    ct.add_argument("--slices", type=positive, default=100)
    ct.add_argument("--charset", choices=["GB18030", "UTF-8", "mixed"], default="mixed")
    ct.add_argument("--size", type=positive, default=512, help="rows and columns")
    slide = commands.add_parser("slide", help="an Aperio-like pyramid")
    slide.add_argument("--out", type=Path, required=True)
    slide.add_argument("--width", type=positive, default=12000)
    slide.add_argument("--height", type=positive, default=9000)
    slide.add_argument("--big", action="store_true", help="repeat the tissue; BigTIFF, for gigabytes")
    slide.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    if args.command == "slide" and not args.big and args.width * args.height > 2_000_000_000:
        parser.error("more than 2 gigapixels: add --big")
    return args


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def recipe() -> str:
    """Changes when the generator or its libraries do."""
    digest = hashlib.sha256()
    sources = [*HERE.glob("*.py"), *HERE.glob("phantom/*.py"), HERE / "requirements.txt"]
    for path in sorted(sources):
        if path.name != "fetch.py":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def demo() -> int:
    """The generated part of cache/demo. Left alone when the stamp says that this very generator made it."""
    made_by = recipe()
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        stamp = {}
    sizes = stamp.get("files", {})
    there = all((CACHE / name).is_file() and (CACHE / name).stat().st_size == size for name, size in sizes.items())
    if stamp.get("recipe") == made_by and sizes and there:
        print(f"generated data: {len(sizes)} files there")
        return 0

    from patients import PATIENTS, ZHANG_SAN
    from slides import write_slide
    from studies import Study, write_ct, write_radiograph

    started = time.monotonic()
    folder = CACHE / "demo/dicom"
    print("generated data: two chest CT studies of one patient", flush=True)
    now = Study(
        "generated-ct", ZHANG_SAN, "20261109", "143000", "A2611090017", "GB18030", True, nodule_mm=13.0
    )  # fmt: skip
    prior = Study(
        "generated-ct-prior", ZHANG_SAN, "20260318", "092000", "A2603180005", "GB18030", True,
        series="纵隔 4.8mm", nodule_mm=8.0,
    )  # fmt: skip
    write_ct(folder, [now], 120, 512)
    write_ct(folder, [prior], 60, 512)
    print("generated data: two chest radiographs", flush=True)
    first = Study(
        "generated-cr-1", PATIENTS[1], "20261112", "101500", "X2611120031", "GB18030", False,
        description="胸部正位", series="后前位", body=8,
    )  # fmt: skip
    second = Study(
        "generated-cr-2", PATIENTS[3], "20261113", "160500", "X2611130042", "GB18030", True,
        description="胸部正位", series="后前位", body=9, nodule_mm=22.0,
    )  # fmt: skip
    for study in (first, second):
        write_radiograph(folder / study.key / "0001.dcm", study)
    print("generated data: a slide of 12000 x 9000", flush=True)
    write_slide(CACHE / DEMO_SLIDE, 12000, 9000, big=False, seed=5)

    files = [*folder.glob("generated-*/*.dcm"), CACHE / DEMO_SLIDE]
    sizes = {path.relative_to(CACHE).as_posix(): path.stat().st_size for path in sorted(files)}
    STAMP.write_text(json.dumps({"recipe": made_by, "files": sizes}, indent=1) + "\n")
    print(f"generated data: {len(sizes)} files ({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
