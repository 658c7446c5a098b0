"""What is chosen by content and by measured speed: rules, search, prediction, profiles, warm-up."""
import json
import pathlib
import shutil
import statistics
import unittest

import json_schema
from program import (DATA, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, TINY, UNAVAILABLE,
                     ProgramTest, needs_acceleration, read_safetensors, write_safetensors)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/reference/bench_schema.json").read_text(encoding="utf-8"))

PARTS = "MULTI:CPU/1,CPU/1"
RULES = "tokens_below=8 device=CPU/1#0; tokens_from=8 device=CPU/1#1"
TEXTS = ["a"] + ["a b c d e f g h i j"] + ["a b"] * 20 + ["a b c d e f g h"] * 20


def expected_device(tokens):
    return "CPU/1#0" if tokens < 8 else "CPU/1#1"


@needs_acceleration
class RulesJourney(ProgramTest):
    def check(self, records):
        self.assertEqual(len(records), len(TEXTS))
        devices = {record["device"] for record in records}
        self.assertEqual(devices, {"CPU/1#0", "CPU/1#1"})
        for record in records:
            self.assertEqual(record["device"], expected_device(record["tokens"]))

    # row 260
    def test_short_and_long_texts_go_to_different_devices_by_flag(self):
        self.check(self.records("--device", PARTS, "--rules", RULES, *TEXTS))
        lines = "\n".join(TEXTS)
        self.check(self.records("--device", PARTS, "--rules", RULES, "--input", "-", input=lines))

    # row 260
    def test_and_by_the_configuration(self):
        config = self.folder / "rules.yaml"
        config.write_text(f"device: {PARTS}\nrules:\n"
                          "  - {tokens_below: 8, device: CPU/1#0}\n"
                          "  - {tokens_from: 8, device: CPU/1#1}\n", encoding="utf-8")
        self.check(self.records("--config", config, *TEXTS))
        done = self.accel("run", TINY, "a", "a b c d e f g h i", "--task", "feature-extraction",
                          "--config", config)
        records = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertEqual([record["device"] for record in records], ["CPU/1#0", "CPU/1#1"])

    def test_without_rules_no_device_is_told_of_each(self):
        for record in self.records("--device", PARTS, "a", "a b c d e f g h i"):
            self.assertNotIn("device", record)

    def test_rules_that_cannot_hold_are_refused(self):
        def refused(rules, says, device=PARTS):
            self.refused(INVALID_ARGUMENT, "embed", TINY, "a", "--device", device, "--rules", rules,
                         says=says)

        refused("tokens_bellow=3 device=CPU/1", "did you mean tokens_below?")
        refused("tokens_below=3 device=GPU", ("rule 1", "CPU/1#0, CPU/1#1"))
        refused("device=CPU/1; tokens_below=3 device=CPU/1#0", ("rule 2", "never reached"))
        refused("tokens_from=9 tokens_below=3 device=CPU/1", "tokens_from less than tokens_below")
        refused("device=CPU", "MULTI:CPU/1,GPU", device="CPU")

    def test_a_carried_field_may_not_be_called_like_it(self):
        line = json.dumps({"text": "a b", "device": "mine"})
        record, = self.records("--field", "text", "--input", "-", input=line)
        self.assertEqual(record["device"], "mine")
        self.accel("embed", TINY, "--field", "text", "--input", "-", "--device", PARTS, "--rules",
                   RULES, input=line, code=INVALID_ARGUMENT)


