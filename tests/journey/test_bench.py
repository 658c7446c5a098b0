"""accel bench: what it measures adds up, and says on what. No figure is judged here but sums."""

import json
import math
import os
import pathlib
import re
import time
import unittest
import xml.etree.ElementTree

import json_schema
from program import DATA, INVALID_ARGUMENT, NOT_FOUND, TINY, UNIMPLEMENTED, ProgramTest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/reference/bench_schema.json").read_text(encoding="utf-8"))
GOLDEN = DATA / "golden"


def nearest_rank(values, percent):
    return sorted(values)[max(1, math.ceil(percent * len(values) / 100 - 1e-9)) - 1]


def resident_mb(pid):
    """None once the process has ended."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s*(\d+)", status)
    return int(found.group(1)) / 1024 if found else None


class BenchTest(ProgramTest):
    def bench(self, *arguments, model=TINY, **options):
        done = self.accel("bench", model, "--json", *arguments, **options)
        report = json.loads(done.stdout)
        self.assertEqual(list(json_schema.faults(report, SCHEMA)), [])
        return report

    def one_run(self, *arguments, **options):
        run, = self.bench(*arguments, **options)["runs"]
        return run


class Figures(BenchTest):
    # rows 166 and 167
    def test_mean_and_percentiles_are_those_of_the_recorded_latencies(self):
        run = self.one_run("--scenario", "single-stream", "--queries", "10")
        recorded = run["latencies_ms"]
        self.assertEqual((run["queries"], len(recorded)), (10, 10))
        self.assertAlmostEqual(run["latency_ms"]["avg"], sum(recorded) / 10, places=9)
        for name, percent in (("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
            self.assertEqual(run["latency_ms"][name], nearest_rank(recorded, percent))
        self.assertEqual(run["latency_ms"]["min"], min(recorded))
        self.assertEqual(run["latency_ms"]["max"], max(recorded))
        self.assertEqual(run["metric"], {"name": "latency_ms.p90",
                                         "value": run["latency_ms"]["p90"]})

    # row 123
    def test_latency_throughput_and_memory_have_all_their_figures(self):
        run = self.one_run("--scenario", "single-stream", "--queries", "50")
        for name in ("latency_ms", "throughput_over_time_items_per_sec", "memory_usage_mb"):
            figures = run[name]
            self.assertLess(0, figures["p50"], name)
            order = [figures[key] for key in ("min", "p50", "p90", "p95", "p99", "max")]
            self.assertEqual(order, sorted(order), name)
            self.assertLessEqual(figures["min"], figures["avg"])
            self.assertLessEqual(figures["avg"], figures["max"])

    # row 130
    def test_the_parts_of_a_latency_add_up(self):
        for model in (TINY, GOLDEN / "bert-seqcls-bin"):
            report = self.bench("--scenario", "single-stream,multi-stream,offline,clients",
                                "--clients", "3", "--queries", "6", model=model)
            for run in report["runs"]:
                with self.subTest(model=model.name, scenario=run["scenario"]):
                    split = run["latency_split_ms"]
                    self.assertAlmostEqual(sum(split.values()), run["latency_ms"]["avg"], places=6)
                    self.assertGreater(split["prepare"], 0)
                    self.assertGreater(split["infer"], 0)

    # row 131
    def test_throughput_is_items_by_wall_time(self):
        report = self.bench("--scenario", "single-stream,offline,clients", "--clients", "1,4",
                            "--queries", "12", "--items", "5")
        self.assertEqual([run["items"] for run in report["runs"]], [12, 60, 12, 12])
        for run in report["runs"]:
            self.assertAlmostEqual(run["throughput_items_per_sec"] * run["wall_s"], run["items"],
                                   places=6)
            spread = run["throughput_over_time_items_per_sec"]["avg"]
            self.assertAlmostEqual(spread / run["throughput_items_per_sec"], 1, places=3)
        alone = report["runs"][0]
        busy = sum(alone["latencies_ms"]) / 1e3
        self.assertLessEqual(busy, alone["wall_s"] * 1.0001, "one after the other")

    # row 132
    def test_memory_is_what_the_system_says(self):
        out = self.folder / "bench.json"
        with out.open("wb") as stdout:
            process = self.start("bench", TINY, "--json", "--scenario", "single-stream",
                                 "--seconds", "2", stdout=stdout)
        seen = list(iter(lambda: (time.sleep(0.02), resident_mb(process.pid))[1], None))
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
        report = json.loads(out.read_text(encoding="utf-8"))
        steady = report["runs"][0]["steady_memory_mb"]
        # A sanitizer keeps what is freed: the figure grows while one looks.
        later = seen[len(seen) // 2:]
        self.assertLess(min(abs(steady / resident - 1) for resident in later), 0.05,
                        (steady, later))
        peak = usage.ru_maxrss / 1024
        self.assertLess(abs(report["peak_memory_mb"] / peak - 1), 0.05)

    def test_queries_of_a_server_count_from_their_arrival(self):
        run = self.one_run("--scenario", "server", "--qps", "200", "--queries", "40")
        self.assertEqual(run["queries"], 40)
        self.assertGreater(run["wall_s"], 0.1, "arrivals take their time")
        self.assertEqual(run["metric"]["name"], "latency_ms.p99")

    def test_several_at_once(self):
        run = self.one_run("--scenario", "multi-stream", "--together", "6", "--queries", "4")
        self.assertEqual((run["queries"], run["items"]), (4, 24))
        self.assertGreater(run["tokens"], 24)


class Reports(BenchTest):
    # row 124
    def test_the_file_fits_its_schema_and_the_schema_refuses_others(self):
        file = self.folder / "bench.json"
        self.accel("bench", TINY, "--queries", "5", "--output-json", file)
        report = json.loads(file.read_text(encoding="utf-8"))
        self.assertEqual(list(json_schema.faults(report, SCHEMA)), [])
        self.assertEqual([run["scenario"] for run in report["runs"]], ["single-stream", "offline"])
        for spoil in (lambda one: one.pop("machine"), lambda one: one.update(extra=1),
                      lambda one: one["runs"][0].update(queries="5"),
                      lambda one: one["runs"][0]["latency_ms"].pop("p95"),
                      lambda one: one["runs"].clear()):
            broken = json.loads(file.read_text(encoding="utf-8"))
            spoil(broken)
            self.assertNotEqual(list(json_schema.faults(broken, SCHEMA)), [])

    # row 129
    def test_every_backend_and_kind_of_model_reports_the_same(self):
        found = []
        for model, backend in ((TINY, "openvino"), (TINY, "reference"),
                               (GOLDEN / "vit-imgcls", "openvino"),
                               (GOLDEN / "wav2vec2-ctc", "openvino")):
            report = self.bench("--backend", backend, "--queries", "2", "--items", "2",
                                model=model)
            self.assertEqual(report["backend"], backend)
            found.append((set(report), [set(run) for run in report["runs"]]))
        self.assertEqual(found, [found[0]] * len(found))

    def test_says_on_what_it_measured(self):
        report = self.bench("--queries", "2", "--precision", "f32", "--streams", "1", "--threads",
                            "1")
        self.assertEqual((report["precision"], report["precision_source"], report["streams"],
                          report["threads"]), ("f32", "requested", 1, 1))
        machine = report["machine"]
        self.assertEqual(machine["affinity_cpus"], len(os.sched_getaffinity(0)))
        self.assertTrue(machine["cpu"])

    def test_a_table_for_people_and_a_chart(self):
        chart = self.folder / "chart.svg"
        done = self.accel("bench", TINY, "--queries", "5", "--chart", chart)
        text = done.stdout.decode()
        for words in ("single-stream", "offline", "items/s", "p99", "queue", "at its peak"):
            self.assertIn(words, text)
        picture = xml.etree.ElementTree.parse(chart).getroot()
        self.assertTrue(picture.tag.endswith("svg"))
        self.assertGreater(len(list(picture.iter("{http://www.w3.org/2000/svg}rect"))), 2)


class Inputs(BenchTest):
    def test_the_users_own(self):
        lines = self.folder / "lines.txt"
        lines.write_text("one text\nanother one\nand a third\n", encoding="utf-8")
        report = self.bench("--input", lines, "--scenario", "offline", "--queries", "2")
        self.assertEqual(report["inputs"], {"count": 3, "source": str(lines)})
        self.assertEqual(report["runs"][0]["items"], 6)
        report = self.bench(DATA / "images" / "small.png", "--queries", "2",
                            model=GOLDEN / "vit-imgcls")
        self.assertEqual(report["inputs"], {"count": 1, "source": "arguments"})

    def test_made_for_the_task(self):
        for name, extra in (("bert-qa", ()), ("clip", ("--labels", "a cat,a dog")),
                            ("bert-tokcls-cased", ())):
            with self.subTest(name):
                report = self.bench("--queries", "2", "--items", "3", *extra, model=GOLDEN / name)
                self.assertEqual(report["inputs"], {"count": 3, "source": "generated"})

    def test_the_same_seed_makes_the_same_texts(self):
        tokens = [self.one_run("--scenario", "offline", "--queries", "1", "--seed", seed)["tokens"]
                  for seed in ("3", "3", "4")]
        self.assertEqual(tokens[0], tokens[1])
        self.assertNotEqual(tokens[0], tokens[2])

    def test_refusals(self):
        for arguments, says in (
                (("--scenario", "offlin"), "offline"),
                (("--clients", "0", "--scenario", "clients"), "--clients"),
                (("--qps", "-1"), "--qps"), (("--seconds", "0"), "--seconds"),
                (("--items", "3", "a text"), "--items"),
                (("a text", "--input", "x"), "--input")):
            with self.subTest(arguments):
                self.refused(INVALID_ARGUMENT, "bench", TINY, *arguments, says=says)
        self.refused(NOT_FOUND, "bench", TINY, "--input", self.folder / "none.txt",
                     says="none.txt")
        self.refused(UNIMPLEMENTED, "bench", TINY, "--precision", "int8", says="int8")


if __name__ == "__main__":
    unittest.main()
