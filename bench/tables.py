"""The result, for reading."""

from statistics import median


def interval(value):
    return f"{value['median']:.2f} [{value['low']:.2f}, {value['high']:.2f}]"


def table(title, head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head, *rows]:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths))
        print("  " + "  ".join([row[0].ljust(widths[0]), *others]))


def spread(seconds):
    ordered = sorted(seconds)
    return f"{ordered[0]:.3f} .. {ordered[-1]:.3f}"


def speed(title, scenario, per_second):
    """`per_second`: show texts per second (else seconds). Fastest first."""
    seconds, ratios = scenario["seconds"], scenario["ratios"].get("accel", {})
    rows = []
    for name in sorted(seconds, key=lambda name: median(seconds[name])):
        middle = median(seconds[name])
        shown = f"{scenario['texts'] / middle:.1f}" if per_second else f"{middle:.3f}"
        over = interval(ratios[name]) if name in ratios else "-"
        rows.append([name, shown, spread(seconds[name]), over])
    unit = "texts/s" if per_second else "seconds"
    table(title, ["contender", unit, "seconds, min .. max", "accel is faster by"], rows)


def targets_table(targets):
    rows = [[t["what"],
             f">= {t['required']}" if "required" in t else f"<= {t['at_most']}",
             interval(t) if "required" in t else f"{t['found']:.0f}", t["verdict"]]
            for t in targets]
    if rows:
        table("Targets", ["what", "wanted", "found", "verdict"], rows)


def show(result):
    machine = result["machine"]
    load = f"load {machine['load_average']:.1f} at start"
    print(f"\n{machine['cpu']}, {machine['cores']} cores, {load}")
    if result["answers"]:
        rows = [[name, f"{v['min']:.7f}", f"{v['mean']:.7f}"]
                for name, v in result["answers"].items()]
        table(f"Answers: cosine to {result['reference']}", ["contender", "min", "mean"], rows)
    scenarios = result["scenarios"]
    if "bulk" in scenarios:
        bulk = scenarios["bulk"]
        speed(f"Bulk: {bulk['texts']} texts at once, {bulk['rounds']} rounds", bulk, True)
    if "singles" in scenarios:
        singles = scenarios["singles"]
        what = f"{singles['texts']} texts of at most {singles['tokens_max']} tokens, one in flight"
        speed(f"Singles: {what}, {singles['rounds']} rounds", singles, True)
    if "start" in scenarios:
        start = scenarios["start"]
        speed(f"Start: process start to first vector, {start['rounds']} rounds", start, False)
        rows = [[name, f"{v['resident']:.0f}" if v["resident"] else "-", f"{v['peak']:.0f}"]
                for name, v in start["memory_mib"].items()]
        table("Memory after the first text, MiB", ["contender", "resident", "peak"], rows)
    targets_table(result["targets"])
