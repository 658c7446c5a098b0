#!/usr/bin/env python3
"""Measures dynamic batching against every static setting: `./dev bench batching`. See
bench/README.md."""

import argparse
import json
import subprocess
import time
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from statistics import median

import machine
from embed import corpus, every, read_texts, write_texts
from ratios import ratio, verdict
from scenarios import SETTLE_SECONDS
from tables import interval, table
from workers import Worker, WorkerError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
BIN = ROOT / "build/release/bin"
LOGS = BUILD / "logs"
PARTS = ("grid", "saturated", "lanes")
CLIENTS = (1, 4, 16, 64)
BATCH_TOKENS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
ALONE = {"streams": machine.cores(), "batch_tokens": 1}  # every text by itself
SHORT_TOKENS = 12
LONG_TOKENS = 64
TEXTS = 240  # of a mix
WITHIN = 0.95  # of the best static setting's rate
GAIN = 1.2  # over texts by themselves, of short ones, with many clients
SATURATED = 0.95  # of the rate of all texts at once
SLOWER = 2  # an interactive caller beside a job, at most
PACED_TEXTS = 60
# As long as there were callers within a second, a job leaves a session for the next.
JOBS_ALONE_AGAIN_SECONDS = 1.1
PERIOD_MS = 30
RELOAD_ROUNDS = 3
WARM_SECONDS = 1.2  # in which a caller that is alone gets its graph of one stream


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("--precisions", default="f32,bf16,f16", help="some of %(default)s")
    parser.add_argument("--mixes", default="short,mixed,long", help="of the grid: some of "
                        "%(default)s")
    parser.add_argument("--clients", default=",".join(map(str, CLIENTS)),
                        help="of the grid: how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--model", type=Path, default=ROOT / ".deps/models/all-MiniLM-L6-v2")
    parser.add_argument("--output", type=Path, default=BUILD / "batching.json")
    return parser.parse_args()


def described(setting):
    return " ".join(f"{key}={value}" for key, value in setting.items()) or "dynamic"


def static_settings():
    return [{"streams": streams, "batch_tokens": tokens}
            for streams, tokens in product((1, 2), BATCH_TOKENS)]


class Bench:
    """The workers of one precision, one per setting, all resident."""

    def __init__(self, given, precision, settings, stack):
        self.given, self.precision, self.workers, self.settings = given, precision, {}, {}
        for setting in settings:
            name = described(setting)
            worker = Worker("accel", [str(BIN / "accel_bench_embed")], LOGS)
            self.workers[name], self.settings[name] = stack.enter_context(worker), setting
            self.load(name)

    def load(self, name):
        self.workers[name].ask("load", model=str(self.given.model), precision=self.precision,
                               **self.settings[name])

    def mixes(self):
        """name -> file of texts."""
        lines = read_texts(corpus(argparse.Namespace(texts=None, quick=False)))
        everything = write_texts("mixed.txt", lines)
        counts = self.workers["dynamic"].ask("tokens", path=str(everything))["tokens"]
        short = [line for line, count in zip(lines, counts) if count <= SHORT_TOKENS]
        long = [line for line, count in zip(lines, counts) if count >= LONG_TOKENS]
        return {name: str(write_texts(f"batching-{name}.txt", every(chosen, TEXTS)))
                for name, chosen in (("short", short), ("mixed", lines), ("long", long))}

    def ask(self, name, path, clients, seconds):
        return self.workers[name].ask("clients", path=path, clients=clients, seconds=seconds)

    def pairs(self, names, path, clients):
        """Answers by name, of interleaved rounds. Where a model has come to lie in memory makes
        some percent, so it is loaded again now and then."""
        found = {name: [] for name in names}
        for number in range(self.given.rounds):
            for name in names if number % RELOAD_ROUNDS == 0 else ():
                self.load(name)
                self.ask(name, path, clients, WARM_SECONDS)
            for name in names[number % len(names):] + names[:number % len(names)]:
                time.sleep(SETTLE_SECONDS)
                found[name].append(self.ask(name, path, clients, self.given.seconds))
        return found


def over(these, those, key="per_sec"):
    """How many times that of `those` the figure of `these` is."""
    return ratio([one[key] for one in these], [one[key] for one in those])


def middle(answers, key):
    return median(one[key] for one in answers)


def cell(bench, mix, path, clients):
    """Every static setting once, the best of them beside dynamic batching in rounds."""
    tried = {}
    for name in bench.workers:
        bench.ask(name, path, clients, bench.given.seconds / 2)
        tried[name] = bench.ask(name, path, clients, bench.given.seconds)["per_sec"]
    static = [described(setting) for setting in static_settings()]
    best = max(static, key=tried.get)
    rounds = bench.pairs(["dynamic", best, described(ALONE)], path, clients)
    dynamic, beside, alone = rounds.values()
    found = {"mix": mix, "clients": clients, "tried_per_sec": tried, "best_static": best,
             "per_sec": middle(dynamic, "per_sec"), "p95_ms": middle(dynamic, "p95_ms"),
             "alone_p95_ms": middle(alone, "p95_ms"), "over_best": over(dynamic, beside),
             "over_alone": over(dynamic, alone)}
    found["verdict"] = verdict(found["over_best"], WITHIN)
    return found


