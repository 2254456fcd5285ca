"""How long an upload takes, by client, on loopback and over a bad link, to a real ArduPilot SITL.

    python tests/bench/upload_table.py [--seeds 20] [--peer-seeds 2] [--items 200 600] [--only NAME …]

The bad link has 300 ms round trip and loses 5 % of all packets each way. Every upload is another mission;
afterwards a second port, without the bad link, tells whether the vehicle holds it. The clients take turns,
so that what else the machine does falls on all of them. Ratios are to airbeat's own automatic way in the
same run and on the same link; figures of different machines differ, ratios less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from badlink import BadLink
from upload_clients import CLIENTS, LIMIT_S, Answer, bench_items

from airbeat.geo.coordinates import LatLon
from airbeat.link.connection import connect
from airbeat.link.ftp_choice import Via
from airbeat.link.items import MissionType, WireItem, compare_items
from airbeat.link.vehicle import Vehicle
from airbeat.sim.ardupilot import ArduPilotSitl

LINKS = {"loopback": (0.0, 0.0), "300 ms, 5 %": (0.15, 0.05)}
OURS = "airbeat auto"


def holds(sent: list[WireItem], held: tuple[WireItem, ...]) -> bool:
    """Whether the vehicle has the mission; file formats of other clients may move it by 1e-7 degrees."""
    near = [
        replace(h, x=s.x, y=s.y) if max(abs(h.x - s.x), abs(h.y - s.y)) <= 1 else h
        for s, h in zip(sent, held, strict=False)
    ]
    return len(sent) == len(held) and not compare_items(sent, near)


def one_upload(client: str, port: int, count: int, seed: int) -> Answer:
    """What came of it; not a number of seconds when the client failed."""
    command = [sys.executable, str(Path(__file__).with_name("upload_clients.py"))]
    process = subprocess.Popen(
        [*command, client, str(port), str(count), str(seed)], stdout=subprocess.PIPE, text=True
    )
    try:
        out, _ = process.communicate(timeout=LIMIT_S + 60.0)
        return Answer(**json.loads(out.strip().splitlines()[-1]))
    except (subprocess.TimeoutExpired, json.JSONDecodeError, IndexError) as e:
        process.kill()
        process.wait()
        return Answer(float("nan"), f"failed: {e}")


@dataclass
class Row:
    """Uploads of so many items by one client over one link."""

    link: str
    items: int
    client: str
    answers: list[Answer] = field(default_factory=list)
    held: int = 0

    @property
    def median_s(self) -> float:
        return statistics.median(a.seconds for a in self.answers)

    @property
    def sent_s(self) -> float:
        """Median until every item was acknowledged."""
        return statistics.median(
            a.seconds if a.sent_seconds is None else a.sent_seconds for a in self.answers
        )


def measure(args: argparse.Namespace, link: BadLink, checker: Vehicle) -> list[Row]:
    """One row per link, number of items and client."""
    rows: list[Row] = []
    for words, (delay_s, loss) in LINKS.items():
        for count in args.items:
            here = [Row(words, count, client) for client in args.only or CLIENTS]
            rows += here
            for seed in range(max(args.seeds, args.peer_seeds)):
                for row in here:
                    is_own = row.client in (OURS, "airbeat ftp")
                    if seed >= (args.seeds if is_own else args.peer_seeds):
                        continue
                    number = 1000 * seed + count + sum(map(ord, row.client + words))
                    link.reset(delay_s=delay_s, loss=loss, seed=seed)
                    answer = one_upload(row.client, link.port, count, number)
                    link.reset(delay_s=0.0, loss=0.0, seed=0)
                    time.sleep(0.5)
                    good = holds(
                        bench_items(count, number), checker.download(MissionType.MISSION, via=Via.ITEM)
                    )
                    row.held += good
                    row.answers.append(answer)
                    print(
                        f"{words}; {count}; {row.client}; seed {seed}: {answer}, held {good}", file=sys.stderr
                    )
    return rows


def table(rows: list[Row]) -> str:
    """Markdown, ratios to our own way."""
    lines = [
        "| link | items | client | runs | all sent, median s | done, median s | worst s | sent × airbeat "
        "| done × airbeat | vehicle holds it |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    own = {(r.link, r.items): r for r in rows if r.client == OURS}
    for r in rows:
        o = own.get((r.link, r.items))
        ratios = f"{r.sent_s / o.sent_s:.2f} | {r.median_s / o.median_s:.2f}" if o else "– | –"
        worst_s = max(a.seconds for a in r.answers)
        lines.append(
            f"| {r.link} | {r.items} | {r.client} | {len(r.answers)} | {r.sent_s:.3f} | {r.median_s:.3f} "
            f"| {worst_s:.2f} | {ratios} | {r.held} of {len(r.answers)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--peer-seeds", type=int, default=2)
    parser.add_argument("--items", type=int, nargs="+", default=[200, 600])
    parser.add_argument("--only", nargs="+", choices=list(CLIENTS))
    parser.add_argument("--links", nargs="+", choices=list(LINKS), default=list(LINKS))
    args = parser.parse_args()
    for words in set(LINKS) - set(args.links):
        del LINKS[words]
    home = LatLon(lat_deg=46.5, lon_deg=8.0)
    with (
        ArduPilotSitl(home=home, home_amsl_m=600.0, speedup=1.0) as sitl,
        BadLink(("127.0.0.1", int(sitl.url.rsplit(":", 1)[1]))) as link,
        connect(sitl.urls[1]) as direct,
    ):
        checker = Vehicle.on(direct)
        time.sleep(15.0)  # while it boots it stores nothing
        print(f"{sitl.version}, speed-up 1\n")
        print(table(measure(args, link, checker)))


if __name__ == "__main__":
    main()
