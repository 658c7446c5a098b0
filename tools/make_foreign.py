#!/usr/bin/env python3
"""Writes tests/data/foreign: graphs of other frameworks, made from the folders of
tests/data/golden, so that their numbers can be compared with what those folders recorded.

    make_foreign.py [NAME...]     those graphs (default: all)

tests/data/foreign/NAME holds the graph alone; index.json says which folder it was made from, whose
config.json, tokenizer and recorded numbers belong to it. The exporters are those that users run:
optimum-onnx and optimum-intel, in the environment of make_golden.py (tried: torch 2.15,
transformers 4.57.6, optimum 2.1 with optimum-onnx 0.1 and optimum-intel 1.27, onnx 1.23).

The graphs called dense-* are of a small net, relu(x A + a) B + b, whose numbers this file computes
itself. They are written field by field (tensorflow's and paddle's protobufs) or with the classes of
the package tflite (2.18), so neither framework is needed.
"""

import json
import shutil
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
OUT = DATA / "foreign"

# Name: (folder it is made from, task for the exporter, kind).
EXPORTS = {
    "bert-feature-ir": ("bert-feature", "feature-extraction", "openvino"),
    "bert-feature-onnx": ("bert-feature", "feature-extraction", "onnx"),
    "bert-qa-external": ("golden/bert-qa", "question-answering", "onnx-external"),
    "bert-seqcls-ir": ("golden/bert-seqcls-bin", "text-classification", "openvino"),
    "bert-tokcls-onnx": ("golden/bert-tokcls-cased", "token-classification", "onnx"),
    "detr-onnx": ("golden/detr-sine", "object-detection", "onnx"),
    "distilbert-seqcls-onnx": ("golden/distilbert-seqcls", "text-classification", "onnx-i32"),
    "vit-imgcls-ir": ("golden/vit-imgcls", "image-classification", "openvino"),
    "vit-imgcls-onnx": ("golden/vit-imgcls", "image-classification", "onnx-renamed"),
    "wav2vec2-ctc-onnx": ("golden/wav2vec2-ctc", "automatic-speech-recognition", "onnx"),
}


def export_openvino(source, task, target):
    from optimum.exporters.openvino import main_export
    main_export(str(source), output=str(target), task=task, library_name="transformers",
                convert_tokenizer=False, ov_config=no_compression())
    return ["openvino_model.xml", "openvino_model.bin"]


def no_compression():
    from optimum.intel import OVConfig
    return OVConfig(dtype="fp32")


def export_onnx(source, task, target):
    from optimum.exporters.onnx import main_export
    main_export(str(source), output=str(target), task=task, library_name="transformers",
                do_validation=False)
    return ["model.onnx"]


def change_onnx(path, kind):
    """What other exporters do: weights beside the graph, inputs of i32, names that say less."""
    import onnx
    model = onnx.load(path)
    if kind == "onnx-external":
        onnx.save(model, path, save_as_external_data=True, location="model.onnx_data",
                  size_threshold=1024)
        return ["model.onnx", "model.onnx_data"]
    if kind == "onnx-i32":
        for place in model.graph.input:
            place.type.tensor_type.elem_type = onnx.TensorProto.INT32
            wide = place.name + "_i64"
            for node in model.graph.node:
                node.input[:] = [wide if name == place.name else name for name in node.input]
            model.graph.node.insert(0, onnx.helper.make_node("Cast", [place.name], [wide],
                                                             to=onnx.TensorProto.INT64))
    if kind == "onnx-renamed":
        renames = {"pixel_values": "inputs", "logits": "Output_0"}
        for node in model.graph.node:
            node.input[:] = [renames.get(name, name) for name in node.input]
            node.output[:] = [renames.get(name, name) for name in node.output]
        for place in [*model.graph.input, *model.graph.output]:
            place.name = renames.get(place.name, place.name)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return ["model.onnx"]


