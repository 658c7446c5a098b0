"""accel serve and inputs by URL: what is fetched, from where, and what nobody can make it fetch."""
import base64
import http.client
import http.server
import json
import os
import shutil
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from program import DATA, INVALID_ARGUMENT, NOT_FOUND, ProgramTest
from server import START_SECONDS, Server, ServerTest, needs_clients

IMAGES = DATA / "images"
IMAGE = (IMAGES / "small.png").read_bytes()
SOUND = next(path for path in sorted((DATA / "audio" / "formats").iterdir())
             if path.suffix == ".wav")
MODELS = (f"vit={DATA / 'golden' / 'vit-imgcls'}", f"speech={DATA / 'golden' / 'wav2vec2-ctc'}")
FOLDER = Path(tempfile.mkdtemp(prefix="accel-inputs-")).resolve()
unittest.addModuleCleanup(shutil.rmtree, FOLDER)


class Shelf(http.server.BaseHTTPRequestHandler):
    """The host that has the images, and does what bad hosts do."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.close_connection = True
        path = self.path.partition("?")[0]
        if path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/secret")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if path == "/none":
            return self.send_error(404)
        self.send_response(200)
        if path in ("/small.png", "/sound.wav"):
            content = IMAGE if path == "/small.png" else SOUND.read_bytes()
            self.send_header("Content-Type", "text/html")  # nobody believes it
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            return self.wfile.write(content)
        self.end_headers()
        try:
            while path == "/endless":
                self.wfile.write(IMAGE * 1000)
            self.wfile.write(IMAGE[:10])
            self.server.waiting.set()
            self.connection.recv(1)  # until the other side leaves
        except OSError:
            pass
        return self.server.left.set()

    def log_message(self, *_):
        pass


class Host(http.server.ThreadingHTTPServer):
    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Shelf)
        self.asked, self.waiting, self.left = [], threading.Event(), threading.Event()
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https" if certificate else "http"
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    @property
    def place(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.server_address[1]}{path}"

    def handle_error(self, *_):
        pass

    def end(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class InputsTest(ServerTest):
    MODELS = MODELS

    def infer(self, value, headers=None, count=1):
        return self.post("/v2/models/vit/infer", {"inputs": [
            {"name": "image", "shape": [count], "datatype": "BYTES", "data": [value] * count}]},
                         headers=headers)

    def sent(self, image):
        """The answer to the bytes themselves."""
        data = struct.pack("<I", len(image)) + image
        head = json.dumps({"inputs": [
            {"name": "image", "shape": [1], "datatype": "BYTES",
             "parameters": {"binary_data_size": len(data)}}]}).encode()
        return self.post("/v2/models/vit/infer", head + data,
                         headers={"Inference-Header-Content-Length": str(len(head))})

    def same(self, value):
        found = self.infer(value)
        self.assertEqual(found.status, 200, found.body)
        self.assertEqual(found.json(), self.sent(IMAGE).json())

    def declined(self, status, answer, says):
        self.assertEqual(answer.status, status, answer.body)
        self.assertIn(says, answer.json()["error"])

    def transcribe(self, **fields):
        body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                       for name, value in {"model": "speech", **fields}.items())
        return self.post("/v1/audio/transcriptions", body + "--x--\r\n",
                         headers={"Content-Type": "multipart/form-data; boundary=x"})


class Default(InputsTest):
    def test_only_data_urls_are_taken(self):
        self.same("data:image/png;base64," + base64.b64encode(IMAGE).decode())
        self.declined(403, self.infer("https://example.org/small.png"), "fetches nothing from")
        self.declined(403, self.infer("http://169.254.169.254/latest/meta-data/"), "input_hosts")
        self.declined(403, self.infer(f"file://{IMAGES}/small.png"), "input_files")
        self.declined(400, self.infer("data:image/png;base64,***"), "base64")
        self.declined(400, self.infer("http://user:word@example.org/"), "user's name")


class Hosts(InputsTest):
    @classmethod
    def setUpClass(cls):
        cls.host, cls.unlisted = Host(), Host()
        cls.addClassCleanup(cls.host.end)
        cls.addClassCleanup(cls.unlisted.end)
        cls.log = FOLDER / "hosts.log"
        # localhost is a name with a private address, which nobody allows.
        cls.OPTIONS = ("--precision", "f32", "--body-max", "1M", "--log-requests", str(cls.log),
                       "--log-format", "json", "--input-hosts",
                       f"{cls.host.place},localhost:{cls.host.server_address[1]}")
        # A proxy would see what is asked for.
        os.environ["http_proxy"] = "http://127.0.0.1:1"
        try:
            super().setUpClass()
        finally:
            del os.environ["http_proxy"]

    def setUp(self):
        super().setUp()
        self.host.asked.clear()
        self.host.waiting.clear()
        self.host.left.clear()

    def test_a_listed_host_is_asked_and_the_answer_is_that_of_the_bytes(self):
        self.same(self.host.url("/small.png?token=secret"))
        path, headers = self.host.asked[0]
        self.assertEqual(path, "/small.png?token=secret")
        self.assertFalse({"authorization", "cookie", "referer"} & {one.lower() for one in headers})
        found = self.infer(self.host.url("/small.png"), count=3)
        self.assertEqual(found.json()["outputs"][0]["shape"], [3])
        self.assertEqual(len(self.host.asked), 4)

    def test_a_recording_is_named_as_groq_and_mistral_do(self):
        told = self.transcribe(url=self.host.url("/sound.wav"))
        self.assertEqual(told.status, 200, told.body)
        self.assertEqual(self.transcribe(file_url=self.host.url("/sound.wav")).json(), told.json())
        expected = self.accel("run", MODELS[1].partition("=")[2], SOUND, "--precision", "f32",
                              "--json").stdout
        self.assertEqual(told.json()["text"], json.loads(expected)["result"]["text"])
        self.assertEqual(self.transcribe(file=self.host.url("/sound.wav")).status, 400)
        self.assertEqual(self.transcribe(url="RIFF").status, 400)
        self.assertEqual(self.transcribe(url=self.unlisted.url("/x")).json()["error"]["type"],
                         "permission_error")

    def test_no_other_host_is_asked(self):
        self.declined(403, self.infer(self.unlisted.url("/small.png")), "fetches nothing from")
        self.declined(403, self.infer("http://127.0.0.1/"), "fetches nothing from")
        self.declined(403, self.infer("http://[::1]/"), "fetches nothing from")
        self.declined(424, self.infer(self.host.url("/redirect")), "redirect")
        self.declined(400, self.infer("http://2130706433/"), "192.0.2.1")
        self.assertEqual(self.unlisted.asked, [])

    def test_a_name_does_not_lead_to_a_private_address(self):
        self.declined(403, self.infer(self.host.url("/small.png", "localhost")), "of this machine")
        self.assertEqual(self.host.asked, [])

    def test_what_is_too_large_too_slow_or_not_there(self):
        self.declined(413, self.infer(self.host.url("/endless")), "at most 1048576 bytes")
        self.declined(504, self.infer(self.host.url("/slow"), {"X-Request-Timeout-Ms": "500"}),
                     "late")
        self.declined(424, self.infer(self.host.url("/none")), "HTTP 404")

    def test_who_leaves_ends_the_fetch(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        connection.request("POST", "/v2/models/vit/infer", json.dumps({"inputs": [
            {"name": "image", "shape": [1], "datatype": "BYTES",
             "data": [self.host.url("/slow")]}]}))
        self.assertTrue(self.host.waiting.wait(START_SECONDS))
        connection.close()
        self.assertTrue(self.host.left.wait(START_SECONDS))

    def test_the_log_and_the_metrics_say_what_was_fetched(self):
        self.infer(self.host.url("/small.png?token=secret"), {"X-Request-Id": "told"})
        self.infer(self.unlisted.url("/x"), {"X-Request-Id": "told-not"})
        lines = {}
        while {"told", "told-not"} - set(lines):
            for line in self.log.read_text().splitlines():
                one = json.loads(line)
                if "input" in one:
                    lines[one["id"]] = one
        self.assertEqual(lines["told"]["input"], self.host.url("/small.png"))
        self.assertEqual(lines["told"]["bytes_in"], len(IMAGE))
        self.assertEqual(lines["told-not"]["status"], 403)
        self.assertTrue(lines["told"]["audit"] and lines["told-not"]["audit"])
        text = self.get("/metrics").body.decode()
        self.assertRegex(text, r'accel_inputs_total{scheme="http",outcome="taken"} [1-9]')
        self.assertRegex(text, r'accel_inputs_total{scheme="http",outcome="refused"} [1-9]')

    @needs_clients
    def test_grpc_says_it_with_its_own_codes(self):
        import numpy
        import tritonclient.grpc as grpc
        client = grpc.InferenceServerClient(f"127.0.0.1:{self.server.port}")
        self.addCleanup(client.close)
        image = grpc.InferInput("image", [1], "BYTES")
        image.set_data_from_numpy(numpy.array([self.host.url("/small.png")], dtype=object))
        answer = client.infer("vit", [image]).as_numpy("answer")[0].decode()
        self.assertEqual(answer, self.sent(IMAGE).json()["outputs"][0]["data"][0])
        image.set_data_from_numpy(numpy.array([self.unlisted.url("/x")], dtype=object))
        with self.assertRaises(grpc.InferenceServerException) as refused:
            client.infer("vit", [image])
        self.assertIn("PERMISSION_DENIED", refused.exception.status())


class Networks(InputsTest):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.end)
        port = cls.host.server_address[1]
        cls.OPTIONS = ("--precision", "f32", "--input-hosts", f"localhost:{port}=127.0.0.0/8")
        super().setUpClass()

    def test_a_private_host_is_allowed_with_its_network(self):
        self.same(self.host.url("/small.png", "localhost"))
        self.declined(403, self.infer(self.host.url("/small.png")), "fetches nothing from")


class Files(InputsTest):
    @classmethod
    def setUpClass(cls):
        cls.root = FOLDER / "images"
        (cls.root / "below").mkdir(parents=True)
        (cls.root / "below" / "a b.png").write_bytes(IMAGE)
        (FOLDER / "secret.png").write_bytes(IMAGE)
        (cls.root / "link.png").symlink_to("../secret.png")
        (cls.root / "proc").symlink_to("/proc")
        os.mkfifo(cls.root / "fifo")
        cls.OPTIONS = ("--precision", "f32", "--input-files", str(cls.root))
        super().setUpClass()

    def test_a_file_below_the_folder_answers_as_its_bytes(self):
        self.same(f"file://{self.root}/below/a%20b.png")
        self.declined(424, self.infer(f"file://{self.root}/none.png"), "No such file")
        self.declined(403, self.infer("https://example.org/small.png"), "fetches nothing from")

    def test_nothing_else_is_read(self):
        for path in (f"{FOLDER}/secret.png", f"{self.root}/../secret.png",
                     f"{self.root}/below/%2e%2e/%2e%2e/secret.png", f"{self.root}/link.png",
                     f"{self.root}/proc/self/environ", "/etc/passwd"):
            self.declined(403, self.infer(f"file://{path}"), "below the folder")
        for path in ("fifo", "below"):
            self.declined(400, self.infer(f"file://{self.root}/{path}"), "regular file")


@unittest.skipUnless(shutil.which("openssl"), "the program openssl is not here")
class Tls(InputsTest):
    @classmethod
    def setUpClass(cls):
        certificate = [FOLDER / f"host.{suffix}" for suffix in ("pem", "key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", certificate[0], "-keyout", certificate[1]],
                       check=True, capture_output=True)
        cls.certificate = certificate[0]
        cls.host = Host(certificate)
        cls.addClassCleanup(cls.host.end)
        cls.OPTIONS = ("--precision", "f32", "--input-hosts", cls.host.place)
        super().setUpClass()

    def test_a_certificate_is_checked(self):
        self.declined(424, self.infer(self.host.url("/small.png")), "certificate")
        self.assertEqual(self.host.asked, [])
        server, environment = self.server, self.environment(CURL_CA_BUNDLE=str(self.certificate))
        trusting = Server(*MODELS, env=environment, options=self.OPTIONS)
        self.addCleanup(trusting.kill)
        self.addCleanup(setattr, self, "server", server)
        self.server = trusting
        self.same(self.host.url("/small.png"))


class Settings(ProgramTest):
    def test_what_cannot_be_meant_stops_the_start(self):
        start = ("serve", MODELS[0], "--http", "127.0.0.1:0")
        self.refused(INVALID_ARGUMENT, *start, "--input-hosts", "https://example.org",
                     says="--input-hosts: input_hosts")
        self.refused(NOT_FOUND, *start, "--input-files", self.folder / "none", says="none")

    def test_the_file_of_options_and_the_environment_say_it_too(self):
        (self.folder / "options.yaml").write_text("server:\n  input_hosts: example.org\n")
        shown = json.loads(self.accel("config", "show", "--json", "--config",
                                      self.folder / "options.yaml",
                                      env=self.environment(ACCEL_INPUT_FILES="/srv")).stdout)
        found = {one["key"]: one["value"] for one in shown["options"]}
        self.assertEqual(found["input_hosts"], "example.org")
        self.assertEqual(found["input_files"], "/srv")
