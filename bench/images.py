#!/usr/bin/env python3
"""Measures images to labels beside other runtimes: `./dev bench images`. See bench/README.md."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import image_contenders
import machine
import peers_environment
import scenarios
import tables
import targets
from answers import AnswersDiffer
from contenders import BARE_LOOP
from image_answers import Answers
from ratios import ratio
from tuning import Final, Grid
from workers import Worker, WorkerError

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
LOGS = BUILD / "logs"
WORK = BUILD / "work" / "images"
PHOTOS = 200
SCENARIO = image_contenders.SCENARIO
PARTS = ("decode", "preprocess", "infer", "finish", "other")
# Of each: what differs from the reference's default config, whether the inference is nearly all of
# the work, how many images make a round, the search for settings and the shares, and the targets.
MODELS = {
    "vit-tiny": {
        "config": ["num_labels=1000", "num_hidden_layers=3", "hidden_size=128",
                   "intermediate_size=512", "num_attention_heads=2", "patch_size=32"],
        "heavy": False, "round": PHOTOS, "tuning": 48, "shares": PHOTOS,
        "over_peer": 1.3, "over_loop": None,
    },
    # google/vit-base-patch16-224's sizes, which are the reference's defaults.
    "vit-base": {
        "config": ["num_labels=1000"],
        "heavy": True, "round": 24, "tuning": 16, "shares": 24,
        "over_peer": 1.03, "over_loop": 0.95,
    },
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="interleaved rounds (15; 3 with --quick)")
    parser.add_argument("--quick", action="store_true", help="few rounds and images, untuned peers")
    parser.add_argument("--model", choices=MODELS, help="only this one (default: both)")
    parser.add_argument("--images", type=int, help="images of a round (vit-tiny 200, vit-base 24)")
    parser.add_argument("--peers", help="only these, comma-separated (default: all)")
    parser.add_argument("--accel", type=Path, default=ROOT / "build/release/bin",
                        help="folder of accel_bench_images (%(default)s)")
    parser.add_argument("--tune", action="store_true", help="search the settings again")
    parser.add_argument("--output", type=Path, default=BUILD / "images.json")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.quick else 15)
    return given


def photos(python):
    """The paths of all photos, made once."""
    folder = BUILD / "photos"
    made = sorted(folder.glob("*.jpg"))
    if len(made) < PHOTOS:
        command = [python, ROOT / "tools/make_photos.py", "--count", PHOTOS, "--output", folder]
        subprocess.run([str(part) for part in command], check=True)
        made = sorted(folder.glob("*.jpg"))
    return [str(path) for path in made[:PHOTOS]]


def checkpoint(python, name):
    folder = BUILD / "models" / name
    if not (folder / "preprocessor_config.json").exists():
        command = [python, ROOT / "tools/make_image_classifier.py", folder,
                   *MODELS[name]["config"], "--images", BUILD / "photos"]
        subprocess.run([str(part) for part in command], check=True)
    return folder


def every(paths, count):
    """`count` of the paths, evenly taken: they repeat in sizes and qualities."""
    return [paths[i * len(paths) // count] for i in range(min(count, len(paths)))]


def listed(name, paths):
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / name
    file.write_text("\n".join(paths) + "\n", encoding="utf-8")
    return file


def slices(paths, size, rounds):
    """One list per round; together they go round all photos."""
    if size >= len(paths):
        return [paths] * rounds
    return [[paths[(number * size + i) % len(paths)] for i in range(size)]
            for number in range(rounds)]


def find_everyone(given, python, name, model):
    log = LOGS / "install.log"
    graphs = BUILD / "graphs" / name
    peers_environment.ensure_graphs(python, model, graphs, log, "export_image_graphs.py")
    heavy = MODELS[name]["heavy"]
    found = image_contenders.peers(python, model, graphs, machine.cores(), heavy)
    if given.peers:
        wanted = given.peers.split(",")
        if unknown := set(wanted) - {peer.name for peer in found}:
            sys.exit(f"unknown peer {sorted(unknown)}; there are "
                     + ", ".join(peer.name for peer in found))
        found = [peer for peer in found if peer.name in wanted]
    return image_contenders.accel(given.accel, model, machine.cores(), heavy) + found


def tuned(given, everyone, name, paths):
    """Those able to run, with their best settings; and all that was tried."""
    pins = peers_environment.fingerprint(peers_environment.REQUIREMENTS)
    key = f"{machine.cpu_model()}, {machine.cores()} cores, pins {pins}, {name}"
    heavy = MODELS[name]["heavy"]
    grid = Grid(BUILD / "grid.json", key, Final(2, 2) if heavy else Final())
    if given.quick and not given.tune:
        return grid.choose_usual(everyone, [SCENARIO]), grid.here
    sample = listed(f"{name}.tuning.txt", every(paths, MODELS[name]["tuning"]))
    warm = listed(f"{name}.warm.txt", every(paths, 2 if heavy else 8))
    return grid.tune(everyone, {SCENARIO: sample}, warm, LOGS, given.tune), grid.here


def learn_labels(python, name, model, paths, answers):
    """The reference's, in a process of its own: its settings are not made for speed."""
    print(f"{name}: the reference's labels of {len(paths)} images ...", flush=True)
    command = [str(python), str(ROOT / "bench/peers" / f"{image_contenders.REFERENCE}.py")]
    with Worker(f"{name}.reference", command, LOGS) as worker:
        worker.ask("load", model=str(model), threads=machine.cores(),
                   **image_contenders.REFERENCE_CHOICE)
        worker.ask("classify_files", path=str(listed(f"{name}.reference.txt", paths)))
        answers.learn(worker, paths)


