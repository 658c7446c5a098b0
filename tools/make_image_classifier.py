#!/usr/bin/env python3
"""Writes a ViT or a ResNet with random weights that tells images apart, for benches.

    make_image_classifier.py FOLDER [KEY=VALUE...] --images IMAGES [--family resnet]

    make_image_classifier.py build/bench/models/vit-base num_labels=1000 --images build/bench/photos

KEY=VALUE change the reference library's default config, which is ViT-Base at 224x224, or ResNet-50.
Random
weights as the library draws them give every image the same label; so layers keep the strength of
what passes, and the classifier is scaled and shifted until the labels' numbers differ between some
of IMAGES as a trained model's do. The environment is that of ./dev bench.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from transformers import (  # noqa: E402
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
)

IMAGES_LOOKED_AT = 32
SPREAD = 3.0  # of a label's numbers over the images


def value(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def spread_out(model, processor, paths):
    pictures = [Image.open(path).convert("RGB") for path in paths]
    with torch.inference_mode():
        logits = torch.cat([
            model(**processor(picture, return_tensors="pt")).logits for picture in pictures
        ])
        factor = SPREAD / logits.std(0).mean()
        last = model.classifier[-1] if isinstance(model.classifier, torch.nn.Sequential) else (
            model.classifier)
        last.weight.mul_(factor)
        last.bias.mul_(factor).sub_(logits.mean(0) * factor)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--family", choices=("vit", "resnet"), default="vit")
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_args()
    changes = {key: value(text) for key, text in (c.split("=", 1) for c in options.changes)}
    torch.manual_seed(1)
    if options.family == "resnet":
        model = ResNetForImageClassification(ResNetConfig(**changes)).eval()
    else:
        config = ViTConfig(**changes)
        config.initializer_range = config.hidden_size**-0.5
        model = ViTForImageClassification(config).eval()
    processor = ViTImageProcessor()
    spread_out(model, processor, sorted(options.images.iterdir())[:IMAGES_LOOKED_AT])
    model.save_pretrained(options.folder)
    processor.save_pretrained(options.folder)
    count = sum(weight.numel() for weight in model.parameters())
    print(f"{options.folder}: {count / 1e6:.1f} million parameters")


if __name__ == "__main__":
    main()
