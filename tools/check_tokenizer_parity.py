#!/usr/bin/env python3
"""Compares token ids with the reference library on random strings over all of Unicode.

    python3 tools/check_tokenizer_parity.py --program CMD FOLDER_OR_TOKENIZER_JSON...

Needs the package `tokenizers` (0.23.3 made the recorded results). CMD is run once per tokenizer
with "{model}" replaced by the tokenizer.json's path and "{folder}" by its folder, split as a shell
would. It reads one JSON string per line on standard input and writes one JSON array of ids per
line, special tokens included, without padding or a length limit.

The strings are the same for the same --seed: scripts, combining marks, emoji sequences, control
characters, all kinds of white space, private and unassigned code points, ASCII words, and the
tokenizer's own added tokens. Exit code 1 when any ids differ; each of the first differences is
printed with its text.
"""

import argparse
import json
import pathlib
import random
import shlex
import subprocess
import sys
import tempfile
import unicodedata

SPACES = [c for c in map(chr, range(0x3100)) if c.isspace()] + [
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
]
CONTROLS = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0))] + [
    "\u200c",
    "\u200d",
    "\u200e",
    "\u202e",
    "\u2066",
    "\ufffd",
]
MARKS = [c for c in map(chr, range(0x20000)) if unicodedata.category(c) in ("Mn", "Me", "Mc")]
EMOJI = [
    chr(c) for c in (*range(0x1F300, 0x1F6F0), *range(0x1F900, 0x1FA00), *range(0x2600, 0x27C0))
]
JOINERS = [
    "\u200d",
    "\ufe0f",
    "\ufe0e",
    "\u20e3",
    *map(chr, range(0x1F3FB, 0x1F400)),
    *map(chr, range(0x1F1E6, 0x1F200)),
]
BLOCKS = [
    (0x20, 0x7F),
    (0xA0, 0x250),
    (0x250, 0x370),
    (0x370, 0x400),
    (0x400, 0x530),
    (0x530, 0x600),
    (0x600, 0x700),
    (0x900, 0xE00),
    (0xE00, 0x1100),
    (0x1100, 0x1200),
    (0x1200, 0x1400),
    (0x1780, 0x1800),
    (0x1E00, 0x2000),
    (0x2000, 0x2C00),
    (0x2C00, 0x2E80),
    (0x3000, 0x3100),
    (0x3100, 0x3400),
    (0x4E00, 0xA000),
    (0xA000, 0xAC00),
    (0xAC00, 0xD7A4),
    (0xF900, 0xFB00),
    (0xFB00, 0x10000),
    (0x10000, 0x12000),
    (0x16000, 0x18000),
    (0x1D400, 0x1D800),
    (0x1EE00, 0x1F000),
    (0x20000, 0x20200),
    (0x2F800, 0x2FA20),
    (0xE0000, 0xE0200),
    (0xF0000, 0xF0100),
]
WORDS = (
    "the of license grants you permission to use copy modify distribute Software software's "
    "don't I'll WE'VE it's naïve café Straße İstanbul 1234567 3.14159 1,000 0x1F 1e-9 a_b-c.d "
    "https://example.org/path?query=1&b=2#frag user@mail.test def f(x): return x**2 # comment "
    "... !!! ??? -- __init__ CamelCaseWord SHOUTING ﬁre ｆｕｌｌ １２３ ½ ² ㎏ ™ Ω Å"
).split()


def code_point(rng, low=0, high=0x110000):
    while True:
        value = rng.randrange(low, high)
        if not 0xD800 <= value < 0xE000:
            return chr(value)


def piece(rng, added):
    kind = rng.randrange(14)
    if kind == 0:
        return "".join(code_point(rng) for _ in range(rng.randint(1, 4)))
    if kind == 1:
        return rng.choice(EMOJI) + "".join(rng.choice(JOINERS) for _ in range(rng.randint(0, 3)))
    if kind == 2:
        return rng.choice("aeioucnAEZ가अกا") + "".join(
            rng.choice(MARKS) for _ in range(rng.randint(1, 4))
        )
    if kind == 3:
        return rng.choice(CONTROLS) * rng.randint(1, 2)
    if kind == 4:
        return "".join(rng.choice(SPACES) for _ in range(rng.randint(1, 4)))
    if kind == 5 and added:
        return rng.choice(added)
    if kind <= 8:
        low, high = rng.choice(BLOCKS)
        return "".join(code_point(rng, low, high) for _ in range(rng.randint(1, 8)))
    if kind == 9:
        return rng.choice("abcxyzABC019.,-'\"#▁Ġ ") * rng.randint(1, 40)
    return rng.choice(WORDS)


def strings(count, seed, added):
    rng = random.Random(seed)
    for _ in range(count):
        parts = []
        for _ in range(rng.choice((0, 1, 1, 2, 3, 5, 8, 13))):
            parts.append(piece(rng, added))
            if rng.random() < 0.6:
                parts.append(rng.choice((" ", " ", " ", "  ", "\n", "")))
        yield "".join(parts)


def find_files(paths):
    for path in map(pathlib.Path, paths):
        if path.is_file():
            yield path
        elif (path / "tokenizer.json").is_file():
            yield path / "tokenizer.json"
        else:
            yield from sorted(path.glob("*/tokenizer.json"))


def check(path, arguments):
    import tokenizers

    reference = tokenizers.Tokenizer.from_file(str(path))
    reference.no_padding()
    reference.no_truncation()
    added = [token.content for token in reference.get_added_tokens_decoder().values()][:200]
    texts = list(strings(arguments.count, arguments.seed, added))
    command = [
        word.format(model=path, folder=path.parent) for word in shlex.split(arguments.program)
    ]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as lines:
        lines.writelines(json.dumps(text) + "\n" for text in texts)
        lines.seek(0)
        ours = subprocess.run(command, stdin=lines, stdout=subprocess.PIPE, check=True).stdout
    rows = ours.decode().splitlines()
    if len(rows) != len(texts):
        sys.exit(f"{path}: expected {len(texts)} lines of ids, found {len(rows)}")
    different = 0
    for begin in range(0, len(texts), 10_000):
        batch = reference.encode_batch(texts[begin : begin + 10_000])
        for text, expected, row in zip(texts[begin:], batch, rows[begin:]):
            if expected.ids != json.loads(row):
                different += 1
                if different <= arguments.show:
                    print(
                        f"  {text!r}\n    expected {expected.ids}\n    found    {json.loads(row)}"
                    )
    print(
        f"{path}: {len(texts)} strings, {different} differ (tokenizers {tokenizers.__version__})",
        flush=True,
    )
    return different


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "paths", nargs="+", help="tokenizer.json files, their folders, or folders of such"
    )
    parser.add_argument("--program", required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="differences printed per tokenizer")
    arguments = parser.parse_args()
    files = list(find_files(arguments.paths))
    if not files:
        sys.exit("no tokenizer.json found below " + ", ".join(arguments.paths))
    sys.exit(1 if sum(check(path, arguments) for path in files) else 0)


if __name__ == "__main__":
    main()
