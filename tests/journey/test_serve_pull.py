"""Ollama's /api/pull of accel serve, against a hub of our own on loopback."""
import contextlib
import http.client
import json
import threading
import time
import unittest
import urllib.error
import urllib.request

from mock_hub import answers, drops_after, git_sha1, sends, sha256, waits_for
from program import TINY
from server import START_SECONDS, Server, needs_clients
from test_embed import TEXTS, recorded_embeddings
from test_pull import PullTest

NAME = "org/name"


class ServedPullTest(PullTest):
    def serve(self, *options, **changes):
        server = Server(f"bert={TINY}", env=self.environment(**changes),
                        options=("--precision", "f32", *map(str, options)))
        self.addCleanup(server.kill)
        return server

    def post(self, server, path, body, key=None):
        """The status and the lines of the answer."""
        request = urllib.request.Request(server.url + path, json.dumps(body).encode(),
                                         {"Authorization": f"Bearer {key}"} if key else {})
        try:
            with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
                return answer.status, [json.loads(line) for line in answer.read().splitlines()]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, [json.loads(error.read())]

    def pulled(self, server, name=NAME, **options):
        status, lines = self.post(server, "/api/pull", {"model": name, **options})
        self.assertEqual(status, 200, lines)
        self.assertEqual(lines[-1], {"status": "success"}, lines)
        return lines

    def embedded(self, server, name=NAME):
        status, lines = self.post(server, "/api/embed", {"model": name, "input": TEXTS})
        self.assertEqual(status, 200, lines)
        return lines[0]["embeddings"]

    def assertComputes(self, server, name=NAME):
        for found, expected in zip(self.embedded(server, name), recorded_embeddings(),
                                   strict=True):
            self.assertClose(found, expected)

    def until(self, holds):
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    @contextlib.contextmanager
    def client_that_leaves(self, server, name=NAME):
        """One who has begun to pull, and hangs up at the end of the block."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=START_SECONDS)
        with contextlib.closing(connection):
            connection.request("POST", "/api/pull", json.dumps({"model": name}))
            answer = connection.getresponse()
            self.assertEqual(json.loads(answer.readline()), {"status": "pulling manifest"})
            yield answer
            answer.close()


class Pulling(ServedPullTest):
    def test_a_pulled_model_answers_under_its_name(self):
        server = self.serve("--allow-pull", "org/*")
        self.assertEqual(self.post(server, "/api/embed", {"model": NAME, "input": "x"})[0], 404)
        lines = self.pulled(server)
        self.assertEqual([line for line in lines if "digest" not in line], [
            {"status": "pulling manifest"}, {"status": "verifying sha256 digest"},
            {"status": "writing manifest"}, {"status": "success"}])
        last = {line["digest"]: line for line in lines if "digest" in line}
        weights = self.files["model.safetensors"]
        digest = sha256(weights)
        self.assertEqual(last[f"sha256:{digest}"], {
            "status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}",
            "total": len(weights), "completed": len(weights)})
        self.assertIn(f"sha1:{git_sha1(self.files['config.json'])}", last)
        self.assertTrue(all(line["completed"] == line["total"] for line in last.values()))
        self.assertComputes(server)
        self.assertComputes(server, f"{NAME}:latest")
        self.assertTrue(self.snapshot.is_dir())

        requests = len(self.hub.requests)
        self.assertEqual(self.pulled(server, stream=False), [{"status": "success"}])
        self.assertEqual(self.hub.paths("/resolve/"), self.hub.paths("/resolve/")[:requests])
        self.pulled(server, f"{NAME}@{self.model.commit}")
        self.assertComputes(server, f"{NAME}@{self.model.commit}")
        _, (models,) = self.get_models(server)
        self.assertIn(f"{NAME}:latest", [model["name"] for model in models["models"]])

    def get_models(self, server):
        with urllib.request.urlopen(f"{server.url}/api/tags", timeout=START_SECONDS) as answer:
            return answer.status, [json.loads(answer.read())]

    def test_a_newer_commit_takes_its_place_and_what_is_served_anyway_stays(self):
        server = self.serve("--allow-pull", "*")
        self.pulled(server)
        before = self.embedded(server)
        self.hub.put(NAME, {**self.files, "README.md": b"new", "config_sentence.json": b"{}"})
        pooling = json.loads(self.files["1_Pooling/config.json"])
        pooling.update(pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
        self.hub.put(NAME, {**self.files, "1_Pooling/config.json": json.dumps(pooling).encode()})
        self.pulled(server)
        self.assertNotEqual(self.embedded(server), before)
        self.hub.put("bert", {**self.files, "1_Pooling/config.json": json.dumps(pooling).encode()})
        self.pulled(server, "bert")
        self.assertComputes(server, "bert")

    def test_two_who_pull_the_same_share_one_download(self):
        server = self.serve("--allow-pull", "org/*")
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.hub.fault("/model.safetensors", waits_for(go_on))
        answers_of = []
        clients = [threading.Thread(target=lambda: answers_of.append(self.pulled(server)))
                   for _ in range(2)]
        for client in clients:
            client.start()
        self.until(lambda: self.hub.paths("/model.safetensors"))
        with self.client_that_leaves(server):
            pass
        go_on.set()
        for client in clients:
            client.join()
        self.assertEqual(len(answers_of), 2)
        self.assertEqual(len(self.hub.paths("/model.safetensors")), 1)
        self.assertComputes(server)

    def test_who_leaves_ends_it_and_the_next_goes_on_where_it_was(self):
        server = self.serve("--allow-pull", "org/*")
        weights = self.files["model.safetensors"]
        name = f"{sha256(weights)}.incomplete"
        self.hub.fault("/model.safetensors", drops_after(1000), forever=True)
        with self.client_that_leaves(server):
            self.until(lambda: self.incomplete().get(name, 0) >= 1000)
        self.until(lambda: self.hub.busy == 0)
        asked = len(self.hub.requests)
        # Its lock is free when it has ended: this one would wait.
        self.hub.faults.clear()
        self.pulled(server)
        again = [request for request in self.hub.requests[asked:]
                 if "/model.safetensors" in request.path]
        self.assertTrue(again)
        self.assertTrue(all(request.range for request in again), again)
        self.assertComputes(server)

    def test_so_many_at_a_time_are_taken(self):
        server = self.serve("--allow-pull", "org/*")
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        for name in ("one", "two", "three"):
            self.hub.put(f"org/{name}", self.files)
        self.hub.fault("/api/models/", waits_for(go_on), forever=True)
        with self.client_that_leaves(server, "org/one"), self.client_that_leaves(server,
                                                                                 "org/two"):
            self.until(lambda: len(self.hub.requests) == 2)
            status, (error,) = self.post(server, "/api/pull", {"model": "org/three"})
            self.assertEqual(status, 503)
            self.assertIn("try again later", error["error"])

    def test_errors_are_told_without_places_of_this_machine(self):
        server = self.serve("--allow-pull", "org/*,wrong/*")
        for fault, words in ((answers(404, "no", "RepoNotFound"), "org/gone"),
                             (sends(b"no listing"), "listing")):
            self.hub.faults = [("/api/models/", fault, True)]
            status, lines = self.post(server, "/api/pull", {"model": "org/gone"})
            self.assertEqual((status, lines[0]), (200, {"status": "pulling manifest"}))
            self.assertEqual(list(lines[-1]), ["error"])
            self.assertIn(words, lines[-1]["error"])
            status, (error,) = self.post(server, "/api/pull", {"model": "org/gone",
                                                               "stream": False})
            self.assertGreaterEqual(status, 400)
            self.assertIn(words, error["error"])
        self.hub.faults = []
        self.hub.put("wrong/model", {**self.files, "config.json": b"{"})
        _, lines = self.post(server, "/api/pull", {"model": "wrong/model"})
        self.assertIn("wrong/model", lines[-1]["error"])
        self.assertIn("config.json", lines[-1]["error"])
        self.assertNotIn(str(self.folder), json.dumps(lines))
        self.assertEqual(self.post(server, "/api/embed", {"model": "wrong/model"})[0], 404)

    def test_the_server_ends_while_it_pulls(self):
        server = self.serve("--allow-pull", "org/*", "--drain-seconds", "0")
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.hub.fault("/model.safetensors", waits_for(go_on))
        with self.client_that_leaves(server):
            self.until(lambda: self.hub.paths("/model.safetensors"))
            self.assertEqual(server.stop(), 0)


class Permission(ServedPullTest):
    def test_nothing_is_pulled_unless_it_was_allowed(self):
        for options, words in (((), "--allow-pull"),
                               (("--allow-pull", "other/*,org/name-2"), "other/*, org/name-2")):
            server = self.serve(*options)
            for stream in (True, False):
                status, (error,) = self.post(server, "/api/pull", {"model": NAME,
                                                                   "stream": stream})
                self.assertEqual(status, 403)
                self.assertIn(words, error["error"])
                self.assertIn("--allow-pull", error["error"])
        self.assertEqual(self.hub.requests, [])

    def test_with_keys_it_takes_one_of_an_administrator(self):
        keys = self.folder / "keys.yaml"
        user, operator = (self.accel("keys", "new", name, "--file", keys, "--scopes",
                                     scopes).stdout.decode().strip()
                          for name, scopes in (("user", "infer"), ("operator", "admin,infer")))
        server = self.serve("--allow-pull", "org/*", "--keys", keys)
        self.assertEqual(self.post(server, "/api/pull", {"model": NAME})[0], 401)
        status, (error,) = self.post(server, "/api/pull", {"model": NAME}, key=user)
        self.assertEqual(status, 403)
        self.assertIn("admin", error["error"])
        self.assertEqual(self.hub.requests, [])
        status, lines = self.post(server, "/api/pull", {"model": NAME}, key=operator)
        self.assertEqual((status, lines[-1]), (200, {"status": "success"}))
        status, _ = self.post(server, "/api/embed", {"model": NAME, "input": "x"}, key=user)
        self.assertEqual(status, 200)

    def test_an_environment_without_hubs_is_told(self):
        server = self.serve("--allow-pull", "*", HF_HUB_OFFLINE="1")
        _, lines = self.post(server, "/api/pull", {"model": NAME})
        self.assertIn("HF_HUB_OFFLINE", lines[-1]["error"])


@needs_clients
class OllamaClient(ServedPullTest):
    def test_pull_with_and_without_progress(self):
        import ollama
        client = ollama.Client(host=self.serve("--allow-pull", "org/*").url)
        steps = list(client.pull(NAME, stream=True))
        self.assertEqual(steps[0].status, "pulling manifest")
        self.assertEqual(steps[-1].status, "success")
        weights = self.files["model.safetensors"]
        self.assertIn((f"sha256:{sha256(weights)}", len(weights), len(weights)),
                      [(step.digest, step.total, step.completed) for step in steps])
        self.assertEqual(client.pull(NAME).status, "success")
        answer = client.embed(model=NAME, input=TEXTS)
        for found, expected in zip(answer.embeddings, recorded_embeddings(), strict=True):
            self.assertClose(found, expected)
        with self.assertRaises(ollama.ResponseError) as caught:
            list(client.pull("org/gone", stream=True))
        self.assertIn("org/gone", str(caught.exception))
        with self.assertRaises(ollama.ResponseError) as caught:
            client.pull("alien/name")
        self.assertEqual(caught.exception.status_code, 403)


if __name__ == "__main__":
    unittest.main()
