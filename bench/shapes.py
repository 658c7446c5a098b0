#!/usr/bin/env python3
"""Measures a graph of fixed shapes beside the same with free ones: `./dev bench shapes`. See
bench/README.md."""

import argparse
import json
import shutil
import subprocess
from itertools import product
from pathlib import Path
from statistics import median

import machine
from ratios import ratio
from tables import interval
from workers import Worker, WorkerError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
BIN = ROOT / "build/release/bin"
WORK = BUILD / "work" / "shapes"
SHAPES = ((1, 16), (1, 64), (8, 64), (32, 64))
KERNELS = ("engine", "auto")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precisions", default="f32,bf16")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement, about")
    parser.add_argument("--model", type=Path, default=ROOT / ".deps/models/all-MiniLM-L6-v2")
    parser.add_argument("--output", type=Path, default=BUILD / "shapes.json")
    return parser.parse_args()


def converted(given, name, *flags):
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run([BIN / "accel", "convert", given.model, "--output", folder, *flags], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def pair(given, folders, shape, setting):
    """Seconds of a run of the graph with free shapes over those of the fixed one."""
    command = [str(BIN / "accel_bench_embed")]
    workers = [Worker("accel", command, BUILD / "logs") for _ in folders]
    try:
        for worker, folder in zip(workers, folders):
            worker.ask("load", model=str(folder), streams=1, **setting)
        asked = {"rows": shape[0], "length": shape[1]}
        once = workers[0].ask("infer", times=8, **asked)["seconds"] / 8
        times = max(1, round(given.seconds / once))
        seconds = [[worker.ask("infer", times=times, **asked)["seconds"] / times
                    for worker in workers] for _ in range(given.rounds + 1)][1:]
    finally:
        for worker in workers:
            worker.close()
    free, fixed = zip(*seconds)
    return {"rows": shape[0], "length": shape[1], **setting, "free_ms": 1e3 * median(free),
            "fixed_ms": 1e3 * median(fixed), "ratio": ratio(free, fixed)}


def main():
    given = arguments()
    free = converted(given, "free")
    found = []
    for shape in SHAPES:
        fixed = converted(given, "x".join(map(str, shape)), "--static", ",".join(map(str, shape)))
        for precision, kernels in product(given.precisions.split(","), KERNELS):
            setting = {"precision": precision, "kernels": kernels}
            try:
                found.append(pair(given, (free, fixed), shape, setting))
            except WorkerError as error:  # a precision that this machine lacks
                print("  " + str(error).splitlines()[0])
                continue
            one = found[-1]
            print(f"  {shape[0]:2} x {shape[1]:3} {precision:4} {kernels:6}: "
                  f"{one['free_ms']:7.2f} ms free, {one['fixed_ms']:7.2f} fixed: "
                  f"{interval(one['ratio'])}", flush=True)
    result = {"machine": machine.facts(), "pairs": found}
    given.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
