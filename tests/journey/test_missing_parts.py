"""One optional part after the other is taken away: the program never crashes, says what is lost,
and what does not need the part still works."""
import json
import shutil
import subprocess
import unittest

from program import (
    ACCEL,
    DATA,
    NOT_FOUND,
    OK,
    TINY,
    UNAVAILABLE,
    UNIMPLEMENTED,
    ProgramTest,
    needs_acceleration,
)
from test_commands import engine_folder

INTERNAL = 12
FOREIGN = DATA / "foreign"

# The engine's files by a part of their names: what doctor calls the part, and a command that needs
# it, with its exit code and words of its message; none where everything goes on without.
LIBRARIES = {
    "onnx_frontend": ("ONNX front end", ["show", FOREIGN / "bert-feature-onnx"], UNAVAILABLE,
                      "front end for ONNX cannot be loaded"),
    "ir_frontend": ("OpenVINO IR front end", ["embed", FOREIGN / "bert-feature-ir", "x"],
                    UNAVAILABLE, "front end for OpenVINO IR cannot be loaded"),
    "tensorflow_frontend": ("TensorFlow front end", ["show", FOREIGN / "dense-tf-frozen"],
                            UNAVAILABLE, "front end for TensorFlow cannot be loaded"),
    "tensorflow_lite_frontend": ("TensorFlow Lite front end", ["show", FOREIGN / "dense-tflite"],
                                 UNAVAILABLE, "front end for TensorFlow Lite cannot be loaded"),
    "paddle_frontend": ("Paddle front end", ["show", FOREIGN / "dense-paddle"], UNAVAILABLE,
                        "front end for Paddle cannot be loaded"),
    "hetero_plugin": ("OpenVINO HETERO plug-in",
                      ["embed", TINY, "x", "--device", "HETERO:CPU,CPU"], UNIMPLEMENTED, "HETERO"),
    "intel_gpu_plugin": ("OpenVINO GPU plug-in", ["embed", TINY, "x", "--device", "GPU.7"],
                         NOT_FOUND, "expected one of: CPU"),
    "intel_npu_plugin": ("OpenVINO NPU plug-in", ["embed", TINY, "x", "--device", "NPU"],
                         NOT_FOUND, "expected one of: CPU"),
    "tbbbind": ("TBB's binding", None, OK, ""),
    "hwloc": ("hwloc", None, OK, ""),
    # accel uses neither, so there is nothing to report of them.
    "auto_plugin": (None, ["embed", TINY, "x", "--device", "AUTO"], OK, ""),
    "auto_batch_plugin": (None, None, OK, ""),
    "tbbmalloc": (None, None, OK, ""),
}


