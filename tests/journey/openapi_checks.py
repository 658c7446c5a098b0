"""What schemathesis checks beside its own checks: it loads this file as schemathesis.toml says."""
import re

import schemathesis

INFERENCE_HEADER = "Inference-Header-Content-Length"

# What no schema says: of a request that fits its schema, the server's only reasons to refuse it.
BEYOND_SCHEMAS = re.compile("|".join((
    # The model: what it is for, what it has, and whether it is loaded.
    "not loaded",
    "needs a model for",
    "expected a folder for",
    "dimensions: expected at most",
    "expected an id from 0 to",
    "prompt",
    "expected (a text|audio|an image), found",
    # Inputs by URL: any text is taken for one, and all members of a oneOf are given at once.
    "url: expected",
    "expected one recording, found two",
    # JSON Schema takes 1.0 for an integer.
    r"expected an integer from \S+ to \S+, found -?[\d.]+(e\+?\d+)?[,\"]",
    # How the inputs, outputs and parameters of an inference fit each other.
    "^.{0,12}(inputs?|outputs?|parameter)\\b",
    # A form's names are headers of their own.
    "form: part",
    # Links that schemathesis makes up: the server's version for a model's.
    "expected a model's version",
)))


def is_beyond_schemas(case, text):
    if case.operation.path.endswith("/ready"):
        return True  # it answers so, without a body, of a model that is not loaded
    if case.operation.path.endswith("/infer"):
        # Bytes by chance are no JSON, nor are so many of them as a header says.
        if "octet-stream" in case.media_type or INFERENCE_HEADER in case.headers:
            return True
    return bool(BEYOND_SCHEMAS.search(text))


@schemathesis.check
def what_fits_its_schema_is_accepted(_, response, case):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code in (400, 422, 424) and not is_beyond_schemas(case, response.text):
        raise AssertionError(f"refused, though it fits its schema: {response.text}")