def grid(bench):
    cells = []
    mixes = [one for one in bench.mixes().items() if one[0] in bench.given.mixes.split(",")]
    for (mix, path), clients in product(mixes, map(int, bench.given.clients.split(","))):
        cells.append(cell(bench, mix, path, clients))
        one = cells[-1]
        print(f"  {mix:6} {clients:2} clients: {one['per_sec']:7.1f}/s, over {one['best_static']} "
              f"{interval(one['over_best'])} {one['verdict']}, over alone "
              f"{interval(one['over_alone'])}", flush=True)
    rows = [[f"{one['mix']}, {one['clients']}", f"{one['per_sec']:.0f}", one["best_static"],
             interval(one["over_best"]), one["verdict"], interval(one["over_alone"]),
             f"{one['p95_ms']:.1f}", f"{one['alone_p95_ms']:.1f}"] for one in cells]
    table("Dynamic batching", ["texts, clients", "texts/s", "best static", "over it",
                               f"at least {WITHIN}", "over batches of one", "p95 ms", "theirs"],
          rows)
    for one in cells:
        if one["mix"] == "short" and one["clients"] == CLIENTS[-1]:
            print(f"  short texts, {CLIENTS[-1]} clients, over batches of one: at least {GAIN} "
                  f"{verdict(one['over_alone'], GAIN)}")
    return cells


def saturated(bench):
    """Many clients against all texts at once, in the same process."""
    worker = bench.workers["dynamic"]
    path = bench.mixes()["mixed"]
    count = len(read_texts(Path(path)))
    worker.ask("embed_file", path=path)
    bench.ask("dynamic", path, CLIENTS[-1], 1)
    rates, whole = [], []
    for _ in range(bench.given.rounds):
        rates.append({"per_sec": bench.ask("dynamic", path, CLIENTS[-1], 2)["per_sec"]})
        time.sleep(JOBS_ALONE_AGAIN_SECONDS)
        whole.append({"per_sec": count / worker.ask("embed_file", path=path)["seconds"]})
    found = over(rates, whole)
    print(f"  {CLIENTS[-1]} clients: {middle(rates, 'per_sec'):.1f}/s of "
          f"{middle(whole, 'per_sec'):.1f}: {interval(found)}, at least {SATURATED} "
          f"{verdict(found, SATURATED)}", flush=True)
    return {"per_sec": middle(rates, "per_sec"), "offline_per_sec": middle(whole, "per_sec"),
            "ratio": found, "verdict": verdict(found, SATURATED)}


def lanes(bench):
    """The 95th percentile of a caller beside a job over that of one that is alone."""
    worker = bench.workers["dynamic"]
    lines = read_texts(Path(bench.mixes()["mixed"]))
    path = str(write_texts("batching-paced.txt", every(lines, PACED_TEXTS)))
    job = str(corpus(argparse.Namespace(texts=None, quick=False)))
    worker.ask("paced", path=path, job=job)
    alone, beside = [], []
    for _ in range(bench.given.rounds):
        alone.append(worker.ask("paced", path=path, period_ms=PERIOD_MS))
        beside.append(worker.ask("paced", path=path, period_ms=PERIOD_MS, job=job))
    found = over(beside, alone, "p95_ms")
    whole = {key: middle(beside, key) for key in ("p50_ms", "p95_ms", "job_per_sec")}
    holds = "holds" if found["high"] <= SLOWER + 0.02 else "does not hold"
    print(f"  p50 {middle(alone, 'p50_ms'):.1f} ms alone, {whole['p50_ms']:.1f} beside a job; p95 "
          f"{middle(alone, 'p95_ms'):.1f}, {whole['p95_ms']:.1f}: {interval(found)}, at most "
          f"{SLOWER} {holds}; the job at {whole['job_per_sec']:.0f}/s", flush=True)
    return {"alone": {key: middle(alone, key) for key in ("p50_ms", "p95_ms")}, "beside": whole,
            "ratio": found, "verdict": holds}


def main():
    given = arguments()
    subprocess.run([BIN / "accel", "doctor", "--measure", given.model], check=True,
                   stdout=subprocess.DEVNULL)
    wanted = given.parts.split(",")
    parts = {name: part for name, part in zip(PARTS, (grid, saturated, lanes)) if name in wanted}
    found = {}
    for precision in given.precisions.split(","):
        print(f"\n{precision}", flush=True)
        settings = [{}, *static_settings(), ALONE] if "grid" in parts else [{}]
        with ExitStack() as stack:
            try:
                bench = Bench(given, precision, settings, stack)
            except WorkerError as error:  # a precision that this machine lacks
                print("  " + str(error).splitlines()[0])
                continue
            found[precision] = {name: part(bench) for name, part in parts.items()}
    given.output.write_text(json.dumps({"machine": machine.facts(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