# row 106
class MissingParts(ProgramTest):
    def setUp(self):
        super().setUp()
        self.bin = self.folder / "prefix" / "bin"
        self.bin.mkdir(parents=True)
        self.program = self.bin / "accel"
        shutil.copy(ACCEL, self.program)  # it looks around where it lies
        self.engine = self.folder / "engine"
        self.engine.mkdir()
        for library in engine_folder().iterdir():
            (self.engine / library.name).symlink_to(library)
        self.cache_dir = self.folder / "cache"
        self.env = self.environment(LD_LIBRARY_PATH=str(self.engine),
                                    ACCEL_CACHE_DIR=str(self.cache_dir),
                                    ACCEL_PULL_ENDPOINT="http://127.0.0.1:9")

    def run_here(self, *arguments, code=OK, env=None, before=()):
        """Runs the copy; `before` are words in front of it."""
        done = subprocess.run([*before, str(self.program), *map(str, arguments)],
                              env=env or self.env, cwd=self.folder, capture_output=True,
                              timeout=300, check=False)
        said = done.stderr.decode()
        self.assertGreaterEqual(done.returncode, 0, f"a signal ended it: {said}")
        self.assertNotEqual(done.returncode, INTERNAL, said)
        if code is not None:
            self.assertEqual(done.returncode, code, said or done.stdout)
        return done.stdout.decode(), said

    def works(self, env=None, before=()):
        """What needs no optional part."""
        out, _ = self.run_here("embed", TINY, "x", "--precision", "f32", env=env, before=before)
        self.assertClose(json.loads(out)["embedding"], self.expected)
        self.run_here("tokenize", TINY, "x", env=env, before=before)
        self.run_here("show", TINY, env=env, before=before)
        self.run_here("devices", env=env, before=before)

    @property
    def expected(self):
        if not hasattr(MissingParts, "vector"):
            MissingParts.vector = self.records("x")[0]["embedding"]
        return MissingParts.vector

    def optional(self, env=None, before=()):
        """What doctor says of each optional part."""
        out, _ = self.run_here("doctor", "--json", env=env, before=before)
        return {part["name"]: part for part in json.loads(out)["optional"]}

    @needs_acceleration
    def test_each_library_of_the_engine(self):
        whole = self.optional()
        for name, (part, needs, code, words) in LIBRARIES.items():
            with self.subTest(name):
                hidden = [file for file in self.engine.iterdir() if name in file.name]
                self.assertTrue(hidden, "there is no such library")
                for file in hidden:
                    file.rename(self.folder / file.name)
                shutil.rmtree(self.cache_dir, ignore_errors=True)
                self.works()
                if part:
                    self.assertTrue(whole[part]["present"], whole[part])
                    lost = self.optional()[part]
                    self.assertFalse(lost["present"], lost)
                    self.assertTrue(lost["without"])
                if needs:
                    _, said = self.run_here(*needs, code=code)
                    self.assertIn(words, said)
                for file in hidden:
                    (self.folder / file.name).rename(file)

    @needs_acceleration
    def test_the_cpu_plug_in_can_be_fallen_back_from(self):
        (self.engine / "libopenvino_intel_cpu_plugin.so").unlink()
        _, said = self.run_here("embed", TINY, "x", code=UNAVAILABLE)
        self.assertIn("./dev setup", said)
        out, said = self.run_here("embed", TINY, "x", "--fallback")
        self.assertClose(json.loads(out)["embedding"], self.expected)
        self.assertIn("fell back: reference on CPU", said)

    def test_the_probe_and_the_self_test_model(self):
        parts = self.optional()
        for name in ("accel-probe", "self-test model"):
            self.assertFalse(parts[name]["present"])
            self.assertIn("not found", parts[name]["found"])
        out, _ = self.run_here("self-test")
        self.assertRegex(out, r"SKIP  model folder +because")
        self.works()

    def test_libcurl(self):
        for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
            (self.engine / name).write_text("no library")
        self.assertFalse(self.optional()["libcurl"]["present"])
        _, said = self.run_here("pull", "org/model", code=UNAVAILABLE)
        self.assertIn("libcurl", said)
        self.works()

    def test_home_configuration_and_cache(self):
        homeless = dict(self.env)
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "ACCEL_CACHE_DIR", "HF_HOME",
                     "ACCEL_CONFIG"):
            homeless.pop(name, None)
        self.works(env=homeless)
        out, _ = self.run_here("doctor", "--json", env=homeless)
        self.assertIn("folder", json.loads(out)["cache"])
        _, said = self.run_here("embed", "org/model", "x", code=NOT_FOUND, env=homeless)
        self.assertIn("org/model", said)

        absent = {**self.env, "ACCEL_CONFIG": str(self.folder / "absent.yaml")}
        _, said = self.run_here("embed", TINY, "x", code=NOT_FOUND, env=absent)
        self.assertIn("absent.yaml", said)
        self.run_here("tokenize", TINY, "x", env=absent)
        self.run_here("doctor", env=absent)

        file = self.folder / "no folder"
        file.write_text("")
        unwritable = {**self.env, "ACCEL_CACHE_DIR": str(file)}
        self.works(env=unwritable)
        out, _ = self.run_here("doctor", "--json", env=unwritable)
        cache = json.loads(out)["cache"]
        self.assertFalse(cache["writable"])
        self.assertIn(str(file), cache["reason"])
        graph = self.tiny_copy("graph")  # one that is worth keeping
        (graph / "model.safetensors").unlink()
        shutil.copy(FOREIGN / "bert-feature-onnx" / "model.onnx", graph)
        _, said = self.run_here("embed", graph, "x", env=unwritable)
        self.assertIn("cache", said)

    def test_optional_files_of_a_model(self):
        model = self.tiny_copy()
        (model / "tokenizer.json").unlink()
        _, said = self.run_here("embed", model, "x", code=NOT_FOUND)
        self.assertIn("tokenizer", said)
        self.run_here("show", model)
        for name in ("modules.json", "sentence_bert_config.json", "1_Pooling"):
            with self.subTest(name):
                shutil.rmtree(model)
                model = self.tiny_copy()
                lost = model / name
                shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
                out, said = self.run_here("embed", model, "x", code=None)
                if out:
                    self.assertEqual(len(json.loads(out)["embedding"]), 32)
                else:
                    self.assertIn(name, said)

    def test_proc_and_sys(self):
        for place in ("/proc", "/sys"):
            with self.subTest(place):
                before = ["unshare", "--mount", "sh", "-c",
                          f'mount -t tmpfs none {place} && exec "$@"', "sh"]
                if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
                    self.skipTest("this system lets nobody hide a folder")
                self.works(before=before)
                out, _ = self.run_here("doctor", "--json", before=before)
                self.assertGreaterEqual(json.loads(out)["cpu"]["usable_threads"], 1)

    def test_closed_descriptors(self):
        for closing in ("<&-", ">&-", "2>&-"):
            with self.subTest(closing):
                code = None if closing == ">&-" else OK
                self.run_here("embed", TINY, "x", code=code,
                              before=["sh", "-c", f'exec "$@" {closing}', "sh"])


if __name__ == "__main__":
    unittest.main()
