"""accel serve: what every client of HTTP may expect, whichever protocol it speaks."""
import http.client
import json
import re
import select
import signal
import socket
import threading
import unittest
import urllib.request

from program import INVALID_ARGUMENT, NOT_FOUND, OK, PERMISSION_DENIED, TINY, ProgramTest
from server import START_SECONDS, Server, ServerTest
from test_embed import TEXTS, recorded_embeddings

EMBED = {"model": "bert", "input": "a text"}


class Serving(ServerTest):
    def test_embeddings_are_those_of_the_reference_library(self):
        answer = self.post("/v1/embeddings", {"model": "bert", "input": TEXTS})
        self.assertEqual(answer.status, 200, answer.body)
        body = answer.json()
        self.assertEqual([one["index"] for one in body["data"]], list(range(len(TEXTS))))
        for one, expected in zip(body["data"], recorded_embeddings()):
            self.assertClose(one["embedding"], expected)
        self.assertEqual(body["usage"]["prompt_tokens"],
                         sum(r["tokens"] for r in self.records(*TEXTS)))

    def test_an_answer_says_what_ran(self):
        answer = self.post("/v1/embeddings", EMBED, headers={"X-Request-Id": "mine-1"})
        self.assertEqual(answer.headers["X-Accel-Backend"], "openvino")
        self.assertEqual(answer.headers["X-Accel-Device"], "CPU")
        self.assertEqual(answer.headers["X-Accel-Precision"], "f32")
        self.assertEqual(answer.headers["X-Request-Id"], "mine-1")
        self.assertRegex(answer.headers["Server-Timing"], r"infer;dur=\d")

    def test_one_connection_serves_many_requests(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        self.addCleanup(connection.close)
        answers = set()
        for _ in range(50):
            connection.request("POST", "/v1/embeddings", json.dumps(EMBED))
            answers.add(connection.getresponse().read())
        self.assertEqual(len(answers), 1)

    def test_many_clients_at_a_time_get_their_own_answers(self):
        alone = {text: self.post("/v1/embeddings", {"model": "bert", "input": text}).json()
                 for text in TEXTS}
        faults = []

        def client(number):
            for i in range(20):
                text = TEXTS[(number + i) % len(TEXTS)]
                body = self.post("/v1/embeddings", {"model": "bert", "input": text}).json()
                worst = max(abs(a - b) for a, b in zip(body["data"][0]["embedding"],
                                                       alone[text]["data"][0]["embedding"]))
                if worst > 1e-5:
                    faults.append((text, worst))

        threads = [threading.Thread(target=client, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_what_is_wrong_is_said(self):
        for body, status, words in [
                ("{", 400, "JSON"), ({"model": "bert"}, 400, "input"),
                ({"model": "none", "input": "a"}, 404, "not defined"),
                ({**EMBED, "dimensions": 33}, 400, "at most 32"),
                ({**EMBED, "input": [5000]}, 400, "from 0 to 999")]:
            answer = self.post("/v1/embeddings", body)
            self.assertEqual(answer.status, status, answer.body)
            self.assertIn(words, answer.json()["error"]["message"])

    def test_a_request_whose_time_is_over_is_not_computed(self):
        answer = self.post("/v1/embeddings", EMBED, headers={"X-Request-Timeout-Ms": "0.000001"})
        self.assertEqual(answer.status, 504)

    def test_pages_for_people_and_machines(self):
        self.assertIn("<title>accel</title>", self.get("/").body.decode())
        file = self.get("/openapi.json").json()
        self.assertIn("/v1/embeddings", file["paths"])
        self.assertEqual(self.get("/readyz").status, 200)
        self.assertEqual(self.get("/livez").status, 200)
        names = [one["id"] for one in self.get("/v1/models").json()["data"]]
        self.assertEqual(names, ["bert", "default"])

    def test_a_client_that_leaves_changes_nothing_for_others(self):
        text = json.dumps({"model": "bert", "input": ["a text " * 40] * 500})
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", self.server.port)) as left:
                left.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\n" +
                             f"Content-Length: {len(text)}\r\n\r\n{text}".encode())
        self.assertEqual(self.post("/v1/embeddings", EMBED).status, 200)


class Starting(ProgramTest):
    def serve(self, *arguments, **options):
        server = Server(*arguments, env=self.environment(), **options)
        self.addCleanup(server.kill)
        return server

    def in_flight(self, server):
        """Requests under way, the one that asks among them."""
        with urllib.request.urlopen(server.url + "/metrics", timeout=START_SECONDS) as answer:
            text = answer.read().decode()
        return int(re.search(r"^accel_requests_in_flight (\d+)$", text, re.MULTILINE).group(1))

    def test_names_and_addresses_that_are_none_are_refused(self):
        serve = ("serve", "--http", "127.0.0.1:0")
        self.refused(NOT_FOUND, *serve, self.folder / "nothing", says="nothing")
        self.refused(INVALID_ARGUMENT, *serve, TINY, f"x/{TINY.name}", says="two models")
        self.refused(INVALID_ARGUMENT, "serve", TINY, "--http", "nowhere", says="ADDRESS:PORT")
        self.refused(NOT_FOUND, *serve, TINY, "--alias", "a=b", says="--alias")

    def test_an_address_that_others_reach_needs_a_word(self):
        self.refused(PERMISSION_DENIED, "serve", TINY, "--http", "0.0.0.0:0", says="--public")

    def test_a_port_that_is_taken_is_said(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = self.accel("serve", TINY, "--http", f"127.0.0.1:{port}", code=None)
        self.assertNotEqual(done.returncode, OK)
        self.assertIn(str(port), done.stderr)

    def test_it_ends_in_order_and_finishes_what_is_under_way(self):
        server = self.serve(f"bert={TINY}")
        many = json.dumps({"model": "bert", "input": ["a text " * 40] * 2000})
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=START_SECONDS)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/embeddings", many)
        while not (select.select([connection.sock], [], [], 0)[0] or self.in_flight(server) > 1):
            pass  # until it is under way, or answered already
        server.process.send_signal(signal.SIGTERM)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertEqual(len(json.loads(answer.read())["data"]), 2000)
        self.assertEqual(server.process.wait(START_SECONDS), OK)
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)

    def test_lazy_models_are_loaded_by_the_first_who_asks(self):
        server = self.serve(f"bert={TINY}", options=("--lazy", "--alias", "ada=bert"))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=START_SECONDS)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/embeddings", json.dumps({"model": "ada", "input": "x"}))
        self.assertEqual(connection.getresponse().status, 200)


if __name__ == "__main__":
    unittest.main()
