"""accel as a client: a server's models answer `accel run`, `accel embed` and `accel similarity` as
they would in the process itself."""
import contextlib
import http.server
import json
import math
import pathlib
import shutil
import signal
import tempfile
import threading

from json_schema import faults
from program import (CANCELLED, DATA, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND,
                     RESOURCE_EXHAUSTED, TINY, UNAVAILABLE, read_npy, read_safetensors,
                     write_safetensors)
from server import Server, ServerTest

GOLDEN = DATA / "golden"
SCHEMA = json.loads((DATA.parents[1] / "docs/reference/run_schema.json").read_text("utf-8"))
UNAUTHENTICATED = 15
RUNS_OF_A_TASK = 4
FLAGS = {"top_k": "--top-k", "aggregation": "--aggregation", "threshold": "--threshold",
         "timestamps": "--timestamps", "prompt": "--prompt", "function": "--function",
         "hypothesis": "--hypothesis", "window_tokens": "--window", "stride_tokens": "--stride",
         "max_answer_tokens": "--max-answer"}
SWITCHES = {"multi_label": "--multi-label", "no_answer": "--no-answer", "pool": "--pool"}
SMALL = DATA / "images" / "small.png"


def flags_of(options):
    for name, value in options.items():
        if name in SWITCHES:
            yield from [SWITCHES[name]] if value else []
        elif name == "targets":
            yield from ("--targets", ",".join(value))
        else:
            yield from (FLAGS[name], str(value))


