"""One upload by one client, in a process of its own: prints seconds and what the client said, as JSON.

    python tests/bench/upload_clients.py CLIENT PORT ITEMS SEED

The time is from the decision to upload until the client says that it is done, being connected already.
Ours includes reading back and comparing; the others do not look at what the vehicle holds. What compares with
them is when every item was sent and acknowledged, which is told apart.
"""

from __future__ import annotations

import io
import json
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from airbeat.link.items import MissionType, WireItem

LIMIT_S = 240.0


class Answer(NamedTuple):
    """What came of an upload.

    Attributes:
        seconds: until the client said that it was done.
        said: its words.
        sent_seconds: until every item was acknowledged, where the client does more afterwards.
    """

    seconds: float
    said: str
    sent_seconds: float | None = None


def bench_items(count: int, seed: int) -> list[WireItem]:
    """A mission of so many items, home and take-off included; another one for each seed."""
    rng = random.Random(seed)
    rows = [(16, 0, 600.0), (22, 3, 30.0)] + [(16, 3, 30.0 + seq / 8) for seq in range(2, count)]
    return [
        WireItem(
            seq=seq,
            command=command,
            frame=frame,
            x=465000000 + rng.randrange(100000),
            y=80000000 + rng.randrange(100000),
            z=z,
        )
        for seq, (command, frame, z) in enumerate(rows)
    ]


def ours(port: int, items: list[WireItem], *, via: str) -> Answer:
    from airbeat.link.connection import connect
    from airbeat.link.ftp_choice import Via
    from airbeat.link.vehicle import Vehicle

    with connect(f"tcp:127.0.0.1:{port}") as link:
        vehicle = Vehicle.on(link)
        start = time.monotonic()
        sent_s: list[float] = []

        def progress(done: int, total: int) -> None:
            if done >= total // 2 and not sent_s:
                sent_s.append(time.monotonic() - start)

        result = vehicle.upload(MissionType.MISSION, items, via=Via(via), progress=progress)
        took_s = time.monotonic() - start
        said = f"{result.outcome.value}: {result.message}"
        return Answer(took_s, said, sent_s[0] if sent_s else None)


def _pymavlink(port: int):  # type: ignore[no-untyped-def]
    import os

    os.environ["MAVLINK20"] = "1"
    from pymavlink import mavutil

    master = mavutil.mavlink_connection(f"tcp:127.0.0.1:{port}", source_system=255, source_component=190)
    while master.target_system == 0:
        master.wait_heartbeat(timeout=5)
    return master


def pymavlink_items(port: int, items: list[WireItem]) -> Answer:
    """The loop of pymavlink's examples, and a second attempt at what goes unanswered for 1 s."""
    master = _pymavlink(port)
    system, component = master.target_system, master.target_component
    start = time.monotonic()
    master.mav.mission_count_send(system, component, len(items), 0)
    asked = False
    while time.monotonic() - start < LIMIT_S:
        m = master.recv_match(
            type=["MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK"], blocking=True, timeout=1.0
        )
        if m is None:
            if not asked:
                master.mav.mission_count_send(system, component, len(items), 0)
        elif m.get_type() == "MISSION_ACK":
            if m.type != 13:  # INVALID_SEQUENCE is noise
                return Answer(time.monotonic() - start, f"acknowledged with {m.type}")
        else:
            asked = True
            master.mav.send(items[m.seq].message(target_system=system, target_component=component))
    return Answer(time.monotonic() - start, "gave up")


def pymavlink_ftp(port: int, items: list[WireItem]) -> Answer:
    from pymavlink import mavftp

    from airbeat.link.ftp_wire import encode_items

    master = _pymavlink(port)
    start = time.monotonic()
    ftp = mavftp.MAVFTP(master, master.target_system, master.target_component)
    name = "@MISSION/mission.dat"
    ftp.cmd_put([name, name], fh=io.BytesIO(encode_items(MissionType.MISSION, items)))
    answer = ftp.process_ftp_reply("put", timeout=LIMIT_S)
    return Answer(time.monotonic() - start, f"return code {answer.error_code}")


