"""accel pull, list, rm and alias against a hub of our own on loopback."""
import contextlib
import json
import os
import pty
import random
import resource
import shutil
import signal
import socket
import threading
import time

from mock_hub import (Hub, answers, drops_after, git_sha1, ignores_ranges, redirects_to, sends,
                      sha256, waits_for)
from program import (CANCELLED, DATA_LOSS, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, OK,
                     PERMISSION_DENIED, RESOURCE_EXHAUSTED, TINY, UNAVAILABLE, ProgramTest)

UNAUTHENTICATED = 15
TOKEN = "hf_secretSecretSecret"
NAMES = ("config.json", "model.safetensors", "modules.json", "tokenizer.json",
         "1_Pooling/config.json")


def tiny_files():
    """A real model, with what a repository of the Hub has beside it."""
    files = {str(path.relative_to(TINY)): path.read_bytes()
             for path in TINY.rglob("*") if path.is_file() and not path.name.startswith("golden")}
    weights = files["model.safetensors"]
    return {**files, "README.md": b"# A model\n", ".gitattributes": b"*.bin lfs\n",
            "pytorch_model.bin": b"other" * 1000, "onnx/model.onnx": weights[:5000],
            "onnx/config.json": b"{}"}


class PullTest(ProgramTest):

    def setUp(self):
        super().setUp()
        self.hub = self.new_hub()
        self.files = tiny_files()
        self.model = self.hub.put("org/name", self.files)
        self.cache = self.folder / "home" / "hub"
        self.repository = self.cache / "models--org--name"
        self.snapshot = self.repository / "snapshots" / self.model.commit

    def new_hub(self):
        hub = Hub()
        self.addCleanup(hub.close)
        return hub

    def environment(self, **changes):
        inherited = {name: value for name, value in super().environment().items()
                     if not name.startswith(("HF_", "HUGGING", "TRANSFORMERS", "XDG"))
                     and not name.lower().endswith("_proxy")}
        return {**inherited, "HF_HOME": str(self.folder / "home"), "HF_ENDPOINT": self.hub.url,
                "ACCEL_CONFIG_DIR": str(self.folder / "config"), **changes}

    def pull(self, *arguments, name="org/name", **options):
        return json.loads(self.accel("pull", name, *arguments, **options).stdout)

    def states(self, *arguments, **options):
        return {file["name"]: file["state"] for file in self.pull(*arguments, **options)["files"]}

    def incomplete(self):
        sizes = {}
        for path in self.cache.rglob("*.incomplete"):
            with contextlib.suppress(FileNotFoundError):  # it was completed meanwhile
                sizes[path.name] = path.stat().st_size
        return sizes

    def assertNothingKept(self, name):
        """No model, and nothing of this file; what came of others may stay for the next try."""
        data = self.files[name]
        for blob in (self.repository / "blobs").glob("*"):
            self.assertNotIn(blob.name.removesuffix(".incomplete"), (sha256(data), git_sha1(data)))
        self.assertFalse((self.repository / "snapshots").exists())
        self.assertFalse((self.repository / "refs").exists())

    def fails(self, code, *arguments, says=(), **options):
        done = self.accel("pull", "org/name", *arguments, code=code, **options)
        for words in (says,) if isinstance(says, str) else says:
            self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        return done


