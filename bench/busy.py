"""Searching while a node stores as fast as it can: the same request, without and with 8 associations."""

import http.client
import statistics
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from process import Failed
from servers import Serve
from store import send, sender, shares

REQUEST = "/studies?PatientName=Zhang*&limit=50"
WARM_UP = 50
ASSOCIATIONS = 8


def measure(binary: Path, studies: list[Path], small: Path, work: Path, repeats: int, say=print) -> list[str]:
    with Serve(binary, work / "busy") as server:
        listed = sorted(small.iterdir())
        send(server, listed, 4, sum(1 for folder in listed for _ in folder.iterdir()))
        ask = Asking(server)
        ask.times(WARM_UP)
        idle = ask.times(repeats)
        senders = [sender(server, share) for share in shares(studies, ASSOCIATIONS)]
        started, busy = time.monotonic(), []
        try:
            while any(one.poll() is None for one in senders):
                busy += ask.times(1)
            seconds = time.monotonic() - started
        finally:
            for one in senders:
                if one.poll() is None:
                    one.kill()
        if any(one.returncode != 0 for one in senders):
            raise Failed("a storescu was refused while searches ran")
        ask.close()
    subprocess.run(["rm", "-rf", str(work / "busy")], check=True)
    stored = sum(1 for study in studies for _ in study.iterdir())
    lines = [
        f"QIDO-RS `{REQUEST}` on one connection, one after the other: {len(idle)} without anything else, {len(busy)} "
        f"while {ASSOCIATIONS} `storescu` brought {stored} CT instances ({stored / seconds:.0f} instances/s); ms.",
        "",
        "| | p50 | p99 |",
        "|---|---|---|",
    ]
    for what, times in (("idle", idle), ("storing", busy)):
        lines.append(f"| {what} | {statistics.median(times):.2f} | {percentile(times, 99):.2f} |")
    ratio = [percentile(busy, p) / percentile(idle, p) for p in (50, 99)]
    lines.append(f"| storing / idle | {ratio[0]:.2f} | {ratio[1]:.2f} |")
    for line in lines[2:]:
        say(f"  {line}", flush=True)
    return lines


def percentile(times: list[float], percent: int) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Asking:
    """One connection that asks the same again and again."""

    def __init__(self, server):
        root = urlsplit(server.dicomweb_url)
        self.connection = http.client.HTTPConnection(root.hostname, root.port, timeout=60)
        self.path, self.headers = root.path + REQUEST, {"Accept": "application/dicom+json", **server.headers}

    def times(self, count: int) -> list[float]:
        times = []
        for _ in range(count):
            started = time.monotonic()
            self.connection.request("GET", self.path, headers=self.headers)
            answer = self.connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise Failed(f"a search is answered {answer.status}")
            times.append((time.monotonic() - started) * 1000)
        return times

    def close(self) -> None:
        self.connection.close()
