"""The commands beside embed: infer, tokenize, similarity, show, devices, doctor, version,
self-test and help."""
import json
import pathlib
import shutil
import struct
import subprocess
import unittest
import zipfile

from program import (ACCEL, DATA, FAILED_PRECONDITION, GOLDEN, INVALID_ARGUMENT, NOT_FOUND, TINY,
                     UNAVAILABLE, ProgramTest, needs_acceleration, needs_openvino, read_npy,
                     read_safetensors, write_safetensors)

COMMANDS = ["advise", "alias", "bench", "cache", "compare", "completion", "config", "convert",
            "devices", "doctor", "embed", "explain", "families", "help", "infer", "keys", "list",
            "models", "profile", "pull", "rm", "self-test", "serve", "show", "similarity",
            "status", "tokenize", "top", "version"]


class Infer(ProgramTest):
    """Every recorded case, through every kind of file."""

    def setUp(self):
        super().setUp()
        self.golden = read_safetensors(TINY / "golden.safetensors")

    def inputs_of(self, case, *names):
        path = self.folder / f"{case}.safetensors"
        write_safetensors(path, {name: self.golden[f"{case}.{name}"] for name in names})
        return path

    def compare(self, outputs, case):
        mask = self.golden[f"{case}.attention_mask"][2]
        for name in ("last_hidden_state", "pooler_output"):
            dtype, shape, expected = self.golden[f"{case}.{name}"]
            self.assertEqual(outputs[name][:2], (dtype, shape))
            kept = [True] * shape[0] if name == "pooler_output" else mask
            for i, real in enumerate(kept):
                if real:
                    row = slice(i * shape[-1], (i + 1) * shape[-1])
                    self.assertClose(outputs[name][2][row], expected[row])

    def test_the_recorded_cases(self):
        for case in ("b1_l5", "b2_l9", "b3_l17", "text6"):
            out = self.folder / "out.safetensors"
            inputs = self.inputs_of(case, "input_ids", "attention_mask", "token_type_ids")
            self.accel("infer", TINY, "--inputs", inputs, "--output", out, "--precision", "f32")
            self.compare(read_safetensors(out), case)

    def test_optional_inputs_may_be_left_out(self):
        full = self.inputs_of("b1_l5", "input_ids", "attention_mask", "token_type_ids")
        results = []
        for inputs in (full, self.inputs_of("b1_l5", "input_ids")):
            out = self.folder / "out.safetensors"
            self.accel("infer", TINY, "--inputs", inputs, "--output", out, "--precision", "f32")
            results.append(read_safetensors(out)["pooler_output"][2])
        self.assertEqual(len(results[0]), len(results[1]))

    def test_integers_of_any_width(self):
        path = self.folder / "narrow.safetensors"
        write_safetensors(path, {
            name: ("I32" if name == "input_ids" else "U8", shape, values)
            for name in ("input_ids", "attention_mask", "token_type_ids")
            for _, shape, values in [self.golden[f"b1_l5.{name}"]]})
        out = self.folder / "out.safetensors"
        self.accel("infer", TINY, "--inputs", path, "--output", out, "--backend", "reference")
        self.compare(read_safetensors(out), "b1_l5")

    def test_npz_in_and_out(self):
        archive = self.folder / "in.npz"
        with zipfile.ZipFile(archive, "w") as file:
            for name in ("input_ids", "attention_mask", "token_type_ids"):
                _, shape, values = self.golden[f"b1_l5.{name}"]
                header = repr({"descr": "<i8", "fortran_order": False, "shape": tuple(shape)})
                header = header + " " * (117 - len(header)) + "\n"
                file.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) +
                              header.encode() + struct.pack(f"<{len(values)}q", *values))
        out = self.folder / "out.npz"
        self.accel("infer", TINY, "--inputs", archive, "--output", out, "--precision", "f32")
        with zipfile.ZipFile(out) as file:
            shape, values = read_npy(file.read("pooler_output.npy"))
        self.assertEqual(shape, [1, 32])
        self.assertClose(values, self.golden["b1_l5.pooler_output"][2])


