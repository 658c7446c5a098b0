"""Options from files, environment and flags: accel config, and the commands that load models."""
import json
import shutil
import unittest

from program import (INVALID_ARGUMENT, NOT_FOUND, TINY, UNAVAILABLE, ProgramTest, read_safetensors,
                     write_safetensors)
from test_commands import engine_folder

ALREADY_EXISTS = 5

# The migration guide's, as it is printed there.
DOCUMENTED = """backend:
  # Default backend for all models
  default: openvino
  
  # OpenVINO-specific settings
  openvino:
    device: CPU  # CPU, GPU, or AUTO
    enable_fallback: true
    cache_dir: models/openvino
  
  # PyTorch-specific settings
  pytorch:
    device: cpu

# Per-model backend overrides
model_overrides:
  gpt2: openvino
  t5-small: pytorch
"""


class ConfigTest(ProgramTest):
    """Runs in an empty folder, where files of options are looked for."""

    def setUp(self):
        super().setUp()
        self.environ = self.environment(XDG_CONFIG_HOME=str(self.folder / "xdg"))
        for name in ("ACCEL_CONFIG", "ACCEL_CONFIG_DIR"):
            self.environ.pop(name, None)

    def write(self, text, name="config/backend.yaml"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def here(self, *arguments, env=(), **options):
        return self.accel(*arguments, cwd=self.folder, env={**self.environ, **dict(env)}, **options)

    def shown(self, *arguments, env=()):
        """{option: (value, source, note)}"""
        report = json.loads(self.here("config", "show", *arguments, "--json", env=env).stdout)
        return {one["key"]: (one["value"], one["source"], one["note"])
                for one in report["options"]}

    def statistics(self, *arguments, model=TINY, **options):
        """What --stats says, and the notices."""
        done = self.here("embed", model, "a text", "--stats", *arguments, **options)
        lines = done.stderr.splitlines()
        return json.loads(next(line for line in lines if line.startswith("{"))), [
            line for line in lines if line.startswith("accel: ")]


class Show(ConfigTest):
    def test_without_a_file_everything_is_default(self):
        self.assertEqual({source for _, source, _ in self.shown().values()},
                         {"default", "ACCEL_CACHE_DIR"})

    # rows 107 and 108 (partial: the options that have an effect in this version)
    def test_every_option_of_the_reference_has_a_value_and_a_place(self):
        options = json.loads(self.here("config", "options", "--json").stdout)
        shown = self.shown()
        self.assertEqual([one["key"] for one in options], list(shown))
        for key in ("device", "model_type", "precision", "model_path", "model_format",
                    "use_optimum"):
            self.assertIn(key, shown)

    # row 113 (partial: nothing is passed to a GPU yet)
    def test_options_of_gpus_are_shown_with_their_source(self):
        self.write("gpu_fp16_enable: true\ngpu_optimize: legacy\n"
                   "precompile_shapes: true\ninput_shapes: {pixel_values: [1, 3, 224, 224]}\n")
        shown = self.shown()
        gpu = "not applicable: the device is CPU"
        for line, (key, note) in enumerate((("gpu_fp16_enable", gpu), ("gpu_optimize", gpu),
                                            ("precompile_shapes", ""),
                                            ("input_shapes", "")), 1):
            self.assertEqual(shown[key][1:], (f"config/backend.yaml:{line}", note))
        self.assertEqual(shown["input_shapes"][0], "pixel_values=[1,3,224,224]")

    # row 154
    def test_the_plain_backends_device_is_shown(self):
        for device in ("cpu", "cuda"):
            self.write("backend:\n  default: pytorch\n  pytorch:\n    device: " + device)
            self.assertEqual(self.shown()["pytorch.device"][:2],
                             (device.upper(), "config/backend.yaml:4"))

    def test_flags_go_before_the_environment_and_that_before_the_file(self):
        self.write("threads: 3\nstreams: 3\nprecision: f32\nmodels:\n  m: {threads: 4}\n")
        env = {"ACCEL_STREAMS": "2", "ACCEL_PRECISION": "bf16"}
        shown = self.shown("m", "--precision", "FP16", env=env)
        self.assertEqual(shown["precision"][:2], ("f16", "--precision"))
        self.assertEqual(shown["streams"][:2], ("2", "ACCEL_STREAMS"))
        self.assertEqual(shown["threads"][:2],
                         ("4", "config/backend.yaml:5 (model_overrides of m)"))
        self.assertEqual(self.shown("other")["threads"][:2], ("3", "config/backend.yaml:1"))

    def test_the_first_file_that_is_there_counts(self):
        self.write("threads: 3\n", "xdg/accel/config.yaml")
        self.assertEqual(self.shown()["threads"][0], "3")
        self.write("threads: 2\n", "accel.yaml")
        self.assertEqual(self.shown()["threads"][0], "2")
        self.write("threads: 1\n")
        self.assertEqual(self.shown()["threads"][0], "1")
        named = self.write("threads: 4\n", "named.yaml")
        self.assertEqual(self.shown(env={"ACCEL_CONFIG": str(named)})["threads"][0], "4")
        self.assertEqual(self.shown("--config", "accel.yaml")["threads"][0], "2")
        self.assertEqual(self.shown("--config", "none")["threads"][1], "default")


class Check(ConfigTest):
    def test_a_right_file_and_wrong_ones(self):
        path = self.write(DOCUMENTED)
        self.assertIn(b"all right", self.here("config", "check", path).stdout)
        for text, says in (("devise: CPU", "backend.yaml:1: unknown key 'devise'; did you mean"),
                           ("\ngpu_optimize: old", "backend.yaml:2: gpu_optimize: expected one of"),
                           ("a: [", "backend.yaml:1: no YAML"),
                           ("a: &x 1\nb: *x", "backend.yaml:1: "),
                           ("device: CPU\ndevice: GPU", "yaml:2: 'device' stands in line 1"),
                           ("device_priorities: [GPU(x)]", "as in 'GPU(1.5)'")):
            self.write(text)
            self.assertIn(says, self.here("config", "check", path, code=INVALID_ARGUMENT).stderr)
        self.here("config", "check", "nowhere.yaml", code=NOT_FOUND)
        # Whoever loads a model refuses the same file.
        self.assertIn("backend.yaml:1", self.here("embed", TINY, "x", code=INVALID_ARGUMENT).stderr)

    def test_init_writes_a_file_that_says_nothing_yet(self):
        self.here("config", "init", "accel.yaml")
        self.here("config", "check", "accel.yaml")
        self.assertEqual(self.shown()["device"][1], "default")
        text = (self.folder / "accel.yaml").read_text(encoding="utf-8")
        self.write(text.replace("#backend:", "backend:").replace("#  default: openvino",
                                                                 "  default: reference"))
        self.assertEqual(self.shown()["backend"][0], "reference")
        self.here("config", "init", "accel.yaml", code=ALREADY_EXISTS)


class Loading(ConfigTest):
    # row 153
    def test_the_documented_file_works_as_printed(self):
        self.write(DOCUMENTED)
        ran, notices = self.statistics()
        self.assertEqual((ran["backend"], ran["device"], ran["fallback"]),
                         ("openvino", "CPU", False))
        self.assertEqual(notices, [])  # row 308 (partial: the CPU)
        self.here("embed", TINY, "a text", env={"ACCEL_CACHE_DIR": ""})
        self.assertTrue((self.folder / "models" / "openvino").is_dir())
        self.assertEqual(self.shown("gpt2")["backend"][0], "openvino")
        self.assertEqual(self.shown("google-t5/t5-small")["backend"][0], "pytorch")

    # row 155 (partial: the program; the manager is tested with the engine)
    def test_three_models_have_the_backends_of_their_overrides(self):
        for name in ("a", "b", "c"):
            self.tiny_copy(name)
        self.write("model_overrides:\n  a: openvino\n  b: reference\n  c:\n    backend: pytorch\n")
        for name, backend, fell_back in (("a", "openvino", False), ("b", "reference", False),
                                         ("c", "reference", True)):
            ran, _ = self.statistics(model=self.folder / name)
            self.assertEqual((ran["backend"], ran["fallback"]), (backend, fell_back))

    def test_a_model_may_be_named_by_the_file_alone(self):
        self.write(f"models:\n  mine:\n    model_path: {TINY}\n    threads: 1\n")
        ran, _ = self.statistics(model="mine")
        self.assertEqual((ran["model"], ran["threads"]), (str(TINY), 1))

    # row 161
    def test_flags_and_their_file_do_the_same(self):
        by_flags, _ = self.statistics("--backend", "reference", "--threads", "1", "--streams", "1")
        self.write("backend: reference\nthreads: 1\nstreams: 1\n")
        by_file, _ = self.statistics()
        for key in ("backend", "threads", "streams", "precision", "fallback"):
            self.assertEqual(by_flags[key], by_file[key])

    # row 171 (partial: to the defaults, which are OpenVINO's)
    # rows 172 and 173
    def test_the_ways_back(self):
        path = self.write("backend:\n  default: pytorch\n")
        ran, notices = self.statistics()
        self.assertEqual((ran["backend"], ran["fallback"]), ("reference", True))
        self.assertIn("pytorch", " ".join(notices))
        self.write("backend:\n  default: openvino\nmodel_overrides:\n  bert-feature: openvino\n")
        self.assertEqual(self.statistics("--backend", "reference")[0]["backend"], "reference")
        path.unlink()
        self.assertEqual(self.statistics()[0]["backend"], "openvino")

    # row 307
    # row 308
    def test_an_absent_device_falls_back_with_one_warning(self):
        self.write(DOCUMENTED.replace("device: CPU", "device: GPU"))
        ran, notices = self.statistics()
        self.assertEqual((ran["device"], ran["fallback"]), ("CPU", True))
        self.assertEqual(len(notices), 1, notices)
        self.assertIn("device 'GPU' is not on this machine; expected one of: CPU", notices[0])
        self.assertIn("'GPU' is not on this machine", ran["fallback_reason"])
        self.assertEqual(self.statistics("--device", "CPU")[1], [])

    # row 158 (partial: while loading)
    def test_without_fallback_it_fails_with_the_whole_error(self):
        self.write(DOCUMENTED.replace("device: CPU", "device: GPU").replace(
            "enable_fallback: true", "enable_fallback: false"))
        done = self.here("embed", TINY, "a text", code=NOT_FOUND)
        self.assertEqual(done.stderr, "accel: device 'GPU' is not on this machine; expected one "
                         "of: CPU\n")

    # row 25 (partial: no GPU here)
    def test_auto_is_what_is_there_and_the_result_names_it(self):
        self.write("device: AUTO\n")
        ran, notices = self.statistics()
        self.assertEqual((ran["device"], ran["fallback"], notices), ("CPU", False, []))


class Doctor(ConfigTest):
    def practices(self):
        report = json.loads(self.here("doctor", "--json").stdout)
        return {one["name"]: one for one in report["practices"]}

    # row 175
    def test_practices_are_checked_and_advised(self):
        found = self.practices()
        self.assertEqual(len(found), 7)
        self.assertIn("accel config init", found["options in a file"]["advice"])
        self.assertIn("enable_fallback: true", found["keep the fallback"]["advice"])
        self.assertEqual(found["device AUTO"]["kept"], True)
        self.write(DOCUMENTED)
        found = self.practices()
        self.assertEqual(found["options in a file"]["found"], "config/backend.yaml")
        for name in ("options in a file", "keep the fallback"):
            self.assertTrue(found[name]["kept"], found[name])
        self.here("doctor", "--measure", TINY)
        found = self.practices()
        self.assertTrue(found["one model first"]["kept"], found)
        self.assertTrue(found["measure"]["kept"], found)

    def test_a_file_that_is_wrong_is_advice(self):
        self.write("devise: CPU")
        found = self.practices()["options in a file"]
        self.assertFalse(found["kept"])
        self.assertIn("backend.yaml:1", found["found"])

    def test_a_converted_model_without_its_source_is_named(self):
        self.tiny_copy("m")
        self.here("convert", "m", "--output", "models/openvino/m", "--layout", "flat", "--no-check")
        shutil.rmtree(self.folder / "m")
        self.write("model_overrides:\n  m:\n    model_path: models/openvino/m/m.xml\n")
        found = self.practices()["keep sources"]
        self.assertFalse(found["kept"])
        self.assertIn("m", found["found"])
        self.tiny_copy("m")
        self.assertTrue(self.practices()["keep sources"]["kept"])


class WithoutTheEngine(ConfigTest):
    """The engine's CPU plug-in is hidden."""

    def setUp(self):
        super().setUp()
        bare = self.folder / "engine"
        bare.mkdir()
        for library in engine_folder().iterdir():
            if ".so" in library.name and "intel_cpu_plugin" not in library.name:
                (bare / library.name).symlink_to(library)
        self.environ.update(LD_LIBRARY_PATH=str(bare), ACCEL_CACHE_DIR=str(self.folder / "cache"))

    # row 21 (partial: where the configuration or --fallback says so)
    # row 157 (partial: while loading)
    # row 158 (partial: while loading)
    def test_the_reference_answers_if_it_may(self):
        self.write("enable_fallback: true\n")
        ran, notices = self.statistics()
        self.assertEqual((ran["backend"], ran["fallback"]), ("reference", True))
        self.assertEqual(len(notices), 1, notices)
        self.assertIn("no OpenVINO device can be used", notices[0])
        found = json.loads(self.here("embed", TINY, "x").stdout)
        self.assertClose(found["embedding"], self.records("x")[0]["embedding"])
        self.write("enable_fallback: false\n")
        done = self.here("embed", TINY, "x", code=UNAVAILABLE)
        self.assertIn("no OpenVINO device can be used", done.stderr)

    def test_raw_tensors_fall_back_when_they_are_loaded(self):
        inputs = self.folder / "in.safetensors"
        recorded = read_safetensors(TINY / "golden.safetensors")
        write_safetensors(inputs, {name: recorded[f"b1_l5.{name}"]
                                   for name in ("input_ids", "attention_mask", "token_type_ids")})
        done = self.here("infer", TINY, "--inputs", inputs, "--output", self.folder / "o.npz",
                         "--fallback")
        self.assertIn("fell back: reference on CPU", done.stderr)
        self.here("infer", TINY, "--inputs", inputs, "--output", self.folder / "p.npz",
                  code=UNAVAILABLE)


if __name__ == "__main__":
    unittest.main()
