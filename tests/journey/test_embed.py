"""accel embed: the formats, the inputs, streaming, and what happens when it ends early."""
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

from program import (CANCELLED, FAILED_PRECONDITION, GOLDEN, INVALID_ARGUMENT, NOT_FOUND,
                     RESOURCE_EXHAUSTED, TINY, UNAVAILABLE, ProgramTest, needs_acceleration,
                     read_npy, read_safetensors)

TEXTS = GOLDEN["sentence_embedding"]["texts"]
SIZE = 32


def recorded_embeddings():
    values = read_safetensors(TINY / "golden.safetensors")["sentence_embedding"][2]
    return [values[i:i + SIZE] for i in range(0, len(values), SIZE)]


class Formats(ProgramTest):
    def test_jsonl_agrees_with_the_reference_library(self):
        records = self.records(*TEXTS)
        self.assertEqual([r["index"] for r in records], list(range(len(TEXTS))))
        for record, expected in zip(records, recorded_embeddings()):
            self.assertEqual(list(record), ["index", "embedding", "tokens", "truncated"])
            self.assertClose(record["embedding"], expected)
        self.assertEqual([r["tokens"] for r in records][4], 2)  # the empty text
        self.assertEqual([r["truncated"] for r in records], [False] * 5 + [True])

    def test_a_folder_with_a_vocabulary_and_no_tokenizer_json(self):
        copy = self.tiny_copy()
        vocabulary = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
        (copy / "tokenizer.json").unlink()
        self.refused(NOT_FOUND, "embed", copy, "x", says="or vocab.txt for BertTokenizer")
        words = sorted(vocabulary["model"]["vocab"].items(), key=lambda item: item[1])
        (copy / "vocab.txt").write_text("\n".join(word for word, _ in words), encoding="utf-8")
        self.assertEqual(self.records(*TEXTS, model=copy), self.records(*TEXTS))
        shown = [self.accel("tokenize", folder, *TEXTS, "--format", "json").stdout
                 for folder in (copy, TINY)]
        self.assertEqual(*shown)

    def test_json_is_one_array(self):
        out = self.embed("--format", "json", *TEXTS).stdout
        self.assertEqual(json.loads(out), self.records(*TEXTS))

    def test_npy_through_a_file_a_redirect_and_a_pipe(self):
        path = self.folder / "out.npy"
        self.embed("--format", "npy", "--output", path, *TEXTS)
        shape, values = read_npy(path)
        self.assertEqual(shape, [len(TEXTS), SIZE])
        self.assertClose(values, sum(recorded_embeddings(), []))
        redirect = self.folder / "redirect.npy"
        with redirect.open("wb") as file:
            self.embed("--format", "npy", "--input", "-", input="\n".join(TEXTS), stdout=file)
        self.assertEqual(redirect.read_bytes(), path.read_bytes())
        self.assertEqual(self.embed("--format", "npy", *TEXTS).stdout, path.read_bytes())
        lines = self.folder / "lines"
        lines.write_text("\n".join(TEXTS), encoding="utf-8")
        piped = self.embed("--format", "npy", "--input", lines).stdout
        self.assertEqual(read_npy(piped)[0], shape)
        self.assertClose(read_npy(piped)[1], values, 1e-6)

    def test_npy_from_a_pipe_into_a_pipe_is_refused(self):
        self.refused(FAILED_PRECONDITION, "embed", TINY, "--format", "npy", "--input", "-",
                     input="a\n", says=("number of rows", "--output"))

    def test_csv_has_a_header(self):
        lines = self.embed("--format", "csv", *TEXTS).stdout.decode().splitlines()
        self.assertTrue(lines[0].startswith("index,tokens,truncated,embedding_0,"))
        self.assertEqual(len(lines), 1 + len(TEXTS))
        for line, record in zip(lines[1:], self.records(*TEXTS)):
            index, tokens, truncated, *numbers = line.split(",")
            self.assertEqual((int(index), int(tokens), truncated),
                             (record["index"], record["tokens"], str(record["truncated"]).lower()))
            self.assertEqual([float(n) for n in numbers], record["embedding"])

    def test_options_change_the_numbers_as_they_say(self):
        plain, = self.records("some text")
        raw, = self.records("some text", "--no-normalize")
        norm = sum(x * x for x in raw["embedding"]) ** 0.5
        self.assertNotAlmostEqual(norm, 1, places=2)
        self.assertClose([x / norm for x in raw["embedding"]], plain["embedding"])
        short, = self.records("some text", "--dimensions", 8)
        norm = sum(x * x for x in plain["embedding"][:8]) ** 0.5
        self.assertClose(short["embedding"], [x / norm for x in plain["embedding"][:8]])
        self.assertClose(self.records("some text", "--backend", "reference")[0]["embedding"],
                         plain["embedding"])

    def test_prompts_are_put_before_the_text(self):
        model = self.tiny_copy()
        (model / "config_sentence_transformers.json").write_text(
            json.dumps({"prompts": {"query": "query: "}}))
        prompted, = self.records("a text", "--prompt", "query", model=model)
        self.assertClose(prompted["embedding"], self.records("query: a text")[0]["embedding"])
        self.refused(NOT_FOUND, "embed", model, "a text", "--prompt", "passage", says="query")


