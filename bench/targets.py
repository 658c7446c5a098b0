"""What accel promises, judged by the figures of one run."""

from statistics import median

from contenders import BARE_LOOP
from ratios import ratio, verdict

BACKENDS = "sentence_transformers_"
REDUCED_COSINE_MIN = 0.999
AT_LEAST = {"bulk": 1.15, "bare_loop": 0.95, "bulk_library": 1.3, "singles": 1.2,
            "start_library": 20.0, "start": 1.0}
RESIDENT_MIB_MAX = 140
PEAK_MIB_MAX = 230


def peers_of(seconds):
    return [name for name in seconds if not name.startswith("accel")]


def fastest(seconds, names):
    return min(names, key=lambda name: median(seconds[name]), default=None)


def against_peers(seconds):
    """{contender of accel: {peer: ratio}}."""
    return {
        ours: {peer: ratio(seconds[peer], seconds[ours]) for peer in peers_of(seconds)}
        for ours in seconds
        if ours.startswith("accel") and ours != BARE_LOOP
    }


def judged(what, interval, required):
    return {"what": what, "required": required, **interval, "verdict": verdict(interval, required)}


def speed_targets(scenario, seconds):
    if "accel" not in seconds:
        return []
    peers = peers_of(seconds)
    library = [name for name in peers if name.startswith(BACKENDS)]
    found = []

    def add(label, peer, required, ours="accel"):
        if peer is not None:
            interval = ratio(seconds[peer], seconds[ours])
            found.append(judged(f"{scenario}: {label} ({peer})", interval, required))

    if scenario == "bulk":
        add("over the fastest peer", fastest(seconds, peers), AT_LEAST["bulk"])
        add("of a bare loop over ready-made batches", BARE_LOOP if BARE_LOOP in seconds else None,
            AT_LEAST["bare_loop"])
        best = fastest(seconds, library)
        add("over sentence-transformers' best backend", best, AT_LEAST["bulk_library"])
    elif scenario == "singles":
        add("over the fastest peer", fastest(seconds, peers), AT_LEAST["singles"])
    elif scenario == "start":
        ours = "accel_program" if "accel_program" in seconds else "accel"
        named = {name: name if name in seconds else None for name in
                 ("sentence_transformers_torch", "onnxruntime_loop")}
        add("over sentence-transformers", named["sentence_transformers_torch"],
            AT_LEAST["start_library"], ours)
        add("over bare onnxruntime", named["onnxruntime_loop"], AT_LEAST["start"], ours)
    return found


def auto_target(seconds, answers, required=0.97):
    """`auto` against the best precision that keeps the answers."""
    if "accel_auto" not in seconds:
        return []
    keeping = [
        name for name in seconds
        if name.startswith("accel") and name not in ("accel_auto", BARE_LOOP)
        and answers.get(name, {"min": 1.0})["min"] >= REDUCED_COSINE_MIN
    ]
    best = fastest(seconds, keeping)
    interval = ratio(seconds[best], seconds["accel_auto"])
    return [judged(f"bulk: auto over the best precision ({best})", interval, required)]


def memory_targets(memory):
    if "accel" not in memory:
        return []
    return [
        {
            "what": f"memory: {kind} MiB after one text",
            "at_most": bound,
            "found": memory["accel"][kind],
            "verdict": "holds" if 0 < memory["accel"][kind] <= bound else "does not hold",
        }
        for kind, bound in (("resident", RESIDENT_MIB_MAX), ("peak", PEAK_MIB_MAX))
    ]
