#!/usr/bin/env python3
"""Writes the PyTorch files in tests/data/tensors/torch and the seeds of their fuzz targets.

They come from PyTorch, so that the tests of src/tensors compare against it and not against
themselves. Needed: torch 2 (tried: 2.13). The committed files are the ones that count; run this
only to add to them. None of the hostile ones is ever loaded here.
"""

import io
import os
import pickle
import shutil
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent / "tests" / "data"
OUT = ROOT / "tensors" / "torch"
SEEDS = ROOT / "fuzz"

TYPES = {"bool": torch.bool, "u8": torch.uint8, "i8": torch.int8, "u16": torch.uint16,
         "i16": torch.int16, "u32": torch.uint32, "i32": torch.int32, "u64": torch.uint64,
         "i64": torch.int64, "f8_e4m3": torch.float8_e4m3fn, "f8_e5m2": torch.float8_e5m2,
         "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64}
OLD_TYPES = ["bool", "u8", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"]


def values(name, shape=(2, 3, 4)):
    """The numbers that the tests expect: (37 i + 11) mod 100, shifted or scaled to fit the type."""
    count = torch.Size(shape).numel()
    step = (torch.arange(count) * 37 + 11) % 100
    if name == "bool":
        numbers = step % 3 == 0
    elif name[0] == "u":
        numbers = step
    elif name[0] == "i":
        numbers = step - 50
    else:
        numbers = step.double() / 8 - 6
    return numbers.to(TYPES[name]).reshape(shape)


def views():
    """Tensors that share a storage: slices, transposes, steps, repetitions, and a twin."""
    base = values("f32", (6, 8))
    return OrderedDict([
        ("base", base), ("twin", base), ("rows", base[2:4]), ("transposed", base.t()),
        ("column", base[:, 3]), ("steps", base[::2, 1::3]), ("repeated", base[0].expand(3, 8)),
        ("last", base[5:, 7]), ("scalar", base[1, 2]), ("none", base[6:]),
        ("permuted", values("f16").permute(2, 0, 1)),
    ])


class Calls:
    """What a hostile pickle asks to be called."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def archive(entries, path, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(f"archive/{name}", content)


def entries_of(path):
    with zipfile.ZipFile(path) as file:
        return {name.split("/", 1)[1]: file.read(name) for name in file.namelist()}


def write_good():
    torch.save({name: values(name) for name in TYPES}, OUT / "all_types.pt")
    torch.save({name: values(name) for name in OLD_TYPES}, OUT / "old_format.pt",
               _use_new_zipfile_serialization=False)
    torch.save(views(), OUT / "views.pt")
    torch.save(views(), OUT / "old_views.pt", _use_new_zipfile_serialization=False)
    # As training scripts write them.
    layer = torch.nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(values("f32", (2, 3)))
        layer.bias.copy_(values("f32", (2,)))
    noted = torch.nn.Parameter(values("f32", (4,)))
    noted.note = "kept"
    wrapped = {"epoch": 3, "best": torch.tensor(0.5), "lr": 1e-3, "name": "grün", "huge": 10**30,
               "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{}]},
               "state_dict": OrderedDict([(f"module.{name}", tensor) for name, tensor in
                                          layer.state_dict(keep_vars=True).items()])}
    wrapped["state_dict"]["module.noted"] = noted
    torch.save(wrapped, OUT / "wrapped.pt")
    for protocol in (2, 3, 4, 5):
        torch.save(layer.state_dict(), OUT / f"protocol_{protocol}.pt", pickle_protocol=protocol)
    torch.serialization.set_crc32_options(False)
    torch.save(layer.state_dict(), OUT / "no_checksums.pt")
    torch.serialization.set_crc32_options(True)


def write_refused():
    torch.save(torch.nn.Linear(2, 2), OUT / "module.pt")
    torch.save([values("f32", (2,))], OUT / "list.pt")
    torch.save({"epoch": 3, "lr": 0.5}, OUT / "no_tensors.pt")
    torch.save({"sparse": torch.eye(2).to_sparse()}, OUT / "sparse.pt")
    torch.save({"complex": torch.ones(2, dtype=torch.complex64)}, OUT / "complex.pt")
    torch.save({"bomb": torch.zeros(1).expand(1 << 20, 1 << 20)}, OUT / "repeated_bomb.pt")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(OUT / "program.pt"))
    good = entries_of(OUT / "protocol_2.pt")
    for protocol in (0, 2, 4):
        hostile = pickle.dumps({"w": Calls(os.system, "touch pwned")}, protocol=protocol)
        (OUT / f"system_{protocol}.pkl").write_bytes(hostile)
        archive({**good, "data.pkl": hostile}, OUT / f"system_{protocol}.pt")
    archive({**good, "data.pkl": pickle.dumps(Calls(eval, "1"), protocol=2)}, OUT / "eval.pt")
    archive({**good, "byteorder": b"big"}, OUT / "big.pt")
    archive({name: content for name, content in good.items() if name != "data/1"},
            OUT / "storage_missing.pt")
    archive({**good, "data/0": good["data/0"][:-4]}, OUT / "storage_short.pt")
    archive({**good, "data/0": bytes(8 << 20)}, OUT / "bomb.pt", zipfile.ZIP_DEFLATED)
    archive({**good, "../../data/0": b""}, OUT / "leaves.pt")


def write_seeds():
    for target in ("pickle_fuzz", "torch_file_fuzz"):
        (SEEDS / target).mkdir(parents=True, exist_ok=True)
    for name in ("protocol_2", "wrapped", "views"):
        content = entries_of(OUT / f"{name}.pt")["data.pkl"]
        (SEEDS / "pickle_fuzz" / f"{name}.pkl").write_bytes(content)
    small = io.BytesIO()
    torch.save({"w": values("f32", (2, 3)).t()}, small, _use_new_zipfile_serialization=False)
    (SEEDS / "torch_file_fuzz" / "old.pt").write_bytes(small.getvalue())
    small = io.BytesIO()
    torch.save({"w": values("f32", (2, 3)).t()}, small)
    (SEEDS / "torch_file_fuzz" / "new.pt").write_bytes(small.getvalue())
    shutil.copy(OUT / "system_2.pt", SEEDS / "torch_file_fuzz" / "system.pt")


if __name__ == "__main__":
    torch.manual_seed(0)
    write_good()
    write_refused()
    write_seeds()
