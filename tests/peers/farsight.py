"""The node that the peers talk to: `farsight demo` without samples, started once for all tests, on free ports.

`FARSIGHT_BIN` names the program (default: the debug build), `FARSIGHT_SAMPLES` the sample data. With `FARSIGHT_DEMO`
set to a running demo's demo.json, that one is used.
"""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get("FARSIGHT_SAMPLES", ROOT / "sample-data/cache"))
READY_LIMIT_S = 60
# Of a peer for an answer. No measure of the node: a disk that others write to can make one flush wait for long.
PATIENCE_S = 120


def program() -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return Path(os.environ.get("FARSIGHT_BIN", target / "debug/farsight"))


@cache
def demo() -> dict:
    """What demo.json says of the running node."""
    if given := os.environ.get("FARSIGHT_DEMO"):
        return {"data": str(Path(given).parent), **json.loads(Path(given).read_text())}
    folder = Path(tempfile.mkdtemp(prefix="farsight-peers-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    log = Path(os.environ.get("FARSIGHT_ARTEFACTS", folder)) / "peers-server.log"
    command = [program(), "demo", "--data", folder / "data", "--no-samples"]
    command += ["--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0"]
    with log.open("wb") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.STDOUT)
    atexit.register(process.wait)
    atexit.register(process.terminate)
    ready, end = folder / "data/demo.json", time.monotonic() + READY_LIMIT_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"farsight demo is not ready:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    return {"data": str(folder / "data"), **json.loads(ready.read_text())}


def township() -> dict:
    """The organisation that stores: the township hospital."""
    return demo()["organisations"][0]


def reading_centre() -> dict:
    return demo()["organisations"][1]


def get(path: str, accept: str = "*/*", organisation: dict | None = None) -> tuple[int, bytes, str]:
    """(status, body, Content-Type) of a request below the base URL, by default as the township hospital."""
    token = (organisation or township())["token"]
    headers = {"Accept": accept, "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(demo()["base_url"] + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers.get("Content-Type", "")


def import_files(*paths: Path) -> None:
    """Brings files in by the command line."""
    command = [program(), "import", "--data", demo()["data"], "--org", township()["id"], *paths]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"farsight import ended with {done.returncode}:\n{done.stderr[-2000:]}")
