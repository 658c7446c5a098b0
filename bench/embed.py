#!/usr/bin/env python3
"""Measures accel beside its rivals: `./dev bench embed`. See bench/README.md."""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import answers
import contenders
import machine
import peers_environment
import scenarios
import tables
import targets
from tuning import Grid
from workers import Worker, WorkerError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
LOGS = BUILD / "logs"
WORK = BUILD / "work"
SCENARIOS = ("bulk", "singles", "start")
SHORT_TOKENS_MAX = 12
SHORT_TEXTS_MIN = 5
QUICK_TEXTS = 100
TUNING_BLOCK = 128  # texts: the largest batch tried
TUNING_EVERY = 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="interleaved rounds (15; 3 with --quick)")
    parser.add_argument("--quick", action="store_true", help="few rounds and texts: a smoke test")
    parser.add_argument("--peers", help="only these, comma-separated (default: all)")
    parser.add_argument("--no-peers", action="store_true", help="accel alone, nothing installed")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="some of %(default)s")
    parser.add_argument("--precisions", default="f32", help="of accel; the first is compared")
    parser.add_argument("--texts", type=Path, help="corpus, one text per line")
    parser.add_argument("--model", type=Path, default=ROOT / ".deps/models/all-MiniLM-L6-v2")
    parser.add_argument("--accel", type=Path, default=ROOT / "build/release/bin",
                        help="folder of accel and accel_bench_embed (%(default)s)")
    parser.add_argument("--tune", action="store_true", help="search the peers' settings again")
    parser.add_argument("--output", type=Path, default=BUILD / "embed.json")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.quick else 15)
    given.scenarios = given.scenarios.split(",")
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"unknown scenario {sorted(unknown)}; there are {', '.join(SCENARIOS)}")
    if not (given.model / "model.safetensors").exists():
        parser.error(f"no model in {given.model}; run ./dev setup, or give --model")
    return given


def corpus(given):
    """The texts measured, as a file of its own: nothing empty, and fewer of them with --quick."""
    source = given.texts
    if source is None:
        source = BUILD / "corpus.txt"
        if not source.exists():
            source.parent.mkdir(parents=True, exist_ok=True)
            made = ROOT / "tools" / "make_corpus.py"
            command = [sys.executable, str(made), "--count", "1000", "--output", str(source)]
            subprocess.run(command, check=True)
    lines = [line for line in source.read_text(encoding="utf-8").split("\n") if line.strip()]
    return write_texts("mixed.txt", every(lines, QUICK_TEXTS) if given.quick else lines)


