"""accel convert: what is written, that it computes the same, and that nothing is left when it does
not work."""

import json
import os
import pathlib
import pty
import re
import resource
import shutil
import signal
import time
import unittest

from program import (
    CANCELLED,
    DATA,
    DATA_LOSS,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    TINY,
    UNIMPLEMENTED,
    ProgramTest,
    read_safetensors,
    write_safetensors,
)
from test_foreign import node, onnx

ALREADY_EXISTS = 5
MODELS = DATA / "golden"
TEXTS = ["a text", "another text that is longer", "the third one"]


class ConvertTest(ProgramTest):

    def convert(self, source, *arguments, **options):
        """The report, as JSON."""
        options.setdefault("cwd", self.folder)
        done = self.accel("convert", source, *arguments, **options)
        return json.loads(done.stdout)

    def embeddings(self, model):
        done = self.accel("embed", model, "--precision", "f32", *TEXTS)
        return [json.loads(line)["embedding"] for line in done.stdout.decode().splitlines()]

    def answers(self, model, *inputs):
        done = self.accel("run", model, "--precision", "f32", *inputs)
        return [json.loads(line)["result"] for line in done.stdout.decode().splitlines()]

    def assertSameNumbers(self, found, expected, tolerance):
        """The same JSON but for numbers that are near."""
        if isinstance(expected, float):
            self.assertAlmostEqual(found, expected, delta=tolerance)
        elif isinstance(expected, list):
            self.assertEqual(len(found), len(expected))
            for one, other in zip(found, expected):
                self.assertSameNumbers(one, other, tolerance)
        elif isinstance(expected, dict):
            self.assertEqual(sorted(found), sorted(expected))
            for name, value in expected.items():
                self.assertSameNumbers(found[name], value, tolerance)
        else:
            self.assertEqual(found, expected)

    def wide_model(self, name="wide"):
        """The tiny model with its layers repeated to some megabytes of weights."""
        copy = self.tiny_copy(name)
        config = json.loads((copy / "config.json").read_text())
        tensors = read_safetensors(copy / "model.safetensors")
        layers = config["num_hidden_layers"]
        config["num_hidden_layers"] = layers * 40
        for tensor, value in list(tensors.items()):
            at = re.search(r"layer\.(\d+)\.", tensor)
            if not at:
                continue
            for i in range(1, 40):
                number = int(at[1]) + i * layers
                tensors[tensor.replace(at[0], f"layer.{number}.")] = value
        (copy / "config.json").write_text(json.dumps(config))
        write_safetensors(copy / "model.safetensors", tensors)
        return copy