class Pull(PullTest):

    def test_a_pulled_model_computes(self):
        report = self.pull()
        self.assertEqual(report["commit"], self.model.commit)
        self.assertEqual(report["path"], str(self.snapshot))
        self.assertEqual(report["weights"], "safetensors")
        names = {file["name"] for file in report["files"]}
        self.assertEqual(names, {name for name in self.files if name in NAMES or
                                 (name.endswith((".json", ".txt")) and "onnx" not in name)})
        self.assertEqual(report["bytes_downloaded"],
                         sum(len(self.files[name]) for name in names))
        out = self.accel("embed", "org/name", "a text", "--precision", "f32").stdout
        local = self.accel("embed", TINY, "a text", "--precision", "f32").stdout
        self.assertEqual(out, local)
        for command in (("show", "org/name"), ("show", "org/name", "--verify"),
                        ("tokenize", "org/name@main", "a text"),
                        ("similarity", f"org/name@{self.model.commit[:8]}", "one", "two")):
            self.accel(*command)

    def test_the_layout_is_that_of_the_hubs_own_client(self):
        self.pull()
        self.assertEqual((self.repository / "refs" / "main").read_bytes(),
                         self.model.commit.encode())
        for name in ("model.safetensors", "config.json", "1_Pooling/config.json"):
            data = self.files[name]
            digits = sha256(data) if name.endswith(".safetensors") else git_sha1(data)
            link = self.snapshot / name
            self.assertEqual(os.readlink(link),
                             "../" * (2 + name.count("/")) + "blobs/" + digits)
            self.assertEqual(link.read_bytes(), data)
        blobs = list((self.repository / "blobs").iterdir())
        for blob in blobs:
            self.assertIn(blob.name, {sha256(blob.read_bytes()), git_sha1(blob.read_bytes())})
        self.assertEqual(sorted(path.name for path in self.repository.iterdir()),
                         ["blobs", "refs", "snapshots"])
        self.assertEqual(sorted(path.name for path in self.cache.iterdir()),
                         [".locks", "models--org--name"])

    def test_the_second_time_nothing_is_downloaded(self):
        self.pull()
        self.hub.requests.clear()
        self.assertEqual(set(self.states().values()), {"cached"})
        self.assertEqual(len(self.hub.requests), 1)  # the listing

    def test_a_new_revision_shares_what_stayed_the_same(self):
        self.pull()
        changed = self.hub.put("org/name", {**self.files, "config.json":
                                            self.files["config.json"] + b"\n"})
        states = self.states()
        self.assertEqual([name for name, state in states.items() if state == "downloaded"],
                         ["config.json"])
        self.assertEqual((self.repository / "refs" / "main").read_text(), changed.commit)
        self.assertTrue(self.snapshot.is_dir())

    def test_revisions_by_tag_branch_and_commit(self):
        old = self.hub.put("org/name", {**self.files, "old.txt": b"old"},
                           tags=("v1.0", "refs/pr/1"))
        self.hub.models["org/name"].reverse()
        self.assertEqual(self.pull(name="org/name@v1.0")["commit"], old.commit)
        self.assertEqual((self.repository / "refs" / "v1.0").read_text(), old.commit)
        self.pull(name="org/name@refs/pr/1")
        self.assertEqual((self.repository / "refs" / "refs" / "pr" / "1").read_text(), old.commit)
        self.pull(name=f"org/name@{self.model.commit}")
        self.assertFalse((self.repository / "refs" / self.model.commit).exists())
        self.assertFalse((self.repository / "refs" / "main").exists())
        self.accel("show", "org/name@v1.0")
        self.refused(NOT_FOUND, "show", "org/name@v9", says="accel pull org/name@v9")
        done = self.accel("pull", "org/name@v9", code=NOT_FOUND)
        self.assertIn("no such revision", done.stderr)

    def test_patterns_choose_files(self):
        self.assertEqual(set(self.states("--include", "*.md,onnx/*")),
                         {"README.md", "onnx/model.onnx", "onnx/config.json"})
        self.assertEqual(set(self.states("--include", "*.json", "--exclude", "onnx/*,1_Pooling/*")),
                         {name for name in self.files if name.endswith(".json")
                          and "/" not in name})
        # What an earlier pull linked stays in the snapshot.
        self.assertTrue((self.snapshot / "README.md").exists())
        self.assertEqual(set(self.states("--all")), set(self.files))
        self.fails(NOT_FOUND, "--include", "*.gguf", says=("no file fits", "README.md"))

    def test_dry_run_only_tells(self):
        report = self.pull("--dry-run")
        self.assertGreater(report["bytes_downloaded"], 0)
        self.assertEqual(len(self.hub.requests), 1)
        self.assertFalse(self.cache.exists())

    def test_several_files_at_once(self):
        gate = threading.Event()
        self.hub.fault("/resolve/", waits_for(gate), forever=True)
        process = self.start("pull", "org/name", "--jobs", "3")
        deadline = time.monotonic() + 60
        while self.hub.busy < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        gate.set()
        process.communicate(timeout=60)
        self.assertEqual((process.returncode, self.hub.busiest), (OK, 3))

    def test_a_terminal_gets_a_table_and_progress(self):
        gate = threading.Event()
        self.hub.fault("model.safetensors", waits_for(gate))
        threading.Timer(1, gate.set).start()
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = self.start("pull", "org/name", stdout=theirs, stderr=theirs, stdin=theirs)
        os.close(theirs)
        seen = b""
        while True:
            try:
                seen += os.read(ours, 65536)
            except OSError:
                break
        self.assertEqual(process.wait(60), OK)
        self.assertRegex(seen.decode(), r"\d+%  .*KiB")
        for words in ("model.safetensors", "downloaded", "were left out", str(self.snapshot)):
            self.assertIn(words, seen.decode())


