"""docs/reference/errors.md: the errors of tests/data/errors.json, which tests provoke in the
program and in the library, with every backend."""
import json
import re

HEAD = """# Errors

Written by `./dev docs` from [errors.json](../../tests/data/errors.json). Tests provoke each of
these in the program and in the library (`accel/status.h`), with every backend, and compare type,
message and exit code: they are the same whatever computes. `...` stands for what depends on the
machine or the build, `{model}`, `{folder}` and `{output}` for paths.

What each type means, and types without an entry here, are in [exit_codes.md](exit_codes.md). A
program that embeds accel decides by the type; messages are for people and say what was expected,
what was found and what to do.
"""


def exit_codes(page):
    """{status: exit code} of exit_codes.md."""
    return {name: int(code) for code, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", page,
                                                         re.MULTILINE)}


def page(text, codes_page):
    codes = exit_codes(codes_page)
    errors = json.loads(text)["errors"]
    parts = [HEAD]
    for status in sorted({one["status"] for one in errors}, key=codes.get):
        parts.append(f"## {status}, exit code {codes[status]}\n")
        for one in errors:
            if one["status"] != status:
                continue
            where = f" ({one['only']} only)" if "only" in one else ""
            parts.append(f"**{one['name'][0].upper()}{one['name'][1:]}**{where}\n")
            parts.append(f"```\n{one['message']}\n```\n")
    return "\n".join(parts).rstrip("\n") + "\n"
