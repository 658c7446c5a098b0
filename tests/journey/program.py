"""Runs the built program as a user does. Its path is $ACCEL_BIN."""
import contextlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

ACCEL = os.environ.get("ACCEL_BIN", "")
DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
TINY = DATA / "bert-feature"  # 32 numbers per text, 1,000 tokens, at most 48 of them per text
GOLDEN = json.loads((TINY / "golden.json").read_text(encoding="utf-8"))

# The suite passes with the switch at 0, too; what is about the engine itself is then left out.
ACCELERATED = os.environ.get("IPFS_ACCELERATE_ENABLED", "1").lower() not in (
    "0", "false", "no", "off", "disabled")
# The suite passes without the OpenVINO backend as well (-DACCEL_OPENVINO_BACKEND=OFF).
needs_openvino = unittest.skipIf(os.environ.get("ACCEL_LEAVES_OUT") == "openvino",
                                 "this program leaves the OpenVINO backend out")
# Sanitizers make programs slow, most of all their beginning and end.
SANITIZED = bool(os.environ.get("ACCEL_SANITIZE"))
needs_acceleration = unittest.skipUnless(ACCELERATED, "IPFS_ACCELERATE_ENABLED is off")

# Exit codes, docs/reference/exit_codes.md.
OK, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, FAILED_PRECONDITION = 0, 2, 4, 7, 8
PERMISSION_DENIED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL = 6, 10, 11, 12
UNAVAILABLE, DATA_LOSS, CANCELLED = 13, 14, 130

DTYPES = {"F32": "f", "I64": "q", "I32": "i", "U8": "B"}


def read_safetensors(path):
    """{name: (dtype, shape, values)}; bytes for the types that struct lacks."""
    blob = pathlib.Path(path).read_bytes()
    length, = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        code = DTYPES.get(entry["dtype"])
        data = blob[begin:end]
        values = list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data)
                      ) if code else data
        tensors[name] = (entry["dtype"], entry["shape"], values)
    return tensors


def safetensors_bytes(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        code = DTYPES.get(dtype)
        packed = struct.pack(f"<{len(values)}{code}", *values) if code else values
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    pathlib.Path(path).write_bytes(safetensors_bytes(header, data))


def read_npy(path):
    """(shape, values) of an f32 array."""
    blob = path if isinstance(path, bytes) else pathlib.Path(path).read_bytes()
    assert blob[:6] == b"\x93NUMPY", blob[:6]
    length, = struct.unpack("<H", blob[8:10])
    header = blob[10:10 + length].decode()
    assert "'descr': '<f4'" in header and "'fortran_order': False" in header, header
    shape = [int(n) for n in header.split("(")[1].split(")")[0].split(",") if n.strip()]
    data = blob[10 + length:]
    return shape, list(struct.unpack(f"<{len(data) // 4}f", data))


def argument(value):
    return value if isinstance(value, (bytes, str)) else str(value)


class ProgramTest(unittest.TestCase):
    """Each test has an empty folder of its own; the cache of measurements is the suite's."""

    @classmethod
    def setUpClass(cls):
        if not ACCEL:
            raise unittest.SkipTest("set ACCEL_BIN to the built program")
        # Cleaned up by the interpreter at the end.
        if not hasattr(ProgramTest, "cache"):
            ProgramTest.cache = tempfile.TemporaryDirectory(prefix="accel-cache-")

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="accel-journey-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def environment(self, **changes):
        return {**os.environ, "ACCEL_CACHE_DIR": ProgramTest.cache.name, "ACCEL_CONFIG": "none",
                **changes}

    def start(self, *arguments, env=None, **options):
        """A running program with pipes."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([ACCEL, *map(argument, arguments)], **{**pipes, **options},
                                   env=env or self.environment())
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        process.wait()

    def accel(self, *arguments, code=OK, input=b"", env=None, **options):
        """Runs to the end and checks the exit code. Output as bytes, messages as text."""
        if isinstance(input, str):
            input = input.encode()
        process = self.start(*arguments, env=env, **options)
        out, err = process.communicate(input, timeout=300)
        done = subprocess.CompletedProcess(arguments, process.returncode, out,
                                           (err or b"").decode())
        if code is not None:  # None: the caller looks at it
            self.assertEqual(done.returncode, code, done.stderr or done.stdout)
        if done.returncode != OK:  # one clear message, as the last line
            last = done.stderr.rstrip("\n").split("\n")[-1]
            self.assertTrue(last.startswith("accel: "), done.stderr)
        return done

    def refused(self, code, *arguments, says=(), **options):
        """Runs and checks that it ends with `code`, a message with these words, and no file."""
        before = sorted(self.folder.rglob("*"))
        done = self.accel(*arguments, code=code, **options)
        for words in (says,) if isinstance(says, str) else says:
            self.assertIn(words, done.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), before, "something was left behind")
        return done

    def embed(self, *arguments, model=TINY, **options):
        return self.accel("embed", model, "--precision", "f32", *arguments, **options)

    def records(self, *arguments, **options):
        done = self.embed(*arguments, **options)
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def tiny_copy(self, name="model"):
        """A writable copy of the tiny model's folder."""
        copy = self.folder / name
        shutil.copytree(TINY, copy, copy_function=shutil.copyfile)
        return copy

    def assertClose(self, found, expected, tolerance=1e-4):
        self.assertEqual(len(found), len(expected))
        worst = max((abs(a - b) for a, b in zip(found, expected)), default=0)
        self.assertLessEqual(worst, tolerance)
