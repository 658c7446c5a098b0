#!/usr/bin/env python3
"""Writes a full-size checkpoint with random weights, for benches.

    make_checkpoint.py FOLDER [--type bert] [--head MaskedLM] [--dtype f32] [KEY=VALUE...]

    make_checkpoint.py build/bench/models/bert-large hidden_size=1024 num_hidden_layers=24 \\
        num_attention_heads=16 intermediate_size=4096

KEY=VALUE change the reference library's default config of the type; its default sizes are those of
the first published model. The environment is that of make_golden.py.
"""

import argparse
import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
import transformers  # noqa: E402

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def value(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--type", default="bert", help="config.json's model_type")
    parser.add_argument("--head", default="", help="of an Auto class: MaskedLM, CausalLM ...")
    parser.add_argument("--dtype", default="f32", choices=DTYPES)
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_args()
    changes = {key: value(text) for key, text in (c.split("=", 1) for c in options.changes)}
    config = transformers.AutoConfig.for_model(options.type, **changes)
    maker = getattr(transformers, "AutoModel" + (f"For{options.head}" if options.head else ""))
    torch.manual_seed(1)
    model = maker.from_config(config).to(DTYPES[options.dtype])
    model.save_pretrained(options.folder, max_shard_size="100GB")
    count = sum(weight.numel() for weight in model.parameters())
    print(f"{options.folder}: {count / 1e6:.0f} million parameters, {options.dtype}")


if __name__ == "__main__":
    main()
