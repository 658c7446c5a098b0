#!/usr/bin/env python3
"""Runs the ONNX project's own node tests through accel infer; prints the share that pass and names
each one that fails, with the reason.

    check_onnx_conformance.py [--accel PROGRAM] [--only WORDS] [--jobs N]

The tests are made by the generators in the package onnx (tried: 1.23). One counts as passed when
every output has the expected type, shape and values, within the test's own tolerances. Those that
ask for sequences, strings or optional values are counted as failed, too: accel has tensors only.
Exits with 1 when a process crashed or a result was wrong without a message.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import struct
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DTYPES = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16",
          "uint32": "U32", "int32": "I32", "uint64": "U64", "int64": "I64", "float16": "F16",
          "bfloat16": "BF16", "float32": "F32", "float64": "F64", "float8_e4m3fn": "F8_E4M3",
          "float8_e5m2": "F8_E5M2"}


class NoTensor(Exception):
    pass


def as_array(value):
    """Types that numpy lacks come as protobufs."""
    from onnx import TensorProto, numpy_helper
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def write_safetensors(path, arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.name not in DTYPES:
            raise NoTensor(f"a value of type {array.dtype.name}")
        packed = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    blob = Path(path).read_bytes()
    size, = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8:8 + size])
    types = {short: np.dtype(name) for name, short in DTYPES.items()
             if name not in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        if entry["dtype"] not in types:
            raise NoTensor(f"a result of type {entry['dtype']}")
        arrays[name] = np.frombuffer(blob[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def compare(found, expected, case):
    expected = np.asarray(expected)
    if found.dtype.name != expected.dtype.name:
        return f"wrong type: {found.dtype.name} for {expected.dtype.name}"
    if found.shape != expected.shape:
        return f"wrong shape: {found.shape} for {expected.shape}"
    if found.dtype.kind in "fc":
        same = np.allclose(found, expected, rtol=case.rtol, atol=case.atol, equal_nan=True)
    else:
        same = np.array_equal(found, expected)
    return None if same else "wrong values"


def run(case, accel, folder):
    """None, or why it fails."""
    graph = case.model.graph
    model = folder / "model.onnx"
    model.write_bytes(case.model.SerializeToString())
    for data_set in case.data_sets:
        given, expected = ([as_array(value) for value in values] for values in data_set)
        for value in [*given, *expected]:
            if isinstance(value, (list, dict)) or value is None:
                return "no tensor: a sequence or an optional value"
        try:
            write_safetensors(folder / "in.safetensors",
                              dict(zip((one.name for one in graph.input), given)))
            for value in expected:
                if np.asarray(value).dtype.name not in DTYPES:
                    return f"no tensor: a value of type {np.asarray(value).dtype.name}"
        except NoTensor as reason:
            return f"no tensor: {reason}"
        done = subprocess.run([accel, "infer", model, "--inputs", folder / "in.safetensors",
                               "--output", folder / "out.safetensors", "--precision", "f32"],
                              capture_output=True, timeout=120, check=False)
        if done.returncode < 0:
            return f"crashed: signal {-done.returncode}"
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
            return "refused: " + said.replace(str(folder), "").removeprefix("accel: ")
        try:
            results = read_safetensors(folder / "out.safetensors")
        except NoTensor as reason:
            return f"no tensor: {reason}"
        for name, value in zip((one.name for one in graph.output), expected):
            if name not in results:
                return f"wrong name: no {name} among {', '.join(results)}"
            problem = compare(results[name], value, case)
            if problem:
                return problem
    return None


def kind_of(reason):
    """What many failures have in common."""
    return re.sub(r'"[^"]*"|\(at [^)]*\)|\d+', "..", reason.split("; ")[0])[:110]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--accel", default=ROOT / "build/release/bin/accel")
    parser.add_argument("--only", default="", help="words that a test's name has")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases
        cases = [case for case in collect_testcases(None) if options.only in case.name]

    def one(case):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                return run(case, options.accel, Path(scratch))
            except subprocess.TimeoutExpired:
                return "crashed: no end within 120 s"

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        reasons = dict(zip((case.name for case in cases), pool.map(one, cases)))
    failed = {name: reason for name, reason in reasons.items() if reason}
    for name, reason in failed.items():
        print(f"{name}: {reason}")
    print(f"\n{len(cases) - len(failed)} of {len(cases)} pass "
          f"({100 * (len(cases) - len(failed)) / max(len(cases), 1):.1f} %). Of the others:")
    for kind, count in collections.Counter(map(kind_of, failed.values())).most_common(25):
        print(f"{count:5} {kind}")
    return any(reason.startswith(("crashed", "wrong")) for reason in failed.values())


if __name__ == "__main__":
    raise SystemExit(main())