class Tasks:
    """Of every task a model that it has recorded answers of, and runs with their options."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.models, self.runs = {}, []
        for path in sorted(GOLDEN.glob("*/answers.json")):
            for answer in json.loads(path.read_text(encoding="utf-8"))["answers"]:
                self.add(path.parent, answer)
        for task, architecture, given in (
                ("text-ranking", "DistilBertForSequenceClassification",
                 {"query": "trains", "documents": ["The trains leave.", "A cat.", "Nothing."]}),
                ("multiple-choice", "DistilBertForMultipleChoice",
                 {"prompt": "The trains", "choices": ["leave.", "sleep."]})):
            self.models[task] = self.of_one_score(task, architecture)
            self.runs.append((task, self.models[task], [], [given]))

    def add(self, source, answer):
        task = answer["task"]
        model = self.models.setdefault(task, self.model(source, task, answer["config"]))
        ran = [run for run in self.runs if run[0] == task]
        if model.origin != source or len(ran) >= RUNS_OF_A_TASK:
            return
        flags = list(flags_of(answer["options"]))
        given = {name: str(DATA / value) if name in ("image", "audio") else value
                 for name, value in answer["input"].items()}
        if not any(run[2] == flags for run in ran):
            self.runs.append((task, model, flags, []))
        next(run for run in self.runs if run[0] == task and run[2] == flags)[3].append(given)

    def model(self, source, name, config):
        copy = self.folder / name
        if not copy.exists():
            shutil.copytree(source, copy, copy_function=shutil.copyfile)
            settings = json.loads((copy / "config.json").read_text(encoding="utf-8"))
            (copy / "config.json").write_text(json.dumps({**settings, **config}))
        return Model(copy, source)

    def of_one_score(self, name, architecture):
        source = GOLDEN / "distilbert-seqcls"
        model = self.model(source, name, {"architectures": [architecture],
                                          "id2label": {"0": "fits"}, "label2id": {"fits": 0}})
        tensors = read_safetensors(model.path / "model.safetensors")
        for tensor in ("classifier.weight", "classifier.bias"):
            dtype, shape, values = tensors[tensor]
            tensors[tensor] = (dtype, [1, *shape[1:]], values[:len(values) // shape[0]])
        write_safetensors(model.path / "model.safetensors", tensors)
        return model


class Model:
    def __init__(self, path, origin):
        self.path, self.origin = path, origin
        self.name = path.name


class ClientTest(ServerTest):
    def remote(self, *arguments, **options):
        return self.accel(*arguments, "--server", self.server.url, **options)

    def assertAlike(self, found, expected, where=""):
        """The same, but for the last digits of numbers with a fraction."""
        if isinstance(expected, dict):
            self.assertEqual(list(found), list(expected), where)
            for name in expected:
                self.assertAlike(found[name], expected[name], f"{where}.{name}")
        elif isinstance(expected, list):
            self.assertEqual(len(found), len(expected), where)
            for i, (one, other) in enumerate(zip(found, expected)):
                self.assertAlike(one, other, f"{where}[{i}]")
        elif isinstance(expected, float) and isinstance(found, float):
            self.assertTrue(math.isclose(found, expected, rel_tol=1e-4, abs_tol=1e-5),
                            f"{where}: {found} instead of {expected}")
        else:
            self.assertEqual(found, expected, where)


class EveryTask(ClientTest):
    OPTIONS = ("--precision", "f32", "--lazy")

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="accel-client-")
        cls.addClassCleanup(folder.cleanup)
        cls.tasks = Tasks(folder.name)
        cls.MODELS = tuple(f"{model.name}={model.path}" for model in cls.tasks.models.values())
        super().setUpClass()

    # row 287
    def test_a_server_answers_every_task_as_the_process_itself(self):
        named = {name for name, *_ in self.tasks.runs}
        known = self.refused(INVALID_ARGUMENT, "run", TINY, "a text", "--task", "poetry").stderr
        self.assertEqual(named, set(known.strip().split("expected one of: ")[1].split(", ")))
        for task, model, flags, given in self.tasks.runs:
            with self.subTest(task=task, flags=flags):
                lines = "".join(json.dumps(one) + "\n" for one in given)
                flags = ["--jsonl", "--task", task, *flags]
                local = self.accel("run", model.path, "--precision", "f32", *flags, input=lines)
                remote = self.remote("run", model.name, "--input", "-", *flags, input=lines)
                found, expected = ([json.loads(line) for line in done.stdout.splitlines()]
                                   for done in (remote, local))
                self.assertEqual(len(expected), len(given))
                self.assertAlike(found, expected)
                self.assertIn(f"{model.name} of {self.server.url} answered: openvino on CPU in f32",
                              remote.stderr)

    def test_what_a_model_is_for_is_its_servers_to_say(self):
        for name, given in (("token-classification", "Angela Merkel visited Paris."),
                            ("image-classification", SMALL)):
            local = self.accel("run", self.tasks.models[name].path, given, "--precision", "f32")
            remote = self.remote("run", name, given)
            self.assertAlike(json.loads(remote.stdout), json.loads(local.stdout))

    def test_a_map_and_boxes_are_drawn_of_a_servers_answer(self):
        for task in ("image-segmentation", "object-detection"):
            flags = [SMALL, *(["--threshold", "0.1"] if task == "object-detection" else [])]
            local, remote = self.folder / f"{task}.png", self.folder / f"{task}-remote.png"
            model = self.tasks.models[task]
            self.accel("run", model.path, *flags, "--draw", local, "--precision", "f32")
            self.remote("run", model.name, *flags, "--draw", remote)
            self.assertEqual(remote.read_bytes(), local.read_bytes())

    def test_an_item_that_fails_has_the_servers_code(self):
        lines = '{"text": "fine"}\n{"text": 3}\n'
        name = "text-classification"
        done = self.remote("run", name, "--jsonl", "--input", "-", input=lines,
                           code=INVALID_ARGUMENT)
        statuses = [json.loads(line)["status"] for line in done.stdout.splitlines()]
        self.assertEqual(statuses, ["OK", "INVALID_ARGUMENT"])
        done = self.remote("run", name, "a text", "--task", "fill-mask", code=FAILED_PRECONDITION)
        self.assertEqual(json.loads(done.stdout)["status"], "FAILED_PRECONDITION")
        self.assertIn("needs a model for fill-mask", done.stderr)

    def test_a_name_is_needed_where_there_are_several_models(self):
        self.refused(INVALID_ARGUMENT, "run", "--server", self.server.url, input="a text",
                     says=("expected MODEL", "text-classification", "fill-mask"))
        self.refused(NOT_FOUND, "run", "poetry", "a text", "--server", self.server.url,
                     says="poetry")


class Texts(ClientTest):
    def test_embeddings_are_those_of_the_process_itself(self):
        lines = "".join("word " * (i % 60) + f"{i}\n" for i in range(3000))
        path = self.folder / "lines.txt"
        path.write_text(lines)
        local = self.accel("embed", TINY, "--input", path, "--precision", "f32")
        remote = self.remote("embed", "bert", "--input", path)
        found, expected = ([json.loads(line) for line in done.stdout.splitlines()]
                           for done in (remote, local))
        self.assertEqual([one["index"] for one in found], list(range(3000)))
        self.assertTrue(any(one["truncated"] for one in found))
        self.assertAlike(found, expected)

    def test_forms_of_output_and_options(self):
        flags = ("a text", "another", "--dimensions", "8", "--format", "npy")
        local = self.accel("embed", TINY, *flags, "--precision", "f32").stdout
        shape, numbers = read_npy(self.remote("embed", "bert", *flags).stdout)
        self.assertEqual(shape, [2, 8])
        self.assertClose(numbers, read_npy(local)[1])
        flags = ("--field", "text", "--no-normalize", "--format", "json")
        line = json.dumps({"id": 7, "text": "a text"}) + "\n"
        local = self.accel("embed", TINY, *flags, "--precision", "f32", input=line)
        remote = self.remote("embed", *flags, input=line)  # the server has one model alone
        self.assertAlike(json.loads(remote.stdout), json.loads(local.stdout))

    def test_invalid_utf8_is_replaced_and_counted(self):
        done = self.remote("embed", "bert", "--stats", "--input", "-", input=b"a\xff\n")
        self.assertIn("1 invalid UTF-8 sequence was replaced", done.stderr)
        self.assertEqual(json.loads(done.stderr.splitlines()[-1])["replaced_utf8"], 1)

    def test_similarity(self):
        flags = ("fresh bread", "a bakery", "--json")
        local = json.loads(self.accel("similarity", TINY, *flags, "--precision", "f32").stdout)
        remote = json.loads(self.remote("similarity", "bert", *flags).stdout)
        self.assertEqual(remote.pop("server"), self.server.url)
        self.assertAlike(remote, local)

    def test_reports_say_who_answered(self):
        report = json.loads(self.remote("run", "bert", "a text", "--report").stdout)
        self.assertLessEqual({"server": self.server.url, "model": "bert", "device": "CPU",
                              "precision": "f32", "backend": "openvino", "fallback": False}.items(),
                             report.items())
        self.assertEqual(list(faults(report, SCHEMA)), [])
        done = self.remote("embed", "bert", "a text", "--stats")
        stats = json.loads(done.stderr.splitlines()[-1])
        self.assertEqual((stats["server"], stats["texts"]), (self.server.url, 1))

    def test_flags_of_loading_are_refused(self):
        self.refused(INVALID_ARGUMENT, "run", "bert", "a", "--server", self.server.url,
                     "--precision", "bf16", says="--precision: expected none with --server")
        self.refused(INVALID_ARGUMENT, "embed", "bert", "a", "--server", "localhost:8000",
                     says="--server: expected the URL of a server")

    def test_over_a_socket_file(self):
        path = self.folder / "accel.sock"
        socket = self.start("serve", f"bert={TINY}", "--http", f"unix:{path}", "--precision", "f32")
        while b"ready" not in socket.stderr.readline():
            self.assertIsNone(socket.poll())
        local = self.accel("run", TINY, "a text", "--precision", "f32")
        remote = self.accel("run", "bert", "a text", "--server", f"unix:{path}")
        self.assertAlike(json.loads(remote.stdout), json.loads(local.stdout))


class Busy(http.server.BaseHTTPRequestHandler):
    """Refuses with 429, or breaks off, as often as its server says, and then asks a real one."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path))
        if self.server.refusals:
            self.server.refusals -= 1
            self.send_response(429)
            self.send_header("Retry-After", self.server.retry_after)
            said = b'{"error": "too many requests"}'
        else:
            said = self.server.real(self.command, self.path, body, dict(self.headers), self)
        self.send_header("Content-Length", str(len(said)))
        with contextlib.suppress(ConnectionError):  # a client that was stopped has left
            self.end_headers()
            self.wfile.write(said)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Errors(ClientTest):
    @contextlib.contextmanager
    def busy(self, refusals, retry_after="0"):
        def real(method, path, body, headers, handler):
            answer = self.ask(method, path, body, headers)
            handler.send_response(answer.status)
            for name in ("Inference-Header-Content-Length", "X-Accel-Backend", "X-Accel-Device",
                         "X-Accel-Precision"):
                if name in answer.headers:
                    handler.send_header(name, answer.headers[name])
            return answer.body
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
        server.seen, server.real = [], real
        server.refusals, server.retry_after = refusals, retry_after
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_a_server_that_is_busy_is_asked_again(self):
        with self.busy(refusals=8) as (server, url):
            done = self.accel("run", "bert", "a text", "--server", url)
        self.assertEqual(json.loads(done.stdout)["status"], "OK")
        self.assertEqual(len(server.seen), 10)

    def test_but_not_for_longer_than_one_waits(self):
        with self.busy(refusals=100, retry_after="3600") as (server, url):
            self.refused(RESOURCE_EXHAUSTED, "run", "bert", "a text", "--server", url,
                         says="too many requests")
            self.assertEqual(len(server.seen), 1)
            server.retry_after = "4"
            self.refused(RESOURCE_EXHAUSTED, "run", "bert", "a text", "--server", url,
                         "--timeout-seconds", "2", says="too many requests")

    def test_nobody_there(self):
        with self.busy(refusals=0) as (_, url):
            pass
        done = self.refused(UNAVAILABLE, "run", "bert", "a text", "--server", url)
        self.assertIn(url, done.stderr)
        self.refused(UNAVAILABLE, "embed", "bert", "--input", "-", "--server",
                     "unix:" + str(self.folder / "none.sock"), input="a text\n", says="none.sock")

    def test_a_signal_ends_the_waiting_for_a_server(self):
        asked = threading.Event()
        released = threading.Event()
        self.addCleanup(released.set)
        with self.busy(refusals=0) as (server, url):
            through = server.real
            def hanging(method, path, *rest):
                if path.endswith("/infer"):
                    asked.set()
                    released.wait()
                return through(method, path, *rest)
            server.real = hanging
            for command in ("run", "embed"):
                asked.clear()
                process = self.start(command, "bert", "--input", "-", "--server", url)
                process.stdin.write(b"a text\n")
                process.stdin.flush()
                self.assertTrue(asked.wait(60))
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(60), CANCELLED, command)
                self.assertEqual(process.stdout.read(), b"")
            released.set()

    def test_a_server_of_another_kind(self):
        with self.busy(refusals=0) as (server, url):
            def other(method, path, body, headers, handler):
                handler.send_response(200)
                return b"<html>hello</html>"
            server.real = other
            self.refused(UNAVAILABLE, "run", "bert", "a text", "--server", url,
                         says="another server")

    def test_keys(self):
        keys = self.folder / "keys.yaml"
        key = self.accel("keys", "new", "team", "--file", keys).stdout.decode().strip()
        server = Server(f"bert={TINY}", env=self.environment(),
                        options=("--precision", "f32", "--keys", keys))
        self.addCleanup(server.kill)
        ask = ("run", "bert", "a text", "--server", server.url)
        for wrong in ((), ("--key", "accel-wrong")):
            done = self.accel(*ask, *wrong, code=None)
            self.assertEqual(done.returncode, UNAUTHENTICATED, done.stderr)
            self.assertIn("ACCEL_SERVER_KEY", done.stderr)
            self.assertNotIn("accel-wrong", done.stderr)
        self.accel(*ask, "--key", key)
        done = self.accel(*ask, "--stats", env=self.environment(ACCEL_SERVER_KEY=key))
        self.assertNotIn(key, done.stderr + done.stdout.decode())
