"""What the backends have in common: the same calls, results and errors. Each test runs with each of
them, unchanged."""
import json
import shutil
import unittest

from json_schema import faults
from program import (DATA, DATA_LOSS, INVALID_ARGUMENT, NOT_FOUND, TINY, ProgramTest,
                     needs_acceleration, write_safetensors)

ROOT = DATA.parents[1]
SCHEMA = json.loads((ROOT / "docs/reference/run_schema.json").read_text(encoding="utf-8"))
GOLDEN = DATA / "golden"
CALLS = {
    "bert-seqcls-bin": ("one text", "another"),
    "bert-qa": ("Who came?", "--context", "Angela came."),
    "bert-tokcls-cased": ("Angela Merkel visited Paris.",),
    "vit-imgcls": (DATA / "images" / "small.png",),
}
# What depends on the machine and the moment.
MEASURED = {"load_ms", "latency_ms", "throughput_items_per_sec", "memory_usage_mb"}
# How the backend does it.
OWN = {"backend", "kernels", "cache", "streams", "threads"}


def numbers_rounded(value):
    """As answers are compared: floating numbers to four digits after the point."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        return [numbers_rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: numbers_rounded(one) for key, one in value.items()}
    return value


class EachBackend:
    """The tests; `backend` is that of a subclass."""

    def report(self, backend, model, *arguments):
        done = self.accel("run", GOLDEN / model, *arguments, "--report", "--precision", "f32",
                          "--backend", backend)
        return json.loads(done.stdout)

    # rows 147 and 148
    def test_reports_are_of_one_form(self):
        for model, arguments in CALLS.items():
            report = self.report(self.backend, model, *arguments)
            self.assertEqual(list(faults(report, SCHEMA)), [], model)
            self.assertEqual(report["backend"], self.backend)
            self.assertEqual({one["status"] for one in report["results"]}, {"OK"})

    # row 9
    def test_mistakes_have_a_message_and_a_code_each(self):
        corrupt = self.folder / "corrupt"
        shutil.copytree(TINY, corrupt, copy_function=shutil.copyfile)
        weights = corrupt / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:5000])
        inputs = self.folder / "inputs.safetensors"
        write_safetensors(inputs, {"input_ids": ("I64", [3], [1, 2, 3])})
        infer = ("infer", TINY, "--inputs", inputs, "--output", self.folder / "out.npz")
        messages = [self.accel(*arguments, "--backend", self.backend, code=code).stderr
                    for arguments, code in (
                        (("embed", corrupt, "a text"), DATA_LOSS),
                        (("embed", self.folder / "nothing", "a text"), NOT_FOUND),
                        (infer, INVALID_ARGUMENT),
                        (("embed", TINY, "a text", "--device", "GPU.7"), NOT_FOUND))]
        for message, says in zip(messages, ("model.safetensors", "nothing", "has shape [3]",
                                            "GPU.7")):
            self.assertIn(says, message)
        self.assertEqual(len(set(messages)), 4)


class Reference(EachBackend, ProgramTest):
    backend = "reference"


@needs_acceleration
class OpenVino(EachBackend, ProgramTest):
    backend = "openvino"

    # row 10
    def test_only_the_backend_differs(self):
        for model, arguments in CALLS.items():
            ours, theirs = (numbers_rounded(self.report(backend, model, *arguments))
                            for backend in (self.backend, "reference"))
            self.assertEqual(set(ours), set(theirs))
            for key in set(ours) - MEASURED - OWN:
                self.assertEqual(ours[key], theirs[key], (model, key))


if __name__ == "__main__":
    unittest.main()
