"""Searches at two sizes of the index, on SQLite and PostgreSQL: QIDO-RS and C-FIND of an owner and of a grantee.

The studies are written straight into the index by `storage/examples/search_cost` and kept in `results/data`.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as FIND

from process import TICK_MS, Failed, Process, free_port, tail, wait_for_port
from tiles import load

OWNER, GRANTEE = "city", "centre"
CALLING = {OWNER: "CITY", GRANTEE: "CENTRE"}
REPEATS = 200
CLIENTS = 16


def kinds(studies: int) -> dict[str, list[dict[str, str]]]:
    """What is asked: kind → matching keys of some searches."""
    rng = random.Random(5)
    years = [f"{year}0101-{year}1231" for year in range(2016, 2026)]
    return {
        "patient id": [{"PatientID": f"P{rng.randrange(studies // 3 + 1):07}"} for _ in range(200)],
        "accession": [{"AccessionNumber": f"A{rng.randrange(studies):010}"} for _ in range(200)],
        "date range": [{"StudyDate": year} for year in years],
        "name Zhang*": [{"PatientName": "Zhang*"}],
        "name 张*": [{"PatientName": "张*"}],
        "name 王伟* (two characters)": [{"PatientName": "王伟*"}, {"PatientName": "李敏*"}],
        "initials zw*": [{"PatientName": "zw*"}],
        "CT in a year": [{"ModalitiesInStudy": "CT", "StudyDate": year} for year in years],
        "XA in a year (0.1 %)": [{"ModalitiesInStudy": "XA", "StudyDate": year} for year in years],
        "wang* and XA": [{"PatientName": "wang*", "ModalitiesInStudy": "XA"}],
        "description *Follow* (no list)": [{"StudyDescription": "*Follow*"}],
        "accession *X* (no list, none)": [{"AccessionNumber": "*X*"}],
    }


class Postgres(Process):
    """A cluster in a folder that is kept."""

    name = "postgres"

    def __init__(self, folder: Path):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: int(bin.parent.name))
        if not found:
            raise Failed("PostgreSQL is not installed: apt-get install postgresql")
        self.bin, self.port = found[-1], free_port()
        as_other = []
        folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres")
        data = folder / "cluster"
        if not data.exists():
            made = [*as_other, str(self.bin / "initdb"), "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
            subprocess.run([*made, "-U", "farsight", "-D", str(data)], check=True, capture_output=True, cwd="/")
        command = [*as_other, str(self.bin / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(self.port)]
        super().__init__([*command, "-k", str(data), "-c", "max_wal_size=4GB"], folder)
        wait_for_port(self.port, self.popen, self.log)
        make = [str(self.bin / "createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "farsight", "farsight"]
        end = time.monotonic() + 30
        while (done := subprocess.run(make, capture_output=True, text=True)).returncode != 0:
            if "already exists" in done.stderr:
                break
            if time.monotonic() > end:
                raise Failed(f"createdb: {done.stderr}")
            time.sleep(0.2)
        self.url = f"postgres://farsight@127.0.0.1:{self.port}/farsight"

    def members(self) -> list[int]:
        """The server's children have sessions of their own."""
        own = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.popen.pid)], capture_output=True, text=True)
        return [self.popen.pid, *(int(pid) for pid in own.stdout.split())]


class Node(Process):
    """`farsight serve` over a filled index; `ready_s` is what it took from its start to the first 200 of `/readyz`."""

    name = "farsight"

    def __init__(self, binary: Path, folder: Path, config: Path, http: int, dicom: int):
        started = time.monotonic()
        super().__init__([str(binary), "serve", "--config", str(config)], folder)
        self.base_url, self.dicom_port = f"http://127.0.0.1:{http}", dicom
        while True:
            try:
                with urllib.request.urlopen(self.base_url + "/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except (urllib.error.URLError, OSError):
                if self.popen.poll() is not None or time.monotonic() - started > 120:
                    raise Failed(f"farsight does not become ready:\n{tail(self.log)}") from None
            time.sleep(0.005)
        self.ready_s = time.monotonic() - started


def compare(binary: Path, filler: Path, data: Path, work: Path, sizes: list[int], seconds: int, say=print) -> list[str]:
    lines = []
    for database in ("sqlite", "postgres"):
        results = {}
        for studies in sizes:
            results[studies] = measure(binary, filler, data / f"scale-{database}-{studies}", work, studies, seconds, say)
        lines += table(database, results)
    return lines


def measure(binary: Path, filler: Path, folder: Path, work: Path, studies: int, seconds: int, say) -> dict:
    """Viewer and kind → figures of one index."""
    is_postgres = "postgres" in folder.name
    postgres = Postgres(folder / "postgres") if is_postgres else None
    try:
        return with_index(binary, filler, folder, work, studies, seconds, postgres, say)
    finally:
        if postgres:
            postgres.stop()


def with_index(binary, filler, folder, work, studies, seconds, postgres, say) -> dict:
    index = folder / "node"
    fill = [str(filler), str(index), str(studies), "--owner", OWNER, "--grantee", GRANTEE, "--fill-only"]
    run([*fill, *(["--postgres", postgres.url] if postgres else [])])
    http, dicom = free_port(), free_port()
    config = work / f"{folder.name}.toml"
    config.write_text(
        f'[storage]\ndirectory = "{index}"\n'
        + (f'postgres_url = "{postgres.url}"\n' if postgres else "")
        + f'[http]\nlisten = "127.0.0.1:{http}"\n[dicom]\nlisten = "127.0.0.1:{dicom}"\n'
    )
    tokens = {}
    for org in (OWNER, GRANTEE):
        at = ["--config", str(config)]
        run([str(binary), "org", "add", *at, org, org])
        tokens[org] = run([str(binary), "token", "add", *at, "--org", org]).split()[-1]
        known = subprocess.run([str(binary), "ae", "show", *at, CALLING[org]], capture_output=True)
        if known.returncode != 0:
            run([str(binary), "ae", "add", *at, CALLING[org], "--org", org])
    found = {}
    with Node(binary, work / folder.name, config, http, dicom) as node:
        servers = [node, *([postgres] if postgres else [])]
        say(f"  {folder.name}: ready in {node.ready_s:.2f} s", flush=True)
        found["ready_s"] = node.ready_s
        for viewer in (OWNER, GRANTEE):
            for kind, searches in kinds(studies).items():
                one = qido(node, servers, tokens[viewer], searches, work, seconds)
                one.update(find(node, servers, CALLING[viewer], searches))
                found[viewer, kind] = one
                say(f"  {folder.name} {viewer} {kind}: {json.dumps(one)}", flush=True)
    return found


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:3])}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def cpu_ms(servers: list[Process]) -> list[float]:
    return [server.cpu_ms() for server in servers]


