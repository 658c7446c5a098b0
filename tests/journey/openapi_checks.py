"""What schemathesis checks beside its own checks: it loads this file as schemathesis.toml says."""
import re

import schemathesis

# What no schema can say: how parts of a request fit each other, the model and its state.
BEYOND_SCHEMAS = re.compile("x^")


@schemathesis.check
def what_fits_its_schema_is_accepted(ctx, response, case):
    """Of a request that fits, a refusal says what else is wrong with it."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code == 400 and not BEYOND_SCHEMAS.search(response.text):
        raise AssertionError(f"refused, though it fits its schema: {response.text}")