class Inputs(ProgramTest):
    def test_lines_of_every_kind(self):
        path = self.folder / "lines"
        path.write_bytes("one\r\n\nzwei drei\nlast without end".encode())
        records = self.records("--input", path)
        expected = self.records("one", "", "zwei drei", "last without end")
        self.assertEqual([r["tokens"] for r in records], [r["tokens"] for r in expected])
        for record, other in zip(records, expected):
            self.assertClose(record["embedding"], other["embedding"], 1e-5)
        self.assertEqual(self.records("--input", "-", input=path.read_bytes())[3]["index"], 3)
        self.assertEqual(self.embed(input=b"").stdout, b"")

    def test_fields_are_carried_through(self):
        lines = ['{"id":12345678901234567890,"body":"one","score":1e3}', "",
                 ' { "body" : "tw\\u006f" , "tags" : ["x", {"y":null}] } ']
        records = self.embed("--input", "-", "--field", "body", input="\n".join(lines))
        first, second = records.stdout.decode().splitlines()
        self.assertIn(',"id":12345678901234567890,"score":1e3}', first)
        self.assertEqual(json.loads(second)["tags"], ["x", {"y": None}])
        self.assertEqual(json.loads(second)["index"], 1)
        self.assertClose(json.loads(second)["embedding"], self.records("two")[0]["embedding"])

    def test_a_field_that_would_collide_is_refused_at_its_first_line(self):
        lines = '{"body":"a"}\n{"body":"b","tokens":7}\n'
        self.refused(INVALID_ARGUMENT, "embed", TINY, "--input", "-", "--field", "body",
                     "--output", self.folder / "out", input=lines,
                     says=("line 2", '"tokens"', "rename"))
        csv = self.embed("--input", "-", "--field", "body", "--format", "csv", input=lines)
        self.assertEqual(len(csv.stdout.splitlines()), 3)

    def test_bad_records_are_refused_by_line(self):
        for line, words in (("{", "a string"), ("[]", "a JSON object"), ('{"a":1}', '"body"'),
                            ('{"body":1}', "a string as the value")):
            self.refused(INVALID_ARGUMENT, "embed", TINY, "--input", "-", "--field", "body",
                         "--output", self.folder / "out", input='{"body":"fine"}\n' + line,
                         says=("standard input: line 2: expected", words))

    def test_invalid_utf8_is_replaced_and_counted_or_refused(self):
        lines = b"fine\nbr\xffok\xc3en\n"
        done = self.embed("--input", "-", "--stats", input=lines)
        self.assertIn("2 invalid UTF-8 sequences were replaced", done.stderr)
        self.assertEqual(json.loads(done.stderr.splitlines()[-1])["replaced_utf8"], 2)
        found = json.loads(done.stdout.splitlines()[1])["embedding"]
        self.assertClose(found, self.records("br\ufffdok\ufffden")[0]["embedding"])
        self.refused(INVALID_ARGUMENT, "embed", TINY, "--input", "-", "--strict", "--output",
                     self.folder / "out", input=lines, says=("line 2", "byte 2"))
        self.refused(INVALID_ARGUMENT, "embed", TINY, b"br\xffoken", "--strict", says="byte 2")

    def test_an_empty_text_is_a_text(self):
        record, = self.records("")
        self.assertEqual(record["tokens"], 2)
        self.assertAlmostEqual(sum(x * x for x in record["embedding"]), 1, places=4)

    def test_a_text_of_ten_megabytes(self):
        path = self.folder / "long"
        path.write_bytes(b"word " * 2_000_000 + b"\nshort\n")
        records = self.records("--input", path)
        self.assertEqual([(r["tokens"], r["truncated"]) for r in records],
                         [(48, True), (records[1]["tokens"], False)])

    def test_texts_that_look_like_flags(self):
        self.assertEqual(len(self.records("--", "--help", "-x", "[a,b]", "{}")), 4)
        self.refused(INVALID_ARGUMENT, "embed", TINY, "--helf", says="did you mean --help?")

    def test_input_and_texts_exclude_each_other(self):
        self.refused(INVALID_ARGUMENT, "embed", TINY, "text", "--input", "-", says="found both")
        self.refused(NOT_FOUND, "embed", TINY, "--input", self.folder / "absent", says="absent")


