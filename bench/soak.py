#!/usr/bin/env python3
"""Measures whether memory grows: `./dev bench soak`. See bench/README.md."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import machine

ROOT = Path(__file__).resolve().parent.parent
ROUNDS_GROW = 0.05
REQUESTS_GROW = 0.01


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "tests/data/bert-feature")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/soak.json")
    return parser.parse_args()


def main():
    given = arguments()
    command = [ROOT / "build/release/bin/accel_bench_soak", given.model, given.rounds,
               given.requests]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    rounds, requests = found["round_kib"], found["request_kib"]
    half = requests[len(requests) // 2]
    grown = {"rounds": rounds[-1] / rounds[0] - 1, "requests": requests[-1] / half - 1}
    bounds = {"rounds": ROUNDS_GROW, "requests": REQUESTS_GROW}
    print(f"{given.rounds} rounds: {rounds[0] / 1024:.1f} MiB after the first, "
          f"{rounds[-1] / 1024:.1f} after the last: {100 * grown['rounds']:+.1f} %")
    print(f"{given.requests} requests: {requests[0] / 1024:.1f} MiB after a hundredth, "
          f"{half / 1024:.1f} after half, {requests[-1] / 1024:.1f} at the end: "
          f"{100 * grown['requests']:+.2f} % in the second half")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps({"machine": machine.facts(), **found, "grown": grown}))
    over = [name for name, bound in bounds.items() if grown[name] > bound]
    if over:
        sys.exit("too much: " + ", ".join(over))


if __name__ == "__main__":
    main()
