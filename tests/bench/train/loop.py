"""The training loop that all our heat-map networks share.

A sampler (any callable that draws one `Sample` with the random generator it is given) runs in processes of
its own; batch k is drawn with the seed (seed, k), so a run is repeatable whatever the number of processes.
Every batch is used twice, the second time mirrored, since drawing costs a quarter of the time.
What the samples show, at which GSD, and how they are distorted is the sampler's business; the loop knows
boxes only.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from queue import Empty
from typing import Any

import cv2
import numpy as np
import torch

from airbeat.detect.network import prepare

from .net import BLOCK_PX, CELLS, SIZE_UNIT_PX, HeatNet

__all__ = ["Recipe", "Sample", "Sampler", "train"]

_CELL_PX = BLOCK_PX // 2
_LEAST_SPREAD_CELLS = 0.8
_SPREAD_PER_SIDE = 0.14
_SIZE_WEIGHT = 0.4
_IGNORE_GROWN_BY = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """One crop: (side, side, 3) uint8 or float32 BGR 0…255, and boxes xyxy [px of the crop].

    Attributes:
        image: the crop, at the GSD the network shall work at.
        persons: (n, 4) boxes around persons.
        ignored: (m, 4) boxes where an answer is neither right nor wrong.
    """

    image: np.ndarray
    persons: np.ndarray
    ignored: np.ndarray


Sampler = Callable[[np.random.Generator], Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How long and how a network is trained.

    Attributes:
        modality: how the crops are prepared, see `airbeat.detect.network.prepare`.
        steps: number of batches.
        batch: crops per batch.
        side_px: side of a crop, a multiple of 16.
        peak_rate: highest learning rate; it rises over the first `warm_up` steps and falls as a cosine.
        decay: AdamW's weight decay.
        average: share of the old weights kept per step in the averaged weights, which are the result.
        seed: of the first weights and of every batch.
        samplers: sampling processes.
    """

    modality: str
    steps: int
    batch: int = 12
    side_px: int = 256
    peak_rate: float = 3e-3
    warm_up: int = 150
    decay: float = 0.02
    average: float = 0.998
    seed: int = 0
    samplers: int = 1


