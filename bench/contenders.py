"""Who is measured, and the settings each peer may choose from."""

from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
REFERENCE = "sentence_transformers_torch"
BARE_LOOP = "accel_bare_loop"
BATCHES = (32, 8, 128)


@dataclass
class Contender:
    """`settings` are those of every load; `choices` those tried for each scenario that it takes
    part in, the usual one first (one choice: nothing to try). `best` is filled in by tuning."""

    name: str
    command: list
    settings: dict
    choices: dict
    precision: str = "f32"
    best: dict = field(default_factory=dict)

    def load_settings(self, scenario):
        return {**self.settings, **self.best[scenario]}

    @property
    def is_accel(self):
        return self.name.startswith("accel")


def placements(cores):
    """Threads in all and batches in flight: all cores together, all of them split, one core."""
    tried = [(cores, 1), (cores, 2), (cores, cores), (1, 1)]
    kept = dict.fromkeys(pair for pair in tried if pair[1] <= pair[0])
    return [{"threads": threads, "streams": streams} for threads, streams in kept]


def with_batches(choices):
    return [{**choice, "batch": batch} for choice in choices for batch in BATCHES]


def peer_choices(cores):
    """name -> (bulk choices, singles choices)."""
    spread = placements(cores)
    alone = [choice for choice in spread if choice["streams"] == 1]
    hints = [{"hint": "throughput"}, {"hint": "latency"}]
    one = {"batch": 1}
    loop = (with_batches(spread), [{**choice, **one} for choice in alone])
    # sentence-transformers runs one batch at a time: more in flight is not to be had.
    library = (with_batches(alone), [{**choice, **one} for choice in alone])
    return {
        "openvino_loop": (
            with_batches(hints + spread),
            [{**choice, **one} for choice in [hints[1], *alone]],
        ),
        "ctranslate2_encoder": loop,
        "onnxruntime_loop": loop,
        "sentence_transformers_torch": library,
        "sentence_transformers_onnx": library,
        "sentence_transformers_openvino": (
            with_batches(hints + alone),
            [{**choice, **one} for choice in [hints[1], *alone]],
        ),
    }


def peer_command(python, name):
    return [str(python), str(HERE / "peers" / f"{name}.py")]


def peers(python, model, graphs, max_tokens, cores):
    settings = {"model": str(model), "graphs": str(graphs), "max_tokens": max_tokens}
    return [
        Contender(name, peer_command(python, name), settings, {"bulk": bulk, "singles": singles})
        for name, (bulk, singles) in peer_choices(cores).items()
    ]


def accel(worker, model, precisions):
    """accel runs with its own defaults: choosing well is its job. One text in flight is one stream,
    which its user says too."""
    found = []
    for precision in precisions:
        name = "accel" if precision == precisions[0] else f"accel_{precision}"
        settings = {"model": str(model), "precision": precision, "device": "CPU"}
        choices = {"bulk": [{}], "singles": [{"streams": 1}]}
        found.append(Contender(name, [str(worker)], settings, choices, precision))
    return found


def bare_loop(program, model):
    """What accel's own work around the engine costs; nobody's rival."""
    settings = {"model": str(model)}
    return Contender(BARE_LOOP, [str(program)], settings, {"bulk": [{}]})
