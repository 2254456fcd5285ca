"""How long an upload takes, by client, on loopback and over a bad link, to a real ArduPilot SITL.

    python tests/bench/upload_table.py [--seeds 20] [--peer-seeds 2] [--items 200 600] [--only NAME …]

The bad link has 300 ms round trip and loses 5 % of all packets each way. Every upload is another mission;
afterwards a second port, without the bad link, tells whether the vehicle holds it. Ratios are to airbeat's
own automatic way in the same run and the same link; figures of different machines differ, ratios less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from badlink import BadLink
from upload_clients import CLIENTS, LIMIT_S, bench_items

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


def one_upload(client: str, port: int, count: int, seed: int) -> tuple[float, str]:
    """Seconds, and what the client said."""
    command = [sys.executable, str(Path(__file__).with_name("upload_clients.py"))]
    process = subprocess.Popen(
        [*command, client, str(port), str(count), str(seed)], stdout=subprocess.PIPE, text=True
    )
    try:
        out, _ = process.communicate(timeout=LIMIT_S + 60.0)
        answer = json.loads(out.strip().splitlines()[-1])
        return float(answer["seconds"]), str(answer["said"])
    except (subprocess.TimeoutExpired, json.JSONDecodeError, IndexError) as e:
        process.kill()
        process.wait()
        return float("nan"), f"failed: {e}"


def measure(args: argparse.Namespace, link: BadLink, checker: Vehicle) -> list[dict[str, object]]:
    """One row per link, number of items and client."""
    rows: list[dict[str, object]] = []
    for words, (delay_s, loss) in LINKS.items():
        for count in args.items:
            for client in args.only or CLIENTS:
                seeds = args.seeds if client in (OURS, "airbeat ftp") else args.peer_seeds
                times: list[float] = []
                held = 0
                said = ""
                for seed in range(seeds):
                    number = 1000 * seed + count + sum(map(ord, client + words))
                    link.reset(delay_s=delay_s, loss=loss, seed=seed)
                    seconds, said = one_upload(client, link.port, count, number)
                    link.reset(delay_s=0.0, loss=0.0, seed=0)
                    time.sleep(0.5)
                    content = checker.download(MissionType.MISSION, via=Via.ITEM)
                    good = holds(bench_items(count, number), content)
                    held += good
                    times.append(seconds)
                    print(
                        f"{words}; {count}; {client}; seed {seed}: {seconds:.2f} s, held {good}; {said}",
                        file=sys.stderr,
                        flush=True,
                    )
                rows.append(
                    {"link": words, "items": count, "client": client, "times": times, "held": held}
                    | {"said": said}
                )
    return rows


def table(rows: list[dict[str, object]]) -> str:
    """Markdown, ratios to our own way."""
    lines = ["| link | items | client | runs | median s | worst s | × airbeat | vehicle holds it |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    medians = {(r["link"], r["items"], r["client"]): statistics.median(r["times"]) for r in rows}  # type: ignore[type-var]
    for r in rows:
        times = r["times"]
        assert isinstance(times, list)
        own = medians.get((r["link"], r["items"], OURS))
        median = medians[r["link"], r["items"], r["client"]]
        ratio = f"{median / own:.2f}" if own else "–"
        lines.append(
            f"| {r['link']} | {r['items']} | {r['client']} | {len(times)} | {median:.2f} | {max(times):.2f} "
            f"| {ratio} | {r['held']} of {len(times)} |"
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