def check_answers(workers, everyone, name, paths, answers):
    """Before anything is timed. Every timed run is checked again, after its time is taken."""
    print(f"{name}: comparing labels of {len(paths)} images ...", flush=True)
    for contender in everyone:
        worker = workers[contender.name]
        worker.ask("classify_files", path=str(listed(f"{name}.compare.txt", paths)))
        answers.check(worker, paths, contender.best[SCENARIO])


def race(workers, everyone, name, rounds_paths, answers):
    """name -> seconds of each round; all contenders of a round have the same images."""
    files = [listed(f"{name}.round{number}.txt", paths)
             for number, paths in enumerate(rounds_paths)]
    choices = {contender.name: contender.best[SCENARIO] for contender in everyone}
    turns = dict.fromkeys(choices, 0)

    def measure(contender):
        number = turns[contender]
        turns[contender] += 1
        worker = workers[contender]
        seconds = worker.ask("classify_files", path=str(files[number]))["seconds"]
        answers.check(worker, rounds_paths[number], choices[contender])
        return seconds

    return scenarios.interleaved(list(choices), len(files), measure)


def measure_shares(workers, everyone, name, paths):
    """name -> seconds by part: of accel summed over its threads while they overlap, of the others
    one part after the other."""
    file = listed(f"{name}.shares.txt", paths)
    return {contender.name: workers[contender.name].ask("shares", path=str(file))["shares"]
            for contender in everyone if contender.name != BARE_LOOP}


def judge(name, seconds):
    wanted = MODELS[name]
    peers = targets.peers_of(seconds)
    found = []
    if best := targets.fastest(seconds, peers):
        interval = ratio(seconds[best], seconds["accel"])
        found.append(targets.judged(f"{name}: over the fastest peer ({best})", interval,
                                    wanted["over_peer"]))
    if wanted["over_loop"] and BARE_LOOP in seconds:
        interval = ratio(seconds[BARE_LOOP], seconds["accel"])
        found.append(targets.judged(f"{name}: of a bare loop over ready-made pixels", interval,
                                    wanted["over_loop"]))
    return found


