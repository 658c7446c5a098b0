"""A server as its user would write it: FastAPI over sentence-transformers, whose texts wait in a
queue that is drained into one encode() call, on a thread per model.

    serve_fastapi.py SETTINGS      a JSON object: port, model, graphs, backend (torch, onnx or
                                   openvino), threads (of a model), encoders (models and their
                                   threads in a process), workers (processes), drain (texts of one
                                   call), batch (of encode)
"""

import asyncio
import json
import os
import queue
import sys
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel
from server_answers import answer, encode, open_encoder

SETTINGS = "SERVE_SETTINGS"  # in the environment of uvicorn's processes


class Request(BaseModel):
    input: str | list[str]
    model: str = "default"
    encoding_format: Literal["float", "base64"] = "float"


@dataclass
class Job:
    texts: list
    done: asyncio.Future


class Encoders:
    """Threads with a model each, which take what waits, up to `drain` texts, at a time."""

    def __init__(self, settings):
        self.settings = settings
        self.waiting = queue.SimpleQueue()
        self.loop = asyncio.get_running_loop()
        for _ in range(settings["encoders"]):
            model = open_encoder(settings)
            threading.Thread(target=self.run, args=(model,), daemon=True).start()

    async def vectors(self, texts):
        done = self.loop.create_future()
        self.waiting.put(Job(texts, done))
        return await done

    def taken(self):
        jobs = [self.waiting.get()]
        texts = len(jobs[0].texts)
        while texts < self.settings["drain"]:
            try:
                jobs.append(self.waiting.get_nowait())
            except queue.Empty:
                break
            texts += len(jobs[-1].texts)
        return jobs

    def run(self, model):
        while True:
            jobs = self.taken()
            texts = [text for job in jobs for text in job.texts]
            try:
                found = encode(model, texts, self.settings["batch"])
            except Exception as error:  # of whatever kind: its callers are told
                found = error
            self.loop.call_soon_threadsafe(self.hand_out, jobs, found)

    @staticmethod
    def hand_out(jobs, found):
        begin = 0
        for job in jobs:
            end = begin + len(job.texts)
            if job.done.cancelled():
                pass
            elif isinstance(found, Exception):
                job.done.set_exception(found)
            else:
                job.done.set_result(found[begin:end])
            begin = end


def make_app():
    settings = json.loads(os.environ[SETTINGS])
    found = {}

    @asynccontextmanager
    async def lifespan(_):
        found["encoders"] = Encoders(settings)
        yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/embeddings")
    async def embeddings(request: Request):
        texts = [request.input] if isinstance(request.input, str) else request.input
        vectors = await found["encoders"].vectors(texts)
        body = answer(vectors, request.encoding_format, request.model)
        return Response(body, media_type="application/json")

    return app


if __name__ == "__main__":
    os.environ[SETTINGS] = sys.argv[1]
    given = json.loads(sys.argv[1])
    uvicorn.run("serve_fastapi:make_app", factory=True, host="127.0.0.1", port=given["port"],
                workers=given["workers"], loop="uvloop", http="httptools", access_log=False,
                log_level="warning",
                timeout_worker_healthcheck=60)
