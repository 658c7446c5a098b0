"""Models that come as a graph: shown, run, and refused with a message that says what to do. That
their numbers are right is shown by golden.foreign."""

import json
import shutil
import struct
import unittest

from program import (
    DATA,
    DATA_LOSS,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    UNIMPLEMENTED,
    ProgramTest,
    TINY,
    read_safetensors,
    write_safetensors,
)

FOREIGN = DATA / "foreign"


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def place(field, name):
    """An input or output [?, 4] of f32."""
    shape = text(1, text(2, "rows")) + text(1, number(1, 4))
    return text(field, text(1, name) + text(2, text(1, number(1, 1) + text(2, shape))))


def node(name, operation, given, output, domain=""):
    return text(1, text(1, given) + text(2, output) + text(3, name) + text(4, operation) +
                (text(7, domain) if domain else b""))


def onnx(graph, opset=17, **domains):
    opsets = text(8, text(1, "") + number(2, opset))
    opsets += b"".join(text(8, text(1, domain) + number(2, 1)) for domain in domains)
    return number(1, 8) + text(7, graph + text(2, "g") + place(11, "x") + place(12, "y")) + opsets


class ForeignTest(ProgramTest):
    def put(self, *names, settings=None):
        """A folder with the graphs, and with what the folder `settings` has besides weights."""
        folder = self.folder / "model"
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copytree(FOREIGN / name, folder, copy_function=shutil.copyfile,
                            dirs_exist_ok=True)
        if settings:
            ignore = shutil.ignore_patterns("*.safetensors", "golden.json", "pytorch_model.bin")
            shutil.copytree(settings, folder, copy_function=shutil.copyfile, ignore=ignore,
                            dirs_exist_ok=True)
        return folder

    def shown(self, model, *arguments):
        return json.loads(self.accel("show", model, "--json", *arguments).stdout)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path


class Graphs(ForeignTest):
    def test_every_format_is_told_by_its_content(self):
        for name, source in {"dense-tf-frozen/dense.pb": "tensorflow",
                             "dense-tflite/dense.tflite": "tensorflow-lite",
                             "bert-feature-onnx/model.onnx": "onnx"}.items():
            plain = self.folder / "graph"
            shutil.copyfile(FOREIGN / name, plain)
            self.assertEqual(self.shown(plain)["source"], source)
        shutil.copyfile(FOREIGN / "dense-tf-saved" / "saved_model.pb", plain)
        self.refused(INVALID_ARGUMENT, "show", plain, says="saved_model.pb")
        self.assertEqual(self.shown(FOREIGN / "dense-tf-saved/saved_model.pb")["source"],
                         "tensorflow")
        for name, source in {"dense-tf-saved": "tensorflow", "dense-tflite": "tensorflow-lite",
                             "dense-paddle": "paddle", "bert-feature-ir": "openvino-ir"}.items():
            self.assertEqual(self.shown(FOREIGN / name)["source"], source)
        self.assertIn("made of     onnx",
                      self.accel("show", FOREIGN / "bert-feature-onnx").stdout.decode())

    # row 3
    def test_embeds_and_says_which_path_it_took(self):
        for name, source in {"bert-feature-ir": "openvino-ir",
                             "bert-feature-onnx": "onnx"}.items():
            folder = self.put(name, settings=TINY)
            done = self.accel("embed", folder, "--precision", "f32", "a text", "another", "--stats")
            rows = [json.loads(line)["embedding"] for line in done.stdout.decode().splitlines()]
            expected = [one["embedding"] for one in self.records("a text", "another")]
            for row, wanted in zip(rows, expected, strict=True):
                self.assertClose(row, wanted)
            self.assertEqual(json.loads(done.stderr.splitlines()[-1])["source"], source)
            shutil.rmtree(folder)

    def test_runs_its_task(self):
        folder = self.put("bert-qa-external", settings=DATA / "golden" / "bert-qa")
        question = ("Who visited Paris?", "--context", "Angela visited Paris.",
                    "--precision", "f32")
        found = json.loads(self.accel("run", folder, *question).stdout)
        native = json.loads(self.accel("run", DATA / "golden" / "bert-qa", *question).stdout)
        self.assertEqual(found["result"]["answer"], native["result"]["answer"])
        self.assertAlmostEqual(found["result"]["score"], native["result"]["score"], places=4)

    def test_raw_tensors_go_through_under_its_own_names(self):
        inputs, outputs = self.folder / "in.safetensors", self.folder / "out.safetensors"
        index = json.loads((FOREIGN / "index.json").read_text(encoding="utf-8"))
        values = [number for row in index["x"] for number in row]
        write_safetensors(inputs, {"features": ("F32", [5, 4], values)})
        self.accel("infer", FOREIGN / "dense-tf-saved", "--inputs", inputs, "--output", outputs,
                   "--precision", "f32")
        dtype, shape, found = read_safetensors(outputs)["scores"]
        self.assertEqual((dtype, shape), ("F32", [5, 3]))
        self.assertClose(found, [number for row in index["y"] for number in row], 1e-5)

    def test_optimum_is_a_choice(self):
        folder = self.put("bert-feature-ir", "bert-feature-onnx", settings=TINY)
        self.assertEqual(self.shown(folder)["source"], "openvino-ir")
        self.assertEqual(self.shown(folder, "--use-optimum", "false")["source"], "onnx")
        shutil.copyfile(TINY / "model.safetensors", folder / "model.safetensors")
        self.assertEqual(self.shown(folder)["source"], "native")
        self.assertEqual(self.shown(folder, "--use-optimum", "true")["source"], "openvino-ir")
        self.refused(NOT_FOUND, "show", TINY, "--use-optimum", "true", says="optimum-cli export")

    def test_a_tree_lists_files_and_folders(self):
        listed = json.loads(self.accel("models", FOREIGN, "--json").stdout)
        self.assertLessEqual({"bert-feature-ir", "bert-feature-onnx", "dense-tflite"},
                             {model["name"] for model in listed})
        self.assertEqual([model for model in listed if not model["loadable"]], [])
        files = json.loads(self.accel("models", DATA / "gguf", "--json").stdout)
        self.assertTrue(any(model["path"].endswith(".gguf") for model in files))


