"""What is wrong with a model or a request is told in one clear message, with the exit code of its
status, and nothing is left behind."""

import json
import os
import pickle
import struct
import unittest
import zipfile

from program import (
    DATA_LOSS,
    INVALID_ARGUMENT,
    NOT_FOUND,
    OUT_OF_RANGE,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    TINY,
    UNIMPLEMENTED,
    ProgramTest,
    read_safetensors,
    safetensors_bytes,
    write_safetensors,
    needs_acceleration,
)


class Folders(ProgramTest):
    def embed_refused(self, code, model, says):
        return self.refused(
            code,
            "embed",
            model,
            "a text",
            "--precision",
            "f32",
            "--output",
            self.folder / "out",
            says=says,
        )

    def test_a_missing_folder(self):
        self.embed_refused(NOT_FOUND, self.folder / "absent", says="absent")
        self.embed_refused(NOT_FOUND, TINY / "config.json", says="config.json")

    def test_a_folder_without_weights(self):
        model = self.tiny_copy()
        (model / "model.safetensors").unlink()
        self.embed_refused(NOT_FOUND, model, says=("model.safetensors", str(model)))
        (model / "config.json").unlink()
        self.embed_refused(NOT_FOUND, model, says="config.json")

    def test_a_family_that_is_not_known(self):
        model = self.tiny_copy()
        self.change_config(model, model_type="rwkv", architectures=["RwkvModel"])
        self.embed_refused(UNIMPLEMENTED, model, says=("rwkv", "bert"))

    def test_a_broken_config(self):
        model = self.tiny_copy()
        config = model / "config.json"
        whole = config.read_text()
        for text, words in (
            (whole[:100], "config.json"),
            ("[]", "config.json"),
            ("", "config.json"),
            (whole.replace('"hidden_size": 32', '"hidden_size": "big"'), "hidden_size"),
            (whole.replace('"hidden_size": 32', '"hidden_size": -32'), "hidden_size"),
            (whole.replace('"gelu"', '"gelato"'), "gelato"),
            ("[" * 100_000, "config.json"),
        ):
            config.write_text(text)
            with self.subTest(config=text[:40]):
                done = self.accel("embed", model, "a text", code=None)
                self.assertIn(done.returncode, (INVALID_ARGUMENT, UNIMPLEMENTED, DATA_LOSS))
                self.assertIn(words, done.stderr)

    def test_a_broken_tokenizer(self):
        model = self.tiny_copy()
        tokenizer = model / "tokenizer.json"
        whole = tokenizer.read_text(encoding="utf-8")
        for text in (whole[:1000], "{}", "", whole.replace('"WordPiece"', '"WordSoup"')):
            tokenizer.write_text(text, encoding="utf-8")
            self.embed_refused(INVALID_ARGUMENT, model, says="tokenizer.json")
            self.refused(INVALID_ARGUMENT, "tokenize", model, "a text", says="tokenizer.json")
        tokenizer.unlink()
        self.embed_refused(NOT_FOUND, model, says="tokenizer.json")

    def test_a_tokenizer_that_knows_more_than_the_model(self):
        model = self.tiny_copy()
        path = model / "tokenizer.json"
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        tokenizer["model"]["vocab"]["zebra"] = 1000
        path.write_text(json.dumps(tokenizer), encoding="utf-8")
        done = self.accel("embed", model, "a zebra", code=None)
        self.assertIn(done.returncode, (INVALID_ARGUMENT, OUT_OF_RANGE), done.stderr)
        self.assertIn("1000", done.stderr)

    def change_config(self, model, **changes):
        path = model / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


