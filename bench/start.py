#!/usr/bin/env python3
"""Measures from the start of a process to its first result, and what the cache spares:
`./dev bench start`. See bench/README.md."""

import argparse
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from statistics import median

import machine
from ratios import ratio, verdict

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
ACCEL = ROOT / "build/release/bin/accel"
CACHE = BUILD / "start-cache"
BLOB = "ir f32, engine"
KEYS = ("load", "first_result", "command")
WARM_TARGET = 5  # cold by warm, where there is something to save
BLOB_BOUND = 1.4  # a checkpoint by the imported graph that was made of it


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / ".deps/models/all-MiniLM-L6-v2",
                        help="a checkpoint folder that embeds texts")
    parser.add_argument("--onnx", type=Path, nargs="*", default=[],
                        help="ONNX files, tokenizer and config.json beside them")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=BUILD / "start.json")
    return parser.parse_args()


def converted(model, precision):
    folder = BUILD / "models" / f"{model.name}-{precision}"
    if not folder.is_dir():
        subprocess.run([ACCEL, "convert", model, folder, "--precision", precision, "--no-check"],
                       check=True, stdout=subprocess.DEVNULL)
    return folder


def first_result(model, *flags):
    """Seconds to the first line of the answer and to the end, and what --stats says."""
    command = [ACCEL, "embed", model, "a text", "--precision", "f32", "--stats", *flags]
    environment = {**os.environ, "ACCEL_CACHE_DIR": str(CACHE)}
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=environment) as process:
        answer = process.stdout.readline()
        seconds = time.monotonic() - begin
        _, notices = process.communicate()
    whole = time.monotonic() - begin
    if process.returncode != 0 or not answer.startswith("{"):
        raise RuntimeError(f"{model}: {notices}")
    stats = json.loads(notices.splitlines()[-1])
    return {"first_result": seconds, "command": whole, "load": stats["load_seconds"],
            "cache": stats["cache"], "vector": json.loads(answer)["embedding"]}


def forget():
    for name in ("entries", "graphs"):
        shutil.rmtree(CACHE / name, ignore_errors=True)


def check(subject, cold, warm):
    apart = max(abs(a - b) for a, b in zip(cold["vector"], warm["vector"], strict=True))
    if apart > 1e-6 or "found" not in (warm["cache"]["compiled"], warm["cache"]["graph"]):
        raise RuntimeError(f"{subject}: another answer from the cache, or no hit: {warm['cache']}")


def told(name, interval, words):
    print(f"{name:28} {interval['median']:5.2f} ({interval['low']:.2f} to {interval['high']:.2f}) "
          f"{words}")


def main():
    given = arguments()
    CACHE.mkdir(parents=True, exist_ok=True)
    # Where accel's own kernels serve, nothing is kept of f32: the blob is of the engine's.
    cached = {BLOB: (converted(given.model, "f32"), "--kernels", "engine"),
              "ir int8": (converted(given.model, "int8"),),
              **{f"onnx {path.stat().st_size >> 20} MiB": (path,) for path in given.onnx}}
    runs = {"checkpoint": []}
    for _ in range(given.rounds):
        runs["checkpoint"].append(first_result(given.model))
        for subject, model in cached.items():
            forget()
            cold, warm = first_result(*model), first_result(*model)
            check(subject, cold, warm)
            runs.setdefault(f"{subject}, cold", []).append(cold)
            runs.setdefault(f"{subject}, warm", []).append(warm)
    seconds = {(name, key): [run[key] for run in each] for name, each in runs.items()
               for key in KEYS}
    print(f"{'':28} loading, to the first result, to the end: medians of {given.rounds}")
    for name in runs:
        print(f"{name:28}", *(f"{median(seconds[name, key]):8.3f} s" for key in KEYS))
    result = {"machine": machine.facts(), "runs": runs, "ratios": {}}
    for subject in cached:
        for key in KEYS:
            interval = ratio(seconds[f"{subject}, cold", key], seconds[f"{subject}, warm", key])
            result["ratios"][f"{subject}, cold by warm, {key}"] = interval
            told(f"{subject}, {key}", interval,
                 f"cold by warm; at least {WARM_TARGET}: {verdict(interval, WARM_TARGET)}")
    blob = ratio(seconds["checkpoint", "first_result"], seconds[f"{BLOB}, warm", "first_result"])
    result["ratios"]["checkpoint by blob"] = blob
    told("checkpoint by its blob", blob, f"to the first result; at most {BLOB_BOUND}")
    for each in runs.values():
        for run in each:
            del run["vector"]
    given.output.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