def measure(given, python, name, paths):
    """Everything about one model."""
    began = time.monotonic()
    model = checkpoint(python, name)
    everyone = find_everyone(given, python, name, model)
    sizes = MODELS[name]
    count = min(given.images or sizes["round"], len(paths))
    rounds_paths = slices(paths, count, given.rounds)
    timed = sorted({path for one in rounds_paths for path in one})
    WORK.mkdir(parents=True, exist_ok=True)
    answers = Answers(WORK)
    learn_labels(python, name, model, timed, answers)
    everyone, grid = tuned(given, everyone, name, paths)
    with scenarios.started(everyone, LOGS) as workers:
        load = {c.name: workers[c.name].ask("load", **c.load_settings(SCENARIO))["seconds"]
                for c in everyone}
        versions = {c.name: workers[c.name].ask("versions")["versions"] for c in everyone}
        # A heavy model's other photos are compared in the rounds.
        check_answers(workers, everyone, name, every(timed, 32) if sizes["heavy"] else timed,
                      answers)
        print(f"{name}: {given.rounds} rounds of {count} images ...", flush=True)
        seconds = race(workers, everyone, name, rounds_paths, answers)
        shares = measure_shares(workers, everyone, name, every(paths, min(count, sizes["shares"])))
    return {
        "images": count,
        "rounds": given.rounds,
        "contenders": {c.name: {"settings": c.best[SCENARIO], "load_seconds": load[c.name],
                                "versions": versions[c.name]} for c in everyone},
        "grid": grid,
        "answers": answers.seen,
        "seconds": seconds,
        "ratios": {peer: ratio(times, seconds["accel"]) for peer, times in seconds.items()
                   if peer != "accel"},
        "shares": shares,
        "targets": judge(name, seconds),
        "bench_seconds": time.monotonic() - began,
    }


def told(choice):
    return " ".join(f"{key}={value}" for key, value in choice.items()) or "its defaults"


def show(name, found):
    rows = [[one, str(seen["images"]), f"{seen['apart']:.1e}", str(seen["first"]),
             str(seen["order"])] for one, seen in found["answers"].items()]
    tables.table(f"{name}: labels beside {image_contenders.REFERENCE} with Pillow",
                 ["contender", "images", "scores apart", "other first label", "other labels"], rows)
    seconds, ratios = found["seconds"], found["ratios"]
    rows = []
    for one in sorted(seconds, key=lambda one: median(seconds[one])):
        contender = found["contenders"][one]
        rows.append([one, f"{found['images'] / median(seconds[one]):.1f}",
                     tables.spread(seconds[one]), f"{contender['load_seconds']:.2f}",
                     tables.interval(ratios[one]) if one in ratios else "-",
                     told(contender["settings"])])
    tables.table(f"{name}: {found['images']} JPEGs to labels, {found['rounds']} rounds",
                 ["contender", "images/s", "seconds, min .. max", "load s", "accel is faster by",
                  "settings"], rows)
    rows = []
    for one, parts in found["shares"].items():
        whole = sum(parts.values())
        rows.append([one, *(f"{100 * parts[part] / whole:.1f} %" if part in parts else "-"
                            for part in PARTS), f"{whole:.2f}"])
    tables.table(f"{name}: where the time goes (accel's threads summed, others one after another)",
                 ["contender", *PARTS, "seconds"], rows)


def main():
    given = arguments()
    LOGS.mkdir(parents=True, exist_ok=True)
    python = peers_environment.ensure_environment(BUILD / "venv", LOGS / "install.log")
    paths = photos(python)
    result = {"bench": "images", "machine": machine.facts(), "models": {}}
    judged = []
    for name in [given.model] if given.model else MODELS:
        found = measure(given, python, name, paths)
        result["models"][name] = found
        judged += found["targets"]
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(json.dumps(result, indent=1) + "\n")
    facts = result["machine"]
    print(f"\n{facts['cpu']}, {facts['cores']} cores, load {facts['load_average']:.1f} at start")
    for name, found in result["models"].items():
        show(name, found)
    tables.targets_table(judged)
    print(f"\nall rounds, settings and versions: {given.output}")


if __name__ == "__main__":
    try:
        main()
    except (WorkerError, AnswersDiffer, peers_environment.PeersUnavailable) as error:
        sys.exit(f"bench: {error}")