class Tokenize(ProgramTest):
    def tokenized(self, *arguments, **options):
        out = self.accel("tokenize", TINY, "--format", "json", *arguments, **options).stdout
        return [json.loads(line) for line in out.decode().splitlines()]

    def test_the_recorded_texts(self):
        examples = GOLDEN["tokenizer"]["examples"]
        lines = "\n".join(json.dumps(example["text"]) for example in examples)
        found = self.tokenized("--json-lines", "--input", "-", input=lines)
        self.assertEqual(len(found), len(examples))
        for example, line in zip(examples, found):
            for name in {"ids", "type_ids", "tokens", "offsets"} & example.keys():
                self.assertEqual(line[name], example[name], example["text"])

    def test_each_format(self):
        example = GOLDEN["tokenizer"]["examples"][0]
        ids = self.accel("tokenize", TINY, "--format", "ids", example["text"]).stdout
        self.assertEqual(json.loads(ids), example["ids"])
        table = self.accel("tokenize", TINY, example["text"]).stdout.decode()
        self.assertIn(f"{len(example['ids'])} tokens", table)
        self.assertRegex(table, r"\n +50 +h +0 +1\n")
        bare = self.tokenized("--no-special", example["text"])[0]
        self.assertEqual(bare["ids"], example["ids"][1:-1])
        pair = self.tokenized("one", "--pair", "two")[0]
        self.assertEqual(sorted(set(pair["type_ids"])), [0, 1])

    def test_a_tokenizer_needs_no_model(self):
        shutil.copy(TINY / "tokenizer.json", self.folder / "tokenizer.json")
        for model in (self.folder, self.folder / "tokenizer.json"):
            out = self.accel("tokenize", model, "--format", "ids", input=b"one\ntwo\n").stdout
            self.assertEqual(len(out.splitlines()), 2)
        self.refused(NOT_FOUND, "tokenize", self.folder / "absent", "x", says="absent")

    def test_invalid_utf8_is_replaced_and_counted(self):
        done = self.accel("tokenize", TINY, "--format", "ids", input=b"a\xffb\n")
        self.assertIn("1 invalid UTF-8", done.stderr)


class Similarity(ProgramTest):
    def test_a_table_for_people_and_json_for_programs(self):
        texts = ["one text", "another text", "one text"]
        out = self.accel("similarity", TINY, "--precision", "f32", *texts).stdout.decode()
        self.assertIn("another text", out)
        self.assertIn("1.000  1  3", out)
        found = json.loads(self.accel("similarity", TINY, "--json", "--precision", "f32",
                                      *texts).stdout)
        self.assertEqual(found["texts"], texts)
        self.assertEqual(len(found["pairs"]), 3)
        self.assertAlmostEqual(found["pairs"][0]["cosine"], 1, places=5)
        self.refused(INVALID_ARGUMENT, "similarity", TINY, "alone", says="at least 2")