class Output(ConvertTest):

    # row 38
    def test_a_checkpoint_becomes_a_folder_that_computes_the_same(self):
        report = self.convert(TINY)
        self.assertEqual(report["path"], "bert-feature-openvino")
        out = self.folder / report["path"]
        names = {path.name for path in out.iterdir()}
        self.assertLessEqual({"openvino_model.xml", "openvino_model.bin", "config.json",
                              "tokenizer.json", "accel.json"}, names)
        for file in report["files"]:
            self.assertEqual((out / file["name"]).stat().st_size, file["bytes"])
        self.assertTrue(report["check"])
        for output in report["check"]:
            self.assertLessEqual(output["relative"], 1e-3)
            self.assertGreater(output["cosine"], 0.99999)
        for found, expected in zip(self.embeddings(out), self.embeddings(TINY)):
            self.assertClose(found, expected, 1e-3)
        # A second time, of the other kind of checkpoint, through accel run.
        self.convert(MODELS / "bert-seqcls-bin", "classifier")
        self.assertSameNumbers(self.answers(self.folder / "classifier", *TEXTS),
                               self.answers(MODELS / "bert-seqcls-bin", *TEXTS), 1e-3)

    def test_what_it_was_made_from_is_written_down(self):
        self.convert(TINY, "out", "--precision", "int8", "--symmetric")
        record = json.loads((self.folder / "out" / "accel.json").read_text())
        weights, config = record["source"]["files"]
        self.assertEqual(weights["file"], "model.safetensors")
        self.assertEqual(weights["bytes"], (TINY / "model.safetensors").stat().st_size)
        self.assertRegex(weights["xxh3"], r"^[0-9a-f]{32}$")
        self.assertEqual(config["file"], "config.json")
        self.assertEqual(record["options"]["precision"], "int8")
        self.assertTrue(record["options"]["symmetric"])
        self.assertTrue(record["accel"] and record["engine"] and record["check"])
        # The same content elsewhere has the same hash, another has not.
        copy = self.tiny_copy()
        self.convert(copy, "same")
        same = json.loads((self.folder / "same" / "accel.json").read_text())
        self.assertEqual(same["source"]["files"][0]["xxh3"], weights["xxh3"])
        with open(copy / "model.safetensors", "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(b"\0\0\0\x3f")
        self.convert(copy, "other")
        other = json.loads((self.folder / "other" / "accel.json").read_text())
        self.assertNotEqual(other["source"]["files"][0]["xxh3"], weights["xxh3"])

    # row 40 (partial: a model so small that the scales of int8 count)
    def test_precisions_have_their_sizes_and_error_figures(self):
        sizes, cosines = {}, {}
        for precision in ("f32", "FP16", "bf16", "int8", "int4"):
            report = self.convert(MODELS / "bert-mlm-sharded", precision, "--precision", precision)
            sizes[precision] = sum(one["bytes"] for one in report["weights"])
            out = self.folder / precision
            self.assertGreater((out / "openvino_model.bin").stat().st_size, sizes[precision])
            cosines[precision] = min(one["cosine"] for one in report["check"])
            self.assertTrue(all(one["max_abs"] >= 0 for one in report["check"]))
        self.assertEqual(cosines["f32"], 1)
        for precision, share in {"FP16": 0.5, "bf16": 0.5, "int8": 0.33}.items():
            self.assertLess(abs(sizes[precision] / sizes["f32"] - share), 0.12, precision)
        self.assertLessEqual(sizes["int4"], sizes["int8"])
        for precision, least in {"FP16": 0.9999, "bf16": 0.999, "int8": 0.99}.items():
            self.assertGreater(cosines[precision], least, precision)

    # row 164
    def test_output_puts_the_files_where_it_says(self):
        self.convert(TINY, "--output", self.folder / "some" / "where")
        self.assertTrue((self.folder / "some" / "where" / "openvino_model.xml").is_file())
        self.embeddings(self.folder / "some" / "where")
        self.embeddings(self.folder / "some" / "where" / "openvino_model.xml")
        self.refused(INVALID_ARGUMENT, "convert", TINY, "a", "--output", "b", says="both")

    # row 165
    def test_the_flat_layout_is_graph_and_weights(self):
        shutil.copytree(MODELS / "gpt2", self.folder / "gpt2", copy_function=shutil.copyfile)
        report = self.convert("gpt2", "--layout", "flat")
        self.assertEqual(report["path"], "models/openvino/gpt2")
        self.assertEqual(report["graph"], "models/openvino/gpt2/gpt2.xml")
        listed = [path.name for path in sorted((self.folder / report["path"]).iterdir())
                  if not path.name.startswith(".")]
        self.assertEqual(listed, ["gpt2.bin", "gpt2.xml"])
        shutil.copytree(TINY, self.folder / "tiny", copy_function=shutil.copyfile)
        self.convert("tiny", "--layout", "flat")
        for model in ("models/openvino/tiny", "models/openvino/tiny/tiny.xml"):
            for found, expected in zip(self.embeddings(self.folder / model), self.embeddings(TINY)):
                self.assertClose(found, expected, 1e-3)

    # row 174
    def test_both_formats_stay_side_by_side(self):
        copy = self.tiny_copy()
        self.convert(copy, copy / "openvino")
        for model in (copy, copy / "openvino", copy):
            for found, expected in zip(self.embeddings(model), self.embeddings(TINY)):
                self.assertClose(found, expected, 1e-3)

    def test_old_tokenizers_and_pooling_come_along(self):
        for name in ("sentence-cased", "sentence-dense", "sentence-pooling"):
            self.convert(MODELS / name, name)
            out = self.folder / name
            self.assertTrue((out / "modules.json").is_file())
            for found, expected in zip(self.embeddings(out), self.embeddings(MODELS / name)):
                self.assertClose(found, expected, 1e-3)

    def test_fixed_shapes_are_kept(self):
        report = self.convert(TINY, "fixed", "--static", "3,16")
        self.assertEqual(report["check"][0]["shape"][:2], [3, 16])
        shown = json.loads(self.accel("show", self.folder / "fixed", "--json").stdout)
        self.assertEqual({tuple(one["shape"]) for one in shown["inputs"]}, {(3, 16)})
        for wrong in ("0,4", "4,", "x", "4,4,4", "-1"):
            self.refused(INVALID_ARGUMENT, "convert", TINY, "no", f"--static={wrong}",
                         cwd=self.folder)

    # row 162
    def test_people_get_a_table(self):
        main, other = pty.openpty()
        self.addCleanup(os.close, main)
        process = self.start("convert", MODELS / "gpt2", stdout=other, cwd=self.folder)
        os.close(other)
        text = b""
        while True:
            try:
                more = os.read(main, 65536)
            except OSError:
                break
            if not more:
                break
            text += more
        self.assertEqual(process.wait(), 0)
        text = text.decode()
        for words in ("openvino_model.xml", "openvino_model.bin", "KiB", "stored as",
                      "largest error", "cosine", "1.000000"):
            self.assertIn(words, text)


class Failures(ConvertTest):

    def nothing_left(self):
        self.assertEqual([path for path in self.folder.iterdir() if path.name != "wide"], [])

    def test_what_is_there_is_not_overwritten(self):
        self.convert(TINY, "out")
        self.refused(ALREADY_EXISTS, "convert", TINY, "out", cwd=self.folder, says="--force")
        before = (self.folder / "out" / "openvino_model.bin").stat().st_size
        self.convert(TINY, "out", "--force", "--precision", "int8")
        self.assertLess((self.folder / "out" / "openvino_model.bin").stat().st_size, before)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["out"])
        # Only what it made itself is replaced.
        (self.folder / "mine").mkdir()
        (self.folder / "mine" / "letters").write_text("dear")
        self.refused(FAILED_PRECONDITION, "convert", TINY, "mine", "--force", cwd=self.folder,
                     says="converted model")
        copy = self.tiny_copy()
        self.refused(FAILED_PRECONDITION, "convert", copy, copy, "--force", cwd=self.folder)
        # An empty folder is as good as none.
        (self.folder / "empty").mkdir()
        self.convert(TINY, "empty")

    def test_a_full_disk_leaves_nothing(self):
        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        self.refused(RESOURCE_EXHAUSTED, "convert", TINY, "a/b/out", cwd=self.folder,
                     preexec_fn=small_files, says="openvino_model.bin")
        self.nothing_left()

    def test_control_c_leaves_nothing(self):
        model = self.wide_model()
        stopped = 0
        for wait in (0.02, 0.1, 0.3, 0.6):
            process = self.start("convert", model, "a/out", cwd=self.folder)
            time.sleep(wait)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=300)
            self.assertIn(process.returncode, (0, CANCELLED, -signal.SIGINT))
            if process.returncode != 0:
                stopped += 1
                self.nothing_left()
            shutil.rmtree(self.folder / "a", ignore_errors=True)
        self.assertGreater(stopped, 0)

    def test_damaged_weights_are_named(self):
        copy = self.tiny_copy("wide")
        tensors = read_safetensors(copy / "model.safetensors")
        name = next(name for name in tensors if name.endswith("query.weight"))
        tensors[name][2][5] = float("nan")
        write_safetensors(copy / "model.safetensors", tensors)
        self.refused(DATA_LOSS, "convert", copy, "out", "--precision", "int8", cwd=self.folder,
                     says="NaN")
        self.nothing_left()

    def test_wrong_words(self):
        for arguments, words in ((("--precision", "f8"), "f8"), (("--precision", "auto"), "auto"),
                                 (("--symmetric",), "int8"), (("--group-size", "7"), "7"),
                                 (("--layout", "deep"), "flat"), (("--task", "juggling"), "task")):
            self.refused(INVALID_ARGUMENT, "convert", TINY, "out", *arguments, says=words,
                         cwd=self.folder)

    # row 306
    def test_a_converted_model_that_is_missing_says_how_to_make_it(self):
        for model, line in (("models/openvino/tiny/tiny.xml", "accel convert tiny --layout flat"),
                            ("tiny-openvino-int8", "accel convert tiny --precision int8")):
            done = self.refused(NOT_FOUND, "embed", model, "a text", cwd=self.folder, says=line)
            self.assertTrue(done.stderr.rstrip().endswith(line), done.stderr)
            # And the line makes it.
            self.tiny_copy("tiny")
            self.accel(*line.split()[1:], cwd=self.folder)
            self.embeddings(self.folder / model)
            shutil.rmtree(self.folder / "tiny")
            shutil.rmtree(self.folder / model.split("/")[0])