class BadGraphs(ForeignTest):
    def test_weights_of_an_ir_that_are_missing_or_of_another_size(self):
        folder = self.put("bert-feature-ir")
        weights = folder / "openvino_model.bin"
        content = weights.read_bytes()
        weights.write_bytes(content[:-8])
        self.refused(DATA_LOSS, "show", folder, says=("openvino_model.bin", "cut off"))
        weights.write_bytes(content + bytes(8192))
        self.refused(DATA_LOSS, "show", folder, says=("openvino_model.bin", "another graph"))
        weights.unlink()
        self.refused(NOT_FOUND, "show", folder, says=("openvino_model.bin", "same folder"))

    def test_a_graph_that_is_cut_off(self):
        folder = self.put("bert-feature-onnx")
        model = folder / "model.onnx"
        model.write_bytes(model.read_bytes()[:-1000])
        self.refused(DATA_LOSS, "show", model, says="cut off")
        folder = self.put("bert-feature-ir")
        graph = folder / "openvino_model.xml"
        graph.write_bytes(graph.read_bytes()[:-1000])
        self.refused(DATA_LOSS, "show", graph, says="cut off")

    def test_an_opset_that_is_not_known(self):
        path = self.write("new.onnx", onnx(node("a", "Relu", "x", "y"), opset=999))
        self.refused(UNIMPLEMENTED, "show", path, says=("999", "export the model again"))

    def test_operations_without_a_conversion_are_all_listed(self):
        graph = (node("first", "Foo", "x", "a", "com.acme") + node("second", "Bar", "a", "b") +
                 node("third", "Foo", "b", "y", "com.acme"))
        path = self.write("odd.onnx", onnx(graph, **{"com.acme": 1}))
        self.refused(UNIMPLEMENTED, "show", path,
                     says=("2 operations", "Foo", "Bar", "first", "second", "third"))

    def test_tensors_that_are_missing_or_outside(self):
        folder = self.put("bert-qa-external")
        data = folder / "model.onnx_data"
        content = data.read_bytes()
        data.write_bytes(content[:-4])
        self.refused(DATA_LOSS, "show", folder, says=("model.onnx_data", "fetch"))
        data.unlink()
        self.refused(NOT_FOUND, "show", folder, says=("model.onnx_data", "same folder"))
        outside = self.write("elsewhere", content)
        data.symlink_to(outside)
        self.refused(INVALID_ARGUMENT, "show", folder, says=("link", "own folder"))

        def tensor(location):
            parts = {"location": location, "offset": "0", "length": "16"}
            return (number(1, 4) + number(2, 1) + text(8, "w") + number(14, 1) +
                    b"".join(text(13, text(1, key) + text(2, value))
                             for key, value in parts.items()))
        add = text(1, text(1, "x") + text(1, "w") + text(2, "y") + text(3, "add") + text(4, "Add"))
        for location in ("../elsewhere", str(outside), "a/../../elsewhere"):
            path = self.write("reaching.onnx", onnx(add + text(5, tensor(location))))
            self.refused(INVALID_ARGUMENT, "show", path, says='"w"')

    def test_inputs_without_a_role_are_listed(self):
        folder = self.put(settings=TINY)
        graph = node("a", "Relu", "x", "y")
        (folder / "model.onnx").write_bytes(onnx(graph))
        self.refused(INVALID_ARGUMENT, "show", folder, says='"y"')

    def test_several_graphs_are_a_question(self):
        for name in ("a.onnx", "b.onnx"):
            self.write(name, onnx(node("a", "Relu", "x", "y")))
        self.refused(INVALID_ARGUMENT, "show", self.folder, says="a.onnx, b.onnx")
        self.assertEqual(self.shown(self.folder / "a.onnx")["source"], "onnx")

    def test_what_a_graph_cannot_do_is_said(self):
        path = FOREIGN / "dense-tflite"
        self.refused(FAILED_PRECONDITION, "embed", path, "a text", says="config.json")
        self.refused(FAILED_PRECONDITION, "run", path, "a text", says="config.json")
        self.refused(UNIMPLEMENTED, "show", path, "--verify", says="graph")
        inputs = self.folder / "in.safetensors"
        write_safetensors(inputs, {"z": ("F32", [1, 4], [0.0] * 4)})
        self.refused(INVALID_ARGUMENT, "infer", path, "--inputs", inputs, "--output",
                     self.folder / "out.npz", says=("z is no input", "x is missing"))

    def test_bytes_of_every_kind_end_in_a_message(self):
        for content in (b"", b"\x08", b"\x08\x07", bytes(64), b"<net>", b"TFL3" * 4,
                        struct.pack("<I", 16) + b"TFL3" + b"\xff" * 64,
                        (FOREIGN / "dense-tf-frozen" / "dense.pb").read_bytes()[:200],
                        (FOREIGN / "dense-paddle" / "dense.pdmodel").read_bytes()[:200]):
            path = self.write("bytes", content)
            done = self.accel("show", path, code=None)
            self.assertIn(done.returncode, (INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED, DATA_LOSS),
                          (content[:20], done.stderr))
            # The engine's own libraries have nothing to say to the user.
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
