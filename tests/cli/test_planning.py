"""Mission file in, figures and files out, through the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

MISSIONS = sorted((Path(__file__).resolve().parents[2] / "missions").glob("*.yaml"))

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("mission", MISSIONS, ids=lambda p: p.stem)
def test_every_shipped_mission_is_planned_checked_and_exported(
    airbeat: Run, workplace: Path, mission: Path
) -> None:
    done = airbeat("plan", f"missions/{mission.name}", "--out", "plans", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["ok"] is True
    assert result["duration_s"] > 0
    assert "unsurveyed; not for flight as it is" in result["notes"]
    assert [f["code"] for f in result["findings"]].count("not-for-flight") == 1
    for suffix in (".plan", ".waypoints", ".geojson", ".kml"):
        assert (workplace / "plans" / f"{mission.stem}{suffix}").stat().st_size > 200


def test_people_get_the_figures_that_pilots_ask_for(airbeat: Run) -> None:
    done = airbeat("plan", "missions/demo-hillside.yaml")
    assert done.returncode == 0, done.stderr
    for label in ("area", "length", "time", "batteries", "photographs", "line spacing", "GSD"):
        assert label in done.stdout
    assert "height above ground" in done.stdout
    assert "not for flight" in done.stdout


def test_a_patrol_says_how_high_it_flies(airbeat: Run) -> None:
    done = airbeat("plan", "missions/school-gate-patrol.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["waypoint_heights_m"] == {"home": [35.0, 45.0]}
    assert "35 to 45 m" in done.stderr


def test_the_same_mission_gives_the_same_files(airbeat: Run, workplace: Path) -> None:
    for out in ("a", "b"):
        assert airbeat("plan", "missions/demo-hillside.yaml", "--out", out).returncode == 0
    for name in ("demo-hillside.plan", "demo-hillside.waypoints", "demo-hillside.kml"):
        assert (workplace / "a" / name).read_bytes() == (workplace / "b" / name).read_bytes()


def test_files_that_are_there_are_not_replaced_unless_told(airbeat: Run, workplace: Path) -> None:
    mission = "missions/river-bridge-points.yaml"
    assert airbeat("plan", mission, "--out", "p").returncode == 0
    before = (workplace / "p" / "river-bridge-points.plan").read_bytes()
    again = airbeat("plan", mission, "--out", "p")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert (workplace / "p" / "river-bridge-points.plan").read_bytes() == before
    assert airbeat("plan", mission, "--out", "p", "--overwrite").returncode == 0


def test_a_faulty_mission_file_lists_all_its_faults_and_exits_with_3(airbeat: Run, workplace: Path) -> None:
    good = (workplace / "missions" / "demo-hillside.yaml").read_text(encoding="utf-8")
    bad = good.replace("side: 0.3", "side: 130").replace("speed_m_s: 9", "sped_m_s: 9")
    (workplace / "bad.yaml").write_text(bad, encoding="utf-8")
    done = airbeat("plan", "bad.yaml", "--out", "p", "--json")
    assert done.returncode == 3
    failure = json.loads(done.stdout)
    assert failure["ok"] is False
    assert failure["error"]["code"] == "mission-file"
    problem = next(p for p in failure["error"]["problems"] if p["key"] == "search.overlap.side")
    assert problem["line"] > 0
    assert "130" in problem["message"]
    lines = done.stderr.strip().splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("bad.yaml:") for line in lines)
    assert any("search.overlap.side" in line and "130" in line for line in lines)
    assert any("speed_m_s" in line for line in lines)
    assert "Traceback" not in done.stderr
    assert not (workplace / "p").exists()


def test_a_new_mission_from_a_last_seen_point_can_be_planned_at_once(airbeat: Run) -> None:
    assert airbeat("new", "s.yaml", "--last-seen", "51.18,8.49", "--radius-m", "150").returncode == 0
    done = airbeat("plan", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["coverage_fraction"] > 0.995


def test_a_new_mission_from_an_area_file_can_be_planned_at_once(airbeat: Run, workplace: Path) -> None:
    ring = [[8.49, 51.18], [8.494, 51.18], [8.494, 51.182], [8.49, 51.182], [8.49, 51.18]]
    (workplace / "wood.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    made = airbeat("new", "w.yaml", "--area", "wood.geojson")
    assert made.returncode == 0, made.stderr
    assert airbeat("plan", "w.yaml").returncode == 0


def test_a_new_beat_at_a_launch_place_can_be_planned_at_once(airbeat: Run) -> None:
    made = airbeat("new", "b.yaml", "--patrol", "--home", "48.205,16.36", "--time-zone", "Europe/Vienna")
    assert made.returncode == 0, made.stderr
    assert "airbeat patrol plan b.yaml" in made.stdout
    done = airbeat("patrol", "plan", "b.yaml", "--day", "2026-09-07", "--out", "round", "--json")
    assert done.returncode == 0, done.stderr
    (shift,) = json.loads(done.stdout)["shifts"]
    visits = [visit["visit"] for sortie in shift["sorties"] for visit in sortie["visits"]]
    assert sorted(visits) == ["gate", "lane"]


def test_a_new_beat_over_an_area_sweeps_it(airbeat: Run, workplace: Path) -> None:
    ring = [[8.49, 51.18], [8.494, 51.18], [8.494, 51.182], [8.49, 51.182], [8.49, 51.18]]
    (workplace / "wood.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    made = airbeat("new", "b.yaml", "--patrol", "--area", "wood.geojson")
    assert made.returncode == 0, made.stderr
    done = airbeat("patrol", "plan", "b.yaml", "--day", "2026-09-07", "--out", "round", "--json")
    assert done.returncode == 0, done.stderr
    assert "area" in done.stdout


def test_a_new_beat_needs_a_place_and_no_last_seen_point(airbeat: Run, workplace: Path) -> None:
    done = airbeat("new", "b.yaml", "--patrol")
    assert done.returncode == 2
    assert "--home LAT,LON" in done.stderr
    done = airbeat("new", "b.yaml", "--patrol", "--last-seen", "51.18,8.49")
    assert done.returncode == 2
    assert "leave out --last-seen" in done.stderr
    assert not (workplace / "b.yaml").exists()


def test_a_camera_or_airframe_that_is_none_is_a_usage_error_with_the_list(airbeat: Run) -> None:
    for option in ("--camera", "--airframe"):
        done = airbeat("new", "n.yaml", "--last-seen", "51.18,8.49", option, "no-such")
        assert done.returncode == 2, done.stderr
        assert "choose one of" in done.stderr


def test_a_place_that_is_none_is_refused(airbeat: Run, workplace: Path) -> None:
    done = airbeat("new", "s.yaml", "--last-seen", "8.49;51.18")
    assert done.returncode == 2
    assert "is not LAT,LON" in done.stderr
    assert not (workplace / "s.yaml").exists()


def _wood(folder: Path) -> str:
    ring = [[8.49, 51.18], [8.498, 51.18], [8.498, 51.184], [8.494, 51.182], [8.49, 51.184], [8.49, 51.18]]
    pond = [[8.492, 51.1806], [8.493, 51.1806], [8.493, 51.1812], [8.492, 51.1812], [8.492, 51.1806]]
    features = [
        {"type": "Feature", "properties": {"role": role}, "geometry": {"type": "Polygon", "coordinates": [r]}}
        for role, r in (("area", ring), ("keepout", pond))
    ]
    path = folder / "wood.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path.name


def test_an_area_alone_is_covered_and_its_figures_hold_when_recomputed(airbeat: Run, workplace: Path) -> None:
    import shapely

    from airbeat.geo.frame import LocalFrame

    done = airbeat("plan", "--area", _wood(workplace), "--spacing-m", "40", "--out", "p", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    features = json.loads((workplace / "p" / "plan.geojson").read_text())["features"]
    assert [f["properties"]["role"] for f in features] == ["path"]
    wood = json.loads((workplace / "wood.geojson").read_text())["features"]
    area, pond = (shapely.geometry.shape(f["geometry"]) for f in wood)
    frame = LocalFrame.around(area)
    free = frame.to_local(area.difference(pond))
    line = frame.to_local(shapely.geometry.shape(features[0]["geometry"]))
    assert line.difference(free.buffer(0.5)).length == pytest.approx(0.0, abs=1e-6)
    seen = line.buffer(20.0).intersection(free).area / free.area
    assert seen == pytest.approx(result["coverage_fraction"], abs=5e-4)
    assert seen >= 0.998
    assert line.length == pytest.approx(result["length_m"], rel=1e-4)
    assert result["outside_fence_m"] == result["keepout_m"] == 0


def test_a_quick_look_needs_the_spacing_and_no_mission(airbeat: Run, workplace: Path) -> None:
    wood = _wood(workplace)
    without = airbeat("plan", "--area", wood)
    assert without.returncode == 2
    assert "--spacing-m" in without.stderr
    both = airbeat("plan", "missions/demo-hillside.yaml", "--area", wood, "--spacing-m", "40")
    assert both.returncode == 2
    neither = airbeat("plan")
    assert neither.returncode == 2
    assert "nothing to plan" in neither.stderr


def test_a_plan_file_is_not_taken_for_a_mission_file(airbeat: Run) -> None:
    assert airbeat("plan", "missions/river-bridge-points.yaml", "--out", "p").returncode == 0
    done = airbeat("plan", "p/river-bridge-points.plan")
    assert done.returncode == 2
    assert "p/river-bridge-points.plan is a plan file; plan takes a mission file (.yaml)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_area_is_shared_among_drones_in_sorties_that_start_and_end_at_home(
    airbeat: Run, workplace: Path
) -> None:
    command = ["plan", "--area", _wood(workplace), "--spacing-m", "60", "--home", "51.1795,8.4895"]
    fleet = ["--drones", "2", "--endurance-min", "4", "--reserve", "0.25", "--out", "p", "--json"]
    done = airbeat(*command, *fleet)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    features = json.loads((workplace / "p" / "plan.geojson").read_text())["features"]
    paths = [f for f in features if f["properties"]["role"] == "path"]
    assert result["sorties"] == len(paths) == len(result["per_sortie"]) >= 3
    assert result["photos"] is None
    assert result["coverage_fraction"] >= 0.998
    assert result["outside_fence_m"] == result["keepout_m"] == 0
    for feature, row in zip(paths, result["per_sortie"], strict=True):
        assert feature["properties"]["sortie"] == row["sortie"]
        assert feature["properties"]["drone"] == row["drone"]
        line = feature["geometry"]["coordinates"]
        assert line[0] == line[-1] == [8.4895, 51.1795]
        assert 0 < row["duration_s"] <= 180.0
        assert row["photos"] is None
    assert {row["drone"] for row in result["per_sortie"]} == {1, 2}
    ways = [f["properties"] for f in features if f["properties"]["role"] == "transit"]
    assert {(w["drone"], w["transit_above_m"]) for w in ways} == {(1, 5.0), (2, 10.0)}
    assert result["makespan_s"] < result["duration_s"]
    assert result["length_m"] == pytest.approx(sum(r["length_m"] for r in result["per_sortie"]))


def test_photographs_of_a_quick_look_are_counted_once_camera_and_height_are_known(
    airbeat: Run, workplace: Path
) -> None:
    command = ["plan", "--area", _wood(workplace), "--spacing-m", "60", "--json"]
    done = airbeat(*command, "--camera", "embedded-12mp", "--height-m", "60", "--front-overlap", "0.5")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    trigger_m = 60.0 * 4.8 / 4.5 * 0.5
    assert result["photos"] == pytest.approx(result["length_m"] / trigger_m + 1, abs=1.01)
    without = airbeat(*command, "--camera", "embedded-12mp")
    assert without.returncode == 2
    assert "--height-m" in without.stderr


def test_sorties_that_cannot_be_are_refused_with_what_to_do(airbeat: Run, workplace: Path) -> None:
    command = ["plan", "--area", _wood(workplace), "--spacing-m", "60"]
    nowhere = airbeat(*command, "--drones", "2")
    assert nowhere.returncode == 2
    assert "--home" in nowhere.stderr
    uneven = airbeat(
        *command, "--home", "51.1795,8.4895", "--drones", "3", "--speed-m-s", "5", "--speed-m-s", "8"
    )
    assert uneven.returncode == 2
    assert "2 times for 3 drones" in uneven.stderr
    far = airbeat(*command, "--home", "51.25,8.4895", "--endurance-min", "10", "--json")
    assert far.returncode == 1
    assert "cannot be reached and left on one battery" in json.loads(far.stdout)["error"]["message"]


def test_a_mission_for_several_batteries_gets_files_for_each_sortie(airbeat: Run, workplace: Path) -> None:
    text = (workplace / "missions" / "forest-edge-sweep.yaml").read_text(encoding="utf-8")
    (workplace / "slow.yaml").write_text(text.replace("speed_m_s: 8", "speed_m_s: 2"), encoding="utf-8")
    done = airbeat("plan", "slow.yaml", "--out", "p", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["batteries"] > 1
    assert result["sorties"] == len(result["per_sortie"]) >= result["batteries"]
    assert all(s["battery_share"] <= 1.0 for s in result["per_sortie"])
    names = {p.name for p in (workplace / "p").iterdir()}
    assert names == {
        f"slow-sortie-{k}.{suffix}"
        for k in range(1, result["sorties"] + 1)
        for suffix in ("plan", "waypoints", "geojson", "kml")
    }
    assert sum(s["photos"] for s in result["per_sortie"]) == result["photos"]
    again = airbeat("plan", "slow.yaml", "--out", "p")
    assert again.returncode == 2
    assert "slow-sortie-1.plan" in again.stderr
    assert "--overwrite" in again.stderr


def test_a_mission_is_drawn_beside_its_files_and_never_over_another_picture(
    airbeat: Run, workplace: Path
) -> None:
    mission = "missions/river-bridge-points.yaml"
    done = airbeat("plan", mission, "--out", "p", "--picture", "briefing/plan.png", "--json")
    assert done.returncode == 0, done.stderr
    assert "briefing/plan.png" in json.loads(done.stdout)["files"]
    drawn = (workplace / "briefing" / "plan.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    again = airbeat("plan", mission, "--out", "q", "--picture", "briefing/plan.png")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert not (workplace / "q").exists(), "nothing was written at all"
    assert airbeat("plan", mission, "--picture", "briefing/plan.png", "--overwrite").returncode == 0
    assert (workplace / "briefing" / "plan.png").read_bytes() == drawn
    other = airbeat("plan", mission, "--picture", "plan.jpg")
    assert other.returncode == 2
    assert ".png" in other.stderr
    assert [p.name for p in (workplace / "briefing").iterdir()] == ["plan.png"]


def test_a_quick_look_is_drawn_too_and_says_that_it_is_not_for_flight(airbeat: Run, workplace: Path) -> None:
    from PIL import Image

    done = airbeat("plan", "--area", _wood(workplace), "--spacing-m", "40", "--picture", "wood.png")
    assert done.returncode == 0, done.stderr
    with Image.open(workplace / "wood.png") as image:
        assert image.size == (1600, 1200)
        assert "not for flight" in image.text["airbeat:notes"]
        assert image.text["airbeat:source_name"] == "wood.geojson"
