"""From a checkpoint folder to its first result the way optimum-intel goes: export, load, infer.

    optimum_load.py FOLDER      prints one JSON object: seconds, memory, the first values
"""

import json
import re
import sys
import time
from pathlib import Path

TOKENS = 16


def memory_kib(field):
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", status, re.M).group(1))


def main(folder):
    import torch
    from optimum.intel import OVModelForFeatureExtraction

    start = time.perf_counter()
    model = OVModelForFeatureExtraction.from_pretrained(
        folder, export=True, compile=True, ov_config={"INFERENCE_PRECISION_HINT": "f32"}
    )
    ids = torch.arange(100, 100 + TOKENS)[None]
    mask = torch.ones_like(ids)
    output = model(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids))[0]
    seconds = time.perf_counter() - start
    print(json.dumps({
        "first_result_seconds": seconds,
        "rss_kib": memory_kib("VmRSS"),
        "peak_kib": memory_kib("VmHWM"),
        "output": [float(value) for value in output.flatten()[:8]],
    }))


if __name__ == "__main__":
    main(sys.argv[1])
