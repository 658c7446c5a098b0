#!/usr/bin/env python3
"""Measures accel's own choice of settings against every other: `./dev bench settings`. See
bench/README.md."""

import argparse
import json
import os
import subprocess
from itertools import product
from pathlib import Path
from statistics import median

import machine
import peers_environment
from embed import corpus
from images import checkpoint as image_checkpoint
from images import photos
from ratios import ratio, verdict
from workers import Worker, WorkerError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
BIN = ROOT / "build/release/bin"
LOGS = BUILD / "logs"
CACHE = BUILD / "settings-cache"
WORK = BUILD / "work" / "settings"
WITHIN = 0.9  # of the best setting's rate
FINALISTS = 3
BATCH_TOKENS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
BATCH_ROWS = (1, 2, 4, 8, 16, 32)
PRECISIONS = ("f32", "bf16", "f16")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("minilm", "vit-base", "resnet-50"),
                        help="only this one (default: all)")
    parser.add_argument("--hint", choices=("latency", "throughput"), help="only this one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2, help="of each setting, about")
    parser.add_argument("--output", type=Path, default=BUILD / "settings.json")
    return parser.parse_args()


def grid(hint, texts):
    cores = machine.cores()
    ways = [{"streams": streams, "threads": threads, "precision": precision}
            for precision, streams, threads in product(PRECISIONS, range(1, cores + 1),
                                                       range(1, cores + 1))
            if streams <= threads]
    if hint == "latency":
        return ways
    size, sizes = ("batch_tokens", BATCH_TOKENS) if texts else ("batch_rows", BATCH_ROWS)
    return [{**way, size: count} for way, count in product(ways, sizes)]


class Task:
    """One model and hint: what is asked of a worker, and how much of it."""

    def __init__(self, name, model, hint, items):
        self.name, self.model, self.hint, self.items = name, model, hint, items
        self.texts = name == "minilm"
        program = "accel_bench_embed" if self.texts else "accel_bench_images"
        self.command = [str(BIN / program)]
        many = "embed_file" if self.texts else "classify_files"
        self.action = "singles" if hint == "latency" else many
        self.count = 8

    def path(self):
        WORK.mkdir(parents=True, exist_ok=True)
        file = WORK / f"{self.name}-{self.hint}.txt"
        chosen = [self.items[i % len(self.items)] for i in range(self.count)]
        file.write_text("\n".join(chosen) + "\n", encoding="utf-8")
        return str(file)

    def load(self, worker, setting):
        worker.ask("load", model=str(self.model), hint=self.hint, **{"precision": "auto",
                                                                     **setting})

    def seconds(self, worker, path):
        return worker.ask(self.action, path=path)["seconds"]

    def rate(self, setting, seconds_wanted):
        """Items per second of one setting, after one pass that warms up."""
        with Worker(self.name, self.command, LOGS) as worker:
            self.load(worker, setting)
            path = self.path()
            self.seconds(worker, path)
            spent, passes = 0.0, 0
            while spent < seconds_wanted:
                spent += self.seconds(worker, path)
                passes += 1
            return passes * self.count / spent

    def fit_count(self, seconds_wanted):
        """So many items that a pass of the automatic setting takes a fifth of the time or more,
        and that each of two streams has a largest batch."""
        least = 4 if self.texts or self.hint == "latency" else 2 * BATCH_ROWS[-1]
        rate = self.rate({}, 0.2)
        self.count = max(least, min(4096, round(rate * seconds_wanted / 5)))


def final(task, settings, rounds):
    """Seconds of each setting in interleaved rounds; the first is accel's own choice."""
    workers = []
    try:
        for setting in settings:
            workers.append(Worker(task.name, task.command, LOGS))
            task.load(workers[-1], setting)
        path = task.path()
        for worker in workers:
            task.seconds(worker, path)
        seconds = [[] for _ in workers]
        for _ in range(rounds):
            for own, worker in zip(seconds, workers):
                own.append(task.seconds(worker, path))
        return seconds
    finally:
        for worker in workers:
            worker.close()


def described(setting):
    return " ".join(f"{key}={value}" for key, value in setting.items()) or "automatic"


def settle(task, given):
    task.fit_count(given.seconds)
    table = []
    for setting in [{}, *grid(task.hint, task.texts)]:
        try:
            table.append({"setting": setting, "per_sec": task.rate(setting, given.seconds)})
        except WorkerError as error:  # a precision that this machine lacks
            table.append({"setting": setting, "refused": str(error).splitlines()[0]})
        shown = table[-1].get("per_sec")
        print(f"  {described(setting):55} {f'{shown:9.1f}' if shown else 'refused'}", flush=True)
    able = sorted((one for one in table[1:] if "per_sec" in one), key=lambda one: -one["per_sec"])
    best = [one["setting"] for one in able[:FINALISTS]]
    own, *others = final(task, [{}, *best], given.rounds)
    finals = []
    for setting, seconds in zip(best, others):
        found = ratio(seconds, own)
        finals.append({"setting": setting, "seconds": median(seconds), "automatic_over_it": found,
                       "verdict": verdict(found, WITHIN)})
        print(f"  automatic by {described(setting)}: {found['median']:.2f} [{found['low']:.2f}, "
              f"{found['high']:.2f}], at least {WITHIN}: {finals[-1]['verdict']}", flush=True)
    return {"model": task.name, "hint": task.hint, "items": task.count, "table": table,
            "finals": finals}


def resnet(python):
    folder = BUILD / "models" / "resnet-50"
    if not (folder / "config.json").exists():
        command = [python, ROOT / "tools/make_image_classifier.py", folder, "num_labels=1000",
                   "--family", "resnet", "--images", BUILD / "photos"]
        subprocess.run([str(part) for part in command], check=True)
    return folder


def main():
    given = arguments()
    os.environ["ACCEL_CACHE_DIR"] = str(CACHE)
    python = peers_environment.ensure_environment(BUILD / "venv", LOGS / "install.log")
    pictures = photos(python)
    lines = corpus(argparse.Namespace(texts=None, quick=False))
    texts = lines.read_text(encoding="utf-8").splitlines()
    models = {"minilm": (ROOT / ".deps/models/all-MiniLM-L6-v2", texts)}
    if given.model in (None, "vit-base"):
        models["vit-base"] = (image_checkpoint(python, "vit-base"), pictures)
    if given.model in (None, "resnet-50"):
        models["resnet-50"] = (resnet(python), pictures)
    found = []
    for name, (model, items) in models.items():
        if given.model not in (None, name):
            continue
        subprocess.run([BIN / "accel", "doctor", "--measure", model], check=True)
        for hint in ("latency", "throughput"):
            if given.hint not in (None, hint):
                continue
            print(f"\n{name}, {hint}", flush=True)
            found.append(settle(Task(name, model, hint, items), given))
    given.output.write_text(json.dumps({"machine": machine.facts(), "tasks": found}, indent=1))


if __name__ == "__main__":
    main()
