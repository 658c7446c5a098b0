"""What is here, what is used of it, and the switch that turns acceleration off: devices, status,
IPFS_ACCELERATE_ENABLED, --local, --fallback and --simulate-device."""

import itertools
import json
import re
import time
import unittest

from program import (
    DATA,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    TINY,
    UNAVAILABLE,
    ProgramTest,
    read_safetensors,
    write_safetensors,
)
from test_commands import engine_folder

GOLDEN = DATA / "golden"
TYPES = ["cpu", "cuda", "rocm", "openvino", "mps", "webnn", "webgpu", "qualcomm"]
# Of each kind of model one.
SUBSET = ["albert-mlm", "bert-tokcls-cased", "clip", "gpt2", "modernbert-seqcls", "resnet-imgcls",
          "t5", "vit-imgcls", "wav2vec2-ctc"]


class HardwareTest(ProgramTest):
    """Each test sets the switch itself."""

    def environment(self, **changes):
        plain = super().environment()
        plain.pop("IPFS_ACCELERATE_ENABLED", None)
        return {**plain, **changes}

    def switch(self, value, **changes):
        return self.environment(IPFS_ACCELERATE_ENABLED=value, **changes)

    def json_of(self, *arguments, **options):
        return json.loads(self.accel(*arguments, "--json", **options).stdout)

    def statistics(self, *arguments, **options):
        done = self.accel(*arguments, "--stats", **options)
        return json.loads(done.stderr.splitlines()[-1]), done


class Devices(HardwareTest):
    # row 14 (partial: the build machine has a processor only)
    # row 15 (partial: the processor)
    def test_the_processor_is_what_the_system_shows(self):
        report = self.json_of("devices")
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = re.findall(r"^model name\s*: (.*)$", file.read(), re.M)
        if names:
            self.assertEqual(report["cpu"]["model_name"], names[0])
            self.assertEqual(report["cpu"]["logical"], len(names))
        self.assertGreaterEqual(report["cpu"]["sockets"], 1)
        self.assertGreaterEqual(report["cpu"]["numa_nodes"], 1)
        self.assertIn("quota_cores", report["cpu"])
        self.assertTrue(report["cpu"]["features"])
        for device in report["devices"]:
            self.assertTrue(device["full_name"] and device["driver"])
            self.assertEqual(device["units"], report["cpu"]["cores"])
            self.assertEqual(device["architecture"], report["cpu"]["architecture"])
            self.assertFalse(device["simulated"])

    # row 216 (partial: devices and status; the figure is in docs/performance.md)
    def test_speed_is_measured_once_and_remembered_with_its_date(self):
        env = self.environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))
        first = self.json_of("devices", env=env)["speed"]
        self.assertGreater(first["memory_gb_per_s"], 0)
        self.assertRegex(first["measured_at"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertTrue(first["remembered"])
        if first["kernels"]:
            self.assertGreater(first["gflops_one"], 0)
            self.assertGreater(first["gflops_all"], 0)
        began = time.monotonic()
        again = self.json_of("devices", env=env)["speed"]
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(again, first)
        self.assertEqual(self.json_of("doctor", env=env)["speed"], first)
        self.assertIn(first["measured_at"], self.accel("devices", env=env).stdout.decode())
        time.sleep(1)  # the date has seconds
        anew = self.json_of("devices", "--measure", env=env)["speed"]
        self.assertGreater(anew["measured_at"], first["measured_at"])
        self.assertEqual(self.json_of("devices", env=env)["speed"], anew)

    def test_the_doctor_does_not_measure_by_itself(self):
        env = self.environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))
        self.assertIsNone(self.json_of("doctor", env=env)["speed"])
        self.assertIn("not measured yet", self.accel("doctor", env=env).stdout.decode())

    # row 17
    def test_former_device_names_are_explained_by_every_command(self):
        inputs = self.folder / "ids.safetensors"
        write_safetensors(inputs, {"input_ids": ("I64", [1, 3], [2, 7, 3])})
        infer = ("infer", TINY, "--inputs", inputs, "--output", self.folder / "out.npz")
        for device, command in (("MYRIAD", ("embed", TINY, "x")), ("VPU", ("run", TINY, "x")),
                                ("hddl", ("similarity", TINY, "a", "b")), ("GNA.1", infer)):
            self.refused(NOT_FOUND, *command, "--device", device,
                         says=(device.upper(), "NPU", "expected one of: CPU"))