def _waypoints_file(items: list[WireItem]) -> str:
    rows = ["QGC WPL 110"]
    for i in items:
        p = "\t".join(f"{v:g}" for v in i.params)
        place = f"{i.x / 1e7:.7f}\t{i.y / 1e7:.7f}\t{i.z:.6f}"
        rows.append(f"{i.seq}\t{int(i.seq == 0)}\t{i.frame}\t{i.command}\t{p}\t{place}\t1")
    return "\n".join(rows) + "\n"


def mavproxy(port: int, items: list[WireItem], *, command: str, done: str) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mission.txt")
        path.write_text(_waypoints_file(items), encoding="ascii")
        process = subprocess.Popen(
            [
                *("mavproxy.py", "--master", f"tcp:127.0.0.1:{port}", "--default-modules", "wp,ftp"),
                *("--streamrate", "-1", "--state-basedir", folder),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            cwd=folder,
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=lambda: [lines.put(x) for x in process.stdout or ()], daemon=True).start()
        said: list[str] = []

        def wait(words: str, limit_s: float) -> bool:
            end = time.monotonic() + limit_s
            while time.monotonic() < end:
                try:
                    said.append(lines.get(timeout=0.1))
                except queue.Empty:
                    continue
                if words in said[-1]:
                    return True
            return False

        try:
            wait("Detected vehicle", 30.0)
            time.sleep(1.0)
            start = time.monotonic()
            assert process.stdin is not None
            process.stdin.write(f"{command} {path}\n")
            ok = wait(done, LIMIT_S)
            took_s = time.monotonic() - start
            time.sleep(2.0)  # it says so before it closes the file
        finally:
            process.kill()
            process.wait()
        return Answer(took_s, said[-1].strip() if ok else f"gave up; {' / '.join(said[-3:])[-200:]}")


def mavsdk_items(port: int, items: list[WireItem]) -> Answer:
    import mavsdk
    from mavsdk.plugins.mission_raw import mission_raw

    configuration = mavsdk.Configuration.create_with_component_type(mavsdk.ComponentType.GROUND_STATION)
    sdk = mavsdk.Mavsdk(configuration)
    sdk.add_any_connection(f"tcpout://127.0.0.1:{port}")
    system = sdk.first_autopilot(20.0)
    if system is None:
        return Answer(0.0, "found no autopilot")
    plugin = mission_raw.MissionRaw(system)
    fields = [
        mission_raw.MissionItem(*(i.seq, i.frame, i.command, int(i.seq == 0), 1, *i.params, i.x, i.y, i.z, 0))
        for i in items
    ]
    start = time.monotonic()
    try:
        said = f"{plugin.upload_mission(fields)}"
    except mission_raw.MissionRawError as e:
        said = str(e)
    return Answer(time.monotonic() - start, said)


CLIENTS: dict[str, Callable[[int, list[WireItem]], Answer]] = {
    "airbeat auto": lambda port, items: ours(port, items, via="auto"),
    "airbeat ftp": lambda port, items: ours(port, items, via="ftp"),
    "airbeat item": lambda port, items: ours(port, items, via="item"),
    "pymavlink MAVFTP": pymavlink_ftp,
    "pymavlink items": pymavlink_items,
    "MAVProxy wp ftpload": lambda port, items: mavproxy(
        port, items, command="wp ftpload", done="Sent waypoint"
    ),
    "MAVProxy wp load": lambda port, items: mavproxy(port, items, command="wp load", done="waypoints in"),
    "MAVSDK": mavsdk_items,
}

if __name__ == "__main__":
    name, port_text, count, seed = sys.argv[1:]
    print(json.dumps(CLIENTS[name](int(port_text), bench_items(int(count), int(seed)))._asdict()))
    sys.stdout.flush()
