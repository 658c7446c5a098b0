"""accel compare: two settings in turns, or two result files. No figure is judged but by its
neighbours: a ratio is that of the times beside it."""

import json
import re
import statistics
import unittest

from program import (DATA, DATA_LOSS, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, TINY,
                     ProgramTest)

GOLDEN = DATA / "golden"
REFERENCE = ("--a", "backend=reference", "--b", "backend=openvino", "--items", "2")


class Settings(ProgramTest):
    def compared(self, *arguments, model=TINY, **options):
        return json.loads(self.accel("compare", model, "--json", *arguments, **options).stdout)

    # rows 125 and 170
    def test_both_times_and_their_ratio_in_the_documents_form(self):
        text = self.accel("compare", TINY, *REFERENCE).stdout.decode()
        found = re.search(r"^reference: ([\d.]+)s\nopenvino: ([\d.]+)s\n"
                          r"Speedup: ([\d.]+)x \(95 %: ([\d.]+) to ([\d.]+)\)$", text, re.MULTILINE)
        self.assertIsNotNone(found, text)
        first, second, ratio, low, high = map(float, found.groups())
        self.assertGreater(first, 0)
        self.assertGreater(second, 0)
        self.assertLessEqual(low, ratio)
        self.assertLessEqual(ratio, high)

    def test_the_ratio_is_that_of_the_rounds_in_turns(self):
        report = self.compared(*REFERENCE, "--pairs", "16")
        first, second = report["first"], report["second"]
        self.assertEqual((first["backend"], second["backend"]), ("reference", "openvino"))
        self.assertEqual((len(first["rounds_s"]), len(second["rounds_s"])), (16, 16))
        self.assertAlmostEqual(first["median_s"], statistics.median(first["rounds_s"]))
        ratios = [a / b for a, b in zip(first["rounds_s"], second["rounds_s"])]
        self.assertAlmostEqual(report["latency_improvement"], statistics.median(ratios))
        self.assertEqual(report["inputs"], {"count": 2, "source": "generated"})

    # row 126
    def test_an_expectation_that_is_not_met_fails(self):
        done = self.accel("compare", TINY, *REFERENCE, "--expect", "1000000",
                          code=FAILED_PRECONDITION)
        self.assertIn("at least 1e+06 times as fast as reference", done.stderr)
        self.assertIn(b"Speedup", done.stdout)
        self.accel("compare", TINY, *REFERENCE, "--expect", "0.000001")

    # row 311
    def test_answers_are_compared_and_judged(self):
        answers = self.compared(*REFERENCE)["answers"]
        self.assertTrue(answers["within_bound"], answers)
        self.assertLess(answers["relative"], answers["relative_bound"])
        self.assertEqual(answers["other_words"], 0)
        other = self.folder / "other"
        other.mkdir()
        for file in TINY.iterdir():
            if file.is_file():
                (other / file.name).write_bytes(file.read_bytes())
        config = json.loads((TINY / "config.json").read_text(encoding="utf-8"))
        config["hidden_act"] = "relu" if config["hidden_act"] != "relu" else "gelu"
        (other / "config.json").write_text(json.dumps(config), encoding="utf-8")
        (other / "1_Pooling").mkdir()
        for file in (TINY / "1_Pooling").iterdir():
            (other / "1_Pooling" / file.name).write_bytes(file.read_bytes())
        changed = self.compared("--b", f"model={other}", "--items", "2")["answers"]
        self.assertFalse(changed["within_bound"], changed)
        self.assertGreater(changed["max_abs"], answers["max_abs"])
        text = self.accel("compare", TINY, "--b", f"model={other}", "--items", "2").stdout.decode()
        self.assertIn("MORE THAN ROUNDING", text)

    def test_of_images_and_answers_in_words(self):
        for model, data in (("vit-imgcls", ()), ("bert-tokcls-cased", ()), ("bert-qa", ())):
            with self.subTest(model):
                report = self.compared("--a", "kernels=engine", "--items", "2", *data,
                                       model=GOLDEN / model)
                self.assertTrue(report["answers"]["within_bound"], report["answers"])

    def test_refusals(self):
        for arguments, says in (
                ((), "--a backend=reference"), (("--a", "backend=torch"), "openvino, reference"),
                (("--a", "bakend=openvino"), "did you mean backend"),
                (("--b", "streams=two"), "whole number"), (("--a", "backend"), "NAME=VALUE"),
                (("--a", "threads=1", "--pairs", "14"), "15"),
                (("--a", "threads=1", "--expect", "fast"), "--expect")):
            with self.subTest(arguments):
                self.refused(INVALID_ARGUMENT, "compare", TINY, *arguments, says=says)


class Files(ProgramTest):
    def result(self, name, *arguments):
        path = self.folder / name
        self.accel("bench", TINY, "--queries", "5", "--items", "4", "--output-json", path,
                   *arguments)
        return path

    # row 133
    def test_two_result_files(self):
        first = self.result("first.json", "--backend", "reference")
        second = self.result("second.json")
        text = self.accel("compare", first, second).stdout.decode()
        for words in ("single-stream\n", "offline\n", "reference", "openvino", "Speedup: "):
            self.assertIn(words, text)
        report = json.loads(self.accel("compare", first, second, "--json").stdout)
        before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (first, second))
        self.assertTrue(before["machine"]["cpu"])
        for run, a, b in zip(report["runs"], before["runs"], after["runs"]):
            ratio = (statistics.median(a["latencies_ms"]) / statistics.median(b["latencies_ms"]))
            self.assertAlmostEqual(run["latency_improvement"], ratio)

    # row 169
    def test_says_which_side_lacks_data(self):
        both = self.result("both.json", "--scenario", "single-stream,offline")
        one = self.result("one.json", "--scenario", "offline")
        text = self.accel("compare", both, one).stdout.decode()
        self.assertIn("Speedup: ", text)
        self.assertIn(f"single-stream: {one} has no data", text)
        text = self.accel("compare", one, both).stdout.decode()
        self.assertIn(f"single-stream: {one} has no data", text)
        other = self.result("other.json", "--scenario", "clients", "--clients", "2")
        self.refused(FAILED_PRECONDITION, "compare", other, one,
                     says=(f"clients 2: {one} has no data", f"offline: {other} has no data"))
        self.refused(FAILED_PRECONDITION, "compare", both, one, "--expect", "0.000001",
                     says=("cannot be judged", f"{one} has no data"))
        self.refused(NOT_FOUND, "compare", both, self.folder / "none.json", says="none.json")

    def test_what_is_no_result_or_of_other_inputs(self):
        good = self.result("good.json")
        seeds = self.result("seeds.json", "--seed", "2")
        self.refused(FAILED_PRECONDITION, "compare", good, seeds, says="the same task and inputs")
        text = self.folder / "text.json"
        text.write_text("no JSON", encoding="utf-8")
        self.refused(DATA_LOSS, "compare", good, text, says="text.json")
        text.write_text("{}", encoding="utf-8")
        self.refused(INVALID_ARGUMENT, "compare", text, good, says=("text.json", "accel-bench-1"))


if __name__ == "__main__":
    unittest.main()
