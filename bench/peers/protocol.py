"""The line protocol that every Python contender speaks; bench/workers.py is the other end.

One JSON request per line on standard input, one JSON answer per line on standard output:

    {"do": "load", ...settings}            {"ok": true, "seconds": s}
    {"do": "embed_file", "path": p}        all lines of p at once; seconds exclude reading the file
    {"do": "singles", "path": p}           line after line, one in flight; seconds of all of them
    {"do": "embed_one", "text": t}         {"ok": true, "seconds": s, "size": 384}
    {"do": "vectors", "path": p, "out": f} writes f32 [lines, size] to f (.npy)
    {"do": "tokens", "path": p}            {"ok": true, "tokens": [n, ...]}, special tokens included
    {"do": "classify_files", "path": p}    all images whose paths are the lines of p; files are read
    {"do": "write_labels", "out": f}       what the last run gave, [[[label, score], ...], ...]
    {"do": "shares", "path": p}            {"ok": true, "shares": {"decode": s, ...}}, in seconds
    {"do": "versions"}                     {"ok": true, "versions": {...}}

A failure is {"ok": false, "error": "..."}. This module imports nothing heavy: the time from process
start to the first embedding is one of the things measured.
"""

import json
import os
import sys
import time


def read_lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read().removesuffix("\n").split("\n")


class Session:
    """What is asked of all: load(settings), and `packages`, the names whose versions matter."""

    def __init__(self, contender):
        self.contender = contender
        self.lines = {}

    def lines_of(self, path):
        if path not in self.lines:
            self.lines[path] = read_lines(path)
        return self.lines[path]

    def answer(self, request):
        action = request.pop("do")
        lines = self.lines_of(request["path"]) if "path" in request else []
        start = time.perf_counter()
        extra = getattr(self, "on_" + action)(lines, request) or {}
        return {"ok": True, "seconds": time.perf_counter() - start, **extra}

    def on_load(self, _, settings):
        self.contender.load(settings)

    def on_versions(self, _, __):
        from importlib.metadata import version

        return {"versions": {name: version(name) for name in self.contender.packages}}


class TextSession(Session):
    """Besides: embed(texts) -> f32 [n, size] in the order of `texts`, tokens(texts) -> counts."""

    def on_embed_file(self, texts, _):
        return {"texts": len(self.contender.embed(texts))}

    def on_singles(self, texts, _):
        for text in texts:
            self.contender.embed([text])
        return {"texts": len(texts)}

    def on_embed_one(self, _, request):
        return {"size": int(self.contender.embed([request["text"]]).shape[1])}

    def on_vectors(self, texts, request):
        import numpy

        vectors = self.contender.embed(texts)
        numpy.save(request["out"], vectors.astype(numpy.float32))

    def on_tokens(self, texts, _):
        return {"tokens": self.contender.tokens(texts)}


class ImageSession(Session):
    """Besides: classify(paths) -> [[(label, score), ...], ...], and shares(paths) -> {part:
    seconds} of a run in which one part follows the other."""

    labels = ()

    def on_classify_files(self, paths, _):
        self.labels = self.contender.classify(paths)
        return {"images": len(self.labels)}

    def on_singles(self, paths, _):
        self.labels = [self.contender.classify([path])[0] for path in paths]
        return {"images": len(self.labels)}

    def on_write_labels(self, _, request):
        with open(request["out"], "w", encoding="utf-8") as file:
            json.dump(self.labels, file)

    def on_shares(self, paths, _):
        return {"shares": self.contender.shares(paths)}


def serve(contender, kind=TextSession):
    # Libraries print to standard output as they please; the answers keep a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    session = kind(contender)
    for line in sys.stdin:
        try:
            answer = session.answer(json.loads(line))
        except Exception as error:  # whatever a library throws becomes an answer
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
