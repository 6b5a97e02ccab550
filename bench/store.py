"""C-STORE: the same instances into each server, by 1, 4, 8 and 64 associations at once, in alternation."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from process import Failed, Process

ASSOCIATIONS = (1, 4, 8, 64)
# Beyond its limit Orthanc refuses; `storescp` forks.
FOR_FEW = {"orthanc": 8}
SENDER_LIMIT_S = 900


@dataclass
class Run:
    """One server, one number of associations, once."""

    server: str
    associations: int
    instances: int
    seconds: float
    cpu_ms: float
    peak_mb: float

    @property
    def rate(self) -> float:
        return self.instances / self.seconds


def shares(studies: list[Path], associations: int) -> list[list[Path]]:
    """The studies dealt out to the associations."""
    return [studies[n::associations] for n in range(associations)]


def sender(server: Process, paths: list[Path]) -> subprocess.Popen:
    """One `storescu` with one association: folders, or files."""
    env = {**os.environ, "TCP_NODELAY": "1", "TCP_BUFFER_LENGTH": "1048576"}
    command = ["storescu", "-aet", server.calling, "-aec", server.called, "+sd", "127.0.0.1", str(server.dicom_port)]
    command += [str(path) for path in paths]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def send(server: Process, studies: list[Path], associations: int, instances: int) -> Run:
    """Sends everything; each association is one `storescu`. The clock stops when the last has ended."""
    if associations > len(studies):
        studies = sorted(file for study in studies for file in study.iterdir())
    os.sync()
    server.forget_peak()
    before, started = server.cpu_ms(), time.monotonic()
    senders = [sender(server, share) for share in shares(studies, associations)]
    peak = 0.0
    try:
        look = started
        while any(one.poll() is None for one in senders):
            now = time.monotonic()
            if now - started > SENDER_LIMIT_S:
                raise Failed(f"{server.name}: not done after {SENDER_LIMIT_S} s")
            if now > look:
                peak, look = max(peak, server.peak_mb()), now + 0.3
            time.sleep(0.005)
        seconds = time.monotonic() - started
    finally:
        for one in senders:
            if one.poll() is None:
                one.kill()
    for one in senders:
        if one.returncode != 0:
            raise Failed(f"{server.name}: storescu ended with {one.returncode}: {one.stdout.read()[-800:]}")
    cpu = server.cpu_ms() - before
    if (stored := server.stored()) != instances:
        raise Failed(f"{server.name} has {stored} instances after {instances} were sent")
    return Run(server.name, associations, instances, seconds, cpu, max(peak, server.peak_mb()))


def compare(starters: dict, studies: list[Path], instances: int, rounds: int, work: Path, say=print) -> list[Run]:
    """`starters` maps a name to a function that starts that server, empty, in a folder."""
    runs = []
    for turn in range(rounds):
        for associations in ASSOCIATIONS:
            for name, start in starters.items():
                if associations > FOR_FEW.get(name, associations):
                    continue
                folder = work / f"store-{turn}-{associations}-{name}"
                with start(folder) as server:
                    run = send(server, studies, associations, instances)
                runs.append(run)
                say(
                    f"  {name:9} {associations} associations: {run.rate:6.0f} instances/s, "
                    f"{run.cpu_ms / instances:5.2f} ms CPU each, peak {run.peak_mb:.0f} MB",
                    flush=True,
                )
                subprocess.run(["rm", "-rf", str(folder)], check=True)
    return runs


def table(runs: list[Run]) -> list[str]:
    """Markdown: medians, and each rate against Farsight's."""
    names = list(dict.fromkeys(run.server for run in runs))
    lines = [
        "| Associations | Server | instances/s | CPU ms each | peak MB | Farsight / it |",
        "|---|---|---|---|---|---|",
    ]
    for associations in ASSOCIATIONS:
        of = {name: [r for r in runs if (r.server, r.associations) == (name, associations)] for name in names}
        own = statistics.median(r.rate for r in of["farsight"]) if of.get("farsight") else None
        for name in names:
            if not of[name]:
                continue
            rate = statistics.median(r.rate for r in of[name])
            cpu = statistics.median(r.cpu_ms / r.instances for r in of[name])
            peak = max(r.peak_mb for r in of[name])
            ratio = f"{own / rate:.2f}" if own else "–"
            lines.append(f"| {associations} | {name} | {rate:.0f} | {cpu:.2f} | {peak:.0f} | {ratio} |")
    return lines
