"""Measure the RGB person network: `python -m train.rgb_figures SETS EVALUATION` in tests/bench.

Writes `person_rgb.json` beside the weights from what they were not trained on and anyone may use: rendered
people of other seeds on held-out photographs, and held-out photographs, on which the few people are left
unjudged. Prints, and does not keep, what the weights find of the people in the held-out corner of a town, in
other places, and on the photographs of EVALUATION, sets that are for evaluation only.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from airbeat.detect.network import search

from .coco import load_set
from .figures import LEAST_LOG_ODDS, RATES, wilson, write_figures
from .grounds import Grounds
from .photos import SOURCES, load_photos
from .scenes import Scenes, Views, draw_ground
from .score import Judged, average_precision, judge, recall_at
from .sprites import draw_pool
from .towns import TO_EVALUATE, TO_HOLD_OUT, towns

__all__ = ["ABOUT", "SETS", "held_out_photographs", "rendered_frames", "share_held"]

WORKING_GSD_M_PX = 0.04
UNKNOWN_GSD_SCALES = (1.0, 0.5, 0.25)
MIRRORED_UP_TO_SCALE = 0.8
LONGEST_SIDE_M = (0.2, 4.0)
ABOUT = {
    "gsd_range_m_px": [WORKING_GSD_M_PX, WORKING_GSD_M_PX],
    "unknown_gsd_scales": list(UNKNOWN_GSD_SCALES),
    "mirrored": False,
    "mirrored_up_to_scale": MIRRORED_UP_TO_SCALE,
    "longest_side_m": list(LONGEST_SIDE_M),
}
SEED, FRAME_PX, FRAMES, PEOPLE, THINGS = 9, 1008, 60, 300, 120
CROWD, CLUTTER = (1, 2, 3, 4, 6, 8, 10), (2, 4, 8, 14)


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A folder of labelled photographs: its name, and their GSD where known [m/px]."""

    folder: str
    gsd_m_px: float | None


SETS = {
    "Low oblique stills (dac-sdc-oblique)": EvaluationSet("dac-sdc-oblique", None),
    "Nadir stills (brighton-nadir40)": EvaluationSet("brighton-nadir40", 0.0175),
    "Nadir video stills (sdd-nadir)": EvaluationSet("sdd-nadir", 0.035),
    "Oblique 4K video stills (unicamp-oblique)": EvaluationSet("unicamp-oblique", None),
}


def rendered_frames(
    sets: Path, *, workers: int
) -> dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Pictures, boxes of people, boxes not to be judged, by view; bodies and ground not trained on."""
    grounds = Grounds(load_photos(sets, held_out=True), FRAME_PX)
    random = np.random.default_rng(SEED)
    leaves = [grounds.crop(random, "oblique")[0] for _ in range(12)]
    frames = {}
    for number, view in enumerate(("steep", "oblique")):
        people = draw_pool("people", view, PEOPLE, 1000 * SEED + number, workers=workers)
        things = draw_pool("things", view, THINGS, 1000 * SEED + 2 + number, workers=workers)
        frames[view] = []
        for _ in range(FRAMES):
            scenes = Scenes(
                {view: [draw_ground(random, grounds, view)]},
                leaves,
                {view: Views(people=people, things=things)},
                side_px=FRAME_PX,
                oblique_share=float(view == "oblique"),
                people_share=0.9,
                crowd=CROWD,
                clutter=CLUTTER,
            )
            drawn = scenes(random)
            frames[view].append((drawn.image, drawn.persons, drawn.ignored))
    return frames


def searched(
    network: cv2.dnn.Net, bgr: np.ndarray, gsd_m_px: float | None, *, least: float = LEAST_LOG_ODDS
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and log odds as `NetworkDetector` gets them: by the GSD if it is known."""
    scales = UNKNOWN_GSD_SCALES if gsd_m_px is None else (gsd_m_px / WORKING_GSD_M_PX,)
    boxes, odds = search(
        network,
        bgr,
        modality="rgb",
        scales=scales,
        mirrored=gsd_m_px is not None and scales[0] <= MIRRORED_UP_TO_SCALE,
        least_log_odds=least,
    )
    if gsd_m_px is None:
        return boxes, odds
    longest_m = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) * gsd_m_px
    kept = (longest_m >= LONGEST_SIDE_M[0]) & (longest_m <= LONGEST_SIDE_M[1])
    return boxes[kept], odds[kept]


def held_out_photographs(network: cv2.dnn.Net, sets: Path) -> tuple[list[Judged], list[str]]:
    """What is found on held-out photographs where nobody is, and their sources."""
    judged, sources = [], []
    for photo in load_photos(sets, held_out=True):
        steep = SOURCES[photo.source].view == "steep"
        boxes, odds = searched(network, photo.bgr, photo.gsd_m_px if steep else None)
        judged.append(judge(boxes, odds, np.empty((0, 4)), photo.marked))
        sources.append(f"{photo.source} {photo.name[:14]}")
    for town in towns(sets, TO_HOLD_OUT):
        boxes, odds = searched(network, town.bgr, town.gsd_m_px)
        marked = np.vstack([town.persons, town.unclear])
        judged.append(judge(boxes, odds, np.empty((0, 4)), marked))
        sources.append(f"town {town.name}")
    return judged, sources