class Status(HardwareTest):
    # row 18
    # rows 211 and 213
    def test_eight_kinds_of_hardware_answer_with_a_reason(self):
        status = self.json_of("status")
        self.assertEqual([one["type"] for one in status["hardware"]], TYPES)
        spellings = itertools.cycle((str.upper, str.title, str.lower))
        for one, spelling in zip(status["hardware"], spellings):
            self.assertTrue(one["reason"], one)
            self.assertEqual(one["available"], bool(one["backend"]), one)
            code = 0 if one["available"] else UNAVAILABLE
            alone = json.loads(
                self.accel("status", spelling(one["type"]), "--json", code=code).stdout)
            self.assertEqual(alone["hardware"], [one])
        for name in ("cpu", "openvino"):
            one = status["hardware"][TYPES.index(name)]
            self.assertEqual((one["backend"], one["device"]), ("openvino", "CPU"))
        self.refused(INVALID_ARGUMENT, "status", "tpu", says="qualcomm")
        table = self.accel("status").stdout.decode()
        for one in status["hardware"]:
            self.assertIn(one["title"], table)
        doctor = self.json_of("doctor")["acceleration"]
        self.assertEqual(doctor, status)
        self.assertIn("\nacceleration\n", self.accel("doctor").stdout.decode())

    # row 214
    def test_the_switch_is_shown_with_its_value_and_effect(self):
        on = self.json_of("status", env=self.switch("1"))
        self.assertEqual((on["available"], on["enabled"], on["env_value"], on["error"]),
                         (True, True, "1", None))
        self.assertEqual((on["backend"], on["env_var"]), ("openvino", "IPFS_ACCELERATE_ENABLED"))
        for value in ("0", "false", "NO", "disabled"):
            off = self.json_of("status", env=self.switch(value))
            self.assertEqual((off["available"], off["enabled"], off["env_disabled"]),
                             (False, False, True))
            self.assertEqual((off["backend"], off["env_value"]), ("reference", value))
            self.assertIn("local path", off["effect"])
            self.assertIn(value, off["error"])
        self.assertIn("counts as 1", self.json_of("status", env=self.switch("maybe"))["effect"])

    # row 216 (partial: a bound that a loaded machine keeps; docs/performance.md has the figure)
    def test_the_status_is_quick_and_loads_no_model(self):
        self.accel("status")
        began = time.monotonic()
        status = self.json_of("status", env=self.environment(HF_HOME=str(self.folder / "none")))
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(status["backends"], ["openvino", "reference"])


class Switch(HardwareTest):
    """Off and on give the same numbers; off, nothing but the reference computes."""

    # row 20
    def test_without_options_the_engine_computes(self):
        line, _ = self.statistics("embed", TINY, "x")
        self.assertEqual((line["backend"], line["fallback"]), ("openvino", False))
        self.assertNotIn("local_reason", line)

    # rows 215, 221 and 316 (partial: nine recorded models; golden.answers, journey.commands and
    # journey.run run twice)
    def test_the_recorded_models_both_ways(self):
        for name in SUBSET:
            folder = GOLDEN / name
            recorded = read_safetensors(folder / "golden.safetensors")
            case = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["cases"][0]
            inputs = self.folder / f"{name}.safetensors"
            write_safetensors(inputs, {k: recorded[v] for k, v in case["inputs"].items()})
            for value in ("0", "1"):
                with self.subTest(name, switch=value):
                    out = self.folder / "out.safetensors"
                    done = self.accel("infer", folder, "--inputs", inputs, "--output", out,
                                      env=self.switch(value))
                    self.assertEqual("ENABLED=0" in done.stderr, value == "0")
                    found = read_safetensors(out)
                    compared = [k for k in case["outputs"] if k in found]
                    self.assertTrue(compared)
                    for output in compared:
                        self.assertClose(found[output][2], recorded[case["outputs"][output]][2],
                                         2e-4)

    # row 215
    def test_every_command_works_without_acceleration(self):
        off = self.switch("0")
        line, done = self.statistics("embed", TINY, "one text", "--device", "GPU.7", env=off)
        self.assertEqual((line["backend"], line["local_reason"], line["fallback"]),
                         ("reference", "IPFS_ACCELERATE_ENABLED=0", True))
        self.assertIn("GPU.7", line["fallback_reason"])
        self.assertClose(json.loads(done.stdout)["embedding"],
                         self.records("one text")[0]["embedding"])
        answers = [self.accel("run", GOLDEN / "bert-tokcls-cased", "Angela visited Paris.",
                              env=self.switch(value)).stdout for value in ("0", "1")]
        words = [[entity["word"] for entity in json.loads(answer)["result"]] for answer in answers]
        self.assertEqual(words[0], words[1])
        pairs = [self.json_of("similarity", TINY, "a text", "another", "--precision", "f32",
                              env=self.switch(value)) for value in ("0", "1")]
        self.assertAlmostEqual(pairs[0]["pairs"][0]["cosine"], pairs[1]["pairs"][0]["cosine"], 5)
        self.accel("convert", TINY, self.folder / "out", "--json", env=off)
        line, _ = self.statistics("embed", self.folder / "out", "one text", env=off)
        self.assertEqual((line["backend"], line["source"]), ("reference", "openvino-ir"))
        for command in (["devices"], ["doctor"], ["families"], ["show", TINY], ["status"],
                        ["tokenize", TINY, "x"], ["version"], ["self-test"]):
            with self.subTest(command[0]):
                self.accel(*command, env=off)
        self.refused(FAILED_PRECONDITION, "doctor", "--measure", TINY, env=off, says="ENABLED=0")