class Streaming(ProgramTest):
    def test_a_line_does_not_wait_for_company(self):
        process = self.start("embed", TINY, "--input", "-", "--precision", "f32", bufsize=0)
        for i in range(3):
            process.stdin.write(b"a line\n")
            ready, _, _ = select.select([process.stdout], [], [], 60)
            self.assertTrue(ready, "no answer while the input stays open")
            self.assertEqual(json.loads(process.stdout.readline())["index"], i)

    def test_order_and_count_over_many_batches(self):
        texts = [f"{'word ' * (i * 7 % 23)}{i}" for i in range(3000)]
        records = self.records("--input", "-", "--batch-tokens", 256, "--streams", 3,
                               input="\n".join(texts))
        self.assertEqual([r["index"] for r in records], list(range(3000)))
        for i in (0, 1, 1499, 2999):
            self.assertClose(records[i]["embedding"], self.records(texts[i])[0]["embedding"])

    def test_many_arguments(self):
        self.assertEqual(len(self.records(*map(str, range(300)))), 300)

    def feed(self, process):
        """Writes lines until nobody reads them."""
        def write():
            try:
                while True:
                    process.stdin.write(b"another line of text\n" * 100)
            except (BrokenPipeError, ValueError):
                pass
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        return thread

    def interrupted(self, name, signal_number):
        path = self.folder / name
        process = self.start("embed", TINY, "--input", "-", "--precision", "f32", "--output", path,
                             "--format", name)
        self.feed(process)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            self.assertFalse(path.exists())
            if any(p.stat().st_size > 100_000 for p in self.folder.glob(name + ".partial-*")):
                break
            time.sleep(0.02)
        process.send_signal(signal_number)
        self.assertEqual(process.wait(60), CANCELLED)
        self.assertIn(b"interrupted after", process.stderr.read())
        self.assertEqual(list(self.folder.glob("*.partial-*")), [])
        return path

    def test_an_interrupt_leaves_whole_records(self):
        lines = self.interrupted("jsonl", signal.SIGINT).read_text().splitlines()
        self.assertGreater(len(lines), 100)
        self.assertEqual([json.loads(line)["index"] for line in lines], list(range(len(lines))))
        records = json.loads(self.interrupted("json", signal.SIGTERM).read_text())
        self.assertEqual(records[-1]["index"], len(records) - 1)
        shape, values = read_npy(self.interrupted("npy", signal.SIGINT))
        self.assertEqual(len(values), shape[0] * shape[1])
        self.assertGreater(shape[0], 100)

    def test_an_interrupt_while_waiting_for_input(self):
        process = self.start("embed", TINY, "--input", "-", "--precision", "f32")
        process.stdin.write(b"one\n")
        process.stdin.flush()
        self.assertEqual(json.loads(process.stdout.readline())["index"], 0)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), CANCELLED)

    def test_a_reader_that_goes_away(self):
        process = self.start("embed", TINY, "--input", "-", "--precision", "f32")
        self.feed(process)
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.wait(60), CANCELLED)
        self.assertIn(b"its reader closed it", process.stderr.read())

    def test_a_full_disk(self):
        self.refused(RESOURCE_EXHAUSTED, "embed", TINY, "text", "--output", "/dev/full",
                     says="No space left")
        script = 'ulimit -f 200; exec "$@"'
        lines = self.folder / "lines"
        lines.write_text("a line\n" * 5000)
        before = sorted(self.folder.iterdir())
        for name in ("jsonl", "json", "csv", "npy"):
            done = subprocess.run(
                ["bash", "-c", script, "bash", os.environ["ACCEL_BIN"], "embed", TINY, "--input",
                 lines, "--precision", "f32", "--format", name, "--output", self.folder / "out"],
                capture_output=True, env=self.environment(), timeout=300)
            self.assertEqual(done.returncode, RESOURCE_EXHAUSTED, done.stderr)
            self.assertIn(b"File too large", done.stderr)
            self.assertEqual(sorted(self.folder.iterdir()), before)

    def test_an_existing_file_is_replaced_only_by_a_whole_one(self):
        path = self.folder / "out"
        path.write_text("precious")
        self.accel("embed", TINY, "--input", "-", "--strict", "--output", path, input=b"ok\n\xff\n",
                   code=INVALID_ARGUMENT)
        self.assertEqual(path.read_text(), "precious")
        self.embed("text", "--output", path)
        self.assertEqual(json.loads(path.read_text())["index"], 0)


