#!/usr/bin/env python3
"""Writes the files in tests/data/tensors and the seeds of the tensor fuzz targets.

They come from the formats' own libraries, so that the tests of src/tensors compare against those
and not against themselves. Needed: numpy 2, safetensors, ml_dtypes (tried: 2.4.6, 0.8.0, 0.6.0).
The committed files are the ones that count; run this only to add to them.
"""

import io
import json
import shutil
import struct
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parent.parent / "tests" / "data"
OUT = ROOT / "tensors"
SEEDS = ROOT / "fuzz"

NUMPY_TYPES = ["bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
SMALL_TYPES = {"bf16": ml_dtypes.bfloat16, "f8_e4m3": ml_dtypes.float8_e4m3fn,
               "f8_e5m2": ml_dtypes.float8_e5m2}


def values(dtype, shape=(2, 3, 4)):
    """The numbers that the tests expect: (37 i + 11) mod 100, shifted or scaled to fit the type."""
    dtype = np.dtype(dtype)
    step = (np.arange(np.prod(shape, dtype=int)) * 37 + 11) % 100
    if dtype == bool:
        numbers = step % 3 == 0
    elif dtype.kind == "u":
        numbers = step
    elif dtype.kind == "i":
        numbers = step - 50
    else:
        numbers = step / 8 - 6
    return numbers.astype(dtype).reshape(shape)


class Unseekable(io.RawIOBase):
    """A pipe: makes zipfile write the sizes behind the data."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


def write_numpy():
    arrays = {name: values(name) for name in NUMPY_TYPES}
    np.savez(OUT / "all_types.npz", **arrays)
    np.savez_compressed(OUT / "compressed.npz", **arrays)
    np.savez(OUT / "fortran.npz", **{n: np.asfortranarray(a) for n, a in arrays.items()})
    np.savez(OUT / "big_endian.npz", **{n: a.astype(a.dtype.newbyteorder(">"))
                                        for n, a in arrays.items()})
    np.savez(OUT / "names.npz", **{"a/b": values("f4", (2,)), "grün": values("i8", (3,)),
                                   "": values("u1", (1,))})
    np.savez(OUT / "no_arrays.npz")
    with zipfile.ZipFile(Unseekable(OUT / "streamed.npz"), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array)
    np.save(OUT / "vector.npy", values("f4", (5,)))
    np.save(OUT / "matrix.npy", values("f4", (3, 5)))
    np.save(OUT / "scalar.npy", np.float64(2.5))
    np.save(OUT / "empty.npy", np.zeros((0, 5), "i8"))
    np.save(OUT / "fortran_big_endian.npy", np.asfortranarray(values(">f4", (3, 5))))
    for major in (2, 3):
        with open(OUT / f"version{major}.npy", "wb") as file:
            np.lib.format.write_array(file, values("f4", (3, 5)), version=(major, 0))
    np.save(OUT / "complex.npy", values("f4", (2,)).astype("c8"))
    np.save(OUT / "objects.npy", np.array([{}, None]), allow_pickle=True)
    np.save(OUT / "records.npy", np.zeros(2, [("x", "f4"), ("y", "i4")]))
    python2 = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 5L), }\n"
    data = values("f4", (3, 5)).tobytes()
    (OUT / "python2.npy").write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(python2)) +
                                      python2 + data)


def write_safetensors():
    arrays = {name: values(name) for name in NUMPY_TYPES}
    arrays.update({name: values(dtype) for name, dtype in SMALL_TYPES.items()})
    arrays["scalar"] = values("f4", ())
    arrays["empty"] = values("i8", (0, 5))
    # One text of metadata: the library writes several in an order of chance.
    save_file(arrays, OUT / "all_types.safetensors", {"grün": "\"1\"\n"})
    # Legal, but the f4 starts at an odd byte.
    byte, floats = values("u1", (1,)), values("f4", (3,))
    header = json.dumps({"byte": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
                         "floats": {"dtype": "F32", "shape": [3], "data_offsets": [1, 13]}})
    (OUT / "misaligned.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header.encode() + byte.tobytes() + floats.tobytes())


def write_rounding():
    """Doubles next to every kind of boundary, and what numpy and ml_dtypes make of them."""
    rng = np.random.default_rng(7)
    inputs = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 5e-324, 1e-310]
    for kind in (np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2):
        info = ml_dtypes.finfo(kind)
        for edge in (float(info.max), float(info.smallest_normal), float(info.smallest_subnormal)):
            for factor in (0.25, 0.5, 0.75, 1.0, 1.03125, 1.0625, 1.25, 1.5, 2.0):
                inputs += [edge * factor, -np.nextafter(edge * factor, 0),
                           np.nextafter(edge * factor, np.inf)]
    # Exact ties: an odd number of half units in the last place.
    for bits in (11, 8, 4, 3):
        odd = rng.integers(2**bits, 2**(bits + 1), 25) | 1
        inputs += list(odd * 2.0 ** rng.integers(-12, 4, 25))
    inputs += list(rng.standard_normal(100) * 2.0 ** rng.integers(-30, 20, 100))
    f64 = np.array(inputs)
    with np.errstate(all="ignore"):
        np.savez_compressed(
            OUT / "rounding.npz", f64=f64, f32=f64.astype("f4"), f16=f64.astype("f2"),
            bf16=to_small(f64, ml_dtypes.bfloat16).view("u2"),
            f8_e4m3=to_small(f64, ml_dtypes.float8_e4m3fn).view("u1"),
            f8_e5m2=to_small(f64, ml_dtypes.float8_e5m2).view("u1"))


def to_small(numbers, dtype):
    """Rounds once, from the exact value: ml_dtypes goes through f32 and may round twice."""
    patterns = np.arange(256, dtype="u1") if np.dtype(dtype).itemsize == 1 else np.arange(
        65536, dtype="u2")
    finite = patterns.view(dtype).astype("f8")
    finite = np.unique(finite[np.isfinite(finite)])
    single = numbers.astype("f4").astype("f8")
    result = numbers.astype("f4").astype(dtype)
    twice = np.isfinite(numbers) & (single != numbers) & (np.abs(numbers) < finite.max())
    for i in np.nonzero(twice)[0]:  # none of these is a tie: a tie is exact in f32
        above = np.searchsorted(finite, numbers[i])
        low, high = finite[above - 1], finite[above]
        near = low if numbers[i] - low < high - numbers[i] else high
        result[i] = np.copysign(np.array(near), numbers[i]).astype(dtype)
    return result


def write_seeds():
    """Small files that the fuzzers start from."""
    for target, names in {
            "safetensors_fuzz": ["misaligned.safetensors", "all_types.safetensors"],
            "npy_fuzz": ["matrix.npy", "version2.npy", "python2.npy", "fortran_big_endian.npy",
                         "scalar.npy", "empty.npy", "records.npy"],
            "zip_fuzz": ["names.npz", "streamed.npz", "no_arrays.npz"]}.items():
        folder = SEEDS / target
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in names:
            shutil.copyfile(OUT / name, folder / name)
    # A header alone, of a file with the 64 bytes of data that the fuzz target supposes.
    (SEEDS / "safetensors_fuzz" / "header.json").write_text(json.dumps({
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "I64", "shape": [5], "data_offsets": [24, 64]}}))


def main():
    """Everything but written_by_accel.npz, which is our own output (see npz_test.cc)."""
    OUT.mkdir(parents=True, exist_ok=True)
    write_numpy()
    write_safetensors()
    write_rounding()
    for path in OUT.iterdir():
        path.chmod(0o644)
    write_seeds()


if __name__ == "__main__":
    main()
