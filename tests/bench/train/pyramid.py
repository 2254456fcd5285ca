"""The RGB heat-map network: `train.net`'s blocks, one level deeper and wider where pixels are few.

Most of its weights lie at 1/16 and 1/32 of the frame's side, where they cost little time: there it sees some
hundred pixels around a place, which tells a person from a motorcycle's seat or a window. It answers as
`HeatNet` does. Kernels are written to the ONNX file with 16 bits, which `cv2.dnn` reads as they are.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

from .net import CELLS, Convolution, Graph, Residual, answer_layer

__all__ = ["GRAIN_PX", "PyramidNet", "mean_of", "write_pyramid"]

GRAIN_PX = 32
"""Sides of what the network is given are multiples of this."""


class PyramidNet(nn.Module):
    """Down to 1/32 in five steps, up again to 1/4 by addition, one head.

    Args:
        widths: channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the frame's side.
        depths: residual blocks at 1/4, 1/8, 1/16 and 1/32.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (16, 24, 48, 80, 112),
        depths: tuple[int, ...] = (0, 1, 2, 2),
    ) -> None:
        super().__init__()
        self.stem = Convolution(3, widths[0], stride=2)
        self.down = nn.ModuleList(
            nn.Sequential(Convolution(given, made, stride=2), *(Residual(made) for _ in range(depth)))
            for given, made, depth in zip(widths[:-1], widths[1:], depths, strict=True)
        )
        self.up = nn.ModuleList(
            Convolution(given, made, 1) for given, made in zip(widths[2:], widths[1:-1], strict=True)
        )
        quarter = widths[1]
        self.head = nn.Sequential(Convolution(quarter, quarter), Convolution(quarter, quarter))
        self.out = answer_layer(quarter)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        levels = [x := down(x) for down in self.down]
        for up, finer in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            x = finer + functional.interpolate(up(x), scale_factor=2, mode="nearest")
        return self.out(self.head(x))


def mean_of(one: PyramidNet, other: PyramidNet) -> PyramidNet:
    """The network halfway between two that were trained one from the other (Wortsman et al. 2022)."""
    mean = deepcopy(one)
    with torch.no_grad():
        for kept, new in zip(mean.state_dict().values(), other.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 0.5)
    return mean


def write_pyramid(network: PyramidNet, path: Path) -> None:
    """Write the network with its batch normalisation folded in and its kernels in 16 bits, for any size."""
    network = network.eval()
    graph = Graph()
    x = graph.convolution("image", network.stem)
    levels = [x := graph.chain(x, down) for down in network.down]
    for up, finer in zip(reversed(network.up), reversed(levels[:-1]), strict=True):
        x = graph.sum(finer, graph.doubled(graph.convolution(x, up)))
    x = graph.chain(x, network.head)
    last = graph.plain(x, network.out, torch.ones(CELLS + 2), network.out.bias)
    for weight in graph.weights:
        if len(weight.dims) == 4:
            kernel = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(kernel, weight.name))
    shapes = (("image", ["n", 3, "h", "w"]), (last, ["n", CELLS + 2, "rows", "columns"]))
    given, made = (helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in shapes)
    body = helper.make_graph(graph.nodes, "airbeat", [given], [made], graph.weights)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)], producer_name="airbeat")
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