class Reports(ProgramTest):
    @needs_acceleration
    def test_stats_are_one_line_of_json(self):
        done = self.embed("--stats", "one text", "another")
        stats = json.loads(done.stderr)
        self.assertEqual(stats["texts"], 2)
        self.assertEqual(stats["tokens"],
                         sum(json.loads(line)["tokens"] for line in done.stdout.splitlines()))
        for name in ("padded_tokens", "load_seconds", "tokenize_seconds", "infer_seconds",
                     "total_seconds", "texts_per_sec", "tokens_per_sec", "resident_memory_mb",
                     "peak_memory_mb"):
            self.assertGreaterEqual(stats[name], 0, name)
        self.assertGreaterEqual(stats["peak_memory_mb"], stats["resident_memory_mb"])
        self.assertEqual((stats["device"], stats["precision"], stats["backend"]),
                         ("CPU", "f32", "openvino"))
        self.assertIs(stats["fallback"], False)

    @needs_acceleration
    def test_auto_is_measured_after_the_answer_and_remembered(self):
        env = self.environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))
        first = self.accel("embed", TINY, "text", "--stats", env=env)
        stats = json.loads(first.stderr)
        self.assertEqual((stats["precision"], stats["precision_source"]), ("f32", "unmeasured"))
        second = self.accel("embed", TINY, "text", "--stats", env=env)
        self.assertEqual(json.loads(second.stderr)["precision_source"], "measured")
        facts = json.loads(self.accel("doctor", "--json", env=env).stdout)["facts"]
        self.assertIn("tuning", [fact["kind"] for fact in facts])

    @needs_acceleration
    # row 321 (partial: accel embed; int8 and int4 are recognised and answered "not available yet")
    def test_precisions_in_every_spelling(self):
        for name in ("f32", "FP32", "Float32", "single"):
            self.accel("embed", TINY, "text", "--precision", name)
        cpu = json.loads(self.accel("devices", "--json").stdout)["devices"][0]
        computes = "bf16" in cpu["precisions"]  # not every processor does
        bf16 = self.accel("embed", TINY, "text", "--precision", "BFLOAT16", "--stats",
                          code=0 if computes else UNAVAILABLE)
        if computes:
            self.assertEqual(json.loads(bf16.stderr)["precision_source"], "requested")
        else:
            self.assertIn("does not compute in bf16", bf16.stderr)

    def terminal(self, *arguments, seconds=120):
        """What the program writes on standard error when that is a terminal."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = self.start(*arguments, stdin=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        process.stdout.close()
        seen = b""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        self.assertEqual(process.wait(60), 0, seen)
        return seen.decode()

    @needs_acceleration
    def test_progress_on_a_terminal_and_silence_in_a_pipe(self):
        lines = self.folder / "lines"
        lines.write_text("a line of text that is a little longer than nothing\n" * 20_000)
        seen = self.terminal("embed", TINY, "--input", lines, "--precision", "f32", "--output",
                             self.folder / "out")
        self.assertRegex(seen, r"\r\[=*>? *\] +\d+%  [\d,]+ texts  \d+/s  \d+:\d\d left")
        self.assertTrue(seen.endswith("\r\x1b[K"), seen[-40:])
        lines.write_text("a line\n")
        self.assertEqual(self.embed("--input", lines).stderr, "")


MODELS = pathlib.Path(os.environ.get("ACCEL_MODELS", "") or "/nonexistent")


@unittest.skipUnless((MODELS / "all-MiniLM-L6-v2").is_dir(), "set ACCEL_MODELS")
class RealModel(ProgramTest):
    def test_meanings(self):
        done = self.accel("similarity", MODELS / "all-MiniLM-L6-v2", "--json", "--precision", "f32",
                          "fresh bread from the oven", "a bakery", "interest rates")
        best = json.loads(done.stdout)["pairs"][0]
        self.assertEqual((best["first"], best["second"]), (0, 1))
        self.assertGreater(best["cosine"], 0.4)


if __name__ == "__main__":
    unittest.main()
