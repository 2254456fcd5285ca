"""How long after a photograph is complete its candidates stand on an open desk.

    python tests/bench/watch_latency.py                     # 30 photographs of 12 megapixels
    python tests/bench/watch_latency.py --before 1000       # the same, after 1,000 were searched

`airbeat watch` and `airbeat console` run as processes of their own; photographs of synthetic ground with
figures are renamed into the watched folder one by one. The time of a photograph is from then until a desk
that is told of news by the console's events has read of it: all that a page does but its drawing (150 ms of
waiting for further events included). With `--browser` a page in Chromium is looked at instead. The bound is
2 s for the worst.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from detect_scale import LARGE, SMALL, write_frames

BOUND_S = 2.0
PAGE_WAITS_S = 0.15
AIRBEAT = [sys.executable, "-m", "airbeat"]


class Desk:
    """A desk that looks as a page does: it reads all candidates whenever the console tells of something."""

    def __init__(self, link: str) -> None:
        self._host, _, enter = link.removeprefix("http://").partition("/")
        self._cookie = ""
        self._cookie = self._asked("GET", f"/{enter}")[0].getheader("set-cookie", "").partition(";")[0]
        me = json.loads(self._asked("GET", "/api/me")[1])
        named = self._asked("POST", "/api/me", {"name": "bench"}, {"x-airbeat-csrf": me["csrf"]})
        assert named[0].status == 200, named[1]
        now = self.look()
        events = http.client.HTTPConnection(self._host, timeout=600)
        path = f"/api/events?after={now['event']}&generation={now['generation']}"
        events.request("GET", path, headers={"cookie": self._cookie})
        self._told = events.getresponse()

    def _asked(
        self, method: str, path: str, body: Any = None, more: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {"cookie": self._cookie, "origin": f"http://{self._host}", **(more or {})}
        if body is not None:
            headers["content-type"] = "application/json"
        connection = http.client.HTTPConnection(self._host, timeout=60)
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer, answer.read()

    def look(self) -> dict[str, Any]:
        """What is on the desk."""
        now: dict[str, Any] = json.loads(self._asked("GET", "/api/candidates")[1])
        return now

    def wait_for_news(self) -> None:
        """Until the console tells of something; then as long as a page waits for more."""
        while not self._told.readline().startswith(b"data:"):
            continue
        time.sleep(PAGE_WAITS_S)


def shown_on_page(link: str) -> Any:
    """A Chromium page at the desk; the number of candidates in its list."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(link)
    page.fill("#name", "bench")
    page.click("#name-dialog button")
    page.select_option("#filter", "all")
    return page


def measured(args: argparse.Namespace, work: Path) -> list[float]:
    size = SMALL if args.small else LARGE
    pictures = work / "pictures"
    write_frames(pictures, args.before + args.count, distinct=8, size=size, seed=args.seed)
    names = sorted(p.name for p in pictures.iterdir())
    card, out = work / "card", work / "out"
    card.mkdir()
    for name in names[: args.before]:
        (pictures / name).rename(card / name)
    words = ["watch", str(card), "--out", str(out), "--detector", "anomaly", "--threshold", args.threshold]
    watch = subprocess.Popen([*AIRBEAT, *words], stdout=subprocess.DEVNULL)
    results = out / "candidates.json"
    while not results.exists() or len(json.loads(results.read_text())["frames"]) < args.before:
        time.sleep(0.5)
    console = subprocess.Popen(
        [*AIRBEAT, "console", str(out), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert console.stdout is not None
        link = console.stdout.readline().removeprefix("open ").strip()
        page = shown_on_page(link) if args.browser else None
        desk = None if args.browser else Desk(link)
        time.sleep(8.0)  # the search's processes are up
        seconds = []
        for name in names[args.before :]:
            (pictures / name).rename(card / name)
            complete_s = time.monotonic()
            known = {f["file"] for f in json.loads(results.read_text())["frames"]}
            if page is not None:
                before = page.evaluate("document.querySelectorAll('#list li').length")
                page.wait_for_function(f"document.querySelectorAll('#list li').length > {before}")
                seconds.append(time.monotonic() - complete_s)
                time.sleep(0.5)
                continue
            assert desk is not None
            generation = desk.look()["generation"]
            while name not in known:
                desk.wait_for_news()
                if desk.look()["generation"] > generation:
                    seen_s = time.monotonic()
                    known = {f["file"] for f in json.loads(results.read_text())["frames"]}
            seconds.append(seen_s - complete_s)
            time.sleep(0.5)
        print(f"{len(json.loads(results.read_text())['candidates'])} candidates at the end")
        return seconds
    finally:
        for process in (watch, console):
            process.terminate()
            process.wait(60)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--before", type=int, default=0, help="photographs that are searched beforehand")
    parser.add_argument("--threshold", default="0.3")
    parser.add_argument("--small", action="store_true", help="photographs of 800 x 600")
    parser.add_argument("--browser", action="store_true", help="what a page in Chromium shows")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as work:
        seconds = measured(args, Path(work))
    worst = max(seconds)
    print(
        f"{len(seconds)} photographs of {SMALL if args.small else LARGE}, {args.before} before them: from "
        f"complete to on the desk median {statistics.median(seconds):.2f} s, worst {worst:.2f} s, bound "
        f"{BOUND_S} s (load {load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors)"
    )
    return 0 if worst <= BOUND_S else 1


if __name__ == "__main__":
    sys.exit(main())
