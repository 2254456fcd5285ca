"""A small fully convolutional heat-map network, and how it is written as an ONNX file that `cv2.dnn` runs.

Given (n, 3, height, width), sides in multiples of 16, it returns (n, 6, height / 4, width / 4): the log odds
that a person's middle lies in each of the 2 x 2 px cells of the 4 x 4 px block (row by row), and log width
and height of the person's box over `SIZE_UNIT_PX`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

__all__ = ["BLOCK_PX", "CELLS", "SIZE_UNIT_PX", "HeatNet", "write_onnx"]

BLOCK_PX = 4
CELLS = 4
SIZE_UNIT_PX = 16.0

_START_LOG_ODDS = -5.0


class Convolution(nn.Module):
    """Convolution, batch normalisation and, unless told otherwise, a rectifier."""

    def __init__(
        self, given: int, made: int, side: int = 3, stride: int = 1, *, rectify: bool = True
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(given, made, side, stride, side // 2, bias=False)
        self.norm = nn.BatchNorm2d(made)
        self.rectify = rectify

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.convolution(x))
        return functional.relu(x, inplace=True) if self.rectify else x


class Residual(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Convolution(width, width), Convolution(width, width, rectify=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.second(self.first(x)), inplace=True)


class HeatNet(nn.Module):
    """Down to 1/16 in four steps, up again to 1/4 by addition, one head.

    Args:
        widths: channels at 1/2, 1/4, and 1/8 and 1/16 of the frame's side.
        depths: residual blocks at 1/4, 1/8 and 1/16.
    """

    def __init__(
        self, widths: tuple[int, int, int] = (16, 32, 64), depths: tuple[int, int, int] = (1, 2, 2)
    ) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.stem = Convolution(3, half, stride=2)
        self.quarter = nn.Sequential(
            Convolution(half, quarter, stride=2), *(Residual(quarter) for _ in range(depths[0]))
        )
        self.eighth = nn.Sequential(
            Convolution(quarter, eighth, stride=2), *(Residual(eighth) for _ in range(depths[1]))
        )
        self.sixteenth = nn.Sequential(
            Convolution(eighth, eighth, stride=2), *(Residual(eighth) for _ in range(depths[2]))
        )
        self.up_to_eighth = Convolution(eighth, eighth, 1)
        self.up_to_quarter = Convolution(eighth, quarter, 1)
        self.head = nn.Sequential(Convolution(quarter, quarter), Convolution(quarter, quarter))
        self.out = nn.Conv2d(quarter, CELLS + 2, 1)
        with torch.no_grad():
            self.out.weight[:CELLS] *= 0.1
            self.out.bias.zero_()
            self.out.bias[:CELLS] = _START_LOG_ODDS

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        quarter = self.quarter(self.stem(x))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        eighth = eighth + functional.interpolate(self.up_to_eighth(sixteenth), scale_factor=2, mode="nearest")
        quarter = quarter + functional.interpolate(self.up_to_quarter(eighth), scale_factor=2, mode="nearest")
        return self.out(self.head(quarter))


class _Graph:
    """Nodes and weights of an ONNX graph while it grows; every method returns the name of what it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def _node(self, kind: str, given: list[str], **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, given, [name], **attributes))
        return name

    def _weight(self, value: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def plain(self, x: str, convolution: nn.Conv2d, gain: torch.Tensor, offset: torch.Tensor) -> str:
        weight = (convolution.weight * gain[:, None, None, None]).detach().numpy().astype(np.float32)
        given = [x, self._weight(weight), self._weight(offset.detach().numpy().astype(np.float32))]
        return self._node(
            "Conv",
            given,
            kernel_shape=list(convolution.kernel_size),
            strides=list(convolution.stride),
            pads=list(convolution.padding) * 2,
        )

    def convolution(self, x: str, module: Convolution) -> str:
        norm = module.norm
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        x = self.plain(x, module.convolution, gain, norm.bias - norm.running_mean * gain)
        return self._node("Relu", [x]) if module.rectify else x

    def chain(self, x: str, modules: nn.Sequential) -> str:
        for module in modules:
            if isinstance(module, Residual):
                inner = self.convolution(self.convolution(x, module.first), module.second)
                x = self._node("Relu", [self._node("Add", [x, inner])])
            else:
                x = self.convolution(x, module)
        return x

    def doubled(self, x: str) -> str:
        scales = self._weight(np.array([1, 1, 2, 2], np.float32))
        return self._node(
            "Resize",
            [x, "", scales],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def sum(self, a: str, b: str) -> str:
        return self._node("Add", [a, b])


def write_onnx(network: HeatNet, path: Path) -> None:
    """Write the network with its batch normalisation folded in, for any size of input."""
    network = network.eval()
    graph = _Graph()
    quarter = graph.chain(graph.convolution("image", network.stem), network.quarter)
    eighth = graph.chain(quarter, network.eighth)
    sixteenth = graph.chain(eighth, network.sixteenth)
    eighth = graph.sum(eighth, graph.doubled(graph.convolution(sixteenth, network.up_to_eighth)))
    quarter = graph.sum(quarter, graph.doubled(graph.convolution(eighth, network.up_to_quarter)))
    x = graph.chain(quarter, network.head)
    last = graph.plain(x, network.out, torch.ones(CELLS + 2), network.out.bias)
    shapes = (("image", ["n", 3, "h", "w"]), (last, ["n", CELLS + 2, "rows", "columns"]))
    given, made = (helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in shapes)
    body = helper.make_graph(graph.nodes, "airbeat", [given], [made], graph.weights)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)], producer_name="airbeat")
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
