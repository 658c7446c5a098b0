"""The program and library without the OpenVINO backend, as -DACCEL_OPENVINO_BACKEND=OFF makes them:
everything works on the reference backend, and what the backend adds takes nothing away.

$ACCEL_CORE_BIN is that program, $ACCEL_LIBRARY and $ACCEL_CORE_LIBRARY the two libraries."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from program import ACCEL, DATA, OK, TINY, ProgramTest
from test_commands import engine_folder

CORE = os.environ.get("ACCEL_CORE_BIN", "")
LIBRARIES = [os.environ.get(name, "") for name in ("ACCEL_LIBRARY", "ACCEL_CORE_LIBRARY")]


def said(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, check=True,
                          capture_output=True, text=True).stdout


# row 217
@unittest.skipUnless(CORE, "set ACCEL_CORE_BIN to a program built without the OpenVINO backend")
class Core(ProgramTest):
    def environment(self, **changes):
        plain = super().environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))
        plain.pop("IPFS_ACCELERATE_ENABLED", None)
        return {**plain, **changes}

    def core(self, *arguments, code=OK, **changes):
        done = subprocess.run([CORE, *map(str, arguments)], env=self.environment(**changes),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                              check=False)
        self.assertEqual(done.returncode, code, done.stderr or done.stdout)
        return done.stdout, done.stderr

    def test_models_run_on_the_reference_backend_and_results_say_so(self):
        out, err = self.core("embed", TINY, "a text", "--stats")
        whole = self.accel("embed", TINY, "a text", "--precision", "f32")
        self.assertClose(json.loads(out)["embedding"], json.loads(whole.stdout)["embedding"])
        self.assertIn("fell back: reference on CPU instead of openvino on CPU: this build leaves "
                      "the OpenVINO backend out", err)
        report = json.loads(err.splitlines()[-1])
        self.assertEqual((report["backend"], report["fallback"]), ("reference", True))
        out, err = self.core("embed", TINY, "a text", "--backend", "reference")
        self.assertEqual(err, "")
        for name in ("vit-imgcls", "t5"):
            model = DATA / "golden" / name
            self.core("show", model)
        self.core("convert", TINY, "--output", self.folder / "converted")
        self.core("embed", self.folder / "converted", "a text")
        self.core("self-test")

    def test_what_is_left_out_is_told_with_what_adds_it(self):
        out, _ = self.core("doctor", "--json")
        report = json.loads(out)
        part = next(part for part in report["optional"] if part["name"] == "OpenVINO backend")
        self.assertFalse(part["present"])
        self.assertIn("ACCEL_OPENVINO_BACKEND", part["found"])
        self.assertTrue(report["ok"], "nothing that this build needs is missing")
        backends = {one["name"]: one for one in json.loads(self.core("version", "--json")[0])
                    ["backends"]}
        self.assertFalse(backends["openvino"]["available"])
        self.assertIn("-DACCEL_OPENVINO_BACKEND=ON", backends["openvino"]["remedy"])
        self.assertTrue(backends["reference"]["available"])
        devices = json.loads(self.core("devices", "--json")[0])["devices"]
        self.assertEqual({device["backend"] for device in devices}, {"reference"})

    def test_the_engines_library_alone_is_enough(self):
        bare = self.folder / "engine"
        bare.mkdir()
        for name in ("libopenvino.so", "libtbb.so"):
            for library in engine_folder().glob(f"{name}*"):
                (bare / library.name).symlink_to(library)
        self.core("embed", TINY, "a text", LD_LIBRARY_PATH=str(bare))
        self.core("doctor", LD_LIBRARY_PATH=str(bare))

    # row 219 (partial: the program)
    def test_commands_and_options_are_those_of_the_whole_program(self):
        listing = said(CORE, "help")
        self.assertEqual(listing, said(ACCEL, "help"))
        names = re.findall(r"^  ([a-z][a-z-]*)  ", listing, re.MULTILINE)
        self.assertGreater(len(names), 20)
        for name in names:
            self.assertEqual(said(CORE, name, "--help"), said(ACCEL, name, "--help"))
        for listing in (["config", "options", "--json"], ["families", "--json"]):
            self.assertEqual(said(CORE, *listing), said(ACCEL, *listing))

    # row 219
    @unittest.skipUnless(all(LIBRARIES) and shutil.which("nm"), "needs both libraries, and nm")
    def test_the_library_loses_no_symbol_and_no_header(self):
        def exported(library):
            names = said("nm", "-DC", "--defined-only", library)
            return {line.split(" ", 2)[2] for line in names.splitlines()}
        whole, core = map(exported, LIBRARIES)
        self.assertGreater(len(core), 50)
        self.assertEqual(core - whole, set(), "the part only adds")
        own = {name for name in whole - core if "accel::" in name}
        self.assertEqual(own, set(), "and the public interface is the same")
        # One set of headers, which do not ask how accel was built.
        for header in (DATA.parents[1] / "include" / "accel").glob("*.h"):
            self.assertNotIn("ACCEL_OPENVINO_BACKEND", header.read_text(encoding="utf-8"))

    # row 218
    def test_one_option_of_the_build_adds_the_part(self):
        root = DATA.parents[1]
        if not shutil.which("cmake") or not shutil.which("ninja"):
            self.skipTest("needs cmake and ninja")
        sources = {}
        for value in ("OFF", "ON"):
            build = self.folder / value
            done = subprocess.run(["cmake", "-S", root, "-B", build, "-G", "Ninja",
                                   f"-DACCEL_OPENVINO_BACKEND={value}", "-DACCEL_TESTS=OFF",
                                   "-DACCEL_BENCH=OFF", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
                                  capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
            sources[value] = {str(pathlib.Path(one["file"]).relative_to(root))
                              for one in commands if one["file"].startswith(str(root / "src"))}
        only = {value: sorted(sources[value] - sources[other])
                for value, other in (("OFF", "ON"), ("ON", "OFF"))}
        self.assertEqual(only["OFF"], ["src/backends/openvino/left_out.cc"])
        self.assertIn("src/backends/openvino/openvino_backend.cc", only["ON"])
        for source in only["ON"]:
            self.assertTrue(source.startswith("src/backends/openvino/") or
                            source == "src/engine/probe_main.cc", source)


if __name__ == "__main__":
    unittest.main()
