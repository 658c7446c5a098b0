#!/usr/bin/env python3
"""Measures where work goes, among the devices of a set and among paths:
`./dev bench placement`. See bench/README.md."""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import machine
from embed import corpus, every, read_texts, write_texts
from ratios import ratio, verdict
from scenarios import SETTLE_SECONDS
from tables import interval
from workers import Worker

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
BIN = ROOT / "build/release/bin"
PARTS = ("weights", "halves", "slowed", "paths")
CLIENTS = 64
TEXTS = 1000  # of a job
WEIGHT = 2  # of the first half, where the other has 1
WITHIN = 0.1  # of that, the rows' proportion
POINTS = 0.1  # by which the halves' utilisation may differ
SLOWED = 5  # times
FASTER_ALONE = 1 / 1.1  # of the time that the faster part alone takes
SMALL = ROOT / "tests/data/bert-feature"  # whose preparation is most of a short run
FEW, MANY = 5, 500


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--model", type=Path, default=ROOT / ".deps/models/all-MiniLM-L6-v2")
    parser.add_argument("--output", type=Path, default=BUILD / "placement.json")
    return parser.parse_args()


@contextmanager
def loaded(given, *devices):
    """A worker for each, with the model loaded on it."""
    with ExitStack() as stack:
        workers = []
        for device in devices:
            worker = Worker("accel", [str(BIN / "accel_bench_embed")], BUILD / "logs")
            workers.append(stack.enter_context(worker))
            worker.ask("load", model=str(given.model), precision=given.precision, device=device)
        yield workers


def under_load(given, worker, texts, times=1):
    time.sleep(SETTLE_SECONDS)
    return worker.ask("clients", path=texts, clients=CLIENTS, seconds=times * given.seconds)


def weights(given, texts):
    """The rows of the first part over those of the second."""
    with loaded(given, f"MULTI:CPU/1({WEIGHT}),CPU/1(1)") as (worker,):
        under_load(given, worker, texts)
        # In two seconds a part runs a dozen batches, and one more or less is a tenth.
        each = [[share["rows"] for share in under_load(given, worker, texts, times=4)["shares"]]
                for _ in range(given.rounds)]
    found = ratio([first for first, _ in each], [second for _, second in each])
    holds = (1 - WITHIN) * WEIGHT <= found["low"] and found["high"] <= (1 + WITHIN) * WEIGHT
    print(f"  weights {WEIGHT}:1: rows {interval(found)}, within {WITHIN:.0%} "
          f"{'holds' if holds else 'does not hold'}", flush=True)
    return {"rows": found, "holds": holds}


def halves(given, texts):
    """Answers a second of both halves over those of one, and how much each half worked."""
    with loaded(given, "MULTI:CPU/1,CPU/1", "CPU/1") as workers:
        for worker in workers:
            under_load(given, worker, texts)
        both, one = [], []
        for number in range(given.rounds):
            pair = [(workers[0], both), (workers[1], one)]
            for worker, answers in pair[::-1] if number % 2 else pair:
                answers.append(under_load(given, worker, texts))
    found = ratio([answer["per_sec"] for answer in both], [answer["per_sec"] for answer in one])
    busy = [[share["busy"] for share in answer["shares"]] for answer in both]
    apart = median(abs(first - second) for first, second in busy)
    means = [median(part) for part in zip(*busy)]
    print(f"  two halves over one: {interval(found)}, more than 1 {verdict(found, 1.02)}; they "
          f"worked {means[0]:.0%} and {means[1]:.0%} of the time, {100 * apart:.1f} points apart, "
          f"at most {100 * POINTS:.0f} {'holds' if apart <= POINTS else 'does not hold'}",
          flush=True)
    return {"ratio": found, "busy": means, "apart": apart}


@contextmanager
def slowed(core):
    """A core that others keep so busy that a thread on it has a SLOWED-th of it."""
    spin = [sys.executable, "-c",
            f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile os.getppid() == {os.getpid()}: "
            "sum(range(10000))"]
    others = [subprocess.Popen(spin) for _ in range(SLOWED - 1)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def slow_part(given, texts):
    """The time of a job on a part alone over that of this and another that is slow."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    with loaded(given, f"CPU[{first}]", f"MULTI:CPU[{first}],CPU[{second}]") as workers:
        with slowed(second):
            for worker in workers:
                worker.ask("embed_file", path=texts)
            alone, both = [], []
            for number in range(given.rounds):
                pair = [(workers[0], alone), (workers[1], both)]
                for worker, seconds in pair[::-1] if number % 2 else pair:
                    time.sleep(SETTLE_SECONDS)
                    seconds.append(worker.ask("embed_file", path=texts)["seconds"])
    found = ratio(alone, both)
    print(f"  the faster alone over it and one slowed {SLOWED} times: {median(alone):.2f} s, "
          f"{median(both):.2f} s: {interval(found)}, at least {FASTER_ALONE:.2f} "
          f"{verdict(found, FASTER_ALONE)}", flush=True)
    return {"alone_seconds": median(alone), "both_seconds": median(both), "ratio": found}


def whole_run(path, local):
    """Seconds of the program from its start to its end."""
    began = time.monotonic()
    flags = ["--local"] if local else []
    subprocess.run([BIN / "accel", "embed", SMALL, "--input", path, *flags], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def paths(given, texts):
    """Whether the path that measured costs choose, for few and for many items, is through first."""
    said = subprocess.run([BIN / "accel", "doctor", "--measure", "--json", SMALL], check=True,
                          stdout=subprocess.PIPE)
    costs = json.loads(said.stdout)["measured"]["paths"]
    found = {"costs": costs}
    lines = read_texts(Path(texts))
    for count in (FEW, MANY):
        path = str(write_texts(f"placement-{count}.txt", every(lines, count)))
        local, accelerated = [], []
        for number in range(given.rounds):
            for is_local in (True, False) if number % 2 else (False, True):
                (local if is_local else accelerated).append(whole_run(path, is_local))
        expected = {name: cost["load_seconds"] + count * cost["seconds_per_item"]
                    for name, cost in costs.items()}
        chosen = min(expected, key=expected.get)
        times = ratio(accelerated, local) if chosen == "local" else ratio(local, accelerated)
        found[count] = {"chosen": chosen, "local_seconds": median(local),
                        "accelerated_seconds": median(accelerated), "faster_by": times}
        print(f"  {count} items: {chosen} is chosen; locally {1e3 * median(local):.0f} ms, "
              f"accelerated {1e3 * median(accelerated):.0f} ms: {interval(times)}, more than 1 "
              f"{verdict(times, 1.02)}", flush=True)
    return found


def main():
    given = arguments()
    lines = read_texts(corpus(argparse.Namespace(texts=None, quick=False)))
    texts = str(write_texts("placement.txt", every(lines, TEXTS)))
    parts = dict(zip(PARTS, (weights, halves, slow_part, paths)))
    found = {name: parts[name](given, texts) for name in given.parts.split(",")}
    given.output.write_text(json.dumps({"machine": machine.facts(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
