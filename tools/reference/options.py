"""docs/reference/configuration.md: every option, from what the program says of its own table."""
import json

HEAD = """# Options

Written by `./dev docs` from `accel config options --json`. How files, environment, flags and code
work together: [the guide](../guides/configuration.md). `accel config show` prints what holds, and
`accel config init` a file to start from.
"""
TITLES = {
    "backend": ("Backend", "What computes."),
    "engine": ("Engine", "How it runs models: in `backend.openvino`, or at the top of the file."),
    "plain": ("Plain backend", "In `backend.pytorch` or `backend.reference`."),
    "model": ("Model", "At the top of the file, or below a model's name in `model_overrides`."),
    "manager": ("Model manager",
                "What is in memory: in `manager`, or at the top of the file. These are for "
                "programs that use the library's `ModelManager`."),
    "server": ("Server", "Of `accel serve`: in `server`, or at the top of the file."),
    "gpu": ("GPU",
            "In `backend.openvino`, or at the top. They are checked and shown; on a CPU they are "
            "not applicable, and accel passes nothing of them to a GPU yet."),
}


def code(text):
    return f"`{text}`" if text else "-"


def where(option):
    if not option["for_all"]:
        return "one model"
    return "all models, or one" if option["per_model"] else "all models"


def lines_of(option):
    yield f"### {option['key']}\n"
    yield f"{option['help'][0].upper()}{option['help'][1:]}.\n"
    yield "| | |\n|---|---|"
    yield f"| in a file | {', '.join(code(name) for name in option['names'])} |"
    yield f"| value | {option['expected']} |"
    yield f"| default | {code(option['default'])} |"
    yield f"| environment | {code(option['variable'])} |"
    yield f"| flag | {code(option['flag'])} |"
    yield f"| holds for | {where(option)} |\n"


def page(text):
    options = json.loads(text)
    parts = [HEAD]
    for group, (title, about) in TITLES.items():
        parts.append(f"## {title}\n\n{about}\n")
        for option in options:
            if option["group"] == group:
                parts.append("\n".join(lines_of(option)))
    assert {option["group"] for option in options} == set(TITLES)
    return "\n".join(parts).rstrip("\n") + "\n"
