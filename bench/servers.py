"""Farsight and its peers, each started empty, in a folder of its own, on free loopback ports."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from process import Failed, Process, free_port, tail, wait_for_port, watched


class Farsight(Process):
    """The node under test: release build, SQLite, every acknowledgement durable."""

    name = "farsight"
    called = "FARSIGHT"

    def __init__(self, binary: Path, folder: Path):
        self.binary, self.data = binary, folder / "data"
        super().__init__(
            [
                str(binary), "demo", "--data", str(self.data), "--no-samples",
                "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0",
            ],
            folder,
        )  # fmt: skip
        ready, end = self.data / "demo.json", time.monotonic() + 60
        while not ready.exists():
            if self.popen.poll() is not None:
                raise Failed(f"farsight ended with {self.popen.returncode}:\n{tail(self.log)}")
            if time.monotonic() > end:
                self.stop()
                raise Failed(f"farsight is not ready after 60 s:\n{tail(self.log)}")
            time.sleep(0.05)
        self.demo = json.loads(ready.read_text())
        self.organisation = self.demo["organisations"][0]
        self.calling = self.organisation["ae_title"]
        self.dicom_port = self.demo["dicom"]["port"]
        self.base_url = self.demo["base_url"]
        self.dicomweb_url = self.demo["dicomweb_url"]
        self.headers = {"Authorization": f"Bearer {self.organisation['token']}"}

    def stored(self) -> int:
        return instances_by_qido(self)

    def import_file(self, path: Path) -> tuple[float, float, float]:
        """Brings a slide in by the command line: seconds, seconds of CPU, peak MB of that process."""
        command = [str(self.binary), "import", "--data", str(self.data), "--org", self.organisation["id"], str(path)]
        return watched(command, self.data.parent / "import")


class Serve(Process):
    """The same node as a hospital runs it: `farsight serve` with a configuration, no demonstration beside it."""

    name = "farsight serve"
    called = "FARSIGHT"
    calling = "BENCH"

    def __init__(self, binary: Path, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.dicom_port, http_port = free_port(), free_port()
        self.data, config = folder / "data", folder / "farsight.toml"
        config.write_text(
            f'[storage]\ndirectory = "{self.data}"\n[http]\nlisten = "127.0.0.1:{http_port}"\n'
            f'[dicom]\nlisten = "127.0.0.1:{self.dicom_port}"\n'
        )

        def tell(*arguments: str) -> str:
            command = [str(binary), *arguments, "--config", str(config)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise Failed(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-800:]}")
            return done.stdout.strip()

        tell("org", "add", "bench", "Bench")
        tell("ae", "add", self.calling, "--org", "bench")
        self.headers = {"Authorization": f"Bearer {tell('token', 'add', '--org', 'bench')}"}
        self.base_url = f"http://127.0.0.1:{http_port}"
        self.dicomweb_url = f"{self.base_url}/dicom-web"
        super().__init__([str(binary), "serve", "--config", str(config)], folder)
        wait_for_port(self.dicom_port, self.popen, self.log)
        wait_for_port(http_port, self.popen, self.log)

    def stored(self) -> int:
        return instances_by_qido(self)


def instances_by_qido(server) -> int:
    studies = get_json(f"{server.dicomweb_url}/studies?limit=1000&includefield=00201208", server.headers)
    return sum(study["00201208"]["Value"][0] for study in studies)


class Storescp(Process):
    """DCMTK's receiver: a file per instance, no index, nothing flushed. The ceiling, not an archive."""

    name = "storescp"
    called = "STORESCP"
    calling = "BENCH"

    def __init__(self, folder: Path):
        self.files, self.dicom_port = folder / "files", free_port()
        self.files.mkdir(parents=True)
        super().__init__(["storescp", "--fork", "-od", str(self.files), str(self.dicom_port)], folder)
        wait_for_port(self.dicom_port, self.popen, self.log)

    def stored(self) -> int:
        return sum(1 for _ in self.files.iterdir())


class Orthanc(Process):
    """Debian's Orthanc with its DICOMweb plugin and SQLite, as it comes, but on loopback and without passwords."""

    name = "orthanc"
    called = "ORTHANC"
    calling = "BENCH"
    headers: dict[str, str] = {}

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.dicom_port, http_port = free_port(), free_port()
        plugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
        (folder / "orthanc.json").write_text(
            json.dumps(
                {
                    "StorageDirectory": str(folder / "db"),
                    "IndexDirectory": str(folder / "db"),
                    "DicomAet": self.called,
                    "DicomPort": self.dicom_port,
                    "HttpPort": http_port,
                    "RemoteAccessAllowed": False,
                    "AuthenticationEnabled": False,
                    "DicomAlwaysAllowStore": True,
                    "Plugins": [plugin] if Path(plugin).exists() else [],
                    "SaveJobs": False,
                }
            )
        )
        self.base_url = f"http://127.0.0.1:{http_port}"
        self.dicomweb_url = f"{self.base_url}/dicom-web"
        super().__init__(["Orthanc", str(folder / "orthanc.json")], folder)
        wait_for_port(self.dicom_port, self.popen, self.log)
        wait_for_port(http_port, self.popen, self.log)

    def stored(self) -> int:
        return get_json(f"{self.base_url}/statistics", self.headers)["CountInstances"]


class Nginx(Process):
    """Byte ranges out of files, with nothing to look up and nobody to ask: the limit for tiles."""

    name = "nginx"

    def __init__(self, folder: Path, root: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        (folder / "nginx.conf").write_text(
            f"""
            {"user root;" if os.getuid() == 0 else ""}
            worker_processes auto; daemon off; pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 1024; }}
            http {{
                access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;
                client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
                uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                server {{ listen 127.0.0.1:{self.port}; root {root}; }}
            }}"""
        )
        self.base_url = f"http://127.0.0.1:{self.port}"
        command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        super().__init__(command, folder)
        wait_for_port(self.port, self.popen, self.log)


def get(url: str, headers: dict[str, str]) -> bytes:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise Failed(f"{url} answers {error.code}") from error


def get_json(url: str, headers: dict[str, str]):
    return json.loads(get(url, {"Accept": "application/dicom+json, application/json", **headers}))


def tool(name: str) -> None:
    if shutil.which(name) is None and not Path(f"/usr/sbin/{name}").exists():
        raise Failed(f"{name} is missing: scripts/setup.sh bench installs it")
