"""Makes the networks and figures of the exercise detector from photographs of the embedded camera.

Run: python tests/bench/embedded_frames.py --dense FRAMES 200 … 221
     python tests/bench/embedded_frames.py --dense --most 4 FRAMES 300 … 371
     python tests/bench/embedded_frames.py FRAMES 120 … 127 130 … 134
     python tests/bench/train_exercise.py FRAMES BACKGROUNDS
Needs PyTorch and onnx beside airbeat; about an hour on two cores. Seeds below 100 are for reports only.
BACKGROUNDS is the folder of photographs without persons, with `images/`; see docs/model-exercise.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

import airbeat.detect
from airbeat.detect.exercise import ExerciseDetector
from airbeat.detect.exercise_networks import CELL_PX, JUDGE_BLUR_PX, Palette, find, palette, working_image
from airbeat.frames.folder import scan_folder
from airbeat.frames.reader import load_image

DENSE_SEEDS, PLAIN_SEEDS, TUNING_SEEDS = (
    (*range(200, 222), *range(300, 372)),
    range(120, 128),
    range(130, 135),
)
BACKGROUND_GSD_M_PX = {"caliterra": 0.015, "boruszyn": 0.045, "awpe": 0.025}
VISIBLE = 0.6
CROP, VIEW, STORED = 160, 112, 160
FINDER_ROUNDS = ((2300, 6e-3), (1500, 4e-3), (900, 3e-3))
JUDGE_ROUNDS = ((1200, 4e-3), (1800, 3e-3))
RATES = (0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 5.0)
SHIPPED_RATE = 0.5
FINDER_SHARE = 0.25
"""What the finder's log odds add to the judge's: the best of 0, 0.25, 0.5 and 1 on the tuning seeds."""

OUT = Path(airbeat.detect.__file__).parent


@dataclass
class Picture:
    """A frame at the working GSD; looks are (x0, y0, x1, y1 [working px], visible share, earth colours)."""

    path: Path
    seed: int
    gsd_m_px: float
    scale: float
    bgr: np.ndarray
    colours: Palette
    looks: np.ndarray


def picture(path: Path, seed: int, gsd_m_px: float, looks: list[list[float]]) -> Picture:
    """Load one photograph."""
    working = working_image(cv2.imread(str(path)), gsd_m_px)
    boxes = np.array(looks, dtype=float).reshape(-1, 6)
    boxes[:, :4] *= working.scale
    return Picture(path, seed, gsd_m_px, working.scale, working.bgr, palette(working), boxes)


def gsd_of(meta: Any) -> float:
    """As the photograph says it [m/px], with the errors of its height."""
    return float(meta.height_above_home_m / meta.focal_length_px)


def truth_of(frames: Path, seed: int) -> dict[str, list[list[float]]]:
    """Looks by file name: box in px of the frame, visible share, earth colours, person."""
    truth = json.loads((frames / f"{seed}.truth.json").read_text(encoding="utf-8"))
    shown: dict[str, list[list[float]]] = {}
    for person in truth["persons"]:
        for look in person["frames"]:
            row = [*look["xyxy_px"], look["visible"], float(person["earth_colours"]), person["id"]]
            shown.setdefault(look["frame"], []).append(row)
    return shown


def pictures(frames: Path, backgrounds: Path) -> Iterator[Picture]:
    """Everything that is trained on."""
    for seed in (*DENSE_SEEDS, *PLAIN_SEEDS):
        shown = truth_of(frames, seed)
        for meta in scan_folder(frames / str(seed)).frames:
            yield picture(meta.path, seed, gsd_of(meta), [row[:6] for row in shown.get(meta.path.name, [])])
    for path in sorted((backgrounds / "images").glob("*.jpg")):
        gsd = next(g for name, g in BACKGROUND_GSD_M_PX.items() if path.name.startswith(name))
        yield picture(path, 0, gsd, [])


def layer(
    i: int,
    o: int,
    side: int = 3,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    pad: int | None = None,
) -> nn.Module:
    """Convolution, batch normalisation, rectifier."""
    if pad is None:
        pad = 1 if side == 4 else dilation * (side - 1) // 2
    convolution = nn.Conv2d(i, o, side, stride, pad, dilation, groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(o), nn.ReLU())


def finder_network() -> nn.Sequential:
    """5 cm picture to log odds in cells of 20 cm, seeing 3 m around."""
    network = nn.Sequential(
        layer(3, 16, 4, stride=2),
        layer(16, 32, stride=2),
        layer(32, 32, groups=32),
        layer(32, 48, 1),
        layer(48, 48, dilation=2, groups=48),
        layer(48, 48, 1),
        layer(48, 48, dilation=4, groups=48),
        layer(48, 48, 1),
        nn.Conv2d(48, 1, 1),
    )
    nn.init.constant_(network[-1].bias, -4.0)
    return network


def judge_network() -> nn.Sequential:
    """2.8 m view at 2.5 cm to log odds and a box; what lies where in the view counts."""
    return nn.Sequential(
        layer(3, 16, stride=2),
        layer(16, 32, stride=2),
        layer(32, 32),
        layer(32, 64, stride=2),
        layer(64, 64),
        layer(64, 96, stride=2),
        layer(96, 96, VIEW // 16, groups=96, pad=0),
        layer(96, 64, 1),
        nn.Conv2d(64, 5, 1),
    )


def recoloured(image: np.ndarray, colours: Palette, random: np.random.Generator) -> np.ndarray:
    """As the networks see it, blurred, noisy and tinted at random."""
    image = image.astype(np.float32)
    if random.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.3, 1.0))
    if random.random() < 0.45:
        image = image + random.normal(0, random.uniform(0, 6), image.shape).astype(np.float32)
    tint = random.uniform(0.85, 1.18) * random.uniform(0.92, 1.08, 3).astype(np.float32)
    shift = random.normal(0, 0.1, 3).astype(np.float32)
    return (image - np.float32(colours.mean_bgr)) / np.float32(colours.spread) * tint + shift


def finder_sample(data: list[Picture], random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A crop, the cells that hold a person, and the weight of every cell."""
    near_person = random.random() < 0.6
    for _ in range(50):
        one = data[random.integers(len(data))]
        shown = one.looks[one.looks[:, 4] >= VISIBLE]
        if len(shown) or not near_person:
            break
    height, width = one.bgr.shape[:2]
    side = min(int(CROP / random.uniform(0.83, 1.2)), height, width)
    corner = random.uniform(0, (width - side, height - side))
    if near_person and len(shown):
        box = shown[random.integers(len(shown))]
        corner = (box[:2] + box[2:4]) / 2 - side / 2 + random.uniform(-0.4, 0.4, 2) * side
    x, y = np.clip(corner, 0, (width - side, height - side)).astype(int)
    way = cv2.INTER_AREA if side > CROP else cv2.INTER_LINEAR
    image = recoloured(
        cv2.resize(one.bgr[y : y + side, x : x + side], (CROP, CROP), interpolation=way), one.colours, random
    )
    axis = (np.arange(CROP // CELL_PX) + 0.5) * CELL_PX * side / CROP
    person, weight = np.zeros((2, len(axis), len(axis)), dtype=np.float32)
    weight += 1
    for box in one.looks:
        px, py = (box[:2] + box[2:4]) / 2 - (x, y)
        away_m = np.hypot(axis[None] - px, axis[:, None] - py) * 0.05
        if box[4] < VISIBLE:
            weight[away_m < 1.2] = 0
        else:
            weight[(away_m < 0.75) & (person == 0)] = 0
            person[away_m < 0.32] = 1
    weight[person == 1] = 1
    turn, mirror = int(random.integers(4)), int(random.choice([-1, 1]))
    image, person, weight = (np.rot90(a, turn)[:, ::mirror].copy() for a in (image, person, weight))
    return image.transpose(2, 0, 1).copy(), person, weight


def batches(sample: Any, count: int) -> list[torch.Tensor]:
    """Stacked samples."""
    return [
        torch.from_numpy(np.stack(a).astype(np.float32))
        for a in zip(*(sample() for _ in range(count)), strict=True)
    ]


def descend(network: nn.Module, loss: Any, *, steps: int, rate: float) -> None:
    """AdamW with a cosine schedule."""
    network.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=2e-3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = min(1, (step + 1) / 50) * rate * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss()
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        if step % 200 == 0:
            print(step, round(value.item(), 3), flush=True)
    network.eval()


def train_finder(data: list[Picture]) -> nn.Sequential:
    """Focal loss on crops."""
    random, network = np.random.default_rng(1), finder_network()

    def loss() -> torch.Tensor:
        image, person, weight = batches(lambda: finder_sample(data, random), 16)
        odds = network(image.contiguous(memory_format=torch.channels_last))[:, 0]
        share = torch.sigmoid(odds)
        focus = torch.where(person == 1, (1 - share) ** 2, share**2)
        every = focus * binary_cross_entropy_with_logits(odds, person, reduction="none") * weight
        return every.sum() / person.sum().clamp(min=8)

    for steps, rate in FINDER_ROUNDS:
        descend(network, loss, steps=steps, rate=rate)
    return network


@dataclass
class View:
    """A view stored wider than the judge's: 1 a person, 0 nobody; width, height of the box [2.5 cm px]."""

    image: np.ndarray
    colours: Palette
    person: int
    earth: bool
    size: tuple[float, float]
    odds: float


def stored(image: np.ndarray, place: np.ndarray, gsd_m_px: float) -> np.ndarray:
    """3.2 x 3.2 m about a place at 2.5 cm/px."""
    scale = gsd_m_px / 0.025
    if scale < 0.75:
        image = cv2.GaussianBlur(image, (0, 0), 0.5 / scale)
    shift = np.float32([[scale, 0, STORED / 2 - place[0] * scale], [0, scale, STORED / 2 - place[1] * scale]])
    return cv2.warpAffine(image, shift, (STORED, STORED), borderMode=cv2.BORDER_REFLECT)


def views(data: list[Picture]) -> list[View]:
    """Every shown person, and the places of each frame that the finder likes best and show nobody."""
    random, out = np.random.default_rng(2), []
    for one in data:
        image = cv2.imread(str(one.path))
        working = working_image(image, one.gsd_m_px)
        heat = find(working, one.colours)
        y, x = np.nonzero(heat >= cv2.dilate(heat, np.ones((5, 5), np.uint8)))
        places, odds = (np.column_stack([x, y]) + 0.5) * CELL_PX, heat[y, x]
        middles = (one.looks[:, :2] + one.looks[:, 2:4]) / 2
        for middle in middles:
            away = np.hypot(*(places - middle).T) * working.gsd_m_px > 1.2
            places, odds = places[away], odds[away]
        most = 50 if one.seed else 12
        chosen = [*np.argsort(-odds)[:most], *random.integers(0, max(1, len(odds)), most // 6)][: len(odds)]
        for k in chosen:
            view = stored(image, places[k] / one.scale, one.gsd_m_px)
            out.append(View(view, one.colours, 0, False, (0.0, 0.0), float(odds[k])))
        for look, middle in zip(one.looks, middles, strict=True):
            if look[4] >= VISIBLE:
                size = (look[2:4] - look[:2]) / one.scale * one.gsd_m_px / 0.025
                view = stored(image, middle / one.scale, one.gsd_m_px)
                out.append(View(view, one.colours, 1, bool(look[5]), tuple(size), 0.0))
    return out


def smoothed(view: np.ndarray) -> np.ndarray:
    """As the detector smooths every view."""
    return cv2.GaussianBlur(view, (0, 0), JUDGE_BLUR_PX)


def judge_sample(view: View, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A jittered, scaled, mirrored view, its box in half views, and whether a person is there."""
    scale, jitter = random.uniform(0.83, 1.2), random.uniform(-13, 13, 2)
    corner = VIEW / 2 - (STORED / 2 + jitter) * scale
    shift = np.float32([[scale, 0, corner[0]], [0, scale, corner[1]]])
    image = smoothed(cv2.warpAffine(view.image, shift, (VIEW, VIEW), borderMode=cv2.BORDER_REFLECT))
    if random.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 90))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    image = recoloured(image, view.colours, random)
    size = np.log(np.maximum(view.size, 4) * np.float32(scale) / VIEW)
    box = np.array([*(-jitter * scale / (VIEW / 2)), *size])
    for axis in (0, 1):
        if random.random() < 0.5:
            image = np.flip(image, 1 - axis)
            box[axis] *= -1
    if random.random() < 0.5:
        image, box = image.transpose(1, 0, 2), box[[1, 0, 3, 2]]
    return image.transpose(2, 0, 1).copy(), box, np.float32(view.person)


def odds_of(network: nn.Sequential, pool: list[View]) -> np.ndarray:
    """What a judge makes of every view, seen straight."""
    first, out = (STORED - VIEW) // 2, []
    with torch.no_grad():
        for start in range(0, len(pool), 256):
            part = [
                (
                    smoothed(v.image)[first : first + VIEW, first : first + VIEW]
                    - np.float32(v.colours.mean_bgr)
                )
                / np.float32(v.colours.spread)
                for v in pool[start : start + 256]
            ]
            out.append(network(torch.from_numpy(np.stack(part).transpose(0, 3, 1, 2).copy()))[:, 0, 0, 0])
    return torch.cat(out).double().numpy()


def train_judge(pool: list[View]) -> nn.Sequential:
    """Half of each batch persons, those it finds hard more often; the rest what it takes for one most.

    How hard a view is says the finder in the first round, and the judge of the round before in the next.
    """
    random, network = np.random.default_rng(3), judge_network()
    persons, nobody = [v for v in pool if v.person], [v for v in pool if not v.person]
    right_odds = np.array([-4.0 if v.earth else 0.0 for v in persons])
    wrong_odds = np.array([v.odds for v in nobody])

    def loss() -> torch.Tensor:
        chosen = iter([v[k] for v, n, p in parts for k in random.choice(len(v), n, p=p)])
        image, box, person = batches(lambda: judge_sample(next(chosen), random), 80)
        out = network(image.contiguous(memory_format=torch.channels_last))[:, :, 0, 0]
        right = binary_cross_entropy_with_logits(out[:, 0], person * 0.98 + 0.01)
        return right + 0.5 * smooth_l1_loss(out[person == 1, 1:], box[person == 1], beta=0.1)

    for steps, rate in JUDGE_ROUNDS:
        missed, hard = (
            np.exp(np.clip(odds, -8, 4) * share) for odds, share in ((-right_odds, 0.2), (wrong_odds, 0.35))
        )
        parts = [
            (persons, 16, None),
            (persons, 16, missed / missed.sum()),
            (nobody, 32, hard / hard.sum()),
            (nobody, 16, None),
        ]
        descend(network, loss, steps=steps, rate=rate)
        right_odds, wrong_odds = odds_of(network, persons), odds_of(network, nobody)
    return network


def write_onnx(network: nn.Sequential, shape: tuple[Any, ...], path: Path) -> None:
    """A plain chain of convolutions, the batch normalisation folded in."""
    nodes, weights, x = [], [], "image"
    for k, module in enumerate(network):
        convolution = module[0] if isinstance(module, nn.Sequential) else module
        weight, offset = convolution.weight, convolution.bias
        if isinstance(module, nn.Sequential):
            norm = module[1]
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight, offset = weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain
        for name, value in (("w", weight), ("b", offset)):
            weights.append(numpy_helper.from_array(value.detach().numpy(), f"{name}{k}"))
        nodes.append(
            helper.make_node(
                "Conv",
                [x, f"w{k}", f"b{k}"],
                [f"x{k}"],
                kernel_shape=list(convolution.kernel_size),
                strides=list(convolution.stride),
                pads=list(convolution.padding) * 2,
                dilations=list(convolution.dilation),
                group=convolution.groups,
            )
        )
        x = f"x{k}"
        if isinstance(module, nn.Sequential):
            nodes.append(helper.make_node("Relu", [x], [f"r{k}"]))
            x = f"r{k}"
    given, made = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", *dimensions])
        for name, dimensions in (("image", shape), (x, ("c", "h", "w")))
    )
    graph = helper.make_graph(nodes, "airbeat", [given], [made], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="airbeat")
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def curve(frames: Path, seeds: range) -> list[tuple[float, float, float]]:
    """(false candidates per frame, threshold, share of looks found) of the shipped files on whole seeds."""
    items: list[tuple[float, bool]] = []
    shots = looks = 0
    detector = ExerciseDetector(threshold=0.0)
    for seed in seeds:
        shown = truth_of(frames, seed)
        for meta in scan_folder(frames / str(seed)).frames:
            gsd_m_px = gsd_of(meta)
            found = detector(load_image(meta), gsd_m_px=gsd_m_px)
            boxes = np.array(shown.get(meta.path.name, []), dtype=float).reshape(-1, 7)
            shots, looks, met = shots + 1, looks + int((boxes[:, 4] >= VISIBLE).sum()), set()
            for box, score in zip(found.xyxy_px, found.scores, strict=True):
                middle = (box[:2] + box[2:]) / 2
                away = np.hypot(*((boxes[:, :2] + boxes[:, 2:4]) / 2 - middle).T) * gsd_m_px
                near = {int(k) for k in np.nonzero(away < 1.0)[0]}
                if not near:
                    items.append((float(score), False))
                items += [(float(score), True) for k in near - met if boxes[k, 4] >= VISIBLE]
                met |= near
    items.sort(key=lambda item: -item[0])
    false = found_looks = 0
    out: list[tuple[float, float, float]] = []
    for score, right in items:
        found_looks, false = found_looks + right, false + (not right)
        while len(out) < len(RATES) and false > RATES[len(out)] * shots:
            out.append((RATES[len(out)], round(score + 1e-4, 4), round(found_looks / looks, 3)))
    return out


def write_figures(frames: Path) -> None:
    """Measure the shipped networks on the tuning seeds and write threshold and curve."""
    path = OUT / "exercise_figures.json"
    data = json.loads(path.read_text(encoding="utf-8")) | {"finder_share": FINDER_SHARE}
    path.write_text(json.dumps(data) + "\n", encoding="utf-8")
    points = curve(frames, TUNING_SEEDS)
    for rate, threshold, share in points:
        print(f"{rate:5.2f} false per frame: threshold {threshold:.3f}, looks found {share:.3f}")
    data |= {
        "note": "made by tests/bench/train_exercise.py on seeds that were not trained on",
        "frames": sum(len(scan_folder(frames / str(seed)).frames) for seed in TUNING_SEEDS),
        "seeds": list(TUNING_SEEDS),
        "threshold": next(threshold for rate, threshold, _ in points if rate == SHIPPED_RATE),
        "false_per_frame": [(rate, threshold) for rate, threshold, _ in points],
    }
    path.write_text(json.dumps(data) + "\n", encoding="utf-8")


def main() -> None:
    """Train, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path)
    parser.add_argument("backgrounds", type=Path)
    parser.add_argument("--figures-only", action="store_true", help="measure the networks that are there")
    parser.add_argument("--judge-only", action="store_true", help="keep the finder that is there")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if not options.figures_only:
        torch.set_num_threads(1)
        torch.manual_seed(1)
        data = list(pictures(options.frames, options.backgrounds))
        if not options.judge_only:
            write_onnx(train_finder(data), (3, "h", "w"), OUT / "exercise_finder.onnx")
        write_onnx(train_judge(views(data)), (3, VIEW, VIEW), OUT / "exercise_judge.onnx")
    write_figures(options.frames)


if __name__ == "__main__":
    main()
