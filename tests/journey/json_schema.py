"""Checks a value by a JSON Schema (draft 2020-12), as far as the schemas of docs/reference go."""

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
         "integer": int, "number": (int, float)}
KNOWN = {"$schema", "$defs", "$ref", "title", "description", "type", "required", "properties",
         "additionalProperties", "items", "enum", "const", "anyOf", "minimum", "minItems"}


def is_of(value, kind):
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[kind])


def faults(value, schema, root=None, path="$"):
    """What is wrong with `value`, one line each."""
    root = root or schema
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError(f"{path}: the schema uses {sorted(unknown)}, which is not checked here")
    if "$ref" in schema:
        found = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        yield from faults(value, found, root, path)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_of(value, kind) for kind in kinds):
        yield f"{path}: expected {' or '.join(kinds)}, found {value!r}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: expected {schema['const']!r}, found {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: expected one of {schema['enum']}, found {value!r}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: expected at least {schema['minimum']}, found {value!r}"
    if "anyOf" in schema:
        if all(list(faults(value, one, root, path)) for one in schema["anyOf"]):
            yield f"{path}: fits none of anyOf: {value!r}"
    if isinstance(value, dict):
        yield from faults_of_object(value, schema, root, path)
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: expected at least {schema['minItems']} items, found {len(value)}"
        for i, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), root, f"{path}[{i}]")


def faults_of_object(value, schema, root, path):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}: {name} is missing"
    for name, member in value.items():
        if name in properties:
            yield from faults(member, properties[name], root, f"{path}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{path}: {name} is not in the schema"