class SearchJourney(ProgramTest):
    """Which of some models suits, by task, size and measured speed."""

    def setUp(self):
        super().setUp()
        self.shelf = self.folder / "shelf"
        self.shelf.mkdir()
        for name, golden in (("encoder", "distilbert-feature"), ("moods", "distilbert-seqcls"),
                             ("more-moods", "roberta-seqcls")):
            shutil.copytree(DATA / "golden" / golden, self.shelf / name,
                            copy_function=shutil.copyfile)
        # Nothing has been measured here yet.
        self.environ = self.environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))

    def models(self, *arguments, **options):
        done = self.accel("models", self.shelf, "--json", *arguments, env=self.environ, **options)
        return json.loads(done.stdout)

    def names(self, *arguments):
        return [one["name"] for one in self.models(*arguments)]

    # row 235 (partial: by word, task, size and what the machine can hold)
    def test_search_chooses_by_word_task_and_size(self):
        task = ("--task", "text-classification")
        self.assertEqual(self.names(*task, "--search", "more"), ["more-moods"])
        self.assertEqual(sorted(self.names(*task)), ["moods", "more-moods"])
        self.assertEqual(sorted(self.names("--search", "SEQUENCECLASS")),
                         ["moods", "more-moods"])
        self.assertEqual(self.names("--task", "sentiment-analysis", "--search", "roberta"),
                         ["more-moods"])
        sizes = {one["name"]: one["bytes_on_disk"] for one in self.models("--search", "moods")}
        small = min(sizes, key=sizes.get)
        self.assertEqual(self.names("--search", "moods", "--max-size", sizes[small]), [small])
        self.assertEqual(self.names("--search", "nothing like it"), [])
        memory = {one["name"]: one["memory_bytes"] for one in self.models("--search", "moods")}
        least = min(memory, key=memory.get)
        self.assertEqual(self.names("--search", "moods", "--memory", memory[least],
                                    "--recommend"), [least])
        fits = {one["name"]: one["fits"]
                for one in self.models("--search", "moods", "--memory", memory[least])}
        self.assertEqual(fits, {name: name == least for name in fits})
        self.refused(INVALID_ARGUMENT, "models", self.shelf, "--task", "text-clasification",
                     says="did you mean text-classification?")
        self.refused(INVALID_ARGUMENT, "models", self.shelf, "--max-size", "500MB", says="500M")

    # row 235
    def test_the_fastest_measured_is_recommended(self):
        self.assertEqual([one["speed"] for one in self.models("--task", "text-classification")],
                         [None, None])
        done = self.accel("models", self.shelf, "--task", "text-classification", "--recommend",
                          env=self.environ)
        self.assertIn("2 not measured here", done.stdout.decode())
        self.assertNotIn("recommended:", done.stdout.decode())
        # What bench measures is remembered; the larger model goes before one without a figure.
        bench = json.loads(self.accel("bench", self.shelf / "more-moods", "--scenario", "offline",
                                      "--queries", "2", "--json", env=self.environ).stdout)
        first, second = self.models("--task", "text-classification")
        self.assertEqual((first["name"], second["speed"]), ("more-moods", None))
        self.assertEqual(first["speed"]["items_per_sec"],
                         bench["runs"][0]["throughput_items_per_sec"])
        self.assertEqual((first["speed"]["task"], first["speed"]["device"]),
                         ("text-classification", bench["device"]))
        # --measure fills in the rest, and the order is that of the figures.
        ranked = self.models("--task", "text-classification", "--recommend", "--measure")
        speeds = [one["speed"]["items_per_sec"] for one in ranked]
        self.assertEqual(len(speeds), 2)
        self.assertEqual(speeds, sorted(speeds, reverse=True))
        done = self.accel("models", self.shelf, "--task", "text-classification", "--recommend",
                          env=self.environ)
        self.assertIn(f"recommended: {ranked[0]['name']}, the fastest measured",
                      done.stdout.decode())
        # For another task nothing was measured.
        other, = self.models("--task", "feature-extraction", "--search", "encoder")
        self.assertIsNone(other["speed"])


def fitted(points):
    """The line of least squared relative errors, neither part of it below 0."""
    weights = [1 / (ms * ms) for _, ms in points]
    w = sum(weights)
    wx = sum(g * x for g, (x, _) in zip(weights, points))
    wxx = sum(g * x * x for g, (x, _) in zip(weights, points))
    wy = sum(g * y for g, (_, y) in zip(weights, points))
    wxy = sum(g * x * y for g, (x, y) in zip(weights, points))
    determinant = w * wxx - wx * wx
    once, each = (wy * wxx - wx * wxy) / determinant, (w * wxy - wx * wy) / determinant
    if once < 0:
        return 0, wxy / wxx
    return (wy / w, 0) if each < 0 else (once, each)