def held_out_town(network: cv2.dnn.Net, sets: Path) -> list[Judged]:
    """What is found of the people in the held-out corner of a town."""
    judged = []
    for town in towns(sets, TO_HOLD_OUT):
        boxes, odds = searched(network, town.bgr, town.gsd_m_px, least=LEAST_LOG_ODDS - 2)
        judged.append(judge(boxes, odds, town.persons, town.unclear))
    return judged


def other_places(network: cv2.dnn.Net, sets: Path) -> dict[str, list[Judged]]:
    """What is found of the people in places that nothing was trained on, by place."""
    judged: dict[str, list[Judged]] = {}
    for town in towns(sets, TO_EVALUATE):
        gsd = town.gsd_m_px if town.view == "steep" else None
        boxes, odds = searched(network, town.bgr, gsd, least=LEAST_LOG_ODDS - 2)
        judged.setdefault(town.place, []).append(judge(boxes, odds, town.persons, town.unclear))
    return judged


def share_held(judged: list[Judged], best: int) -> tuple[int, int]:
    """Of the pictures with one to ten people, those whose `best` best boxes hold all of them; and all."""
    held, pictures = 0, [j for j in judged if 1 <= len(j.found) <= 10]
    for j in pictures:
        ranked = np.sort(np.concatenate([j.right, j.false]))[::-1]
        lowest = ranked[best - 1] if len(ranked) >= best else -np.inf
        held += bool((np.isfinite(j.found) & (j.found >= lowest)).all())
    return held, len(pictures)


def _on_photographs(judged: list[Judged], figures: dict[str, Any]) -> dict[str, Any]:
    """The curve of false candidates, which real ground decides, and the rate at the shipped threshold."""
    odds, shares = (np.array(column) for column in zip(*figures["probability"], strict=True))
    false = np.sort(np.interp(np.concatenate([j.false for j in judged]), odds, shares))[::-1]
    curve = []
    for rate in RATES:
        allowed = math.floor(rate * len(judged))
        if allowed < len(false):
            curve.append([rate, math.ceil(float(false[allowed]) * 1e5 + 1) / 1e5])
    at_threshold = float((false >= figures["threshold"]).sum()) / len(judged)
    about = {"pictures": len(judged), "false_per_picture_at_threshold": round(at_threshold, 4)}
    return {"false_per_frame": curve, "photographs_without_people": about}


def _row(name: str, judged: list[Judged]) -> str:
    """A line of the model card's table; Wilson's 95 % intervals."""
    persons = sum(len(j.found) for j in judged)
    cells = [name, str(len(judged)), str(persons), f"{recall_at(judged, 0.5)[0]:.2f}"]
    for rate in (1, 5):
        share = recall_at(judged, rate)[0]
        low, high = wilson(round(share * persons), persons)
        cells.append(f"{share:.2f} ({low:.2f}–{high:.2f})")
    five, ten = share_held(judged, 5), share_held(judged, 10)
    cells += [f"{average_precision(judged):.2f}", f"{five[0]} / {ten[0]} of {five[1]}"]
    return "| " + " | ".join(cells) + " |"


def _evaluate(network: cv2.dnn.Net, folder: Path) -> None:
    """Print what is found on the photographs that are for evaluation only."""
    print("| set | images | persons | at 0.5 | at 1 | at 5 | AP | five / ten best hold all |")
    pooled: list[Judged] = []
    for name, one in SETS.items():
        judged = []
        for picture in load_set(folder / one.folder):
            boxes, odds = searched(network, picture.bgr, one.gsd_m_px, least=LEAST_LOG_ODDS - 2)
            judged.append(judge(boxes, odds, picture.persons, picture.ignored))
        pooled += judged
        print(_row(name, judged))
    print(_row("all together", pooled))


def main() -> None:
    """Measure, write the figures, print the evaluation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("evaluation", type=Path, nargs="?")
    parser.add_argument("--weights", type=Path, default=Path("../../src/airbeat/detect/person_rgb.onnx"))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(str(options.weights))
    judged, groups = held_out_photographs(network, options.sets)
    photographs = list(judged)
    parts = {}
    for view, frames in rendered_frames(options.sets, workers=options.workers).items():
        parts[f"rendered, {view}"] = list(range(len(judged), len(judged) + len(frames)))
        for image, persons, ignored in frames:
            boxes, odds = search(network, image, modality="rgb", least_log_odds=LEAST_LOG_ODDS)
            groups.append(f"rendered {len(judged)}")
            judged.append(judge(boxes, odds, persons, ignored))
    result = write_figures(options.weights, judged, list(groups), about=ABOUT, parts=parts)
    result |= _on_photographs(photographs, result)
    options.weights.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, part in result["measured_parts"].items():
        print(name, part["at_threshold"], part["recall_at_false_per_picture"])
    print("photographs without people:", result["photographs_without_people"])
    print(_row("Town, held-out corner", held_out_town(network, options.sets)))
    places = other_places(network, options.sets)
    for place, found in places.items():
        print(_row(place, found))
    print(_row("other places together", [j for found in places.values() for j in found]))
    if options.evaluation is not None:
        _evaluate(network, options.evaluation)


if __name__ == "__main__":
    main()
