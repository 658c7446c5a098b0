"""Do the contenders do the same work? Cosines to the reference, before anything is timed."""

import array
import ast
import struct
from operator import mul


class AnswersDiffer(Exception):
    pass


COSINE_MIN = {"f32": 0.9999, "bf16": 0.999, "f16": 0.999, "auto": 0.999}


def read_npy(path):
    """Rows of a two-dimensional little-endian f32 .npy file, each an array of floats."""
    raw = path.read_bytes()
    if raw[:6] != b"\x93NUMPY":
        raise AnswersDiffer(f"{path.name} is not an .npy file")
    size, start = (struct.unpack_from("<H", raw, 8)[0], 10) if raw[6] == 1 else (
        struct.unpack_from("<I", raw, 8)[0], 12)
    header = ast.literal_eval(raw[start : start + size].decode("latin-1"))
    if header["descr"] != "<f4" or header["fortran_order"] or len(header["shape"]) != 2:
        raise AnswersDiffer(f"{path.name}: expected f32 [texts, size], found {header}")
    rows, columns = header["shape"]
    values = array.array("f")
    values.frombytes(raw[start + size :])
    if len(values) != rows * columns:
        raise AnswersDiffer(f"{path.name}: expected {rows * columns} numbers, found {len(values)}")
    return [values[row * columns : (row + 1) * columns] for row in range(rows)]


def dot(a, b):
    return sum(map(mul, a, b))


def cosines(rows, reference):
    if len(rows) != len(reference) or len(rows[0]) != len(reference[0]):
        raise AnswersDiffer(
            f"expected {len(reference)} vectors of {len(reference[0])}, "
            f"found {len(rows)} of {len(rows[0])}"
        )
    return [dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5 for a, b in zip(rows, reference)]


def compare(workers, contenders, reference, texts, folder):
    """name -> {"min", "mean"} of the cosines to the contender called `reference`. Raises when one
    lies below its precision's bound: figures of different work are not comparable."""
    precisions = {contender.name: contender.precision for contender in contenders}
    vectors = {}
    for worker in workers:
        out = folder / f"{worker.name}.npy"
        worker.ask("vectors", path=str(texts), out=str(out))
        vectors[worker.name] = read_npy(out)
    found = {}
    for name, rows in vectors.items():
        each = cosines(rows, vectors[reference])
        found[name] = {"min": min(each), "mean": sum(each) / len(each)}
    wrong = [
        f"{name}: cosine to {reference} {values['min']:.6f} in {precisions[name]}, "
        f"expected at least {COSINE_MIN[precisions[name]]}"
        for name, values in found.items()
        if not values["min"] >= COSINE_MIN[precisions[name]]
    ]
    if wrong:
        raise AnswersDiffer("\n".join(wrong))
    return found
