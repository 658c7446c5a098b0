#!/usr/bin/env python3
"""Measures one text or image at a time beside torch, onnxruntime and accel's own reference backend:
`./dev bench one_by_one`. See bench/README.md."""

import argparse
import json
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import machine
import peers_environment
from contenders import peer_command
from embed import corpus, every, max_tokens, read_texts, write_texts
from images import checkpoint, photos
from ratios import ratio, verdict
from scenarios import SETTLE_SECONDS
from settings import resnet
from tables import interval
from workers import Worker

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
BIN = ROOT / "build/release/bin"
LOGS = BUILD / "logs"
AT_LEAST = {"torch": 1.5, "onnxruntime": 1.1, "reference": 5}
REFERENCE_ITEMS = 1  # of a round: it is slow


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("minilm", "vit-base", "resnet-50"),
                        help="only this one (default: all)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1, help="of a round of accel's, about")
    parser.add_argument("--output", type=Path, default=BUILD / "one_by_one.json")
    return parser.parse_args()


class Case:
    """A model, its items, and who runs it."""

    def __init__(self, name, model, items, python):
        self.name, self.model, self.items = name, model, items
        self.texts = name == "minilm"
        program = BIN / ("accel_bench_embed" if self.texts else "accel_bench_images")
        accel = {"model": str(model), "precision": "f32"}
        graphs = BUILD / ("models" if self.texts else "graphs") / (model.name if self.texts
                                                                   else name)
        exporter = "export_graphs.py" if self.texts else "export_image_graphs.py"
        peers_environment.ensure_graphs(python, model, graphs, LOGS / "install.log", exporter)
        peer = {"model": str(model), "graphs": str(graphs), "batch": 1, "streams": 1,
                "workers": 0, "processor": "fast"}
        if self.texts:
            peer["max_tokens"] = max_tokens(model)
        torch, onnx = (("sentence_transformers_torch", "onnxruntime_loop") if self.texts else
                       ("transformers_torch", "onnxruntime_images"))
        threads = [{"threads": count} for count in dict.fromkeys((machine.cores(), 1))]
        slow = [{"processor": "slow"}, {}] if not self.texts else [{}]
        choices = [{**peer, **one, **other} for one in threads for other in slow]
        self.sides = {"accel": ([str(program)], [accel]),
                      "torch": (peer_command(python, torch), choices),
                      "onnxruntime": (peer_command(python, onnx), choices)}
        if self.texts:
            self.sides["reference"] = ([str(program)], [{**accel, "backend": "reference"}])

    def path(self, count):
        return str(write_texts(f"one-{self.name}-{count}.txt", every(self.items, count)))


def seconds_of(worker, path):
    return worker.ask("singles", path=path)["seconds"]


def fit(worker, case, seconds):
    """So many items that a round takes about `seconds`."""
    path = case.path(4)
    seconds_of(worker, path)
    return max(4, min(len(case.items), round(4 * seconds / seconds_of(worker, path))))


def start(stack, case, name, path):
    """The side's worker at the best of its settings, each tried once."""
    command, choices = case.sides[name]
    worker = stack.enter_context(Worker(f"one.{name}", command, LOGS))
    tried = []
    for choice in choices:
        worker.ask("load", **choice)
        if len(choices) > 1:
            seconds_of(worker, path)
            tried.append(seconds_of(worker, path))
    if tried:
        best = choices[tried.index(min(tried))]
        worker.ask("load", **best)
        return worker, best
    return worker, choices[0]


def race(workers, path, rounds):
    names = list(workers)
    found = {name: [] for name in names}
    for name in names:
        seconds_of(workers[name], path)
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            time.sleep(SETTLE_SECONDS)
            found[name].append(seconds_of(workers[name], path))
    return found


def measure(case, given):
    with ExitStack() as stack:
        accel, _ = start(stack, case, "accel", None)
        count = fit(accel, case, given.seconds)
        path = case.path(count)
        workers, best = {"accel": accel}, {}
        for name in ("torch", "onnxruntime"):
            workers[name], best[name] = start(stack, case, name, path)
        found = race(workers, path, given.rounds)
        ratios = {name: ratio(found[name], found["accel"]) for name in best}
        per_sec = {name: count / median(seconds) for name, seconds in found.items()}
        if "reference" in case.sides:
            slow, _ = start(stack, case, "reference", None)
            pair = race({"accel": accel, "reference": slow}, case.path(REFERENCE_ITEMS),
                        given.rounds)
            ratios["reference"] = ratio(pair["reference"], pair["accel"])
            per_sec["reference"] = REFERENCE_ITEMS / median(pair["reference"])
    print(f"{case.name}, {count} items one by one: accel {per_sec['accel']:.1f}/s")
    for name, times in ratios.items():
        print(f"  {name} {per_sec[name]:.2f}/s: accel is faster by {interval(times)}, at least "
              f"{AT_LEAST[name]} {verdict(times, AT_LEAST[name])}", flush=True)
    return {"items": count, "per_sec": per_sec, "ratios": ratios, "settings": best,
            "verdicts": {name: verdict(times, AT_LEAST[name]) for name, times in ratios.items()}}


def main():
    given = arguments()
    python = peers_environment.ensure_environment(BUILD / "venv", LOGS / "install.log")
    texts = read_texts(corpus(argparse.Namespace(texts=None, quick=False)))
    pictures = photos(python)  # which the models of images are made with
    cases = {"minilm": lambda: (ROOT / ".deps/models/all-MiniLM-L6-v2", texts),
             "vit-base": lambda: (checkpoint(python, "vit-base"), pictures),
             "resnet-50": lambda: (resnet(python), pictures)}
    found = {}
    for name, made in cases.items():
        if given.model in (None, name):
            found[name] = measure(Case(name, *made(), python), given)
    given.output.write_text(json.dumps({"machine": machine.facts(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
