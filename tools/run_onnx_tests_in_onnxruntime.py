#!/usr/bin/env python3
"""Runs the tests of check_onnx_conformance.py in onnxruntime, for comparison.

    run_onnx_tests_in_onnxruntime.py --provider NAME --results FILE [--only WORDS] [--jobs N]

NAME is OpenVINO (of the package onnxruntime-openvino, tried: 1.24; what the provider does not take
is an error, not left to onnxruntime's own kernels) or CPU. The package onnx should be the one that
check_onnx_conformance.py, whose --against reads FILE, has. Each test has a process of its own, so
that one that crashes is counted as such.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import onnxruntime
from onnx_tests import LIMIT_S, collect, compare, values_of

# Types that numpy lacks go in by their number in onnx.proto.
NARROW = {"bfloat16": 16, "float8_e4m3fn": 17, "float8_e4m3fnuz": 18, "float8_e5m2": 19,
          "float8_e5m2fnuz": 20}


def engine_value(value):
    if not isinstance(value, np.ndarray) or value.dtype.name not in NARROW:
        return value
    raw = value.view(np.uint16 if value.dtype.itemsize == 2 else np.uint8)
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(
        np.asarray(raw, order="C"), NARROW[value.dtype.name])


def session_of(case, provider):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    settings = {}
    if provider == "OpenVINO":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings = {"device_type": "CPU", "precision": "ACCURACY"}
    return onnxruntime.InferenceSession(case.model.SerializeToString(), options,
                                        [f"{provider}ExecutionProvider"], [settings])


def outcome(case, provider):
    """None, or why it fails, in the words of check_onnx_conformance.py."""
    onnxruntime.set_default_logger_severity(4)
    problems = []
    try:
        session = session_of(case, provider)
        taken = {one.name for one in session.get_inputs()}
        weights = {one.name for one in case.model.graph.initializer}
        for data_set in case.data_sets:
            given, expected = map(values_of, data_set)
            names = [one.name for one in case.model.graph.input
                     if one.name not in weights or len(given) == len(case.model.graph.input)]
            feeds = {name: engine_value(value) for name, value in zip(names, given)
                     if name in taken}
            for found, value in zip(session.run(None, feeds), expected):
                if isinstance(value, np.ndarray) and value.dtype.name in NARROW:
                    found = np.asarray(found).view(value.dtype)
                problems.append(compare(found, value, case))
    except Exception as error:  # onnxruntime's errors have no other class in common
        return "refused: " + str(error).split("\n")[0]
    return max(filter(None, problems), default=None)


def apart(case, provider):
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=lambda: sender.send(outcome(case, provider)))
    worker.start()
    sender.close()
    try:
        if receiver.poll(LIMIT_S):
            return receiver.recv()
        worker.kill()
        return f"crashed: no end within {LIMIT_S} s"
    except EOFError:
        worker.join()
        code = worker.exitcode
        return f"crashed: {signal.Signals(-code).name if code < 0 else f'exit with {code}'}"
    finally:
        worker.join()
        receiver.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--provider", choices=("OpenVINO", "CPU"), required=True)
    parser.add_argument("--results", required=True, help="file for the outcomes, as JSON")
    parser.add_argument("--only", default="", help="words that a test's name has")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if f"{options.provider}ExecutionProvider" not in onnxruntime.get_available_providers():
        parser.error(f"this onnxruntime has no {options.provider} provider; install the package "
                     "onnxruntime-openvino into an environment of its own")
    cases = collect(options.only)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = dict(zip((case.name for case in cases),
                            pool.map(lambda case: apart(case, options.provider), cases)))
    Path(options.results).write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
    passed = sum(reason is None for reason in outcomes.values())
    print(f"{passed} of {len(outcomes)} pass with onnxruntime's {options.provider} provider")


if __name__ == "__main__":
    main()
