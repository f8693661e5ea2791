"""Outputs of the onnx package's own reference evaluator, as a second judge of our reference engine.

Run `python test/golden/onnx-reference.py` with onnx and numpy installed; it writes onnx-reference.json beside
itself. Attributes are {"int" | "ints" | "float" | "string": value}; numbers JSON cannot hold are strings.
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

SEED = 20240611
rng = np.random.default_rng(SEED)


def normal(*dims, dtype=np.float64):
    # Six decimals keep the file small and are exact in both languages.
    return np.round(rng.normal(size=dims), 6).astype(dtype)


def ints(*values):
    return np.array(values, dtype=np.int64)


def scalar(value, dtype=np.int64):
    return np.array(value, dtype=dtype)


CASES = []


def case(op, about, inputs, outputs=1, opset=21, **attributes):
    CASES.append((op, about, inputs, outputs, opset, attributes))


wide = np.array([-30, -6, -2.5, -1, -0.5, -1e-8, 0, 1e-8, 0.5, 1, 2.5, 6, 30], dtype=np.float64)
for op in ["Elu", "Selu", "Softplus", "Softsign", "Erf", "HardSigmoid", "LeakyRelu", "Mish", "Sigmoid", "Tanh", "Round"]:
    case(op, "float64", [wide])
for approximate in ["none", "tanh"]:
    case("Gelu", f"approximate {approximate}", [wide], approximate=approximate)
case("HardSwish", "float64", [wide])
case("Celu", "alpha 0.5", [wide.astype(np.float32)], alpha=0.5)
case("ThresholdedRelu", "alpha 0.5", [wide], alpha=0.5)
case("PRelu", "float64", [normal(3, 2), normal(2)])

for op in ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
           "ReduceProd", "ReduceSum", "ReduceSumSquare"]:
    x = np.abs(normal(2, 3, 2)) if op == "ReduceLogSum" else normal(2, 3, 2)
    case(op, "two axes, dropped", [x, ints(0, -1)], keepdims=0)
case("ReduceSum", "no elements", [np.zeros((0, 2)), ints(0)])
case("ReduceProd", "no elements", [np.zeros((0, 2)), ints(0)])

case("Softmax", "middle axis", [normal(2, 3, 2)], axis=1)
case("LogSoftmax", "large", [normal(2, 3) * 20])
case("LayerNormalization", "two axes", [normal(2, 2, 3), normal(2, 3), normal(2, 3)], 3, axis=1, epsilon=0.01)
case("InstanceNormalization", "float64", [normal(2, 2, 3), normal(2), normal(2)], epsilon=0.01)
case("BatchNormalization", "inference", [normal(3, 2), normal(2), normal(2), normal(2), np.abs(normal(2))])
case("RMSNormalization", "last axis", [normal(2, 3), normal(3)], opset=23)

case("MatMul", "batches broadcast", [normal(2, 1, 2, 3), normal(2, 3, 2)])
case("MatMul", "vectors", [normal(3), normal(2, 3, 2)])
case("Gemm", "transposed, scaled", [normal(3, 2), normal(4, 3), normal(4)], transA=1, transB=1, alpha=0.5, beta=-2.0)
case("Einsum", "ellipsis", [normal(2, 2, 3), normal(3, 2)], equation="...ij,jk->...ik")
case("Einsum", "implicit", [normal(2, 3), normal(3, 4)], equation="zb,bc")
case("Einsum", "trace", [normal(3, 3)], equation="ii")

case("TopK", "ties", [np.array([[1, 3, 3, 2, 3, 1]], dtype=np.float64), ints(4)], 2)
case("TopK", "smallest, first axis", [np.array([[1, 2], [1, 0], [0, 2]], dtype=np.float64), ints(2)], 2, axis=0, largest=0)
case("ArgMax", "last of ties", [np.array([[1.0, 3, 3], [2, 2, 0]])], axis=1, select_last_index=1)
case("ArgMin", "first of ties", [np.array([[1.0, 1, 3], [2, 0, 0]])], axis=1, keepdims=0)
case("CumSum", "exclusive, reverse", [normal(2, 4), scalar(1)], exclusive=1, reverse=1)

case("GatherND", "batch", [normal(2, 2, 3), np.array([[[1]], [[0]]], dtype=np.int64)], batch_dims=1)
case("GatherElements", "negative", [normal(3, 2), np.array([[2, -3], [0, 1]], dtype=np.int64)])
case("ScatterND", "repeated, add", [np.zeros((3, 2)), np.array([[1], [1], [0]], dtype=np.int64), normal(3, 2)], reduction="add")
case("ScatterND", "max", [normal(3, 2), np.array([[1], [0]], dtype=np.int64), normal(2, 2)], reduction="max")
case("ScatterElements", "repeated, add", [np.zeros((1, 4)), np.array([[1, 1, 3]], dtype=np.int64), normal(1, 3)], axis=1, reduction="add")
case("ScatterElements", "mul", [normal(3, 2), np.array([[2, 0]], dtype=np.int64), normal(1, 2)], reduction="mul")
case("OneHot", "first axis", [ints(0, 2, -1, 5), scalar(3), np.array([-1.0, 2.0])], axis=0)

case("Pad", "reflect", [normal(2, 3), ints(1, 2, 0, 1)], mode="reflect")
case("Pad", "edge", [normal(2, 3), ints(1, 2, 0, 1)], mode="edge")
case("Pad", "axes", [normal(2, 3), ints(1, 2), scalar(9, np.float64), ints(1)])
case("Slice", "backwards", [normal(3, 5), ints(-1, 4), ints(-9, 0), ints(0, 1), ints(-1, -3)])
case("Split", "uneven", [normal(5)], 2, num_outputs=2)
case("Trilu", "upper, k", [normal(3, 4), scalar(1)])
case("Expand", "both ways", [normal(3, 1), ints(2, 1, 2)])
case("Reshape", "zero and open", [normal(2, 3, 2), ints(0, -1)])
case("NonZero", "float64", [np.array([[0, 1.5], [2, 0]])])

case("Mod", "Python's sign", [ints(7, -7, 7, -7), ints(3, 3, -3, -3)])
case("Mod", "C's sign", [ints(7, -7, 7, -7), ints(3, 3, -3, -3)], fmod=1)
case("BitShift", "right", [np.array([2**31, 255], dtype=np.uint32), np.array([7, 3], dtype=np.uint32)], direction="RIGHT")
case("BitwiseXor", "uint32", [np.array([2**32 - 1, 5], dtype=np.uint32), np.array([0x9E3779B9, 3], dtype=np.uint32)])
case("Where", "uint32", [np.array([True, False]), np.array([5], dtype=np.uint32), np.array([7, 8], dtype=np.uint32)])
case("Cast", "float64 to int64", [np.array([-1.9, 1.9, 2.5e15])], to=int(onnx.TensorProto.INT64))
case("Range", "int64 downwards", [scalar(5), scalar(-2), scalar(-2)])


def attribute(value):
    if isinstance(value, str):
        return {"string": value}
    if isinstance(value, float):
        return {"float": value}
    return {"int": value} if isinstance(value, int) else {"ints": value}


def number(value):
    if isinstance(value, (np.bool_, np.integer)):
        return int(value) if abs(int(value)) < 2**53 else str(int(value))
    return float(value) if np.isfinite(value) else str(float(value))


def tensor(array):
    array = np.asarray(array)
    dtype = {"bool": "bool"}.get(str(array.dtype), str(array.dtype))
    return {"dtype": dtype, "dims": list(array.shape), "values": [number(v) for v in array.ravel()]}


def run(op, inputs, outputs, opset, attributes):
    names = [f"in{i}" for i in range(len(inputs))]
    results = [f"out{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, **attributes)
    infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in zip(names, inputs)]
    graph = helper.make_graph([node], "case", infos, [helper.make_empty_tensor_value_info(r) for r in results])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return ReferenceEvaluator(model).run(None, dict(zip(names, inputs)))


def main():
    entries = [
        {
            "op": op,
            "about": about,
            "opset": opset,
            "attributes": {name: attribute(value) for name, value in attributes.items()},
            "inputs": [tensor(x) for x in inputs],
            "outputs": [tensor(y) for y in run(op, inputs, outputs, opset, attributes)],
        }
        for op, about, inputs, outputs, opset, attributes in CASES
    ]
    record = {"versions": {"onnx": onnx.__version__, "numpy": np.__version__}, "seed": SEED, "cases": entries}
    path = pathlib.Path(__file__).with_suffix(".json")
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    head = json.dumps({k: v for k, v in record.items() if k != "cases"})[:-1]
    path.write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


main()
