#!/usr/bin/env python3
"""Runs the ONNX project's own node tests and light models through accel infer; prints the share
that pass and names each one that fails, with the reason.

    check_onnx_conformance.py [--accel PROGRAM] [--only WORDS] [--jobs N] [--against FILE]

The tests are those of the package onnx (tried: 1.23); ml-dtypes is needed, too. One passes when
every output has the expected type, shape and values, within the test's own tolerances. The others:

    no tensor  sequences, strings, optional values and narrow numbers, which accel's tensors lack
    refused    with a message that says why
    random     the operation draws numbers: type and shape are right, values cannot be compared
    inexact    floats off by more than the tolerances, and less than 1e-3 of the largest value
    wrong      another type, shape or value, without a message
    crashed    or no end within two minutes

--against compares with what run_onnx_tests_in_onnxruntime.py wrote. Exits with 1 when a process
crashed or a result was wrong.
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
from pathlib import Path

import ml_dtypes
import numpy as np
from onnx_tests import LIMIT_S, collect, compare, values_of

ROOT = Path(__file__).resolve().parent.parent
DTYPES = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16",
          "uint32": "U32", "int32": "I32", "uint64": "U64", "int64": "I64", "float16": "F16",
          "bfloat16": "BF16", "float32": "F32", "float64": "F64", "float8_e4m3fn": "F8_E4M3",
          "float8_e5m2": "F8_E5M2"}


def missing_kind(value):
    """What accel's tensors lack of `value`; none: nothing."""
    if isinstance(value, (list, dict)) or value is None:
        return "no tensor: a sequence or an optional value"
    return None if value.dtype.name in DTYPES else f"no tensor: a value of type {value.dtype.name}"


def write_safetensors(path, arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        packed = array.tobytes()
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    blob = Path(path).read_bytes()
    size, = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8:8 + size])
    types = {short: np.dtype(getattr(ml_dtypes, name, name)) for name, short in DTYPES.items()}
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        arrays[name] = np.frombuffer(blob[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def run(case, accel, folder):
    """None, or why it fails: the worst of its outputs."""
    graph = case.model.graph
    model = folder / "model.onnx"
    model.write_bytes(case.model.SerializeToString())
    problems = []
    for data_set in case.data_sets:
        given, expected = map(values_of, data_set)
        missing = next(filter(None, map(missing_kind, given + expected)), None)
        if missing:
            return missing
        weights = {one.name for one in graph.initializer}
        names = (one.name for one in graph.input
                 if one.name not in weights or len(given) == len(graph.input))
        write_safetensors(folder / "in.safetensors", dict(zip(names, given)))
        done = subprocess.run([accel, "infer", model, "--inputs", folder / "in.safetensors",
                               "--output", folder / "out.safetensors", "--precision", "f32"],
                              capture_output=True, timeout=LIMIT_S, check=False)
        if done.returncode < 0:
            return f"crashed: signal {-done.returncode}"
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
            return "refused: " + said.replace(str(folder), "").removeprefix("accel: ")
        results = read_safetensors(folder / "out.safetensors")
        for name, value in zip((one.name for one in graph.output), expected):
            problems.append(compare(results[name], value, case) if name in results else
                            f"wrong name: no {name} among {', '.join(results)}")
    # "wrong" comes last of the words that compare() knows.
    return max(filter(None, problems), default=None)


def class_of(reason):
    return re.split("[: ]", reason)[0] if not reason.startswith("no tensor") else "no tensor"


def kind_of(reason):
    """What many failures have in common."""
    return re.sub(r'"[^"]*"|\(at [^)]*\)|\d+(\.\d+e-\d+)?', "..", reason.split("; ")[0])[:110]


def print_kinds(reasons):
    for kind, count in collections.Counter(map(kind_of, reasons)).most_common(40):
        print(f"{count:5} {kind}")


def print_comparison(own, path):
    theirs = json.loads(Path(path).read_text(encoding="utf-8"))
    both = own.keys() & theirs.keys()
    passed = [sum(reasons[name] is None for name in both) for reasons in (own, theirs)]
    print(f"\nOf {len(both)} tests that both ran, {passed[0]} pass here, {passed[1]} there "
          f"({path}). Those that pass only there:")
    behind = sorted((own[name], name) for name in both if own[name] and not theirs[name])
    for reason, name in behind:
        print(f"{name}: {reason}")
    print()
    print_kinds(reason for reason, _ in behind)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--accel", default=ROOT / "build/release/bin/accel")
    parser.add_argument("--only", default="", help="words that a test's name has")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--against", help="outcomes of run_onnx_tests_in_onnxruntime.py")
    options = parser.parse_args()
    cases = collect(options.only)

    def one(case):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                return run(case, options.accel, Path(scratch))
            except subprocess.TimeoutExpired:
                return f"crashed: no end within {LIMIT_S} s"

    # Not the user's: thousands of models that nobody asks for again.
    with tempfile.TemporaryDirectory() as cache, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        os.environ.setdefault("ACCEL_CACHE_DIR", cache)
        reasons = dict(zip((case.name for case in cases), pool.map(one, cases)))
    failed = {name: reason for name, reason in reasons.items() if reason}
    for name, reason in failed.items():
        print(f"{name}: {reason}")
    classes = collections.Counter(map(class_of, failed.values()))
    print(f"\n{len(cases) - len(failed)} of {len(cases)} pass "
          f"({100 * (len(cases) - len(failed)) / max(len(cases), 1):.1f} %). Of the others: " +
          ", ".join(f"{count} {name}" for name, count in classes.most_common()))
    print_kinds(failed.values())
    if options.against:
        print_comparison(reasons, options.against)
    return bool(classes["crashed"] or classes["wrong"])


if __name__ == "__main__":
    raise SystemExit(main())