class Weights(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.tiny_copy()
        self.file = self.model / "model.safetensors"
        blob = self.file.read_bytes()
        (length,) = struct.unpack("<Q", blob[:8])
        self.header = json.loads(blob[8 : 8 + length])
        self.data = blob[8 + length :]

    def embed_refused(self, code, *says):
        self.refused(
            code,
            "embed",
            self.model,
            "a text",
            "--precision",
            "f32",
            "--output",
            self.folder / "out",
            says=("model.safetensors", *says),
        )

    def test_headers_that_do_not_hold(self):
        self.header.pop("__metadata__", None)
        first, second = sorted(self.header, key=lambda n: self.header[n]["data_offsets"])[:2]
        lies = {
            "overlapping": (
                first,
                {"data_offsets": [0, self.header[first]["data_offsets"][1] + 4]},
            ),
            "size": (first, {"shape": [7, 7]}),
            "beyond": (second, {"data_offsets": [2**40, 2**40 + 4]}),
            "backwards": (second, {"data_offsets": [64, 0]}),
            "negative": (second, {"shape": [-1, 4]}),
            "huge": (second, {"shape": [2**62, 2**62]}),
        }
        for name, (tensor, change) in lies.items():
            with self.subTest(name):
                header = {**self.header, tensor: {**self.header[tensor], **change}}
                self.file.write_bytes(safetensors_bytes(header, self.data))
                self.embed_refused(DATA_LOSS, tensor)

    def test_files_that_are_cut_or_padded(self):
        for name, blob in {
            "truncated": safetensors_bytes(self.header, self.data[:-1]),
            "oversized": safetensors_bytes(self.header, self.data + b"\0"),
            "empty": b"",
            "seven": b"\0" * 7,
            "long header": struct.pack("<Q", 2**60) + b"{}",
            "no json": safetensors_bytes(b"{" * 1000),
            "array": safetensors_bytes(b"[]"),
        }.items():
            with self.subTest(name):
                self.file.write_bytes(blob)
                self.embed_refused(DATA_LOSS)

    def test_an_unknown_element_type(self):
        name = next(iter(self.header.keys() - {"__metadata__"}))
        self.header[name]["dtype"] = "F6_E3M2"
        self.file.write_bytes(safetensors_bytes(self.header, self.data))
        self.embed_refused(UNIMPLEMENTED, "F6_E3M2")

    def test_misaligned_weights_are_read_all_the_same(self):
        text = json.dumps(self.header).encode()
        text += b" " * ((4 - len(text)) % 8 + 1)  # the data begin at an odd address
        self.file.write_bytes(safetensors_bytes(text, self.data))
        found = self.records("a text", model=self.model)
        self.assertClose(found[0]["embedding"], self.records("a text")[0]["embedding"], 1e-6)

    def test_missing_extra_and_misshapen_weights_are_all_named(self):
        tensors = {
            name: (
                entry["dtype"],
                entry["shape"],
                list(struct.unpack(f"<{(e - b) // 4}f", self.data[b:e])),
            )
            for name, entry in self.header.items()
            if name != "__metadata__"
            for b, e in [entry["data_offsets"]]
        }
        names = sorted(tensors)
        query = next(n for n in names if n.endswith("layer.0.attention.self.query.weight"))
        norm = next(n for n in names if n.endswith("embeddings.LayerNorm.bias"))
        words = next(n for n in names if n.endswith("word_embeddings.weight"))
        del tensors[query], tensors[norm]
        dtype, shape, values = tensors[words]
        tensors[words] = (dtype, [shape[0] // 2, shape[1] * 2], values)
        tensors["encoder.surprise"] = ("F32", [1], [0.0])
        write_safetensors(self.file, tensors)
        done = self.accel("embed", self.model, "a text", code=INVALID_ARGUMENT)
        for name in (query, norm, words, "encoder.surprise"):
            self.assertIn(name.removeprefix("bert."), done.stderr)


class Evil:
    """Pickles as a call of os.system."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class OtherFilesOfWeights(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.tiny_copy()
        (self.model / "model.safetensors").unlink()

    def show_refused(self, code, says):
        self.refused(code, "show", self.model, says=says)

    def test_a_pickle_that_would_run_a_command(self):
        mark = self.folder / "pwned"
        for protocol in range(6):
            text = pickle.dumps({"w": Evil(f"touch {mark}")}, protocol=protocol)
            for name in ("pytorch_model.bin", "model.pt", "other.pth"):
                file = self.model / name
                file.write_bytes(text)
                self.show_refused(PERMISSION_DENIED, says=(name, "posix.system"))
                with zipfile.ZipFile(file, "w") as archive:
                    archive.writestr("archive/data.pkl", text)
                self.show_refused(PERMISSION_DENIED, says=(name, "posix.system"))
                file.unlink()
        self.assertFalse(mark.exists())

    def test_an_archive_that_unpacks_to_more_than_it_may(self):
        with zipfile.ZipFile(self.model / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("archive/data.pkl", bytes(64 << 20))
        self.show_refused(UNIMPLEMENTED, says="compressed")

    def test_shards_that_are_missing_or_elsewhere(self):
        index = self.model / "model.safetensors.index.json"
        for file, code, words in (("shard.safetensors", NOT_FOUND, "missing"),
                                  ("../model.safetensors", INVALID_ARGUMENT, "leaves its folder"),
                                  ("/etc/passwd", INVALID_ARGUMENT, "is absolute")):
            index.write_text(json.dumps({"weight_map": {"a": file}}))
            self.show_refused(code, says=(index.name, words))

    def test_weights_that_are_no_numbers(self):
        tensors = read_safetensors(TINY / "model.safetensors")
        name = sorted(name for name, (dtype, _, _) in tensors.items() if dtype == "F32")[0]
        tensors[name][2][:3] = [float("nan"), float("nan"), float("-inf")]
        write_safetensors(self.model / "model.safetensors", tensors)
        self.accel("show", self.model)  # not looked for
        self.refused(DATA_LOSS, "show", self.model, "--verify", says=name)
        done = self.accel("show", self.model, "--verify", "--json", code=DATA_LOSS)
        damaged, = json.loads(done.stdout)["weights"]["damaged"]
        self.assertEqual((damaged["name"], damaged["nan"], damaged["infinite"]), (name, 2, 1))
        self.assertEqual(json.loads(self.accel("show", TINY, "--verify", "--json").stdout)
                         ["weights"]["damaged"], [])


class Tensors(ProgramTest):
    """accel infer."""

    def setUp(self):
        super().setUp()
        self.inputs = self.folder / "inputs.safetensors"
        self.output = self.folder / "out.safetensors"
        self.good = {
            "input_ids": ("I64", [1, 3], [2, 50, 3]),
            "attention_mask": ("I64", [1, 3], [1, 1, 1]),
        }

    def infer_refused(self, code, tensors, *says):
        write_safetensors(self.inputs, tensors)
        self.refused(
            code,
            "infer",
            TINY,
            "--inputs",
            self.inputs,
            "--output",
            self.output,
            "--precision",
            "f32",
            says=says,
        )

    def test_wrong_names_dtypes_and_shapes_list_the_expected_ones(self):
        good = self.good
        self.infer_refused(
            INVALID_ARGUMENT,
            {"ids": good["input_ids"]},
            "ids",
            "input_ids",
            "attention_mask",
            "token_type_ids",
        )
        self.infer_refused(
            INVALID_ARGUMENT, {**good, "extra": ("F32", [1], [0.5])}, "extra", "input_ids"
        )
        self.infer_refused(
            INVALID_ARGUMENT,
            {**good, "input_ids": ("F32", [1, 3], [1.5, 2, 3])},
            "input_ids",
            "i64",
        )
        self.infer_refused(
            INVALID_ARGUMENT, {**good, "input_ids": ("I64", [3], [2, 50, 3])}, "input_ids", "[3]"
        )
        self.infer_refused(
            INVALID_ARGUMENT,
            {**good, "attention_mask": ("I64", [1, 4], [1, 1, 1, 1])},
            "attention_mask",
        )

    def test_ids_beyond_the_vocabulary(self):
        for bad in (1000, -1, 2**40):
            self.infer_refused(
                OUT_OF_RANGE, {**self.good, "input_ids": ("I64", [1, 3], [2, bad, 3])}, str(bad)
            )

    def test_files_that_are_no_tensors(self):
        self.refused(
            NOT_FOUND,
            "infer",
            TINY,
            "--inputs",
            self.folder / "absent",
            "--output",
            self.output,
            says="absent",
        )
        self.inputs.write_text("no tensors at all")
        self.refused(
            DATA_LOSS,
            "infer",
            TINY,
            "--inputs",
            self.inputs,
            "--output",
            self.output,
            says=("inputs.safetensors", "no safetensors file"),
        )
        self.refused(INVALID_ARGUMENT, "infer", TINY, says="--inputs FILE")

    def test_outputs_that_cannot_be(self):
        write_safetensors(self.inputs, self.good)
        for path, code, words in (
            (self.folder / "out.npy", INVALID_ARGUMENT, "pooler_output"),
            (self.folder / "out.txt", INVALID_ARGUMENT, ".safetensors"),
            (self.folder / "no" / "out.npz", NOT_FOUND, "no/out.npz"),
        ):
            self.refused(
                code,
                "infer",
                TINY,
                "--inputs",
                self.inputs,
                "--output",
                path,
                "--precision",
                "f32",
                says=words,
            )

    def test_a_full_disk(self):
        write_safetensors(self.inputs, self.good)
        self.output.symlink_to("/dev/full")
        self.refused(
            RESOURCE_EXHAUSTED,
            "infer",
            TINY,
            "--inputs",
            self.inputs,
            "--output",
            self.output,
            "--precision",
            "f32",
            says="No space left",
        )


class Requests(ProgramTest):
    @needs_acceleration
    def test_devices_and_precisions_that_are_not_there(self):
        self.refused(NOT_FOUND, "embed", TINY, "x", "--device", "GPU.7", says=("GPU.7", "CPU"))
        self.refused(UNIMPLEMENTED, "embed", TINY, "x", "--precision", "INT8", says="not available")
        self.refused(UNIMPLEMENTED, "embed", TINY, "x", "--precision", "i4", says="not available")
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--precision", "f8", says="bf16")
        self.refused(
            UNIMPLEMENTED,
            "embed",
            TINY,
            "x",
            "--backend",
            "reference",
            "--precision",
            "f16",
            says="f32",
        )
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--backend", "tpu", says="reference")

    @needs_acceleration
    # row 17
    def test_former_device_names_are_explained(self):
        for device in ("MYRIAD", "VPU", "MYRIAD.1.2-ma2480"):
            self.refused(NOT_FOUND, "embed", TINY, "x", "--device", device,
                         says=(device, "NPU", "expected one of: CPU"))

    def test_names_from_outside_cannot_drive_the_terminal(self):
        done = self.refused(NOT_FOUND, "embed", "no\x1b[2Jsuch\x07model", "x", says="\\x1b")
        self.assertNotIn("\x1b", done.stderr)

    def test_commands_and_flags_that_are_not_there(self):
        self.refused(INVALID_ARGUMENT, "embd", says="did you mean embed?")
        self.refused(
            INVALID_ARGUMENT, "embed", TINY, "x", "--fromat", "csv", says="did you mean --format?"
        )
        self.refused(
            INVALID_ARGUMENT, "embed", TINY, "x", "--format", "xml", says="jsonl, json, npy, csv"
        )
        self.refused(INVALID_ARGUMENT, "show", says="expected MODEL")
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--dimensions", "33", says="32")
        self.refused(INVALID_ARGUMENT, "embed", TINY, "x", "--streams", "many", says="whole number")

    def test_a_line_that_never_ends(self):
        process = self.start("embed", TINY, "--precision", "f32", "--output", self.folder / "out")
        piece = b"x" * (1 << 20)
        with self.assertRaises(BrokenPipeError):
            for _ in range(200):
                process.stdin.write(piece)
        self.assertEqual(process.wait(120), RESOURCE_EXHAUSTED)
        self.assertIn(b"line 1 is longer", process.stderr.read())
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
