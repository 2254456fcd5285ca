"""MAVProxy's own modules load three files and print what they hold, as one JSON object.

``python mavproxy_loads.py MISSION FENCE RALLY``; run by the tests in a process of its own, because MAVProxy
and pymavlink choose MAVLink 2 from the environment when they are first imported.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace
from typing import Any

from MAVProxy.modules import mavproxy_fence, mavproxy_rally, mavproxy_wp
from MAVProxy.modules.lib import mp_settings


class _Master:
    """Takes what a module sends to the vehicle."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []
        self.mav = self

    def mission_count_send(self, system: int, component: int, count: int, mission_type: int = 0) -> None:
        self.sent.append((count, mission_type))


def state(master: _Master) -> Any:
    """As much of MAVProxy's state as the modules ask for when they begin."""
    settings = mp_settings.MPSettings(
        [("target_system", int, 1), ("target_component", int, 1), ("wpalt", int, 100)]
    )
    status = SimpleNamespace(
        logdir=None, setup_mode=False, target_system=1, target_component=1, wpalt=100, sysid=1
    )
    found = SimpleNamespace(
        settings=settings,
        status=status,
        continue_mode=False,
        command_map={},
        completions={},
        completion_functions={},
        multi_instance={},
        modules=[],
        public_modules={},
        map=None,
        console=SimpleNamespace(set_status=lambda *_: None, writeln=lambda *_: None),
        mav_master=[master],
        vehicle_list=[1],
        vehicle_name_by_sysid={},
        logqueue=None,
        attitude_time_s={},
        functions=SimpleNamespace(process_stdin=lambda *_: None),
    )
    found.master = lambda: master
    found.module = found.public_modules.get
    return found


def items(loader: Any) -> list[list[float]]:
    """What a loader holds: command, frame, param1…param4, latitude, longitude, height, autocontinue."""
    rows = []
    for number in range(loader.count()):
        w = loader.item(number) if hasattr(loader, "item") else loader.wp(number)
        scale = 1e-7 if w.get_type() == "MISSION_ITEM_INT" else 1.0
        rows.append(
            [
                w.command,
                w.frame,
                w.param1,
                w.param2,
                w.param3,
                w.param4,
                w.x * scale,
                w.y * scale,
                w.z,
                w.autocontinue,
            ]
        )
    return rows


def main() -> int:
    """Load the files and print what is in them."""
    mission, fence, rally = sys.argv[1:]
    master = _Master()
    said = io.StringIO()
    with redirect_stdout(said):
        modules = [m.init(state(master)) for m in (mavproxy_wp, mavproxy_fence, mavproxy_rally)]
        for module, path in zip(modules, (mission, fence, rally), strict=True):
            module.load_waypoints(path)
    _, zones, points = modules
    found = {
        "said": said.getvalue(),
        "sent": master.sent,
        "mission": items(modules[0].wploader),
        "fence": items(zones.wploader),
        "rally": items(points.wploader),
        "inclusion_polygons": [len(p) for p in zones.inclusion_polygons()],
        "exclusion_polygons": [len(p) for p in zones.exclusion_polygons()],
        "inclusion_circles": [c.param1 for c in zones.inclusion_circles()],
        "exclusion_circles": [c.param1 for c in zones.exclusion_circles()],
        "rally_count": points.rally_count(),
    }
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
