"""A hub on loopback: the listing and the files of the models that a test puts into it, and on
demand everything that can go wrong between a hub and its clients."""
import hashlib
import http.server
import json
import threading
import urllib.parse

LFS_SUFFIXES = (".safetensors", ".bin", ".gguf", ".onnx", ".h5")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Model:
    """The files of one revision, {name: bytes}."""

    def __init__(self, files, commit=None, tags=("main",)):
        self.files = dict(files)
        text = json.dumps({name: git_sha1(data) for name, data in sorted(files.items())})
        self.commit = commit or hashlib.sha1(text.encode()).hexdigest()
        self.tags = tags

    def listing(self):
        siblings = []
        for name, data in self.files.items():
            one = {"rfilename": name, "size": len(data), "blobId": git_sha1(data)}
            if name.endswith(LFS_SUFFIXES):
                one["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 130}
            siblings.append(one)
        return {"id": "org/name", "sha": self.commit, "siblings": siblings}


class Request:
    """What was asked, as the tests look at it."""

    def __init__(self, handler):
        self.path = urllib.parse.unquote(handler.path)
        self.range = handler.headers.get("Range")
        self.token = handler.headers.get("Authorization")


class Hub:
    """A server in threads of its own.

    `faults` are looked at for each request, the first that fits is applied and, unless it is
    forever, forgotten: (part of the path, function(handler, body) -> True when it has answered).
    """

    def __init__(self):
        self.models = {}  # "org/name": [Model, ...]
        self.requests = []
        self.faults = []
        self.storage = None  # a second Hub that LFS files are redirected to
        self.blobs = {}  # what this one serves below /storage/
        self.private_token = None
        self.busy = 0
        self.busiest = 0
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, name, files, **options):
        model = Model(files, **options)
        self.models.setdefault(name, []).insert(0, model)
        return model

    def fault(self, part, answer, forever=False):
        self.faults.append((part, answer, forever))

    def take_fault(self, path):
        with self._lock:
            for i, (part, answer, forever) in enumerate(self.faults):
                if part in path:
                    if not forever:
                        del self.faults[i]
                    return answer
        return None

    def count(self, step):
        with self._lock:
            self.busy += step
            self.busiest = max(self.busiest, self.busy)

    def find(self, name, revision):
        for model in self.models.get(name, []):
            if revision in model.tags or model.commit.startswith(revision):
                return model
        return None

    def paths(self, part=""):
        return [request.path for request in self.requests if part in request.path]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients that hang up are part of the tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.hub.requests.append(Request(self))
        self.hub.count(+1)
        try:
            self.answer(head_only=False)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.hub.count(-1)

    def do_HEAD(self):
        self.answer(head_only=True)

    def answer(self, head_only):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        token = self.headers.get("Authorization")
        wanted = self.hub.private_token
        if wanted and token != f"Bearer {wanted}" and not path.startswith("/storage/"):
            return self.refuse(401, "Invalid username or password.")
        fault = self.hub.take_fault(self.path)
        if path.startswith("/api/models/"):
            name, _, revision = path[len("/api/models/"):].partition("/revision/")
            model = self.hub.find(name, revision)
            if fault and fault(self, json.dumps(model.listing()).encode() if model else b""):
                return None
            if name not in self.hub.models:
                return self.refuse(404, "Repository not found", "RepoNotFound")
            if model is None:
                return self.refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
            return self.send(json.dumps(model.listing()).encode(), "application/json")
        if path.startswith("/storage/"):
            data = self.hub.blobs[path[len("/storage/"):]]
            return None if fault and fault(self, data) else self.send(data)
        name, _, rest = path[1:].partition("/resolve/")
        revision, _, file = rest.partition("/")
        model = self.hub.find(name, revision)
        if model is None or file not in model.files:
            return self.refuse(404, "Entry not found", "EntryNotFound")
        data = model.files[file]
        if fault and fault(self, data):
            return None
        lfs = file.endswith(LFS_SUFFIXES)
        headers = {"X-Repo-Commit": model.commit,
                   "ETag": f'"{sha256(data) if lfs else git_sha1(data)}"'}
        if lfs and self.hub.storage:
            self.hub.storage.blobs[sha256(data)] = data
            return self.redirect(f"{self.hub.storage.url}/storage/{sha256(data)}", headers,
                                 sha256(data), len(data))
        return self.send(data, headers=headers, head_only=head_only)

    def refuse(self, code, message, reason=None, headers=()):
        body = json.dumps({"error": message}).encode()
        self.send_response(code)
        if reason:
            self.send_header("X-Error-Code", reason)
            self.send_header("X-Error-Message", message)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, url, headers=(), etag=None, size=0):
        self.send_response(302)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if etag:
            self.send_header("X-Linked-Etag", f'"{etag}"')
            self.send_header("X-Linked-Size", str(size))
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, data, kind="application/octet-stream", headers=(), head_only=False):
        begin, asked = 0, self.headers.get("Range")
        if asked:
            begin = int(asked.removeprefix("bytes=").split("-")[0])
            if begin >= len(data):
                return self.refuse(416, "Range Not Satisfiable")
        self.send_response(206 if asked else 200)
        self.send_header("Content-Type", kind)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        if not head_only:
            self.wfile.write(data[begin:])
        return None


# --- what can go wrong: each makes a function for Hub.fault ---------------------------------------


def drops_after(count):
    """Promises everything, sends `count` bytes more than was there, and hangs up."""
    def answer(handler, data):
        asked = handler.headers.get("Range")
        begin = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        handler.send_response(206 if asked else 200)
        if asked:
            handler.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - begin))
        handler.end_headers()
        handler.wfile.write(data[begin:begin + count])
        handler.wfile.flush()
        handler.connection.close()
        handler.close_connection = True
        return True
    return answer


def sends(data, code=200, length=None):
    """These bytes instead of the right ones."""
    def answer(handler, _):
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(data) if length is None else length))
        handler.end_headers()
        handler.wfile.write(data)
        if length is not None:
            handler.wfile.flush()
            handler.connection.close()
            handler.close_connection = True
        return True
    return answer


def ignores_ranges(handler, data):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
    return True


def answers(code, message="no", reason=None, **headers):
    def answer(handler, _):
        handler.refuse(code, message, reason,
                       {name.replace("_", "-"): value for name, value in headers.items()})
        return True
    return answer


def redirects_to(url):
    def answer(handler, _):
        handler.redirect(url)
        return True
    return answer


def waits_for(event, then=None):
    """Answers when the event is set."""
    def answer(handler, data):
        event.wait(60)
        return then(handler, data) if then else False
    return answer
