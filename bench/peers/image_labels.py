"""What the contenders over images share: image processors, and the library's own pipeline.

Settings of all: model, batch, workers (that prepare images beside the inference; 0: none),
processor ("slow": Pillow and numpy, whose numbers are the reference's; "fast": torchvision's).
"""

import os
import time
from collections import defaultdict

os.environ["HF_HUB_OFFLINE"] = "1"  # the model is a local folder; nothing is to be asked for

TOP = 5


def image_processor(settings):
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(
        settings["model"], use_fast=settings["processor"] == "fast"
    )


def load_image(path):
    """As the library's pipelines do it."""
    from transformers.image_utils import load_image as load

    return load(path)


class Stopwatch:
    """Seconds by part, of calls that it wraps."""

    def __init__(self):
        self.seconds = defaultdict(float)

    def timing(self, part, function):
        def timed(*arguments, **named):
            start = time.perf_counter()
            found = function(*arguments, **named)
            self.seconds[part] += time.perf_counter() - start
            return found

        return timed


class PipelineClassifier:
    """`open_model(settings)` gives the model that the library's pipeline runs."""

    def __init__(self, open_model, packages):
        self.open_model = open_model
        self.packages = ["transformers", "pillow", "torchvision", *packages]

    def load(self, settings):
        from transformers import pipeline

        self.pipeline = pipeline(
            "image-classification",
            model=self.open_model(settings),
            image_processor=image_processor(settings),
            device="cpu",
        )
        self.batch = settings["batch"]
        self.workers = settings["workers"]

    def run(self, paths, workers):
        return self.pipeline(paths, top_k=TOP, batch_size=self.batch, num_workers=workers)

    def classify(self, paths):
        found = self.run(paths, self.workers)
        return [[(one["label"], one["score"]) for one in labels] for labels in found]

    def shares(self, paths):
        """Without workers: what they do cannot be seen from here, and one part is to follow the
        other."""
        from transformers.pipelines import image_classification

        watch = Stopwatch()
        pipe = self.pipeline
        kept = image_classification.load_image, pipe.preprocess, pipe.forward, pipe.postprocess
        image_classification.load_image = watch.timing("decode", kept[0])
        pipe.preprocess = watch.timing("prepare", kept[1])
        pipe.forward = watch.timing("infer", kept[2])
        pipe.postprocess = watch.timing("finish", kept[3])
        try:
            watch.timing("all", self.run)(paths, 0)
        finally:
            image_classification.load_image = kept[0]
            pipe.preprocess, pipe.forward, pipe.postprocess = kept[1:]
        found = watch.seconds
        found["preprocess"] = found.pop("prepare") - found["decode"]
        parts = sum(found[part] for part in ("decode", "preprocess", "infer", "finish"))
        found["other"] = found.pop("all") - parts
        return dict(found)