def every(lines, count):
    """About `count` of the lines, evenly taken."""
    return lines[:: max(1, len(lines) // count)]


def tuning_sample(lines):
    """A third of the texts, in runs of like length: a batch of it is padded as one of the whole."""
    ordered = sorted(lines, key=len)
    starts = range(0, len(ordered), TUNING_BLOCK)
    blocks = [ordered[start : start + TUNING_BLOCK] for start in starts]
    return [line for block in blocks[1::TUNING_EVERY] or blocks for line in block]


def write_texts(name, lines):
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_texts(path):
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def max_tokens(model):
    return json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]


def find_peers(given):
    """(peers, why there are none)."""
    if given.no_peers:
        return [], "--no-peers was given"
    log = LOGS / "install.log"
    LOGS.mkdir(parents=True, exist_ok=True)
    graphs = BUILD / "models" / given.model.name
    try:
        python = peers_environment.ensure_environment(BUILD / "venv", log)
        peers_environment.ensure_graphs(python, given.model, graphs, log)
    except peers_environment.PeersUnavailable as error:
        return [], str(error)
    found = contenders.peers(python, given.model, graphs, max_tokens(given.model), machine.cores())
    if given.peers:
        wanted = given.peers.split(",")
        if unknown := set(wanted) - {peer.name for peer in found}:
            sys.exit(f"unknown peer {sorted(unknown)}; there are "
                     + ", ".join(peer.name for peer in found))
        found = [peer for peer in found if peer.name in wanted]
    return found, ""


def find_accel(given):
    worker = given.accel / "accel_bench_embed"
    if "auto" in given.precisions.split(","):
        # What auto means is measured once per machine and model; until then it is f32.
        subprocess.run([given.accel / "accel", "doctor", "--measure", given.model], check=True,
                       stdout=subprocess.DEVNULL)
    if not worker.exists():
        print(f"accel's worker {worker} is not built: the peers are measured alone", flush=True)
        return []
    loop = given.accel / "accel_bench_bare_loop"
    return [*contenders.accel(worker, given.model, given.precisions.split(",")),
            contenders.bare_loop(loop, given.model)]


def short_texts(everyone, path):
    """The texts of few tokens, counted by whoever counts fastest."""
    counter = next((c for c in everyone if "sentence_transformers" not in c.name), everyone[0])
    with Worker(counter.name, counter.command, LOGS) as worker:
        worker.ask("load", **counter.settings, **counter.choices["singles"][-1])
        counts = worker.ask("tokens", path=str(path))["tokens"]
    lines = read_texts(path)
    short = [line for line, count in zip(lines, counts) if count <= SHORT_TOKENS_MAX]
    return write_texts("short.txt", short), len(short), sum(counts)


def measured(texts, rounds, seconds, **more):
    ratios = targets.against_peers(seconds)
    return {"texts": texts, "rounds": rounds, "seconds": seconds, "ratios": ratios, **more}


def compare_answers(workers, everyone, path, result):
    for name, worker in workers.items():
        result["contenders"][name]["versions"] = worker.ask("versions")["versions"]
    if contenders.REFERENCE not in workers or len(workers) == 1:
        print(f"answers are not compared: {contenders.REFERENCE} is not here", flush=True)
        return
    print("comparing answers ...", flush=True)
    reference = contenders.REFERENCE
    found = answers.compare(list(workers.values()), everyone, reference, path, WORK)
    result["reference"], result["answers"] = reference, found


def measure_bulk(workers, path, rounds, result):
    print(f"bulk, {rounds} rounds ...", flush=True)
    seconds, said = scenarios.passes(workers, "embed_file", path, rounds)
    result["scenarios"]["bulk"] = measured(len(read_texts(path)), rounds, seconds, said=said)
    result["targets"] += targets.speed_targets("bulk", seconds)
    result["targets"] += targets.auto_target(seconds, result["answers"])


def measure_singles(workers, path, rounds, result):
    print(f"singles, {rounds} rounds ...", flush=True)
    seconds, said = scenarios.passes(workers, "singles", path, rounds)
    texts = len(read_texts(path))
    found = measured(texts, rounds, seconds, said=said, tokens_max=SHORT_TOKENS_MAX)
    result["scenarios"]["singles"] = found
    result["targets"] += targets.speed_targets("singles", seconds)


def measure_start(everyone, given, result):
    print(f"start, {given.rounds} rounds ...", flush=True)
    # Two of the library's backends load the same packages as the third and more.
    shown = [c for c in everyone if "singles" in c.choices and c.name not in
             ("sentence_transformers_onnx", "sentence_transformers_openvino")]
    program = given.accel / "accel"
    program = program if program.exists() and any(c.is_accel for c in everyone) else None
    seconds, memory = scenarios.starts(shown, program, given.model, given.rounds, LOGS)
    result["scenarios"]["start"] = measured(1, given.rounds, seconds, memory_mib=memory)
    result["targets"] += targets.speed_targets("start", seconds)
    result["targets"] += targets.memory_targets(memory)


def prepare(given):
    """(everyone able to run, bulk texts, short texts, the result so far)."""
    texts = corpus(given)
    peers, why_none = find_peers(given)
    everyone = find_accel(given) + peers
    if why_none:
        print(f"accel alone: {why_none}", flush=True)
    if not everyone:
        sys.exit("nobody to measure")
    short, short_count, tokens = short_texts(everyone, texts)
    if short_count < SHORT_TEXTS_MIN and "singles" in given.scenarios:
        print(f"singles left out: {short_count} short texts, {SHORT_TEXTS_MIN} needed", flush=True)
        given.scenarios.remove("singles")
    pins = peers_environment.fingerprint(peers_environment.REQUIREMENTS)
    grid = Grid(BUILD / "grid.json", f"{machine.cpu_model()}, {machine.cores()} cores, pins {pins}")
    if given.quick and not given.tune:
        everyone = grid.choose_usual(everyone, ("bulk", "singles"))
    else:
        sample = write_texts("tuning.txt", tuning_sample(read_texts(texts)))
        files = {"bulk": sample, "singles": short}
        everyone = grid.tune(everyone, files, short, LOGS, given.tune)
    result = {
        "bench": "embed",
        "machine": machine.facts(),
        "model": given.model.name,
        "corpus": {"texts": len(read_texts(texts)), "tokens": tokens, "short_texts": short_count,
                   "sha256": hashlib.sha256(texts.read_bytes()).hexdigest()},
        "peers_missing": why_none,
        "contenders": {c.name: {"precision": c.precision, "settings": c.best} for c in everyone},
        "grid": grid.here,  # empty: untuned
        "reference": "",
        "answers": {},
        "scenarios": {},
        "targets": [],
    }
    return everyone, texts, short, result


def save(given, result):
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(result, indent=1) + "\n")


def measure(given, everyone, texts, short, result):
    with scenarios.started(everyone, LOGS) as workers:
        scenarios.load(workers, everyone, "bulk")
        compare_answers(workers, everyone, texts, result)
        if "bulk" in given.scenarios:
            measure_bulk(workers, texts, given.rounds, result)
            save(given, result)
        if "singles" in given.scenarios:
            present = [c for c in everyone if "singles" in c.choices]
            alone = {c.name: workers[c.name] for c in present}
            scenarios.load(alone, present, "singles")
            measure_singles(alone, short, given.rounds, result)
            save(given, result)
    if "start" in given.scenarios:
        measure_start(everyone, given, result)
        save(given, result)


def main():
    given = arguments()
    everyone, texts, short, result = prepare(given)
    try:
        measure(given, everyone, texts, short, result)
    except KeyboardInterrupt:
        print("interrupted: these are the scenarios that were finished", flush=True)
    tables.show(result)
    print(f"\nall rounds, settings and versions: {given.output}")


if __name__ == "__main__":
    try:
        main()
    except (WorkerError, answers.AnswersDiffer) as error:
        sys.exit(f"bench: {error}")