def export(name):
    folder, task, kind = EXPORTS[name]
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "source"), Path(scratch, "target")
        shutil.copytree(DATA / folder, source)
        if kind == "openvino":
            files = export_openvino(source, task, target)
        else:
            files = export_onnx(source, task, target)
            if kind != "onnx":
                files = change_onnx(target / "model.onnx", kind)
        shutil.rmtree(OUT / name, ignore_errors=True)
        (OUT / name).mkdir(parents=True)
        for file in files:
            shutil.copyfile(target / file, OUT / name / file)


# The small net. A [4, 8], B [8, 3].
RANDOM = np.random.default_rng(7)
A, a = RANDOM.normal(size=(4, 8)).astype("f4"), RANDOM.normal(size=8).astype("f4")
B, b = RANDOM.normal(size=(8, 3)).astype("f4"), RANDOM.normal(size=3).astype("f4")
X = RANDOM.normal(size=(5, 4)).astype("f4")


def dense():
    return np.maximum(X @ A + a, 0) @ B + b


# Protobuf's wire format.
def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


# tensorflow/core/framework: graph.proto, node_def.proto, attr_value.proto, tensor.proto.
TF_FLOAT = 1


def tf_shape(sizes):
    return b"".join(text(2, number(1, size)) for size in sizes)


def tf_attribute(key, value):
    return text(5, text(1, key) + text(2, value))


def tf_node(name, operation, inputs=(), **attributes):
    return text(1, text(1, name) + text(2, operation) + b"".join(text(3, one) for one in inputs) +
                b"".join(tf_attribute(key, value) for key, value in attributes.items()))


def tf_constant(name, array):
    tensor = number(1, TF_FLOAT) + text(2, tf_shape(array.shape)) + text(4, array.tobytes())
    return tf_node(name, "Const", dtype=number(6, TF_FLOAT), value=text(8, tensor))


def tf_graph():
    kind = {"T": number(6, TF_FLOAT)}
    product = {**kind, "transpose_a": number(5, 0), "transpose_b": number(5, 0)}
    return b"".join([
        tf_node("x", "Placeholder", dtype=number(6, TF_FLOAT), shape=text(7, tf_shape([-1, 4]))),
        tf_constant("A", A), tf_constant("a", a), tf_constant("B", B), tf_constant("b", b),
        tf_node("xA", "MatMul", ["x", "A"], **product),
        tf_node("xA_a", "BiasAdd", ["xA", "a"], **kind),
        tf_node("relu", "Relu", ["xA_a"], **kind),
        tf_node("hB", "MatMul", ["relu", "B"], **product),
        tf_node("y", "BiasAdd", ["hB", "b"], **kind),
    ])


def write_tf_frozen(folder):
    (folder / "dense.pb").write_bytes(tf_graph())


def write_tf_saved(folder):
    """saved_model.proto, meta_graph.proto: a signature names the graph's ends."""
    def place(key, tensor, sizes):
        info = text(1, tensor) + number(2, TF_FLOAT) + text(3, tf_shape(sizes))
        return text(1, key) + text(2, info)
    signature = (text(1, place("features", "x:0", [-1, 4])) +
                 text(2, place("scores", "y:0", [-1, 3])) +
                 text(3, "tensorflow/serving/predict"))
    meta = (text(1, text(4, "serve")) + text(2, tf_graph()) +
            text(5, text(1, "serving_default") + text(2, signature)))
    (folder / "saved_model.pb").write_bytes(number(1, 1) + text(2, meta))


# paddle/fluid/framework/framework.proto.
PADDLE_FLOAT, PADDLE_TENSOR, PADDLE_FEED, PADDLE_FETCH = 5, 7, 9, 10
PADDLE_INT, PADDLE_BOOL = 0, 6


def paddle_variable(name, sizes=None, kind=PADDLE_TENSOR, kept=False):
    inner = number(1, kind)
    if sizes is not None:
        tensor = number(1, PADDLE_FLOAT) + b"".join(number(2, size) for size in sizes)
        inner += text(3, text(1, tensor) + number(2, 0))
    return text(3, text(1, name) + text(2, inner) + number(3, int(kept)))


