"""docs/reference/families.md: of each family its heads, its options and the folders that prove it.

Heads are the program's own words. The options are the fields that the family's source reads or
refuses, together with those of the blocks it includes; the proofs are the golden folders whose
config.json names the family.
"""
import json
import pathlib
import re

HEAD = """# Model families

Written by `./dev docs` from `accel families --json`, the sources and the golden folders.

A checkpoint is recognised by `model_type` in its config.json; what is computed follows
`architectures`, or `--task`. *Options* are the fields of config.json that change the graph;
*refused* are those of which one value alone is built, any other being refused by name. Every golden
folder of `tests/data` holds what the reference library computed, and is run on every backend.
"""
READ = re.compile(r"\bin\.\w+_or\(\s*\"([^\"]+)\"")
REFUSED = re.compile(r"\bin\.expect\(\s*\"([^\"]+)\"")
INCLUDED = re.compile(r"#include \"(models/blocks/\w+)\.h\"")


def source_of(model_type, sources):
    """The family file whose descriptor has this model_type."""
    for path, text in sources.items():
        if f'.model_type = "{model_type}"' in text:
            return path
    raise SystemExit(f"no family file says .model_type = \"{model_type}\"")


def options(path, root):
    """The fields read and refused, in the order of the sources."""
    texts = [path.read_text(encoding="utf-8")]
    seen = set()
    for text in texts:
        for block in INCLUDED.findall(text):
            file = root / "src" / f"{block}.cc"
            if block not in seen and file.is_file():
                seen.add(block)
                texts.append(file.read_text(encoding="utf-8"))
    read = dict.fromkeys(name for text in texts for name in READ.findall(text))
    refused = dict.fromkeys(name for text in texts for name in REFUSED.findall(text))
    return list(read), list(refused)


def proofs(root):
    """Golden folders by the model_type of their config.json."""
    found = {}
    data = root / "tests" / "data"
    for file in sorted([*data.glob("golden/*/config.json"), *data.glob("*/config.json")]):
        if (file.parent / "golden.json").is_file():
            kind = json.loads(file.read_text(encoding="utf-8")).get("model_type")
            found.setdefault(kind, []).append(file.parent.name)
    return found


def code(names):
    return ", ".join(f"`{name}`" for name in names)


def section(family, sources, proven, root):
    source = source_of(family["model_type"], sources)
    read, refused = options(source, root)
    lines = [f"## {family['title']}", "", f"`{family['model_type']}`, {family['reference']}, "
             f"[{source.name}](../../{source.relative_to(root)})", "",
             "| class | task |", "|---|---|"]
    lines += [f"| `{name}` | {task} |" for name, task in family["architectures"].items()]
    lines += ["", f"Options: {code(read)}."]
    if refused:
        lines += ["", f"Refused but for one value: {code(refused)}."]
    folders = proven.get(family["model_type"], [])
    lines += ["", f"Proved by {code(folders)}." if folders else "Proved by no folder of its own."]
    return "\n".join(lines) + "\n"


def page(listing, root):
    folder = pathlib.Path(root) / "src" / "models" / "families"
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.cc"))}
    proven = proofs(root)
    parts = [HEAD]
    parts += [section(family, sources, proven, root) for family in json.loads(listing)]
    return "\n".join(parts)