class Facts(ProgramTest):
    def test_show_tells_what_the_folder_says(self):
        report = json.loads(self.accel("show", TINY, "--json").stdout)
        self.assertEqual((report["family"], report["architecture"]), ("bert", "BertModel"))
        self.assertEqual(report["parameters"], sum(
            len(values) for _, _, values in read_safetensors(TINY / "model.safetensors").values()))
        self.assertEqual((report["hidden_size"], report["layers"], report["vocabulary"]),
                         (32, 2, 1000))
        self.assertEqual((report["max_tokens"], report["embedding_size"]), (48, 32))
        inputs = {port["name"]: port for port in report["inputs"]}
        self.assertEqual(inputs["input_ids"],
                         {"name": "input_ids", "dtype": "i64", "shape": [-1, -1],
                          "optional": False})
        self.assertIn("pooler_output", [port["name"] for port in report["outputs"]])
        table = self.accel("show", TINY).stdout.decode()
        for words in ("BertModel", "mean, normalised", "input_ids", "last_hidden_state"):
            self.assertIn(words, table)

    @needs_openvino
    # row 160
    def test_version_tells_product_and_runtime(self):
        report = json.loads(self.accel("version", "--json").stdout)
        self.assertRegex(report["accel"], r"^\d+\.\d+\.\d+$")
        openvino = next(b for b in report["backends"] if b["name"] == "openvino")
        self.assertRegex(openvino["version"], r"^20\d\d\.\d")
        self.assertTrue(openvino["available"])
        out = self.accel("version").stdout.decode()
        for version in (report["accel"], openvino["version"], "tokenizers"):
            self.assertIn(version, out)
        self.assertEqual(self.accel("--version").stdout.decode(), out)

    @needs_acceleration
    # row 16 (partial: the CPU; each listed precision was proved by running a one-layer model)
    # row 24 (partial: the program; the library's list is the same call)
    def test_devices_are_those_that_run(self):
        report = json.loads(self.accel("devices", "--json").stdout)
        cpu = next(d for d in report["devices"]
                   if (d["backend"], d["name"]) == ("openvino", "CPU"))
        self.assertIn("f32", cpu["precisions"])
        for precision in cpu["precisions"]:
            done = self.accel("embed", TINY, "x", "--precision", precision, "--stats")
            self.assertEqual(json.loads(done.stderr)["precision"], precision)
        self.assertEqual({a["kind"] for a in report["accelerators"]},
                         {"intel-gpu", "intel-npu", "intel-vpu", "nvidia-gpu", "amd-gpu",
                          "qualcomm-npu", "apple-gpu", "webnn", "webgpu"})
        table = self.accel("devices").stdout.decode()
        self.assertIn(cpu["full_name"], table)

    @needs_openvino
    # rows 114 and 115
    # row 200 (partial: versions and verdicts; the manual is still to come)
    def test_doctor_finds_everything_in_place(self):
        report = json.loads(self.accel("doctor", "--json").stdout)
        self.assertTrue(report["ok"])
        names = [one["name"] for one in report["components"]]
        for name in ("OpenVINO", "OpenVINO CPU plug-in", "tokenizers", "minijinja", "libpng",
                     "libsndfile", "compiler"):
            self.assertIn(name, names)
        for one in report["components"]:
            self.assertEqual(one["verdict"], "ok", one)
            self.assertTrue(one["version"] and one["minimum"], one)
        for part in report["optional"]:
            self.assertTrue(part["without"], part)
        self.assertTrue(report["cache"]["writable"])
        table = self.accel("doctor").stdout.decode()
        for words in ("threads to use", "minimum", "crash-probe", "all that is needed is there"):
            self.assertIn(words, table)

    @needs_acceleration
    def test_doctor_measures_on_demand(self):
        env = self.environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))
        report = json.loads(self.accel("doctor", "--json", "--measure", TINY, env=env).stdout)
        measured = report["measured"]
        self.assertEqual(measured["settings"][0]["precision"], "f32")
        for setting in measured["settings"]:
            self.assertGreater(setting["items_per_sec"], 0)
            self.assertGreater(setting["latency_ms"], 0)
        self.assertTrue(measured["remembered"])
        for hint in ("latency", "throughput"):
            self.assertIn(measured[hint], measured["settings"])
            self.assertTrue(measured[hint]["eligible"])
            statistics = self.accel("embed", TINY, "a text", "--stats", "--hint", hint, env=env)
            statistics = json.loads(statistics.stderr.splitlines()[-1])
            self.assertEqual((statistics["precision"], statistics["streams"]),
                             (measured[hint]["precision"], measured[hint]["streams"]))
            self.assertEqual(statistics["streams_source"], "measured")
        self.refused(INVALID_ARGUMENT, "doctor", TINY, says="--measure")

    def test_doctor_says_when_nothing_can_be_remembered(self):
        blocked = self.folder / "file"
        blocked.write_text("no folder")
        env = self.environment(ACCEL_CACHE_DIR=str(blocked))
        report = json.loads(self.accel("doctor", "--json", env=env).stdout)
        self.assertFalse(report["cache"]["writable"])
        self.assertIn("not be remembered", report["cache"]["reason"])

    def test_help_tells_every_command(self):
        overview = self.accel("help").stdout.decode()
        self.assertEqual(self.accel().stdout.decode(), overview)
        for name in COMMANDS:
            self.assertIn(f"\n  {name} ", overview)
            told = self.accel(name, "--help").stdout.decode()
            self.assertIn(f"usage: accel {name}", told)
            self.assertEqual(self.accel("help", name).stdout.decode(), told)