def paddle_operation(kind, inputs, outputs, attributes=b""):
    def ports(field, named):
        return b"".join(text(field, text(1, role) + text(2, name)) for role, name in named)
    return text(4, ports(1, inputs) + ports(2, outputs) + text(3, kind) + attributes)


def paddle_integer(name, value):
    return text(4, text(1, name) + number(2, PADDLE_INT) + number(3, value))


def paddle_flag(name, value):
    return text(4, text(1, name) + number(2, PADDLE_BOOL) + number(10, int(value)))


def write_paddle(folder):
    product = paddle_flag("trans_x", False) + paddle_flag("trans_y", False)
    weights = {"A": A, "a": a, "B": B, "b": b}
    block = number(1, 0) + number(2, (1 << 64) - 1)
    block += paddle_variable("feed", kind=PADDLE_FEED, kept=True)
    block += paddle_variable("fetch", kind=PADDLE_FETCH, kept=True)
    for name, array in weights.items():
        block += paddle_variable(name, array.shape, kept=True)
    for name, width in {"x": 4, "xA": 8, "xA_a": 8, "relu": 8, "hB": 3, "y": 3}.items():
        block += paddle_variable(name, [-1, width])
    add = paddle_integer("axis", -1)
    block += paddle_operation("feed", [("X", "feed")], [("Out", "x")], paddle_integer("col", 0))
    block += paddle_operation("matmul_v2", [("X", "x"), ("Y", "A")], [("Out", "xA")], product)
    block += paddle_operation("elementwise_add", [("X", "xA"), ("Y", "a")], [("Out", "xA_a")], add)
    block += paddle_operation("relu", [("X", "xA_a")], [("Out", "relu")])
    block += paddle_operation("matmul_v2", [("X", "relu"), ("Y", "B")], [("Out", "hB")], product)
    block += paddle_operation("elementwise_add", [("X", "hB"), ("Y", "b")], [("Out", "y")], add)
    block += paddle_operation("fetch", [("X", "y")], [("Out", "fetch")], paddle_integer("col", 0))
    # 2.6.0, as paddle::framework writes its version.
    (folder / "dense.pdmodel").write_bytes(text(1, block) + text(4, number(1, 2_006_000)))
    data = b""
    for name in sorted(weights):
        tensor = number(1, PADDLE_FLOAT) + b"".join(number(2, n) for n in weights[name].shape)
        data += struct.pack("<IQI", 0, 0, 0) + struct.pack("<i", len(tensor)) + tensor
        data += weights[name].tobytes()
    (folder / "dense.pdiparams").write_bytes(data)