class Trouble(PullTest):
    """What a network and a server can do."""

    def test_a_dropped_connection_goes_on_where_it_ended(self):
        weights = self.files["model.safetensors"]
        half = len(weights) // 2
        self.hub.fault("/model.safetensors", drops_after(half))
        self.hub.fault("/model.safetensors", drops_after(1000))
        self.states()
        ranges = [request.range for request in self.hub.requests
                  if request.path.endswith("/model.safetensors")]
        self.assertEqual(ranges, [None, f"bytes={half}-", f"bytes={half + 1000}-"])
        self.assertEqual((self.snapshot / "model.safetensors").read_bytes(), weights)
        self.assertEqual(self.incomplete(), {})

    def test_an_interrupted_pull_goes_on_the_next_time(self):
        weights = self.files["model.safetensors"]
        gate = threading.Event()
        self.addCleanup(gate.set)

        def half_then_wait(handler, data):
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data[:50000])
            handler.wfile.flush()
            return waits_for(gate, lambda *_: True)(handler, data)

        for signalled in (signal.SIGINT, signal.SIGKILL):
            self.hub.faults = [("/model.safetensors", half_then_wait, False)]
            process = self.start("pull", "org/name")
            deadline = time.monotonic() + 60
            name = f"{sha256(weights)}.incomplete"
            while self.incomplete().get(name) != 50000 and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signalled)
            _, err = process.communicate(timeout=60)
            if signalled == signal.SIGINT:
                self.assertEqual(process.returncode, CANCELLED)
                self.assertIn("goes on where it stopped", err.decode())
            self.assertEqual(self.incomplete().get(name), 50000)
            self.assertFalse((self.repository / "snapshots").exists())
            # The next round begins with what this one left.
            self.hub.faults = []
            if signalled == signal.SIGINT:
                self.refused(NOT_FOUND, "show", "org/name", says=("no whole snapshot",
                                                                  "accel pull org/name"))
                os.truncate(self.repository / "blobs" / name, 0)
        self.hub.requests.clear()
        self.assertEqual(self.states()["model.safetensors"], "resumed")
        self.assertIn("bytes=50000-", [request.range for request in self.hub.requests])
        self.assertEqual((self.snapshot / "model.safetensors").read_bytes(), weights)

    def test_killed_at_any_moment_there_is_all_or_nothing(self):
        wanted = {name: data for name, data in self.files.items()
                  if name.endswith((".json", ".safetensors")) and not name.startswith("onnx")}
        seed = random.Random(7)
        for _ in range(25):
            process = self.start("pull", "org/name")
            time.sleep(seed.uniform(0, 0.12))
            process.kill()
            process.communicate(timeout=60)
            if self.snapshot.exists():
                for name, data in wanted.items():
                    self.assertEqual((self.snapshot / name).read_bytes(), data)
                shutil.rmtree(self.cache)
            else:
                self.assertFalse((self.repository / "refs").exists())
        self.pull()
        self.assertEqual(self.incomplete(), {})
        self.assertEqual({name: (self.snapshot / name).read_bytes() for name in wanted}, wanted)

    def test_a_server_without_ranges_sends_all_again(self):
        self.hub.fault("/model.safetensors", drops_after(20000))
        self.hub.fault("/model.safetensors", ignores_ranges)
        self.pull()
        self.assertEqual((self.snapshot / "model.safetensors").read_bytes(),
                         self.files["model.safetensors"])

    def test_wrong_remains_of_an_earlier_try_are_thrown_away(self):
        weights = self.files["model.safetensors"]
        blobs = self.repository / "blobs"
        blobs.mkdir(parents=True)
        (blobs / f"{sha256(weights)}.incomplete").write_bytes(b"x" * 1000)
        self.pull()
        self.assertEqual((self.snapshot / "model.safetensors").read_bytes(), weights)

    def test_a_damaged_blob_is_fetched_again(self):
        self.pull()
        blob = self.repository / "blobs" / sha256(self.files["model.safetensors"])
        os.truncate(blob, 100)
        self.assertEqual(self.states()["model.safetensors"], "downloaded")
        self.assertEqual(blob.read_bytes(), self.files["model.safetensors"])

    def test_wrong_bytes_are_refused(self):
        for name in ("model.safetensors", "config.json"):
            data = bytearray(self.files[name])
            data[-1] ^= 1
            self.hub.fault(f"{self.model.commit}/{name}", sends(bytes(data)), forever=True)
            self.fails(DATA_LOSS, says=(name, "SHA", "nothing of it was kept"))
            self.assertNothingKept(name)
            self.hub.faults.clear()
            shutil.rmtree(self.cache)

    def test_wrong_lengths_are_refused(self):
        weights = self.files["model.safetensors"]
        for data in (weights + b"x", weights[:-1], b""):
            self.hub.fault("/model.safetensors", sends(data), forever=True)
            self.fails(DATA_LOSS, says=("model.safetensors", f"expected {len(weights)} bytes",
                                        f"sends {len(data)}"))
            self.assertNothingKept("model.safetensors")
            self.hub.faults.clear()

    def test_a_transfer_that_never_completes_ends_in_time(self):
        self.hub.fault("/tokenizer.json", sends(b"", length=len(self.files["tokenizer.json"])),
                       forever=True)
        self.fails(UNAVAILABLE, says=("tokenizer.json", "tried 5 times"))
        self.assertNothingKept("tokenizer.json")
        self.assertEqual(len(self.hub.paths("/tokenizer.json")), 5)

    def test_busy_servers_are_asked_again_as_they_wish(self):
        self.hub.fault("/api/models/", answers(429, "slow down", Retry_After="1"))
        self.hub.fault("/config.json", answers(503, "later", Retry_After="0"))
        self.hub.fault("/modules.json", answers(500))
        began = time.monotonic()
        self.pull()
        self.assertGreaterEqual(time.monotonic() - began, 1)
        self.assertEqual(len(self.hub.paths("/api/models/")), 2)

    def test_a_server_that_stays_busy_is_left_alone(self):
        self.hub.fault("/api/models/", answers(429, "slow down", Retry_After="0"), forever=True)
        self.fails(RESOURCE_EXHAUSTED, says=("429", "slow down", "later"))
        self.assertEqual(len(self.hub.requests), 5)
        self.hub.requests.clear()
        self.hub.faults = [("/api/models/", answers(429, "enough", Retry_After="86400"), True)]
        self.fails(RESOURCE_EXHAUSTED, says="86400")
        self.assertEqual(len(self.hub.requests), 1)
        self.assertFalse(self.cache.exists())

    def test_refusals_say_what_to_do(self):
        for code, reason, exit_code, words in (
                (401, None, UNAUTHENTICATED, ("HF_TOKEN", "private")),
                (403, None, PERMISSION_DENIED, ("permission",)),
                (403, "GatedRepo", PERMISSION_DENIED, ("accept its terms at", "/org/name")),
                (404, "RepoNotFound", NOT_FOUND, ("no such model",)),
                (404, "RevisionNotFound", NOT_FOUND, ("no such revision",)),
                (418, None, UNAVAILABLE, ("418",))):
            with self.subTest(code=code, reason=reason):
                self.hub.fault("/api/models/", answers(code, "because", reason))
                self.fails(exit_code, says=(str(code), "because", *words))
                self.assertFalse(self.cache.exists())

    def test_a_server_that_is_not_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            self.fails(UNAVAILABLE, "--endpoint", url, says=(url, "network", "--endpoint"))
        self.assertFalse(self.cache.exists())

    def test_hostile_listings(self):
        good = self.model.listing()
        for name in ("../../outside.json", "/etc/outside.json", "a\\..\\outside.json", "a\0.json",
                     "a/../../outside.json", "config.json/inner.json"):
            with self.subTest(name=name):
                listing = {**good, "siblings": good["siblings"] + [
                    {"rfilename": name, "size": 1, "blobId": "a" * 40}]}
                self.hub.fault("/api/models/", sends(json.dumps(listing).encode()))
                self.fails(INVALID_ARGUMENT, says="listing of org/name")
                self.assertFalse(self.cache.exists())
        for body in (b"", b"{", b"<html>", b"[]", b'{"sha":"main","siblings":[]}',
                     json.dumps({**good, "sha": "../../x"}).encode(),
                     json.dumps({**good, "siblings": [{"rfilename": "a", "size": 1,
                                                       "blobId": "../../../x"}]}).encode()):
            self.hub.fault("/api/models/", sends(body))
            self.fails(INVALID_ARGUMENT, says="listing of org/name")
        self.hub.fault("/api/models/", sends(b" " * (33 << 20)))
        self.fails(RESOURCE_EXHAUSTED, says="listing of at most")
        many = [{"rfilename": f"{i}.txt", "size": 1, "blobId": "a" * 40} for i in range(100_001)]
        self.hub.fault("/api/models/", sends(json.dumps({**good, "siblings": many}).encode()))
        self.fails(INVALID_ARGUMENT, says="100000 files")
        self.assertEqual(len(self.hub.paths("/resolve/")), 0)
        self.assertFalse(self.cache.exists())

    def test_a_full_disk_leaves_nothing(self):
        limit = 60000  # bytes, which the weights are more than
        self.assertGreater(len(self.files["model.safetensors"]), limit)
        self.fails(RESOURCE_EXHAUSTED, says="writing", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertNothingKept("model.safetensors")
        self.assertEqual(self.incomplete(), {})
        self.pull()

    def test_more_than_the_disk_has_is_not_begun(self):
        listing = self.model.listing()
        for one in listing["siblings"]:
            if one["rfilename"] == "model.safetensors":
                one["lfs"]["size"] = 1 << 49
        self.hub.fault("/api/models/", sends(json.dumps(listing).encode()))
        self.fails(RESOURCE_EXHAUSTED, says=("room for", "MiB"))
        self.assertEqual(self.hub.paths("/resolve/"), [])
        self.assertFalse(self.repository.exists())

    def test_a_folder_that_may_not_be_written(self):
        home = self.folder / "home"
        home.write_text("a file where a folder should be")
        self.fails(NOT_FOUND, says=str(self.cache))

    def test_two_pulls_of_one_model_take_turns(self):
        gate = threading.Event()
        self.hub.fault("/model.safetensors", waits_for(gate))
        first = self.start("pull", "org/name")
        deadline = time.monotonic() + 60
        while not self.hub.paths("/model.safetensors") and time.monotonic() < deadline:
            time.sleep(0.01)
        others = [self.start("pull", "org/name") for _ in range(3)]
        while len(self.hub.paths("/api/models/")) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        gate.set()
        for process in (first, *others):
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, OK, err)
            if process is not first:
                self.assertIn("waiting", err.decode())
                self.assertEqual(json.loads(out)["bytes_downloaded"], 0)
        self.assertEqual(len(self.hub.paths("/model.safetensors")), 1)

    def test_wrong_requests(self):
        for name in ("../x", "a/b/c", "a--b/c", "/etc", "org/name@", "org/name@../x"):
            self.refused(INVALID_ARGUMENT, "pull", name, says="expected")
        for endpoint in ("ftp://host", "host", "http://", "https://me:secret@host",
                         "http://host/?a=b"):
            done = self.refused(INVALID_ARGUMENT, "pull", "org/name", "--endpoint", endpoint,
                                says="endpoint")
            self.assertNotIn("secret", done.stderr)
        self.refused(INVALID_ARGUMENT, "pull", "org/name", "--jobs", "17", says="1 to 16")
        self.refused(INVALID_ARGUMENT, "pull", "org/name", "--all", "--include", "x")
        self.refused(FAILED_PRECONDITION, "pull", "org/name", says="HF_HUB_OFFLINE",
                     env=self.environment(HF_HUB_OFFLINE="1"))
        self.assertEqual(self.hub.requests, [])