class Sources(ConvertTest):

    # row 49
    def test_batches_of_any_size_go_through_one_converted_model(self):
        self.convert(TINY, "out")
        for rows in (1, 4, 16, 64, 256, 1024, 2000):
            write_safetensors(self.folder / "ids.safetensors", {
                name: ("I64", [rows, 8], [(7 * i + extra) % 1000 if extra else 1
                                          for i in range(rows * 8)])
                for name, extra in (("input_ids", 3), ("attention_mask", 0))})
            found, expected = [], []
            for model, into in ((self.folder / "out", found), (TINY, expected)):
                self.accel("infer", model, "--inputs", self.folder / "ids.safetensors", "--output",
                           self.folder / "states.safetensors", "--precision", "f32")
                states = read_safetensors(self.folder / "states.safetensors")
                self.assertEqual(states["last_hidden_state"][1], [rows, 8, 32])
                into += states["last_hidden_state"][2]
            self.assertClose(found, expected, 1e-3)

    # row 50
    def test_fixed_inner_shapes_are_enforced(self):
        self.convert(TINY, "grid", "--static", "16,16")
        for rows, code in ((16, 0), (17, INVALID_ARGUMENT)):
            write_safetensors(self.folder / "ids.safetensors", {
                name: ("I64", [rows, 16], [1] * (rows * 16))
                for name in ("input_ids", "attention_mask", "token_type_ids")})
            done = self.accel("infer", self.folder / "grid", "--inputs",
                              self.folder / "ids.safetensors", "--output",
                              self.folder / "states.safetensors", "--precision", "f32", code=code)
        self.assertIn("[17, 16]", done.stderr)
        self.assertIn("[16, 16]", done.stderr)

    def test_many_families_convert_and_check(self):
        for name in ("bert-qa", "t5", "whisper", "clip", "llama", "vit-imgcls", "wav2vec2-ctc",
                     "convnext-imgcls", "deberta-v2-seqcls", "bert-bf16", "bert-f16"):
            narrow = name in ("bert-qa", "convnext-imgcls")
            for precision in ("f32", "int8") if narrow else ("f32",):
                report = self.convert(MODELS / name, f"{name}-{precision}", "--precision",
                                      precision)
                for output in report["check"]:
                    self.assertGreater(output["cosine"], 0.98, (name, precision, output))

    # row 39 (partial: the ONNX project's own test models)
    def test_graphs_of_other_frameworks_convert(self):
        kinds = set()
        exported = json.loads((DATA / "foreign" / "index.json").read_text())["exported"]
        for path in sorted(path for path in (DATA / "foreign").iterdir() if path.is_dir()):
            model = self.folder / "models" / path.name
            shutil.copytree(path, model, copy_function=shutil.copyfile)
            if path.name in exported:
                shutil.copyfile(DATA / exported[path.name]["from"] / "config.json",
                                model / "config.json")
            report = self.convert(model, path.name)
            kinds.add(report["source_kind"])
            for output in report["check"]:
                self.assertLessEqual(output["relative"], 1e-3, (path.name, output))
            self.accel("show", self.folder / path.name)
        self.assertLessEqual({"onnx", "openvino-ir", "tensorflow", "tensorflow-lite", "paddle"},
                             kinds)
        # What has no conversion is named, and nothing is left.
        model = self.folder / "odd.onnx"
        model.write_bytes(onnx(node("first", "Oddity", "x", "t", "mine") +
                               node("second", "Strange", "t", "y", "mine"), mine=1))
        self.refused(UNIMPLEMENTED, "convert", model, "odd", cwd=self.folder,
                     says=("Oddity", "first", "Strange", "second"))

    def test_gguf_files_keep_their_own_numbers(self):
        for path in sorted((DATA / "gguf").rglob("*.gguf"))[:4]:
            report = self.convert(path, path.stem)
            self.assertEqual(report["source_kind"], "gguf")
            for output in report["check"]:
                self.assertLessEqual(output["relative"], 1e-3)
            self.accel("show", self.folder / path.stem)

    def test_a_converted_model_converts_again(self):
        self.convert(TINY, "first")
        report = self.convert("first", "second", "--precision", "f16")
        self.assertEqual(report["source_kind"], "openvino-ir")
        for found, expected in zip(self.embeddings(self.folder / "second"), self.embeddings(TINY)):
            self.assertClose(found, expected, 1e-2)


REAL = pathlib.Path(os.environ.get("ACCEL_MODELS", "") or "/nonexistent") / "all-MiniLM-L6-v2"


@unittest.skipUnless(REAL.is_dir(), "set ACCEL_MODELS")
class RealModel(ConvertTest):
    # row 40
    # row 163 (partial: how fast it runs is in docs/performance.md)
    def test_f16_and_int8_are_a_half_and_a_quarter(self):
        sizes = {}
        for precision in ("f32", "f16", "int8"):
            report = self.convert(REAL, precision, "--precision", precision)
            sizes[precision] = (self.folder / precision / "openvino_model.bin").stat().st_size
            self.assertGreater(min(one["cosine"] for one in report["check"]), 0.999)
            self.assertTrue(all("max_abs" in one for one in report["check"]))
        self.assertAlmostEqual(sizes["f16"] / sizes["f32"], 0.5, delta=0.01)
        self.assertAlmostEqual(sizes["int8"] / sizes["f32"], 0.25, delta=0.01)



if __name__ == "__main__":
    unittest.main()