def write_tflite(folder):
    """tensorflow/lite/schema: two fully connected layers."""
    import flatbuffers
    import tflite
    builder = flatbuffers.Builder(1024)

    def vector(start, offsets):
        start(builder, len(offsets))
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()

    def integers(values):
        return builder.CreateNumpyVector(np.array(values, "i4"))

    def tensor(name, shape, buffer, signature=None):
        label, sizes = builder.CreateString(name), integers(shape)
        free = None if signature is None else integers(signature)
        tflite.TensorStart(builder)
        tflite.TensorAddName(builder, label)
        tflite.TensorAddShape(builder, sizes)
        if free is not None:
            tflite.TensorAddShapeSignature(builder, free)
        tflite.TensorAddType(builder, tflite.TensorType.FLOAT32)
        tflite.TensorAddBuffer(builder, buffer)
        return tflite.TensorEnd(builder)

    def buffer(array=None):
        data = None if array is None else builder.CreateNumpyVector(
            np.frombuffer(array.tobytes(), "u1"))
        tflite.BufferStart(builder)
        if data is not None:
            tflite.BufferAddData(builder, data)
        return tflite.BufferEnd(builder)

    def layer(inputs, output, activation):
        tflite.FullyConnectedOptionsStart(builder)
        tflite.FullyConnectedOptionsAddFusedActivationFunction(builder, activation)
        options = tflite.FullyConnectedOptionsEnd(builder)
        ins, outs = integers(inputs), integers([output])
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, 0)
        tflite.OperatorAddInputs(builder, ins)
        tflite.OperatorAddOutputs(builder, outs)
        tflite.OperatorAddBuiltinOptionsType(builder,
                                             tflite.BuiltinOptions.FullyConnectedOptions)
        tflite.OperatorAddBuiltinOptions(builder, options)
        return tflite.OperatorEnd(builder)

    # Its fully connected layers keep their weights as [out, in].
    buffers = [buffer(), *(buffer(np.ascontiguousarray(w)) for w in (A.T, a, B.T, b))]
    tensors = [tensor("x", [1, 4], 0, [-1, 4]), tensor("A", [8, 4], 1), tensor("a", [8], 2),
               tensor("h", [1, 8], 0, [-1, 8]), tensor("B", [3, 8], 3), tensor("b", [3], 4),
               tensor("y", [1, 3], 0, [-1, 3])]
    relu = tflite.ActivationFunctionType.RELU
    layers = [layer([0, 1, 2], 3, relu), layer([3, 4, 5], 6, tflite.ActivationFunctionType.NONE)]
    parts = (vector(tflite.SubGraphStartTensorsVector, tensors), integers([0]), integers([6]),
             vector(tflite.SubGraphStartOperatorsVector, layers))
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, parts[0])
    tflite.SubGraphAddInputs(builder, parts[1])
    tflite.SubGraphAddOutputs(builder, parts[2])
    tflite.SubGraphAddOperators(builder, parts[3])
    graph = tflite.SubGraphEnd(builder)
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, tflite.BuiltinOperator.FULLY_CONNECTED)
    tflite.OperatorCodeAddBuiltinCode(builder, tflite.BuiltinOperator.FULLY_CONNECTED)
    tflite.OperatorCodeAddVersion(builder, 1)
    code = tflite.OperatorCodeEnd(builder)
    lists = (vector(tflite.ModelStartOperatorCodesVector, [code]),
             vector(tflite.ModelStartSubgraphsVector, [graph]),
             vector(tflite.ModelStartBuffersVector, buffers))
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, lists[0])
    tflite.ModelAddSubgraphs(builder, lists[1])
    tflite.ModelAddBuffers(builder, lists[2])
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    (folder / "dense.tflite").write_bytes(bytes(builder.Output()))


DENSE = {
    "dense-tf-frozen": (write_tf_frozen, "tensorflow", "x", "y"),
    "dense-tf-saved": (write_tf_saved, "tensorflow", "features", "scores"),
    "dense-tflite": (write_tflite, "tensorflow-lite", "x", "y"),
    "dense-paddle": (write_paddle, "paddle", "x", "y"),
}


def write_dense(name):
    shutil.rmtree(OUT / name, ignore_errors=True)
    (OUT / name).mkdir(parents=True)
    DENSE[name][0](OUT / name)


def write_index():
    index = {"exported": {}, "dense": {}}
    for name, (folder, task, kind) in sorted(EXPORTS.items()):
        source = "openvino-ir" if kind == "openvino" else "onnx"
        index["exported"][name] = {"from": folder, "task": task, "source": source}
    for name, (_, source, given, output) in sorted(DENSE.items()):
        index["dense"][name] = {"source": source, "input": given, "output": output}
    index["x"] = X.tolist()
    index["y"] = dense().tolist()
    (OUT / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def main(names):
    unknown = sorted(set(names) - set(EXPORTS) - set(DENSE))
    if unknown:
        there = ", ".join(sorted([*EXPORTS, *DENSE]))
        sys.exit(f"make_foreign.py: expected some of {there}; found {', '.join(unknown)}")
    for name in names or [*EXPORTS, *DENSE]:
        write_dense(name) if name in DENSE else export(name)
    write_index()


if __name__ == "__main__":
    main(sys.argv[1:])
