"""A server under measurement: started in its own process group, watched through /proc, always ended."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

TICK_MS = 1000.0 / os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A measurement cannot be made; the message says why."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen, log: Path, limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Failed(f"{process.args[0]} ended with {process.returncode}:\n{tail(log)}")
        try:
            with socket.create_connection(("127.0.0.1", port), 0.5):
                return
        except OSError:
            time.sleep(0.05)
    raise Failed(f"{process.args[0]} does not listen on port {port} after {limit_s} s:\n{tail(log)}")


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


class Process:
    """A server and all that it starts."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TCP_NODELAY": "1", "TCP_BUFFER_LENGTH": "1048576", **(env or {})},
                start_new_session=True,
            )
        self._peak_kib: dict[int, int] = {}

    def members(self) -> list[int]:
        """Process ids of the session that are alive."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = _stat(entry)
                except (OSError, IndexError):
                    continue
                if int(fields[3]) == self.popen.pid:
                    found.append(int(entry.name))
        return found

    def cpu_ms(self) -> float:
        """User and system time so far: of every member, and of children that members have waited for."""
        total = 0.0
        for pid in self.members():
            try:
                fields = _stat(Path("/proc") / str(pid))
                total += sum(int(fields[i]) for i in (11, 12, 13, 14)) * TICK_MS
            except (OSError, IndexError):
                continue
        return total

    def forget_peak(self) -> None:
        """What was needed until now, to start for instance, no longer counts as peak (proc(5), clear_refs)."""
        self._peak_kib.clear()
        for pid in self.members():
            with contextlib.suppress(OSError):
                (Path("/proc") / str(pid) / "clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """Sum over the members of the most memory that each had resident since `forget_peak`."""
        for pid in self.members():
            try:
                for line in (Path("/proc") / str(pid) / "status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        self._peak_kib[pid] = int(line.split()[1])
            except OSError:
                continue
        return sum(self._peak_kib.values()) / 1024

    def stop(self) -> None:
        for sign, patience_s in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(self.popen.pid, sign)
            except ProcessLookupError:
                break
            try:
                self.popen.wait(patience_s)
                break
            except subprocess.TimeoutExpired:
                continue
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _stat(folder: Path) -> list[str]:
    """Fields of /proc/PID/stat from the state on (the third)."""
    text = (folder / "stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def watched(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and the most megabytes of a command that has to succeed. The memory is read while it runs: the
    `ru_maxrss` of a child begins with what its parent had (getrusage(2), execve(2))."""
    began = time.monotonic()
    cpu = peak = 0.0
    with Process(command, folder) as process:
        while process.popen.poll() is None:
            cpu, peak = max(cpu, process.cpu_ms()), max(peak, process.peak_mb())
            time.sleep(0.02)
        took = time.monotonic() - began
        if process.popen.returncode != 0:
            raise Failed(f"{command[0]} failed:\n{tail(process.log)}")
    return took, cpu / 1000, peak