class LocalPath(HardwareTest):
    # rows 220 and 226
    def test_one_option_needs_neither_plug_in_nor_network_nor_configuration(self):
        bare = self.folder / "engine"
        bare.mkdir()
        for library in engine_folder().iterdir():
            if ".so" in library.name and "plugin" not in library.name:
                (bare / library.name).symlink_to(library)
        home = self.folder / "home"
        home.mkdir()
        env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LD_LIBRARY_PATH": str(bare),
               "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
        line, done = self.statistics("embed", TINY, "one text", "--local", env=env)
        self.assertEqual((line["backend"], line["device"], line["precision"]),
                         ("reference", "CPU", "f32"))
        self.assertEqual((line["local_reason"], line["fallback"]), ("asked for", False))
        self.assertClose(json.loads(done.stdout)["embedding"],
                         self.records("one text")[0]["embedding"])

    def test_it_says_when_it_cannot_have_the_precision(self):
        line, done = self.statistics("embed", TINY, "x", "--local", "--precision", "bf16")
        self.assertEqual((line["precision"], line["fallback"]), ("f32", True))
        self.assertIn("accel: fell back: the local path computes in f32, not in bf16", done.stderr)


class Fallback(HardwareTest):
    # row 22
    def test_an_absent_device_gives_a_notice_and_a_run(self):
        line, done = self.statistics("embed", TINY, "x", "--device", "GPU.7", "--fallback")
        self.assertEqual((line["backend"], line["device"], line["fallback"]),
                         ("openvino", "CPU", True))
        self.assertIn("accel: fell back: openvino on CPU instead of openvino on GPU.7: "
                      "device 'GPU.7' is not on this machine", done.stderr)
        self.assertTrue(json.loads(done.stdout)["embedding"])
        for command in (("run", GOLDEN / "bert-tokcls-cased", "Angela visited Paris."),
                        ("similarity", TINY, "a", "b")):
            done = self.accel(*command, "--device", "MYRIAD", "--fallback")
            self.assertIn("what follows it is NPU", done.stderr)
            self.assertIn("openvino on CPU instead of openvino on MYRIAD", done.stderr)
        self.refused(NOT_FOUND, "embed", TINY, "x", "--device", "GPU.7", says="GPU.7")

    def test_nothing_is_said_where_nothing_was_replaced(self):
        line, done = self.statistics("embed", TINY, "x", "--fallback")
        self.assertEqual((line["backend"], line["fallback"]), ("openvino", False))
        self.assertNotIn("fell back", done.stderr)


class Simulation(HardwareTest):
    # row 19
    def test_simulated_devices_are_marked_everywhere_and_never_measured(self):
        flag = ("--simulate-device", "GPU.1,NPU")
        devices = self.json_of("devices", *flag)["devices"]
        self.assertEqual([d["name"] for d in devices if d["simulated"]], ["GPU.1", "NPU"])
        self.assertIn("SIMULATED", self.accel("devices", *flag).stdout.decode())
        for device in ("GPU.1", "NPU", "CPU"):
            line, done = self.statistics("embed", TINY, "x", "--device", device, *flag)
            self.assertEqual((line["simulated"], line["device"]), (True, "CPU"))
            self.assertIn("accel: devices or faults are simulated", done.stderr)
        self.assertTrue(self.json_of("similarity", TINY, "a", "b", *flag)["simulated"])
        line, _ = self.statistics("run", GOLDEN / "bert-tokcls-cased", "Angela in Paris.", *flag)
        self.assertTrue(line["simulated"])
        self.refused(FAILED_PRECONDITION, "devices", "--measure", *flag, says="simulated")
        self.refused(NOT_FOUND, "embed", TINY, "x", "--device", "GPU.2", *flag, says="GPU.2")
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--simulate-device", "CPU", says="real")

    def test_without_the_flag_nothing_is_simulated(self):
        line, done = self.statistics("embed", TINY, "x")
        self.assertFalse(line["simulated"])
        self.assertNotIn("simulated:", done.stderr)
        self.assertFalse(any(d["simulated"] for d in self.json_of("devices")["devices"]))


if __name__ == "__main__":
    unittest.main()