def qido(node: Node, servers: list[Process], token: str, searches: list[dict], work: Path, seconds: int) -> dict:
    """CPU ms per search of one client (database's own with PostgreSQL), then p50 and p99 of 16 by `wrk`."""
    paths = [
        "/dicom-web/studies?limit=50&" + "&".join(f"{key}={quote(value)}" for key, value in search.items())
        for search in searches
    ]
    authorisation = f"Bearer {token}"
    rows, times = 0, []
    before, repeats, began = cpu_ms(servers), 0, time.monotonic()
    while repeats < REPEATS and time.monotonic() - began < seconds:
        request = urllib.request.Request(node.base_url + paths[repeats % len(paths)])
        request.add_header("Authorization", authorisation)
        request.add_header("Accept", "application/dicom+json")
        started = time.monotonic()
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        times.append((time.monotonic() - started) * 1000)
        rows += len(json.loads(body)) if body else 0
        repeats += 1
    used = [(now - then) / repeats for now, then in zip(cpu_ms(servers), before, strict=True)]
    wanted = work / "scale.list"
    wanted.write_text("".join(f"{path}\tAuthorization\t{authorisation}\n" for path in paths))
    many = load(node, wanted, CLIENTS, max(1, seconds // 2))
    return {
        "rows": round(rows / repeats, 1),
        "cpu": round(sum(used), 2),
        "postgres_cpu": round(sum(used[1:]), 2),
        "p50": round(statistics.median(times), 2),
        "p50_16": many.p50_ms,
        "p99_16": many.p99_ms,
    }


def find(node: Node, servers: list[Process], calling: str, searches: list[dict]) -> dict:
    """CPU ms and p50 of a C-FIND whose answer is taken up to its fiftieth match; most of the p50 is the client's."""
    ae = AE(ae_title=calling)
    ae.add_requested_context(FIND)
    association = ae.associate("127.0.0.1", node.dicom_port, ae_title="FARSIGHT")
    if not association.is_established:
        raise Failed("C-FIND: the association was refused")
    times, before, repeats = [], cpu_ms(servers), min(20, max(len(searches), 5))
    for i in range(repeats):
        identifier = Dataset()
        identifier.SpecificCharacterSet = "ISO_IR 192"
        identifier.QueryRetrieveLevel = "STUDY"
        identifier.StudyInstanceUID = ""
        for key, value in searches[i % len(searches)].items():
            setattr(identifier, key, value)
        started = time.monotonic()
        for number, _ in enumerate(association.send_c_find(identifier, FIND, msg_id=i + 1)):
            if number == 0:
                times.append((time.monotonic() - started) * 1000)
            if number == 49:
                association.send_c_cancel(i + 1, query_model=FIND)
    used = sum(now - then for now, then in zip(cpu_ms(servers), before, strict=True)) / repeats
    association.release()
    return {"find_cpu": round(used, 2), "find_first": round(statistics.median(times), 2)}


def table(database: str, results: dict[int, dict]) -> list[str]:
    sizes = list(results)
    lines = [
        f"{database}: start to ready " + ", ".join(f"{of['ready_s']:.2f} s ({n} studies)" for n, of in results.items()),
        "",
        "| Who, what | " + " | ".join(f"{n}: CPU (of it PostgreSQL), rows; p99 of {CLIENTS}; C-FIND CPU" for n in sizes)
        + " | CPU, large / small |",
        "|---|" + "---|" * (len(sizes) + 1),
    ]
    for key in (key for key in results[sizes[0]] if key != "ready_s"):
        cells = []
        for n in sizes:
            one = results[n][key]
            cells.append(
                f"{one['cpu']:.2f} ({one['postgres_cpu']:.2f}), {one['rows']:g}; {one['p99_16']:.1f}; {one['find_cpu']:.2f}"
            )
        small, large = results[sizes[0]][key]["cpu"], results[sizes[-1]][key]["cpu"]
        lines.append(f"| {key[0]}, {key[1]} | " + " | ".join(cells) + f" | {large / max(small, TICK_MS / REPEATS):.2f} |")
    return [*lines, ""]
