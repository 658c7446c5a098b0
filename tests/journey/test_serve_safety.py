"""accel serve and who may use it: keys, TLS, a listener for administrators, too much at a time."""
import json
import pathlib
import re
import signal
import ssl
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

from certificates import needs_openssl
from program import (INVALID_ARGUMENT, NOT_FOUND, OK, PERMISSION_DENIED, TINY, UNAVAILABLE,
                     ProgramTest)
from server import CLIENTS, START_SECONDS, Server, needs_clients

PROMTOOL = pathlib.Path(CLIENTS).parent / "promtool/usr/bin/promtool"


class SafetyTest(ProgramTest):
    def serve(self, *options):
        server = Server(f"bert={TINY}", env=self.environment(),
                        options=("--precision", "f32", *map(str, options)))
        self.addCleanup(server.kill)
        return server

    def key(self, name, *options):
        return self.accel("keys", "new", name, "--file", self.folder / "keys.yaml",
                          *options).stdout.decode().strip()

    def status(self, url, key=None, body=None, context=None):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        request = urllib.request.Request(url, body and json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=START_SECONDS, context=context) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def until(self, wanted, ask):
        deadline = time.monotonic() + START_SECONDS
        while (found := ask()) != wanted:
            self.assertLess(time.monotonic(), deadline, f"expected {wanted}, found {found}")
            time.sleep(0.05)

    def certificate(self, name="server"):
        files = [self.folder / f"{name}.{suffix}" for suffix in ("pem", "key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
        return files


class Keys(SafetyTest):
    def test_a_key_opens_what_it_is_for_and_no_more(self):
        user = self.key("user", "--models", "bert")
        other = self.key("other", "--models", "something")
        operator = self.key("operator", "--scopes", "admin,metrics")
        server = self.serve("--keys", self.folder / "keys.yaml")
        embed = {"model": "bert", "input": "x"}
        ask = lambda path, key=None, body=None: self.status(server.url + path, key, body)
        self.assertEqual(ask("/livez"), 200)
        self.assertEqual(ask("/v1/embeddings", None, embed), 401)
        self.assertEqual(ask("/v1/embeddings", "accel-wrong", embed), 401)
        self.assertEqual(ask("/v1/embeddings", user, embed), 200)
        self.assertEqual(ask("/v1/embeddings", other, embed), 403)
        self.assertEqual(ask("/v1/embeddings", operator, embed), 403)
        self.assertEqual(ask("/metrics", user), 403)
        self.assertEqual(ask("/metrics", operator), 200)
        unload = "/v2/repository/models/bert/unload"
        self.assertEqual(ask(unload, user, {}), 403)
        self.assertEqual(ask(unload, operator, {}), 200)

    def test_keys_come_and_go_while_it_runs(self):
        first = self.key("team")
        server = self.serve("--keys", self.folder / "keys.yaml")
        models = lambda key: self.status(server.url + "/v1/models", key)
        self.assertEqual(models(first), 200)
        second = self.key("team")
        self.until(200, lambda: models(second))
        self.assertEqual(models(first), 200)
        (self.folder / "keys.yaml").write_text("keys: [", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(r"keys\.yaml: (stays as it was)")
        self.assertEqual(models(second), 200)
        (self.folder / "keys.yaml").unlink()
        third = self.key("team")
        self.until(200, lambda: models(third))
        self.assertEqual(models(second), 401)

    def test_a_rate_is_held(self):
        key = self.key("slow")
        path = self.folder / "keys.yaml"
        limits = "\n    requests_per_second: 0.1\n    burst: 3\n"
        path.write_text(path.read_text().rstrip() + limits)
        server = self.serve("--keys", path)
        found = [self.status(server.url + "/v1/models", key) for _ in range(5)]
        self.assertEqual(found, [200, 200, 200, 429, 429])

    def test_what_cannot_be_read_stops_the_start(self):
        self.refused(NOT_FOUND, "serve", TINY, "--http", "127.0.0.1:0", "--keys",
                     self.folder / "none.yaml", says="none.yaml")
        broken = self.folder / "broken.yaml"
        broken.write_text("keys:\n  - name: a\n    hush: sha256:00\n")
        self.refused(INVALID_ARGUMENT, "serve", TINY, "--http", "127.0.0.1:0", "--keys", broken,
                     says="broken.yaml:3")


@needs_openssl
class Tls(SafetyTest):
    def test_over_tls_with_a_certificate_that_is_renewed_under_load(self):
        certificate, key = self.certificate()
        server = Server(f"bert={TINY}", env=self.environment(), scheme="https",
                        options=("--precision", "f32", "--tls-certificate", certificate,
                                 "--tls-key", key))
        self.addCleanup(server.kill)
        body = {"model": "bert", "input": "x"}
        faults, stop = [], threading.Event()

        def client():
            anyone = ssl.create_default_context()
            anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
            while not stop.is_set():
                try:
                    found = self.status(server.url + "/v1/embeddings", None, body, anyone)
                except OSError as error:
                    found = error
                if found != 200:
                    faults.append(found)

        def trusted():
            context = ssl.create_default_context(cafile=certificate)
            return self.status(server.url + "/v1/models", context=context)

        self.assertEqual(trusted(), 200)
        clients = [threading.Thread(target=client) for _ in range(3)]
        for one in clients:
            one.start()
        for _ in range(3):
            renewed, its_key = self.certificate("renewed")
            its_key.replace(key)
            renewed.replace(certificate)
            server.process.send_signal(signal.SIGHUP)

            def served():
                try:
                    return trusted()
                except urllib.error.URLError:  # the former one
                    return None
            self.until(200, served)
        stop.set()
        for one in clients:
            one.join()
        self.assertEqual(faults, [])

    def test_clients_show_a_certificate_where_they_must(self):
        certificate, key = self.certificate()
        clients, client_key = self.certificate("client")
        server = Server(f"bert={TINY}", env=self.environment(), scheme="https",
                        options=("--precision", "f32", "--tls-certificate", certificate,
                                 "--tls-key", key, "--tls-clients", clients))
        self.addCleanup(server.kill)
        context = ssl.create_default_context(cafile=certificate)
        with self.assertRaises(OSError):
            self.status(server.url + "/v1/models", context=context)
        context.load_cert_chain(clients, client_key)
        self.assertEqual(self.status(server.url + "/v1/models", context=context), 200)

    def test_what_is_no_certificate_stops_the_start(self):
        certificate, key = self.certificate()
        _, another = self.certificate("another")
        serve = ("serve", TINY, "--http", "127.0.0.1:0", "--tls-certificate")
        self.refused(NOT_FOUND, *serve, self.folder / "none.pem", "--tls-key", key,
                     says="none.pem")
        self.refused(INVALID_ARGUMENT, *serve, certificate, "--tls-key", another,
                     says="another.key")

    def test_keys_alone_do_not_open_it_to_others(self):
        self.key("user")
        keys = ("--keys", self.folder / "keys.yaml")
        self.refused(PERMISSION_DENIED, "serve", TINY, "--http", "0.0.0.0:0", *keys,
                     says="in the clear")


@needs_clients
class Grpc(SafetyTest):
    """The same doors are shut to gRPC."""

    def code(self, channel, key=None, method="ModelReady"):
        import grpc
        from tritonclient.grpc import service_pb2, service_pb2_grpc
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        asked = {"ModelReady": service_pb2.ModelReadyRequest(name="bert"),
                 "RepositoryModelUnload": service_pb2.RepositoryModelUnloadRequest(
                     model_name="bert")}[method]
        try:
            getattr(stub, method)(asked, timeout=START_SECONDS,
                                  metadata=[("authorization", f"Bearer {key}")] if key else [])
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()

    def test_keys(self):
        import grpc
        user = self.key("user", "--models", "bert")
        other = self.key("other", "--models", "something")
        operator = self.key("operator", "--scopes", "admin")
        server = self.serve("--keys", self.folder / "keys.yaml")
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            self.assertEqual(self.code(channel), grpc.StatusCode.UNAUTHENTICATED)
            self.assertEqual(self.code(channel, "accel-wrong"), grpc.StatusCode.UNAUTHENTICATED)
            self.assertEqual(self.code(channel, user), grpc.StatusCode.OK)
            self.assertEqual(self.code(channel, other), grpc.StatusCode.PERMISSION_DENIED)
            unload = "RepositoryModelUnload"
            self.assertEqual(self.code(channel, user, unload), grpc.StatusCode.PERMISSION_DENIED)
            self.assertEqual(self.code(channel, operator, unload), grpc.StatusCode.OK)

    @needs_openssl
    def test_tls_on_both_sides(self):
        import grpc
        certificate, key = self.certificate()
        clients, client_key = self.certificate("client")
        server = Server(f"bert={TINY}", env=self.environment(), scheme="https",
                        options=("--precision", "f32", "--tls-certificate", certificate,
                                 "--tls-key", key, "--tls-clients", clients))
        self.addCleanup(server.kill)
        target = f"127.0.0.1:{server.port}"
        shown = grpc.ssl_channel_credentials(certificate.read_bytes(), client_key.read_bytes(),
                                             clients.read_bytes())
        with grpc.secure_channel(target, shown) as channel:
            self.assertEqual(self.code(channel), grpc.StatusCode.OK)
        nothing = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(target, nothing) as channel:
            self.assertEqual(self.code(channel), grpc.StatusCode.UNAVAILABLE)


class Operating(SafetyTest):
    def test_administrators_have_an_address_of_their_own(self):
        server = self.serve("--admin", "127.0.0.1:0")
        port = server.wait_for(r"listening on http://127\.0\.0\.1:(\d+) for administrators")
        admin = f"http://127.0.0.1:{port}"
        self.assertEqual(self.status(server.url + "/metrics"), 404)
        self.assertEqual(self.status(server.url + "/v1/models"), 200)
        self.assertEqual(self.status(admin + "/metrics"), 200)
        self.assertEqual(self.status(admin + "/v1/models"), 404)
        unload = "/v2/repository/models/bert/unload"
        self.assertEqual(self.status(server.url + unload, None, {}), 404)
        self.assertEqual(self.status(admin + unload, None, {}), 200)

    def test_grpc_may_have_an_address_of_its_own(self):
        server = self.serve("--grpc", "127.0.0.1:0")
        port = re.findall(r"listening on http://127\.0\.0\.1:(\d+)", server.said)[1]
        self.assertEqual(self.status(f"http://127.0.0.1:{port}/v1/models"), 200)
        self.assertEqual(self.status(server.url + "/v1/models"), 200)

    def test_more_than_it_takes_is_refused_at_once(self):
        server = self.serve("--requests-max", 2)
        many = {"model": "bert", "input": ["a text " * 40] * 1500}
        found = []
        threads = [threading.Thread(target=lambda: found.append(
            self.status(server.url + "/v1/embeddings", None, many))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(503, found)
        self.assertIn(200, found)
        self.assertEqual(self.status(server.url + "/v1/models"), 200)

    def test_each_request_is_a_line_that_logrotate_may_move(self):
        log = self.folder / "requests.log"
        server = self.serve("--log-requests", log, "--log-format", "json")
        secret = {"model": "bert", "input": "a secret text"}
        self.assertEqual(self.status(server.url + "/v1/embeddings", None, secret), 200)
        lines = lambda: log.read_text().splitlines() if log.exists() else []
        self.until(1, lambda: len(lines()))
        line = json.loads(lines()[0])
        self.assertEqual((line["model"], line["status"], line["items"], line["precision"]),
                         ("bert", 200, 1, "f32"))
        self.assertNotIn("secret", lines()[0])
        log.rename(self.folder / "moved.log")
        server.process.send_signal(signal.SIGHUP)
        self.until(True, log.exists)
        self.assertEqual(self.status(server.url + "/nothing"), 404)
        self.until(1, lambda: len(lines()))
        self.assertEqual(server.stop(), OK)

    def test_top_shows_what_happens(self):
        server = self.serve()
        stop = threading.Event()

        def client():
            while not stop.is_set():
                self.status(server.url + "/v1/embeddings", None, {"model": "bert", "input": "x y"})

        asking = threading.Thread(target=client)
        asking.start()
        top = ("top", "--server", server.url, "--every", "1", "--once")
        told = json.loads(self.accel(*top).stdout)
        stop.set()
        asking.join()
        self.assertGreater(told["requests_per_sec"], 0)
        self.assertEqual([one["name"] for one in told["models"]], ["bert"])
        self.assertGreater(told["models"][0]["tokens_per_sec"], 0)
        self.assertEqual(told["devices"][0]["device"], "CPU")
        self.assertEqual(told["endpoints"][0]["path"], "/v1/embeddings")
        self.assertGreater(told["endpoints"][0]["times"]["p95_ms"], 0)
        self.assertEqual(server.stop(), 0)
        self.refused(UNAVAILABLE, *top, says=str(server.port))

    def test_metrics_count_what_happened(self):
        server = self.serve()
        self.status(server.url + "/v1/embeddings", None, {"model": "default", "input": ["x"] * 3})
        counted = re.compile(r'accel_items_total\{model="bert",.*precision="f32".*\} 3\n')

        def metrics():
            with urllib.request.urlopen(server.url + "/metrics", timeout=START_SECONDS) as answer:
                return answer.read().decode()
        # It is counted when it has ended, which is after its client has the answer.
        self.until(True, lambda: bool(counted.search(metrics())))


@needs_clients
class Metrics(SafetyTest):
    @unittest.skipUnless(PROMTOOL.exists(), "promtool is not here")
    def test_promtool_finds_nothing_to_say(self):
        import grpc
        import tritonclient.grpc as triton
        key, other = self.key("user", "--models", "bert"), self.key("other", "--models", "none")
        path = self.folder / "keys.yaml"
        slow = "\n    requests_per_second: 0.1\n    burst: 1\n"  # of the other
        path.write_text(path.read_text().rstrip() + slow)
        operator = self.key("operator", "--scopes", "admin,metrics")
        server = self.serve("--keys", path, "--log-requests", self.folder / "requests.log",
                            "--trace-to", "http://127.0.0.1:9")
        ask = lambda path, key=None, body=None: self.status(server.url + path, key, body)
        embed = {"model": "bert", "input": ["x", "y"]}
        self.assertEqual(ask("/v1/embeddings", key, embed), 200)
        self.assertEqual(ask("/v1/embeddings", key, {"model": "bert"}), 400)
        self.assertEqual(ask("/v1/embeddings", None, embed), 401)
        self.assertEqual([ask("/v1/embeddings", other, embed) for _ in range(2)], [403, 429])
        self.assertEqual(ask("/none", key), 404)
        self.assertEqual(ask("/v2/repository/models/bert/load", operator, {}), 200)
        with triton.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            text = triton.InferInput("text", [1], "BYTES")
            import numpy
            text.set_data_from_numpy(numpy.array([b"a text"], dtype=object))
            for headers in ({"authorization": f"Bearer {key}"}, {}):
                try:
                    client.infer("bert", [text], headers=headers, client_timeout=START_SECONDS)
                except triton.InferenceServerException as error:
                    self.assertEqual((headers, error.status()),
                                     ({}, str(grpc.StatusCode.UNAUTHENTICATED)))
        request = urllib.request.Request(server.url + "/metrics",
                                         headers={"Authorization": f"Bearer {operator}"})
        wanted = [r'accel_requests_total\{.*code="429"', r'accel_items_total\{model="bert"',
                  r'accel_requests_total\{.*GRPCInferenceService']

        def metrics():
            with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
                return answer.read().decode()
        self.until([], lambda: [one for one in wanted if not re.search(one, metrics())])
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=metrics(), text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