class Tokens(PullTest):

    def setUp(self):
        super().setUp()
        self.hub.private_token = TOKEN

    def tokens_seen(self):
        return {request.token for request in self.hub.requests}

    def test_from_the_environment_and_from_files(self):
        self.fails(UNAUTHENTICATED, says=("401", "HF_TOKEN"))
        self.pull(env=self.environment(HF_TOKEN=f" {TOKEN}\n"))
        self.pull(env=self.environment(HUGGING_FACE_HUB_TOKEN=TOKEN))
        file = self.folder / "token-file"
        file.write_text(TOKEN + "\n")
        self.pull(env=self.environment(HF_TOKEN_PATH=str(file)))
        file.rename(self.folder / "home" / "token")
        self.pull()
        self.fails(UNAUTHENTICATED, env=self.environment(HF_HUB_DISABLE_IMPLICIT_TOKEN="1"))
        self.assertEqual(self.tokens_seen(), {f"Bearer {TOKEN}", None})

    def test_never_go_to_another_host_or_port(self):
        self.hub.storage = self.new_hub()
        self.pull(env=self.environment(HF_TOKEN=TOKEN))
        self.assertEqual(self.tokens_seen(), {f"Bearer {TOKEN}"})
        self.assertEqual(len(self.hub.storage.requests), 1)
        self.assertEqual([request.token for request in self.hub.storage.requests], [None])
        self.assertEqual((self.snapshot / "model.safetensors").read_bytes(),
                         self.files["model.safetensors"])

    def test_go_with_a_redirect_on_the_same_host(self):
        self.hub.put("org/new", self.files)
        self.hub.fault("/api/models/org/name/",
                       redirects_to("/api/models/org/new/revision/main?blobs=true"))
        self.pull(env=self.environment(HF_TOKEN=TOKEN))
        self.assertEqual(self.tokens_seen(), {f"Bearer {TOKEN}"})

    def test_redirects_are_bounded_and_stay_http(self):
        for url, words in ((f"{self.hub.url}/api/models/org/name/revision/main?blobs=true",
                            "more than 8 times"),
                           ("file:///etc/passwd", "http"), ("ftp://127.0.0.1/x", "http")):
            self.hub.faults = [("/api/models/", redirects_to(url), True)]
            done = self.accel("pull", "org/name", code=None, env=self.environment(HF_TOKEN=TOKEN))
            self.assertNotEqual(done.returncode, OK)
            self.assertIn(words, done.stderr)

    def test_are_never_printed(self):
        environment = self.environment(HF_TOKEN=TOKEN)
        for answer in (answers(401, f"bad token {TOKEN}"), answers(500, TOKEN),
                       answers(403, f"no {TOKEN}", "GatedRepo")):
            self.hub.faults = [("/api/models/", answer, True)]
            done = self.accel("pull", "org/name", code=None, env=environment)
            self.assertNotEqual(done.returncode, OK)
            self.assertNotIn(TOKEN, done.stderr)
        done = self.accel("pull", "org/name", code=INVALID_ARGUMENT,
                          env=self.environment(HF_TOKEN=f"{TOKEN}\r\nHost: evil"))
        self.assertNotIn(TOKEN, done.stderr)
        self.assertIn("HF_TOKEN", done.stderr)