def predicted(points, size):
    once, each = fitted(points)
    if max(abs(once + each * x - y) / y for x, y in points) <= 0.1:
        return "line", once + each * size
    last = min(max(sum(x < size for x, _ in points), 1), len(points) - 1)
    (x0, y0), (x1, y1) = points[last - 1:last + 1]
    slope = (y1 - y0) / (x1 - x0)
    if x0 <= size <= x1:
        return "neighbours", y0 + slope * (size - x0)
    if size > x1:
        return "neighbours", y1 + max(slope, 0) * (size - x1)
    return "neighbours", max(y0 - max(slope, 0) * (x0 - size), y0 * size / x0)


def typical(run, items):
    """The median of the queries with the same items, in the mean over all."""
    turns = items // run["plan"]["items_per_query"]
    repeats = [run["latencies_ms"][i::turns] for i in range(min(turns, run["queries"]))]
    return statistics.mean(statistics.median(one) for one in repeats)


class PredictionJourney(ProgramTest):
    """What a batch takes, by what batches of other sizes took."""

    ITEMS = 8

    def setUp(self):
        super().setUp()
        self.environ = self.environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))

    def bench(self, batches):
        done = self.accel("bench", TINY, "--items", self.ITEMS, "--batch", batches, "--queries",
                          "24", "--json", env=self.environ)
        report = json.loads(done.stdout)
        self.assertEqual(list(json_schema.faults(report, SCHEMA)), [])
        return {run["plan"]["items_per_query"]: run for run in report["runs"]}

    def check(self, run, points):
        """`points` are what other sizes took; the bench predicted by them."""
        found = run["prediction"]
        self.assertAlmostEqual(found["measured_ms"], typical(run, self.ITEMS), places=9)
        for one, (items, ms) in zip(found["from"], points, strict=True):
            self.assertEqual(one["items"], items)
            self.assertAlmostEqual(one["ms"], ms, places=9)
        by, ms = predicted(points, run["plan"]["items_per_query"])
        self.assertEqual(found["by"], by)
        self.assertAlmostEqual(found["predicted_ms"], ms, delta=1e-9 * ms)
        self.assertAlmostEqual(found["error"], ms / found["measured_ms"] - 1, places=9)

    # row 251
    # row 238 (partial: the arithmetic; docs/performance.md has how far it is off)
    def test_bench_shows_predicted_and_measured_and_feeds_the_predictor(self):
        first = self.bench("1,2,8")
        points = [(size, typical(run, self.ITEMS)) for size, run in sorted(first.items())]
        for size, run in first.items():
            self.check(run, [point for point in points if point[0] != size])
        # A size that no bench has seen is predicted by what is remembered.
        unseen, = self.bench("4").values()
        self.check(unseen, points)

    def test_a_single_size_says_what_is_missing(self):
        only, = self.bench("2").values()
        self.assertNotIn("predicted_ms", only["prediction"])
        self.assertIn("measure another", only["prediction"]["reason"])

    def test_people_see_it_as_a_table(self):
        done = self.accel("bench", TINY, "--items", self.ITEMS, "--batch", "1,4,8", "--queries",
                          "8", env=self.environ)
        text = done.stdout.decode()
        self.assertIn("predicted  measured", text)
        self.assertRegex(text, r"multi-stream of 4 +[\d.]+ +[\d.]+ +[+-][\d.]+ % +1, 8 \("
                               r"(line|neigh)")
        self.assertNotIn("single-stream", text)


