"""C-STORE: the same instances into each server, by 1, 4 and 8 associations at once, in alternation."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from process import Failed, Process

ASSOCIATIONS = (1, 4, 8)
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


def send(server: Process, studies: list[Path], associations: int, instances: int) -> Run:
    """Sends everything; each association is one `storescu`. The clock stops when the last has ended."""
    os.sync()
    env = {**os.environ, "TCP_NODELAY": "1", "TCP_BUFFER_LENGTH": "1048576"}
    server.forget_peak()
    before, started = server.cpu_ms(), time.monotonic()
    senders = [
        subprocess.Popen(
            ["storescu", "-aet", server.calling, "-aec", server.called, "+sd", "127.0.0.1", str(server.dicom_port)]
            + [str(study) for study in share],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for share in shares(studies, associations)
    ]  # fmt: skip
    peak = 0.0
    try:
        look = started
        while any(sender.poll() is None for sender in senders):
            now = time.monotonic()
            if now - started > SENDER_LIMIT_S:
                raise Failed(f"{server.name}: not done after {SENDER_LIMIT_S} s")
            if now > look:
                peak, look = max(peak, server.peak_mb()), now + 0.3
            time.sleep(0.005)
        seconds = time.monotonic() - started
    finally:
        for sender in senders:
            if sender.poll() is None:
                sender.kill()
    for sender in senders:
        if sender.returncode != 0:
            raise Failed(f"{server.name}: storescu ended with {sender.returncode}: {sender.stdout.read()[-800:]}")
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
            rate = statistics.median(r.rate for r in of[name])
            cpu = statistics.median(r.cpu_ms / r.instances for r in of[name])
            peak = max(r.peak_mb for r in of[name])
            ratio = f"{own / rate:.2f}" if own else "–"
            lines.append(f"| {associations} | {name} | {rate:.0f} | {cpu:.2f} | {peak:.0f} | {ratio} |")
    return lines