class Models(ProgramTest):
    # row 81
    def test_families_answer_for_every_task(self):
        families = json.loads(self.accel("families", "--json").stdout)
        bert = next(family for family in families if family["model_type"] == "bert")
        self.assertEqual(bert["architectures"]["BertForMaskedLM"], "fill-mask")
        self.assertIs(bert["tasks"]["fill-mask"], True)
        self.assertIs(bert["tasks"]["image-classification"], False)
        self.assertGreater(len(families), 40)
        for family in families:
            self.assertEqual(list(family["tasks"]), list(bert["tasks"]))
            made = {task for task, answer in family["tasks"].items() if answer}
            self.assertEqual(made, set(family["architectures"].values()), family["model_type"])

    # row 234 (partial: what lies in the cache; nothing is fetched)
    def test_a_hub_cache_is_searched_and_loaded_from(self):
        repository = self.folder / "hub/models--org--tiny"
        snapshot = repository / "snapshots/0123"
        shutil.copytree(TINY, repository / "blobs")
        snapshot.mkdir(parents=True)
        for file in (repository / "blobs").iterdir():
            (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
        broken = self.folder / "hub/broken"
        broken.mkdir()
        (broken / "config.json").write_text('{"model_type": "zebra"}')
        found = json.loads(self.accel("models", self.folder, "--json").stdout)
        self.assertEqual([(one["name"], one["loadable"]) for one in found],
                         [("hub/broken", False), ("org/tiny", True)])
        self.assertIn("zebra", found[0]["reason"])
        self.assertEqual(found[1]["parameters"], 52320)
        env = self.environment(HF_HUB_CACHE=str(self.folder / "hub"))
        self.assertEqual(self.records("a text", model="org/tiny", env=env)[0]["embedding"],
                         self.records("a text")[0]["embedding"])
        self.assertIn("org/tiny", self.accel("models", env=env).stdout.decode())
        self.refused(NOT_FOUND, "show", "org/other", env=env, says="org/other")


class SelfTest(ProgramTest):
    def steps(self, code=0, *arguments, env=None):
        report = json.loads(self.accel("self-test", "--json", *arguments, code=code,
                                       env=env).stdout)
        self.assertEqual(report["ok"], code == 0)
        return {step["name"]: step for step in report["steps"]}

    # rows 117, 118, 120 and 121
    # row 119 (partial: a checkpoint folder and its tokenizer; names on the hub are still to come)
    # row 1 (partial: the program; the library's part is tested with the engine)
    def test_all_steps_pass(self):
        steps = self.steps()
        self.assertEqual({step["verdict"] for step in steps.values()}, {"PASS"}, steps)
        self.assertEqual(list(steps), ["installation", "devices", "model folder", "load", "infer",
                                       "embed", "unload", "convert"])
        self.assertIn("CPU", steps["devices"]["detail"])
        for line in self.accel("self-test").stdout.decode().splitlines():
            self.assertTrue(line.startswith("PASS  "), line)

    def test_an_absent_device_fails(self):
        steps = self.steps(FAILED_PRECONDITION, "--device", "GPU.7")
        self.assertEqual(steps["devices"]["verdict"], "FAIL")
        self.assertIn("GPU.7", steps["devices"]["detail"])
        self.assertEqual(steps["load"]["verdict"], "SKIP")

    def installed_copy(self):
        """The program and its self-test model below a prefix of its own."""
        prefix = self.folder / "prefix"
        (prefix / "bin").mkdir(parents=True)
        program = prefix / "bin" / "accel"
        shutil.copy(ACCEL, program)
        share = prefix / "share" / "accel" / "self-test"
        shutil.copytree(TINY, share, copy_function=shutil.copyfile)
        shutil.copytree(DATA / "foreign" / "bert-feature-onnx", share / "onnx",
                        copy_function=shutil.copyfile)
        return program, share

    def run_copy(self, program, code):
        done = subprocess.run([program, "self-test"], capture_output=True, text=True, timeout=300,
                              env=self.environment(LD_LIBRARY_PATH=str(engine_folder())))
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def test_wrong_numbers_fail(self):
        program, share = self.installed_copy()
        self.assertNotIn("FAIL", self.run_copy(program, 0))
        blob = bytearray((share / "model.safetensors").read_bytes())
        for i in range(len(blob) - 4096, len(blob), 4):
            blob[i:i + 4] = struct.pack("<f", 0.5)
        (share / "model.safetensors").write_bytes(blob)
        out = self.run_copy(program, FAILED_PRECONDITION)
        self.assertRegex(out, r"FAIL  (infer|embed) .*found")

    def test_a_broken_graph_fails_its_step_alone(self):
        program, share = self.installed_copy()
        graph = share / "onnx" / "model.onnx"
        graph.write_bytes(graph.read_bytes()[:-1000])
        out = self.run_copy(program, FAILED_PRECONDITION)
        self.assertRegex(out, r"FAIL  convert .*cut off")
        self.assertEqual(out.count("FAIL"), 1)

    def test_a_missing_model_is_skipped_with_the_reason(self):
        program, share = self.installed_copy()
        shutil.rmtree(share)
        out = self.run_copy(program, 0)
        self.assertRegex(out, r"SKIP  model folder +because the self-test model is not installed")
        self.assertRegex(out, r"SKIP  load")


def engine_folder():
    """Where the program finds the engine's libraries."""
    listing = subprocess.run(["ldd", ACCEL], capture_output=True, text=True, check=True).stdout
    line = next(line for line in listing.splitlines() if "libopenvino.so" in line)
    return pathlib.Path(line.split("=>")[1].split("(")[0].strip()).resolve().parent


class WithoutThePlugIn(ProgramTest):
    """The engine's CPU plug-in is hidden: what does not need it still answers, and says why."""

    def setUp(self):
        super().setUp()
        bare = self.folder / "engine"
        bare.mkdir()
        for library in engine_folder().iterdir():
            if ".so" in library.name and "intel_cpu_plugin" not in library.name:
                (bare / library.name).symlink_to(library)
        self.env = self.environment(LD_LIBRARY_PATH=str(bare),
                                    ACCEL_CACHE_DIR=str(self.folder / "cache"))

    @needs_openvino
    # row 2
    # rows 114, 305, 314 and 315
    def test_everything_says_what_is_missing_and_how_to_mend_it(self):
        for command, code in ((["version"], 0), (["doctor"], UNAVAILABLE), (["devices"], 0),
                              (["show", TINY], 0)):
            with self.subTest(command[0]):
                out = self.accel(*command, code=code, env=self.env).stdout.decode()
                self.assertRegex(out, r"(?i)openvino( CPU plug-in)? is not available")
                self.assertRegex(out, r"because +.*libopenvino_intel_cpu_plugin\.so")
                self.assertRegex(out, r"remedy +.*\./dev setup")
                report = json.loads(self.accel(*command, "--json", code=code, env=self.env).stdout)
                openvino = next(b for b in report["backends"] if b["name"] == "openvino")
                self.assertFalse(openvino["available"])
                self.assertIn("libopenvino_intel_cpu_plugin.so", openvino["reason"])
                self.assertIn("./dev setup", openvino["remedy"])

    @needs_acceleration
    def test_what_needs_it_fails_and_the_rest_works(self):
        done = self.accel("embed", TINY, "x", code=UNAVAILABLE, env=self.env)
        self.assertIn("./dev setup", done.stderr)
        found = json.loads(self.accel("embed", TINY, "x", "--backend", "reference",
                                      env=self.env).stdout)
        self.assertClose(found["embedding"], self.records("x")[0]["embedding"])
        self.accel("tokenize", TINY, "x", env=self.env)
        self.accel("help", env=self.env)
        out = self.accel("self-test", code=FAILED_PRECONDITION, env=self.env).stdout.decode()
        self.assertRegex(out, r"FAIL  installation .*libopenvino_intel_cpu_plugin\.so")


if __name__ == "__main__":
    unittest.main()