class Cache(PullTest):

    def listed(self):
        return {model["name"]: model for model in
                json.loads(self.accel("list", "--json").stdout)["models"]}

    def test_list_shows_what_is_there(self):
        self.assertIn("0 B in", self.accel("list").stdout.decode())
        self.pull()
        self.hub.put("org/other", {"config.json": b"{}", "model.safetensors": b"x" * 5000})
        self.pull(name="org/other")
        models = self.listed()
        self.assertEqual(sorted(models), ["org/name", "org/other"])
        revision, = models["org/name"]["revisions"]
        self.assertEqual((revision["commit"], revision["refs"]), (self.model.commit, ["main"]))
        self.assertEqual(revision["bytes"], models["org/name"]["bytes"])
        self.assertEqual((revision["family"], revision["loadable"]), ("bert", True))
        self.assertEqual(models["org/other"]["bytes"], 5002)
        self.assertFalse(models["org/other"]["revisions"][0]["loadable"])
        text = self.accel("list").stdout.decode()
        for words in ("org/name", f"main ({self.model.commit[:12]})", "bert", "now", "org/other",
                      str(self.cache)):
            self.assertIn(words, text)

    def test_to_list_is_not_to_use(self):
        self.pull()
        ten_days_ago = time.time() - 10 * 86400
        for blob in (self.repository / "blobs").iterdir():
            os.utime(blob, (ten_days_ago, ten_days_ago))
        for _ in range(3):
            self.assertIn("10 days ago", self.accel("list").stdout.decode())

    def test_rm_frees_what_no_other_revision_uses(self):
        self.pull()
        config = self.files["config.json"] + b"\n"
        changed = self.hub.put("org/name", {**self.files, "config.json": config})
        self.pull()
        done = json.loads(self.accel("rm", "org/name@main", "--json").stdout)
        self.assertEqual(done, {"model": "org/name", "revisions": [changed.commit],
                                "bytes_freed": len(config), "whole": False})
        self.assertFalse((self.repository / "refs" / "main").exists())
        self.accel("show", "org/name")  # the one that is left
        text = self.accel("rm", "org/name").stdout.decode()
        self.assertIn("freed", text)
        self.assertIn("the model is gone", text)
        self.assertFalse(self.repository.exists())

    def test_rm_refuses_what_is_not_clear(self):
        self.pull()
        self.hub.put("another/name", self.files)
        self.pull(name="another/name")
        self.refused(NOT_FOUND, "rm", "name", says="another/name or org/name")
        self.refused(NOT_FOUND, "rm", "org/nam", says="org/name")
        self.refused(NOT_FOUND, "rm", "org/name@v9", says=("v9", "main", self.model.commit))
        self.refused(NOT_FOUND, "rm", "org/name@" + self.model.commit[:3], says="main")
        self.accel("alias", "short", "org/name")
        self.refused(INVALID_ARGUMENT, "rm", "short", says=("accel rm org/name", "--remove short"))
        self.refused(INVALID_ARGUMENT, "rm", "../name")
        self.refused(INVALID_ARGUMENT, "rm", str(self.repository))
        self.assertEqual(len(self.listed()), 2)

    def test_rm_waits_for_a_pull_and_takes_its_remains(self):
        weights = self.files["model.safetensors"]
        self.hub.fault("/model.safetensors", drops_after(1000), forever=True)
        # Each try brings a little, so that it goes on; somebody stops it.
        process = self.start("pull", "org/name")
        deadline = time.monotonic() + 60
        name = f"{sha256(weights)}.incomplete"
        while self.incomplete().get(name, 0) < 1000 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(self.listed()["org/name"]["revisions"], [])
        self.assertGreaterEqual(self.listed()["org/name"]["bytes_incomplete"], 1000)
        self.assertIn("not complete", self.accel("list").stdout.decode())
        self.accel("rm", "org/name")
        self.assertFalse(self.repository.exists())


