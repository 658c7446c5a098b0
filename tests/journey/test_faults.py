"""Engines that fail while they run: --fallback, --no-fallback and --simulate-fault."""

import json
import unittest

from program import DATA, FAILED_PRECONDITION, INTERNAL, INVALID_ARGUMENT, TINY, ProgramTest

CLASSIFIER = DATA / "golden" / "bert-seqcls-bin"
FAILING = ("--simulate-fault", "openvino:run=fail")


class Faults(ProgramTest):
    def embeddings(self, *arguments):
        done = self.accel("embed", TINY, *arguments, "--stats")
        rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return rows, done.stderr

    # row 157 (partial: the engine fails, no file is deleted)
    # row 309
    def test_a_failing_engine_is_answered_by_the_reference_with_one_warning(self):
        texts = ("one text", "another text")
        rows, said = self.embeddings(*texts, "--fallback", *FAILING)
        expected, _ = self.embeddings(*texts, "--backend", "reference")
        self.assertEqual([row["embedding"] for row in rows],
                         [row["embedding"] for row in expected])
        warnings = [line for line in said.splitlines() if "fell back" in line]
        self.assertEqual(warnings, ["accel: fell back: reference on CPU instead of openvino on "
                                    "CPU: simulated fault openvino:run=fail: the engine failed"])
        statistics = json.loads(said.splitlines()[-1])
        self.assertTrue(statistics["fallback"])
        self.assertTrue(statistics["simulated"])
        self.assertGreater(statistics["fallbacks"], 0)
        self.assertEqual(statistics["backend"], "reference")

    # row 158 (partial: with a failing engine, no file is deleted)
    def test_without_fallback_the_error_is_the_engines_own(self):
        for flags in ((), ("--no-fallback",)):
            done = self.refused(INTERNAL, "embed", TINY, "a text", *flags, *FAILING,
                                says="simulated fault openvino:run=fail: the engine failed")
            self.assertNotIn("fallback", done.stderr)

    def test_tasks_and_streams_fall_back(self):
        done = self.accel("run", CLASSIFIER, "a text", "--fallback", "--report", *FAILING)
        report = json.loads(done.stdout)
        self.assertTrue(report["fallback"])
        self.assertEqual(report["backend"], "reference")
        lines = "".join(f"text number {i}\n" for i in range(200)).encode()
        done = self.accel("embed", TINY, "--fallback", "--simulate-fault", "openvino:run=throw/3",
                          "--stats", input=lines)
        self.assertEqual(len(done.stdout.decode().splitlines()), 200)

    def test_refusals(self):
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--simulate-fault", "run=fail",
                     says="expected BACKEND:STEP=KIND")
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--simulate-fault", "cuda:run=fail",
                     says="openvino or reference")
        self.refused(FAILED_PRECONDITION, "bench", TINY, "--queries", "2", *FAILING,
                     says="--simulate-fault: this command measures")


if __name__ == "__main__":
    unittest.main()
