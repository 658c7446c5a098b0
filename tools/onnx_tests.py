"""The ONNX project's own tests, and how a result of theirs is judged. Used by
check_onnx_conformance.py and run_onnx_tests_in_onnxruntime.py."""

import re
import types
import warnings
from pathlib import Path

import numpy as np

LIMIT_S = 120  # of one test
INEXACT_MAX = 1e-3  # an error beyond this is no rounding
RANDOM = re.compile("Bernoulli|Multinomial|Random(Normal|Uniform)(Like)?")


def collect(words):
    """The node tests, and the light models, with `words` in their names."""
    import onnx
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases
        cases = [case for case in collect_testcases(None) if words in case.name]
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return cases + [light_model(path) for path in sorted(folder.glob("*.onnx"))
                    if words in path.stem]


def light_model(path):
    """Nets of the model zoo, whose weights are made by the graph itself. Their input is the one
    that onnx's own runner gives them, their output is stored beside them."""
    import onnx
    from onnx.backend.test.runner import Runner
    model = onnx.load(path)
    weights = {one.name for one in model.graph.initializer}
    given = [Runner.generate_dummy_data(one, seed=0, name=path.stem, random=False)
             for one in model.graph.input if one.name not in weights]
    expected = []
    for index in range(len(model.graph.output)):
        stored = onnx.TensorProto()
        stored.ParseFromString(path.with_name(f"{path.stem}_output_{index}.pb").read_bytes())
        expected.append(stored)
    return types.SimpleNamespace(name=path.stem, model=model, data_sets=[(given, expected)],
                                 rtol=1e-3, atol=1e-7)


def values_of(given):
    """Types that numpy lacks come as protobufs; scalars as they are."""
    from onnx import TensorProto, numpy_helper
    return [numpy_helper.to_array(value) if isinstance(value, TensorProto) else
            value if isinstance(value, (list, dict)) or value is None else np.asarray(value)
            for value in given]


def is_random(model):
    return any(RANDOM.fullmatch(node.op_type) for node in model.graph.node)


def compare(found, expected, case):
    """None, or in what they differ."""
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return f"wrong type: expected a sequence of {len(expected)}"
        return next(filter(None, (compare(*pair, case) for pair in zip(found, expected))), None)
    if expected is None or found is None:
        return None if found is expected else "wrong type: one of them is nothing"
    found, expected = np.asarray(found), np.asarray(expected)
    if found.dtype.name != expected.dtype.name:
        return f"wrong type: {found.dtype.name} for {expected.dtype.name}"
    if found.shape != expected.shape:
        return f"wrong shape: {found.shape} for {expected.shape}"
    if is_random(case.model):
        return "random: values that no two runs share; type and shape are right"
    real = expected.dtype.name.startswith(("float", "bfloat", "complex"))
    if not real:
        return None if np.array_equal(found, expected) else "wrong values"
    # As onnx's own runner: two units in the last place of bfloat16.
    rtol = max(case.rtol, 2**-6) if expected.dtype.name == "bfloat16" else case.rtol
    if expected.dtype.name not in ("float32", "float64"):
        found, expected = found.astype(np.float32), expected.astype(np.float32)
    if np.allclose(found, expected, rtol=rtol, atol=case.atol, equal_nan=True):
        return None
    error = relative_error(found, expected)
    return f"inexact: off by {error:.1e} of the largest value" if error < INEXACT_MAX else (
        f"wrong values: off by {error:.1e} of the largest value")


def relative_error(found, expected):
    """Of the largest value; infinite where one of them is no number, or infinite."""
    finite = np.isfinite(expected)
    others = np.array_equal(found[~finite], expected[~finite], equal_nan=True)
    if not others or not np.isfinite(found[finite]).all() or not finite.any():
        return np.inf
    largest = np.abs(expected[finite]).max()
    return np.abs(found[finite] - expected[finite]).max() / largest if largest else np.inf
