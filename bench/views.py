"""One view of 1,024 × 1,024 pixels of a slide: sixteen stored tiles as streams of one HTTP/2 connection, or as one merged
JPEG (2 × 2 or 4 × 4 tiles, decoded and encoded by the IIIF face). Wall time at loopback and through a line of 4 Mbit/s with
40 ms of round trip, bytes on the wire, and the server's processor time.

    .venv/bin/python -m pip install h2
    .venv/bin/python bench/views.py target/release/farsight SLIDE

The line is a proxy in this process: bytes leave it no faster than the line takes them, each after half a round trip.
"""

import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h2.config
import h2.connection
import h2.events

VIEW, VIEWS = 1024, 12
LINE_BYTES_PER_S, ROUND_TRIP_S = 4_000_000 / 8, 0.040
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Client:
    """One HTTP/2 connection; requests go out together and are answered in any order."""

    def __init__(self, port, token):
        self.port, self.token, self.bytes = port, token, 0

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(16 << 20)
        self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 4 << 20})
        await self.flush()
        return self

    async def flush(self):
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def get(self, paths):
        waiting, bodies = {}, {}
        for path in paths:
            stream = self.h2.get_next_available_stream_id()
            headers = {":method": "GET", ":scheme": "http", ":authority": "farsight", ":path": path}
            headers |= {"accept": "image/jpeg", "authorization": f"Bearer {self.token}"}
            self.h2.send_headers(stream, list(headers.items()), end_stream=True)
            waiting[stream], bodies[stream] = path, b""
        await self.flush()
        while waiting:
            data = await self.reader.read(65_536)
            if not data:
                raise RuntimeError("the connection was closed")
            self.bytes += len(data)
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    if dict(event.headers)[":status"] != "200":
                        raise RuntimeError(f"{waiting[event.stream_id]}: {dict(event.headers)[':status']}")
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    del waiting[event.stream_id]
            await self.flush()
        return list(bodies.values())

    def close(self):
        self.writer.close()


async def line(port):
    """A proxy as slow as the line; answers its port."""

    async def pump(reader, writer):
        # Everything is sent when the line has room for it, and arrives half a round trip later.
        free, queue, loop = 0.0, asyncio.Queue(maxsize=64), asyncio.get_running_loop()

        async def deliver():
            while (item := await queue.get()) is not None:
                at, data = item
                await asyncio.sleep(max(0.0, at - loop.time()))
                writer.write(data)
                await writer.drain()
            writer.close()

        delivering = asyncio.create_task(deliver())
        while data := await reader.read(1460):
            free = max(free, loop.time()) + len(data) / LINE_BYTES_PER_S
            await queue.put((free + ROUND_TRIP_S / 2, data))
        await queue.put(None)
        await delivering

    async def connect(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        # The measurement ends before the last connection does.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


def cpu_s(pid):
    """Of a process and its children."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(folder.name) == pid or int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total * TICK_S


def ways(slide, x, y):
    """The same view, by each way: paths."""
    side, base = slide["tile_width"], f"/iiif/3/{slide['id']}"
    columns, rows = range(x // side, (x + VIEW) // side), range(y // side, (y + VIEW) // side)
    tiles = [f"/api/v1/slides/{slide['id']}/tiles/0/{column}/{row}" for row in rows for column in columns]

    def merged(size):
        places = [(left, top) for top in range(y, y + VIEW, size) for left in range(x, x + VIEW, size)]
        return [f"{base}/{left},{top},{size},{size}/max/0/default.jpg" for left, top in places]

    return {f"{len(tiles)} tiles": tiles, "2 x 2 merged": merged(2 * side), "4 x 4 merged": merged(VIEW)}


async def measure(port, pid, slide, token):
    rng = random.Random(5)
    side = slide["tile_width"]
    places = [
        (rng.randrange((slide["width"] - VIEW) // side) * side, rng.randrange((slide["height"] - VIEW) // side) * side)
        for _ in range(VIEWS)
    ]
    through = {"loopback": port, "4 Mbit/s": await line(port)}
    print(f"{'':14}{'line':10}{'':10}{'wall ms':>9}{'KiB':>8}{'CPU ms':>8}")
    for way in ways(slide, 0, 0):
        for name, at in through.items():
            # What was made at loopback is kept when the slow line asks for it again.
            for state in ("cold", "kept") if name == "loopback" else ("kept",):
                client = await Client(at, token).open()
                await client.get([f"/api/v1/slides/{slide['id']}"])
                walls, sizes, before = [], [], cpu_s(pid)
                for x, y in places:
                    client.bytes, start = 0, time.monotonic()
                    await client.get(ways(slide, x, y)[way])
                    walls.append(time.monotonic() - start)
                    sizes.append(client.bytes)
                cpu = (cpu_s(pid) - before) / len(places)
                client.close()
                wall = statistics.median(walls) * 1000
                size = statistics.median(sizes) / 1024
                print(f"{way:14}{name:10}{state:10}{wall:9.1f}{size:8.0f}{cpu * 1000:8.2f}", flush=True)


def main(binary, file):
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        command = [binary, "demo", "--data", data, "--no-samples", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0"]
        server = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            ready, end = data / "demo.json", time.monotonic() + 120
            while not ready.exists():
                if server.poll() is not None or time.monotonic() > end:
                    sys.exit("farsight demo is not ready")
                time.sleep(0.1)
            demo = json.loads(ready.read_text())
            owner, token = demo["organisations"][0]["id"], demo["organisations"][0]["token"]
            subprocess.run([binary, "import", "--data", data, "--org", owner, file], check=True, stdout=subprocess.DEVNULL)
            port = int(demo["base_url"].rsplit(":", 1)[1])

            async def run():
                client = await Client(port, token).open()
                [body] = await client.get(["/api/v1/slides"])
                client.close()
                await measure(port, server.pid, json.loads(body)["slides"][0], token)

            asyncio.run(run())
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