class ProfileJourney(ProgramTest):
    """A profile file steers the load: backend, device, precision, memory, level."""

    def profile(self, **options):
        path = self.folder / "profile.json"
        path.write_text(json.dumps(options), encoding="utf-8")
        return ("--profile-file", path)

    def statistics(self, *arguments, command=("embed", TINY, "a text"), env=()):
        done = self.accel(*command, "--stats", *arguments,
                          env={**self.environment(), **dict(env)})
        return json.loads(done.stderr.strip().split("\n")[-1])

    # row 13
    @needs_acceleration
    def test_precision_limit_and_level_are_honoured(self):
        devices = json.loads(self.accel("devices", "--json").stdout)["devices"]
        offered, = (one["precisions"] for one in devices
                    if (one["backend"], one["name"]) == ("openvino", "CPU"))
        profile = self.profile(backend="openvino", device="CPU", precision="fp16",
                               memory_limit="1M", optimization_level="memory")
        if "f16" not in offered:
            self.refused(UNAVAILABLE, "embed", TINY, "a text", *profile, says="f16")
            return
        parameters = json.loads(self.accel("show", TINY, "--json").stdout)["parameters"]
        for command in (("embed", TINY, "a text"),
                        ("run", TINY, "a text", "--task", "feature-extraction")):
            found = self.statistics(*profile, command=command)
            self.assertEqual((found["backend"], found["device"], found["precision"]),
                             ("openvino", "CPU", "f16"))
            self.assertEqual((found["memory_bytes"], found["memory_bytes_max"]),
                             (2 * parameters, 1 << 20))
            self.assertEqual(found["streams"], 1)

    # row 13
    def test_what_exceeds_the_limit_is_refused_before_it_is_read(self):
        profile = self.profile(precision="f32", memory_limit=1000)
        # Weights that nobody could read: the refusal comes first.
        model = self.tiny_copy()
        weights = model / "model.safetensors"
        before = read_safetensors(weights)
        write_safetensors(weights, {**before, **{
            name: (dtype, shape, [float("nan")] * len(values))
            for name, (dtype, shape, values) in before.items() if dtype == "F32"}})
        for command in ("embed", "run"):
            self.refused(RESOURCE_EXHAUSTED, command, model, "a text", *profile,
                         says=("the memory limit is 1000", "raise the limit"))
        self.accel("embed", TINY, "a text", *self.profile(memory_limit="1G"))

    def test_flags_are_stronger_and_the_environment_is_weaker(self):
        profile = self.profile(backend="reference", streams=1)
        found = self.statistics(*profile, env={"ACCEL_BACKEND": "openvino"})
        self.assertEqual(found["backend"], "reference")
        shown = json.loads(self.accel("config", "show", "--json", *profile, "--streams", "2",
                                      env={**self.environment(), "ACCEL_THREADS": "3"}).stdout)
        options = {one["key"]: (one["value"], one["source"]) for one in shown["options"]}
        self.assertEqual(options["streams"], ("2", "--streams"))
        self.assertEqual(options["threads"], ("3", "ACCEL_THREADS"))
        self.assertEqual(options["backend"], ("reference", f"{profile[1]}:1"))

    def test_a_section_of_the_configuration_says_the_same(self):
        config = self.folder / "with_profile.yaml"
        config.write_text("profile:\n  backend: reference\n  memory_limit: 2M\n",
                          encoding="utf-8")
        found = self.statistics("--config", config)
        self.assertEqual((found["backend"], found["memory_bytes_max"]), ("reference", 2 << 20))
        self.refused(INVALID_ARGUMENT, "embed", TINY, "a", *self.profile(memory_limt="2M"),
                     says="did you mean memory_limit?")
        self.refused(NOT_FOUND, "embed", TINY, "a", "--profile-file", self.folder / "none.yaml",
                     says="none.yaml")


class WarmUpJourney(ProgramTest):
    # row 98 (partial: that it runs; docs/performance.md has how soon the first request is answered)
    def test_shapes_of_the_configuration_and_a_text_run_at_the_load(self):
        config = self.folder / "shapes.yaml"
        config.write_text("precompile_shapes: true\ninput_shapes: {input_ids: [1, 8]}\n",
                          encoding="utf-8")
        for command in (("embed", TINY, "a text"),
                        ("run", TINY, "a text", "--task", "feature-extraction")):
            done = self.accel(*command, "--stats", "--config", config, "--warm-up", "some words")
            found = json.loads(done.stderr.strip().split("\n")[-1])
            self.assertEqual(found["warmed_up"], ["a text of 10 bytes", "input_ids=[1,8]"])
            plain = self.accel(*command, "--stats")
            self.assertNotIn("warmed_up", json.loads(plain.stderr.strip().split("\n")[-1]))
            self.assertEqual(len(done.stdout.splitlines()), len(plain.stdout.splitlines()))

    def test_shapes_that_are_none_of_the_model_are_refused(self):
        config = self.folder / "shapes.yaml"
        config.write_text("precompile_shapes: true\ninput_shapes: {pixel_values: [1, 3, 8, 8]}\n",
                          encoding="utf-8")
        self.refused(INVALID_ARGUMENT, "embed", TINY, "a text", "--config", config,
                     says=("warm-up", "input_ids", "pixel_values"))


if __name__ == "__main__":
    unittest.main()
