"""Contender: transformers' image processor and a bare onnxruntime session.

Settings: those of image_labels.py, graphs, threads, streams (threads that each take a batch from
file to label; 1: one batch at a time, while `workers` threads prepare the next ones).
"""

from concurrent.futures import ThreadPoolExecutor

from image_labels import TOP, Stopwatch, image_processor, load_image
from protocol import ImageSession, serve


class Classifier:
    packages = ["onnxruntime", "transformers", "numpy", "pillow", "torchvision"]

    def load(self, settings):
        import json

        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings["threads"] // settings["streams"]
        self.session = onnxruntime.InferenceSession(
            settings["graphs"] + "/onnx/model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self.processor = image_processor(settings)
        self.tensors = "pt" if settings["processor"] == "fast" else "np"
        with open(settings["model"] + "/config.json", encoding="utf-8") as file:
            config = json.load(file)
        names = config.get("id2label", {})
        self.name = lambda number: names.get(str(number), f"LABEL_{number}")
        self.batch = settings["batch"]
        ahead = max(settings["streams"] if settings["streams"] > 1 else 0, settings["workers"])
        self.streams = settings["streams"]
        self.pool = ThreadPoolExecutor(ahead) if ahead else None

    def pixels(self, images):
        import numpy

        found = self.processor(images, return_tensors=self.tensors)["pixel_values"]
        return numpy.asarray(found)

    def prepare(self, paths):
        return self.pixels([load_image(path) for path in paths])

    def infer(self, pixels):
        return self.session.run(None, {"pixel_values": pixels})[0]

    def finish(self, logits):
        import numpy

        scores = numpy.exp(logits - logits.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        best = numpy.argsort(-scores, axis=1, kind="stable")[:, :TOP]
        return [
            [(self.name(number), float(row[number])) for number in order]
            for row, order in zip(scores, best)
        ]

    def whole(self, paths):
        return self.finish(self.infer(self.prepare(paths)))

    def classify(self, paths):
        cut = [paths[at : at + self.batch] for at in range(0, len(paths), self.batch)]
        if self.streams > 1:
            parts = self.pool.map(self.whole, cut)
        elif self.pool:
            # One by one: with batches of 16, two workers would leave one waiting at the end.
            ready = self.pool.map(self.prepare, [[path] for path in paths])
            parts = self.in_batches(ready)
        else:
            parts = map(self.whole, cut)
        return [labels for part in parts for labels in part]

    def in_batches(self, ready):
        import numpy

        kept = []
        for pixels in ready:
            kept.append(pixels)
            if len(kept) == self.batch:
                yield self.finish(self.infer(numpy.concatenate(kept)))
                kept = []
        if kept:
            yield self.finish(self.infer(numpy.concatenate(kept)))

    def shares(self, paths):
        watch = Stopwatch()
        decode = watch.timing("decode", load_image)
        preprocess = watch.timing("preprocess", self.pixels)
        infer = watch.timing("infer", self.infer)
        finish = watch.timing("finish", self.finish)
        for at in range(0, len(paths), self.batch):
            finish(infer(preprocess([decode(path) for path in paths[at : at + self.batch]])))
        return dict(watch.seconds)


serve(Classifier(), ImageSession)