class Names(PullTest):

    # row 234
    # row 319
    def test_a_name_is_a_path_an_alias_or_a_model_of_the_cache(self):
        self.refused(NOT_FOUND, "embed", "org/name", "x",
                     says=("no such path", str(self.folder / "config" / "aliases.json"),
                           str(self.cache), "accel pull org/name"))
        self.hub.fault("/model.safetensors", drops_after(5000))
        self.pull()
        self.accel("alias", "mini", "org/name")
        self.accel("alias", "tiny", TINY)
        self.accel("alias", "again", "mini")
        expected = self.accel("embed", TINY, "a text", "--precision", "f32").stdout
        for name in ("org/name", "mini", "tiny", "again", f"org/name@{self.model.commit}"):
            found = self.accel("embed", name, "a text", "--precision", "f32").stdout
            self.assertEqual(found, expected, name)
        for command in ("show", "tokenize", "similarity"):
            self.accel(command, "mini", *(["a", "b"] if command != "show" else []))
        found = json.loads(self.accel("models", "--json").stdout)
        self.assertEqual([(model["name"], model["loadable"]) for model in found],
                         [("org/name", True)])

    # row 320
    def test_without_a_model_and_a_task_the_defaults_run_and_are_said(self):
        self.refused(NOT_FOUND, "embed", input="a text\n",
                     says="accel pull sentence-transformers/all-MiniLM-L6-v2")
        self.accel("alias", "default", TINY)
        done = self.accel("embed", "--precision", "f32", "--stats", input="a text\n")
        expected = self.accel("embed", TINY, "a text", "--precision", "f32").stdout
        self.assertEqual(done.stdout, expected)
        self.assertIn(f"the default model: {TINY}", done.stderr)
        self.assertEqual(json.loads(done.stderr.splitlines()[-1])["model"], str(TINY))
        ran = self.accel("run", "--precision", "f32", "--stats", input="a text\n")
        self.assertIn(f"the default model: {TINY}", ran.stderr)
        self.assertEqual(json.loads(ran.stderr.splitlines()[-1])["task"], "sentence-embedding")
        self.refused(NOT_FOUND, "embed", "", "a text")

    def test_aliases_are_listed_replaced_and_removed(self):
        self.assertIn("no aliases", self.accel("alias").stdout.decode())
        done = self.accel("alias", "mini", "org/name")
        self.assertIn("accel pull org/name", done.stderr)  # it is not here yet
        self.accel("alias", "here", TINY)
        listed = json.loads(self.accel("alias", "--json").stdout)
        self.assertEqual(listed["aliases"], {"here": str(TINY), "mini": "org/name"})
        text = self.accel("alias").stdout.decode()
        self.assertRegex(text, r"mini +org/name +not here")
        self.accel("alias", "mini", "org/other")
        self.accel("alias", "--remove", "here")
        listed = json.loads(self.accel("alias", "--json").stdout)["aliases"]
        self.assertEqual(listed, {"mini": "org/other"})
        self.refused(NOT_FOUND, "alias", "--remove", "mino", says="mini")

    def test_a_relative_path_lasts(self):
        self.accel("alias", "here", TINY.name, cwd=TINY.parent)
        self.accel("show", "here", cwd="/")

    def test_what_cannot_be_an_alias(self):
        for name in ("org/name", ".x", "a b", "../x", "x" * 65, "a\n"):
            self.refused(INVALID_ARGUMENT, "alias", name, "org/name", says="cannot be an alias")
        self.refused(INVALID_ARGUMENT, "alias", "mini", says="TARGET")
        self.accel("alias", "a", "b")
        self.accel("alias", "b", "c")
        before = (self.folder / "config" / "aliases.json").read_bytes()
        for name, target in (("c", "a"), ("a", "a")):
            self.refused(INVALID_ARGUMENT, "alias", name, target, says="leads back")
        self.assertEqual((self.folder / "config" / "aliases.json").read_bytes(), before)

    def test_a_broken_file_of_aliases_is_told(self):
        config = self.folder / "config"
        config.mkdir()
        for text in ("{", "[]", '{"a": 1}', '{"../a": "b"}'):
            (config / "aliases.json").write_text(text)
            self.refused(INVALID_ARGUMENT, "alias", says="aliases.json")
            self.refused(INVALID_ARGUMENT, "show", "mini", says="aliases.json")
        (config / "aliases.json").write_text('{"a": "b", "b": "a"}')
        self.refused(INVALID_ARGUMENT, "show", "a", says="leads back")
        self.accel("show", TINY)  # a path needs none

    def test_many_at_once_lose_nothing(self):
        processes = [self.start("alias", f"a{i}", "org/name") for i in range(12)]
        for process in processes:
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, OK)
        listed = json.loads(self.accel("alias", "--json").stdout)["aliases"]
        self.assertEqual(len(listed), 12)
