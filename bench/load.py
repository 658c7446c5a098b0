#!/usr/bin/env python3
"""Measures what it costs to make a model of a folder: `./dev bench load`. See bench/README.md."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import machine
import peers_environment
from ratios import ratio, verdict

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
SIZES = ["hidden_size=1024", "num_hidden_layers=24", "num_attention_heads=16",
         "intermediate_size=4096"]
OUTPUT_APART = 1e-3
TARGET_RATIO = 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="checkpoint (default: a random BERT-large)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-peers", action="store_true", help="accel alone, nothing installed")
    parser.add_argument("--output", type=Path, default=BUILD / "load.json")
    return parser.parse_args()


def checkpoint(given, python):
    folder = given.folder or BUILD / "models" / "bert-large"
    if not (folder / "config.json").exists():
        make = [python, str(ROOT / "tools/make_checkpoint.py"), str(folder), *SIZES]
        subprocess.run(make, check=True)
    return folder


def answer(command):
    run = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True,
                         text=True)
    return json.loads(run.stdout[run.stdout.index("{"):])


def main():
    given = arguments()
    log = BUILD / "logs" / "load.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    python = peers_environment.ensure_environment(BUILD / "venv", log)
    folder = checkpoint(given, python)
    ours, theirs = [], []
    for _ in range(given.rounds):
        ours.append(answer([ROOT / "build/release/bin/accel_bench_load", folder]))
        if not given.no_peers:
            theirs.append(answer([python, ROOT / "bench/peers/optimum_load.py", folder]))
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    mib = 2**20
    worst = {key: max(run[key] for run in ours) for key in ("rss_kib", "peak_kib",
                                                            "weights_resident_kib")}
    print(f"{folder.name}: {ours[0]['parameters'] / 1e6:.0f} million parameters, "
          f"{weights / mib:.0f} MiB of weights")
    print(f"open and build   {1000 * median(r['build_seconds'] for r in ours):.1f} ms, worst "
          f"{1000 * max(r['build_seconds_most'] for r in ours):.1f} ms; resident of the weights "
          f"{worst['weights_resident_kib']} KiB")
    print(f"after one result resident {worst['rss_kib'] / 1024:.0f} MiB "
          f"({worst['rss_kib'] * 1024 / weights:.2f} x the file), peak "
          f"{worst['peak_kib'] / 1024:.0f} MiB ({worst['peak_kib'] * 1024 / weights:.2f} x)")
    print(f"first result     {median(r['first_result_seconds'] for r in ours):.2f} s")
    result = {"machine": machine.facts(), "weights_bytes": weights, "accel": ours,
              "optimum_intel": theirs}
    if theirs:
        apart = max(abs(a - b) for a, b in zip(ours[0]["output"], theirs[0]["output"]))
        if apart > OUTPUT_APART:
            sys.exit(f"the outputs differ by {apart}; nothing is compared")
        times = ratio([r["first_result_seconds"] for r in theirs],
                      [r["first_result_seconds"] for r in ours])
        result["ratio"] = times
        print(f"optimum-intel    {median(r['first_result_seconds'] for r in theirs):.2f} s, peak "
              f"{max(r['peak_kib'] for r in theirs) / 1024:.0f} MiB, outputs {apart:.1e} apart; "
              f"accel is {times['median']:.1f} [{times['low']:.1f}, {times['high']:.1f}] times "
              f"faster: at least {TARGET_RATIO} {verdict(times, TARGET_RATIO)}")
    given.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
