"""The second start of a model finds what the first one made, whatever became of the first."""

import json
import math
import os
import pathlib
import random
import resource
import shutil
import struct
import tempfile
import time
import unittest

from program import (DATA, OK, ProgramTest, TINY, needs_acceleration, read_safetensors,
                     write_safetensors)
from test_foreign import number, text

FOREIGN = DATA / "foreign"
KILLS = int(os.environ.get("ACCEL_KILLS", "30"))
TEXTS = ("a text", "another one")


@needs_acceleration
class WarmStart(ProgramTest):
    def setUp(self):
        super().setUp()
        cache = tempfile.TemporaryDirectory(prefix="accel-cache-")
        self.addCleanup(cache.cleanup)
        self.cache_folder = pathlib.Path(cache.name)
        self.entries = self.cache_folder / "entries"
        self.model = self.put("bert-feature-onnx")

    def environment(self, **changes):
        return super().environment(**{"ACCEL_CACHE_DIR": str(self.cache_folder), **changes})

    def put(self, name):
        """A graph with the settings of the tiny model, which may be written to."""
        folder = self.folder / name
        ignore = shutil.ignore_patterns("*.safetensors", "golden.json")
        shutil.copytree(TINY, folder, copy_function=shutil.copyfile, ignore=ignore)
        shutil.copytree(FOREIGN / name, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
        return folder

    def embed(self, *flags, model=None, **options):
        """The answer's bytes, what --stats says of the cache, and the notices."""
        done = self.accel("embed", model or self.model, *TEXTS, "--precision", "f32", "--stats",
                          *flags, **options)
        *notices, stats = done.stderr.splitlines()
        return done.stdout, json.loads(stats)["cache"], notices

    def states(self, *flags, **options):
        _, cache, _ = self.embed(*flags, **options)
        return cache["graph"], cache["compiled"]

    def kept(self, kind):
        listed = json.loads(self.accel("cache", "list", "--json").stdout)["entries"]
        return [self.entries / f"{entry['key']}.entry" for entry in listed if entry["kind"] == kind]

    # row 48
    # row 88
    # row 99
    # row 101 (partial: how much faster is in docs/performance.md)
    def test_the_second_start_converts_and_compiles_nothing(self):
        cold_answer, cold, _ = self.embed()
        self.assertEqual((cold["graph"], cold["compiled"]), ("stored", "stored"))
        self.assertGreater(cold["compile_ms"], 0)
        warm_answer, warm, notices = self.embed()
        self.assertEqual((warm["graph"], warm["compiled"]), ("found", "found"))
        self.assertEqual((warm["make_ms"], warm["compile_ms"]), (0, 0))
        self.assertGreater(warm["import_ms"], 0)
        self.assertEqual(warm_answer, cold_answer)
        self.assertEqual(notices, [])
        # A cache that is gone is no loss.
        shutil.rmtree(self.cache_folder)
        again_answer, again, _ = self.embed()
        self.assertEqual((again["graph"], again["compiled"]), ("stored", "stored"))
        self.assertEqual(again_answer, cold_answer)

    def test_a_worker_process_uses_the_same_entries(self):
        answer, cold, _ = self.embed("--isolation", "process")
        self.assertEqual((cold["graph"], cold["compiled"]), ("stored", "stored"))
        for flags in (("--isolation", "process"), ("--isolation", "thread")):
            again, warm, notices = self.embed(*flags)
            self.assertEqual((warm["graph"], warm["compiled"]), ("found", "found"))
            self.assertEqual(again, answer)
            self.assertEqual(notices, [])

    # row 202
    # row 205
    def test_without_the_compiled_model_the_graph_is_used(self):
        answer, _, _ = self.embed()
        for path in self.kept("compiled"):
            path.unlink()
        again, cache, _ = self.embed()
        self.assertEqual((cache["graph"], cache["compiled"]), ("found", "stored"))
        self.assertEqual(again, answer)
        self.accel("cache", "clear")
        self.assertEqual(self.states(), ("stored", "stored"))

    # row 203
    # row 204
    def test_another_model_in_the_same_place_is_converted_again_and_said(self):
        answer, _, _ = self.embed()
        path = self.model / "model.onnx"
        weights = read_safetensors(TINY / "model.safetensors")
        bias = next(values for name, (_, _, values) in weights.items()
                    if name.endswith("layer.0.output.LayerNorm.bias"))
        content = path.read_bytes()
        old, new = (struct.pack("<f", number) for number in (bias[0], bias[0] + 1))
        self.assertEqual(content.count(struct.pack("<4f", *bias[:4])), 1)
        path.write_bytes(content.replace(old + struct.pack("<3f", *bias[1:4]),
                                         new + struct.pack("<3f", *bias[1:4])))
        changed, cache, notices = self.embed()
        self.assertEqual((cache["graph"], cache["compiled"]), ("stored", "stored"))
        self.assertEqual(cache["changed"], ["weights"])
        self.assertIn("another weights than the cache knows", "\n".join(notices))
        self.assertNotEqual(changed, answer)
        config = self.model / "config.json"
        settings = json.loads(config.read_text(encoding="utf-8"))
        config.write_text(json.dumps({**settings, "num_labels": 7}), encoding="utf-8")
        _, cache, _ = self.embed()
        self.assertEqual(cache["changed"], ["config"])
        _, cache, notices = self.embed("--threads", "1")
        self.assertEqual(cache["graph"], "found")
        self.assertIn("threads", cache["changed"])
        self.assertEqual(notices, [])  # a flag is no surprise

    # row 301
    def test_the_list_says_what_belongs_to_the_model(self):
        self.embed()
        listed = json.loads(self.accel("cache", "list", "--json").stdout)["entries"]
        self.assertEqual(sorted(entry["kind"] for entry in listed), ["compiled", "graph"])
        weights = (self.model / "model.onnx").stat().st_size
        for entry in listed:
            self.assertEqual(entry["label"], str(self.model))
            self.assertGreater(entry["bytes"], weights // 2)

    def test_ir_is_compiled_once_and_a_checkpoint_is_not_kept(self):
        ir = self.put("bert-feature-ir")
        engine = ("--kernels", "engine")
        self.assertEqual(self.states(*engine, model=ir), ("made", "stored"))
        self.assertEqual(self.states(*engine, model=ir), ("unused", "found"))
        _, cache, _ = self.embed(model=TINY)
        self.assertEqual(cache, "unused")

    def test_a_rotation_comes_back_from_the_cache_as_it_was(self):
        """The engine gives a fused rotary embedding back as another one."""
        def port(field, name, *sizes):
            shape = b"".join(text(1, number(1, size)) for size in sizes)
            return text(field, text(1, name) + text(2, text(1, number(1, 1) + text(2, shape))))
        rotary = text(1, b"".join(text(1, name) for name in ("x", "cos", "sin")) + text(2, "y") +
                      text(3, "rotary") + text(4, "RotaryEmbedding"))
        model = self.folder / "rotary.onnx"
        graph = rotary + text(2, "g") + port(11, "x", 1, 2, 3, 8) + port(12, "y", 1, 2, 3, 8)
        graph += port(11, "cos", 1, 3, 4) + port(11, "sin", 1, 3, 4)
        model.write_bytes(number(1, 11) + text(7, graph) + text(8, text(1, "") + number(2, 23)))
        angles = [0.1 * i for i in range(12)]
        write_safetensors(self.folder / "in.safetensors", {
            "x": ("F32", [1, 2, 3, 8], [0.01 * i - 0.2 for i in range(48)]),
            "cos": ("F32", [1, 3, 4], [math.cos(angle) for angle in angles]),
            "sin": ("F32", [1, 3, 4], [math.sin(angle) for angle in angles])})
        answers = []
        for _ in range(2):
            self.accel("infer", model, "--inputs", self.folder / "in.safetensors", "--output",
                       self.folder / "out.safetensors", "--precision", "f32")
            answers.append(read_safetensors(self.folder / "out.safetensors")["y"])
        self.assertEqual(answers[0], answers[1])

    def test_no_cache_keeps_nothing(self):
        answer, cache, _ = self.embed("--no-cache")
        self.assertEqual(cache, "unused")
        self.assertFalse(list(self.cache_folder.rglob("*.entry")))
        self.assertEqual(self.embed()[0], answer)

    def test_a_flipped_bit_is_a_warning_and_made_anew(self):
        answer, _, _ = self.embed()
        for path in [*self.kept("compiled"), *self.kept("graph")]:
            content = bytearray(path.read_bytes())
            content[len(content) * 2 // 3] ^= 4
            path.write_bytes(content)
        again, cache, notices = self.embed()
        self.assertEqual(again, answer)
        self.assertEqual((cache["graph"], cache["compiled"]), ("stored", "stored"))
        self.assertIn("checksum", "\n".join(notices))
        self.assertEqual(self.states(), ("found", "found"))

    def test_a_folder_that_cannot_be_written_is_a_warning(self):
        answer, _, _ = self.embed()
        blocked = self.folder / "a file"
        blocked.write_text("no folder", encoding="utf-8")
        again, cache, notices = self.embed(env=self.environment(ACCEL_CACHE_DIR=str(blocked)))
        self.assertEqual(again, answer)
        self.assertEqual((cache["graph"], cache["compiled"]), ("made", "made"))
        self.assertIn("cache", "\n".join(notices))

    def test_a_full_disk_is_a_warning(self):
        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        full, cache, notices = self.embed(preexec_fn=small_files)
        self.assertEqual((cache["graph"], cache["compiled"]), ("made", "made"))
        self.assertIn("cache", "\n".join(notices))
        self.assertFalse(list(self.entries.iterdir()))
        self.assertEqual(self.embed()[0], full)

    def test_killed_at_any_moment_the_cache_stays_right(self):
        """ACCEL_KILLS: how often; 30 unless set."""
        chance = random.Random(48)
        begin = time.monotonic()
        expected, _, _ = self.embed()
        cold = time.monotonic() - begin
        for kill in range(KILLS):
            shutil.rmtree(self.entries)
            if chance.random() < 0.5:
                shutil.rmtree(self.cache_folder / "graphs")
            process = self.start("embed", self.model, *TEXTS, "--precision", "f32")
            time.sleep(chance.uniform(0, cold))
            process.kill()
            process.communicate(timeout=60)
            with self.subTest(kill=kill):
                answer, _, _ = self.embed()
                self.assertEqual(answer, expected)
                self.assertEqual(self.states(), ("found", "found"))
        self.accel("cache", "verify", code=OK)

    def test_of_eight_that_start_at_once_one_converts_and_compiles(self):
        started = [self.start("embed", self.model, *TEXTS, "--precision", "f32", "--stats")
                   for _ in range(8)]
        answers, states = set(), []
        for process in started:
            out, err = process.communicate(timeout=300)
            self.assertEqual(process.returncode, OK, err)
            answers.add(out)
            *_, stats = err.decode().splitlines()
            states.append(json.loads(stats)["cache"]["compiled"])
        self.assertEqual(len(answers), 1)
        self.assertEqual(sorted(states), ["found"] * 7 + ["stored"])


if __name__ == "__main__":
    unittest.main()