def targets(sample: Sample, side_px: int) -> tuple[np.ndarray, ...]:
    """What the network shall answer.

    Returns:
        heat (side / 2, side / 2): 1 at persons' middles and falling off around; weight of the same shape: 0
        in ignored boxes; size (2, side / 4, side / 4): log width and height over the unit; mask of the
        blocks whose size counts.
    """
    cells, blocks = side_px // _CELL_PX, side_px // BLOCK_PX
    heat, weight = np.zeros((cells, cells), np.float32), np.ones((cells, cells), np.float32)
    size, mask = np.zeros((2, blocks, blocks), np.float32), np.zeros((blocks, blocks), np.float32)
    for left, top, right, bottom in sample.ignored:
        x, y = (right - left) * _IGNORE_GROWN_BY, (bottom - top) * _IGNORE_GROWN_BY
        first = [max(0, math.floor(v / _CELL_PX)) for v in (left - x, top - y)]
        last = [max(0, math.ceil(v / _CELL_PX)) for v in (right + x, bottom + y)]
        weight[first[1] : last[1], first[0] : last[0]] = 0
    line = np.arange(cells, dtype=np.float32)
    for left, top, right, bottom in sample.persons:
        middle, sides = ((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top)
        column, row = (int(v // _CELL_PX) for v in middle)
        if not (0 <= column < cells and 0 <= row < cells):
            continue
        spread_x, spread_y = (max(_LEAST_SPREAD_CELLS, _SPREAD_PER_SIDE * s / _CELL_PX) for s in sides)
        hill = np.outer(
            np.exp(-(((line - row) / spread_y) ** 2) / 2), np.exp(-(((line - column) / spread_x) ** 2) / 2)
        )
        np.maximum(heat, hill, out=heat)
        weight[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 1
        near = slice(max(0, row // 2 - 1), row // 2 + 2), slice(max(0, column // 2 - 1), column // 2 + 2)
        for k in (0, 1):
            size[k][near] = math.log(max(sides[k], 2) / SIZE_UNIT_PX)
        mask[near] = 1
    return heat, weight, size, mask


def _draw(sampler: Sampler, recipe: Recipe, first: int, queue: Any) -> None:
    """Draw every `samplers`-th batch, beginning with number `first`."""
    cv2.setNumThreads(0)
    for number in range(first, (recipe.steps + 1) // 2, recipe.samplers):
        random = np.random.default_rng((recipe.seed, number))
        samples = [sampler(random) for _ in range(recipe.batch)]
        images = [prepare(s.image, recipe.modality).astype(np.float16) for s in samples]
        wanted = [targets(s, recipe.side_px) for s in samples]
        queue.put([np.stack(part) for part in (images, *zip(*wanted, strict=True))])


def _batches(sampler: Sampler, recipe: Recipe) -> Iterator[list[torch.Tensor]]:
    """`recipe.steps` batches of images, heat, weight, size and mask."""
    context = multiprocessing.get_context("fork")
    queues = [context.Queue(6) for _ in range(recipe.samplers)]
    workers = [
        context.Process(target=_draw, args=(sampler, recipe, k, queue), daemon=True)
        for k, queue in enumerate(queues)
    ]
    for worker in workers:
        worker.start()
    try:
        for number in range((recipe.steps + 1) // 2):
            which = number % recipe.samplers
            while True:
                try:
                    parts = queues[which].get(timeout=20)
                    break
                except Empty:
                    if not workers[which].is_alive():
                        raise RuntimeError("a sampling process died: see its message above") from None
            batch = [torch.from_numpy(part).float() for part in parts]
            yield batch
            if 2 * number + 1 < recipe.steps:
                yield [part.flip(-1) for part in batch]
    finally:
        for worker in workers:
            worker.terminate()


def loss_of(answer: torch.Tensor, wanted: list[torch.Tensor]) -> torch.Tensor:
    """CenterNet's focal loss of the heat (Zhou et al. 2019, eq. 1) and the mean error of the log sides."""
    heat, weight, size, mask = wanted
    odds = torch.nn.functional.pixel_shuffle(answer[:, :CELLS], 2)[:, 0]
    chance = torch.sigmoid(odds).clamp(1e-4, 1 - 1e-4)
    middle = (heat > 0.999).float()
    right = middle * (1 - chance) ** 2 * torch.log(chance)
    wrong = (1 - middle) * (1 - heat) ** 4 * chance**2 * torch.log(1 - chance)
    persons = middle.sum().clamp(min=4.0)
    error = ((answer[:, CELLS:] - size).abs().sum(1) * mask).sum() / mask.sum().clamp(min=9.0)
    return -((right + wrong) * weight).sum() / persons + _SIZE_WEIGHT * error


def _rate(recipe: Recipe, step: int) -> float:
    rise = min(1.0, (step + 1) / recipe.warm_up)
    return recipe.peak_rate * rise * (0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * step / recipe.steps)))


def _average(kept: HeatNet, network: HeatNet, share: float) -> None:
    with torch.no_grad():
        for old, new in zip(kept.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - share)
            else:
                old.copy_(new)


def train(
    sampler: Sampler, recipe: Recipe, *, network: HeatNet | None = None, log: Callable[[str], None] = print
) -> HeatNet:
    """Train a network on what the sampler draws.

    Args:
        sampler: draws crops of `recipe.side_px`; it is used in forked processes.
        recipe: how.
        network: where to begin; None for fresh weights.
        log: is told the mean loss every 100 steps.

    Returns:
        The network with averaged weights, ready for use.
    """
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    network = (network or HeatNet()).train().to(memory_format=torch.channels_last)
    kept = deepcopy(network)
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": recipe.decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.peak_rate)
    losses: list[float] = []
    begun, used = time.monotonic(), time.process_time()
    for step, (images, *wanted) in enumerate(_batches(sampler, recipe)):
        for group in optimiser.param_groups:
            group["lr"] = _rate(recipe, step)
        with torch.autocast("cpu", torch.bfloat16):
            answer = network(images.contiguous(memory_format=torch.channels_last))
        loss = loss_of(answer.float(), wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _average(kept, network, min(recipe.average, (1 + step) / (10 + step)))
        losses.append(loss.item())
        if step % 100 == 99:
            minutes, cpu = (time.monotonic() - begun) / 60, (time.process_time() - used) / 60
            log(f"step {step + 1}: loss {np.mean(losses[-100:]):.3f}, {minutes:.1f} min, {cpu:.1f} min CPU")
    return kept.eval().to(memory_format=torch.contiguous_format)
