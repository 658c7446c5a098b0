"""Contender: a bare Python loop on onnxruntime over the graph that optimum exports.

Settings: model, graphs, max_tokens, batch, threads, streams (batches in flight).
"""

from protocol import serve


class Encoder:
    packages = ["onnxruntime", "tokenizers", "numpy"]

    def load(self, settings):
        import onnxruntime
        from text_batches import TextBatches

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(1, settings["threads"] // settings["streams"])
        graph = settings["graphs"] + "/onnx/onnx/model.onnx"
        self.session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [port.name for port in self.session.get_inputs()]
        self.texts = TextBatches(settings["model"], settings["max_tokens"])
        self.batch = settings["batch"]
        self.pool = None
        if settings["streams"] > 1:
            from concurrent.futures import ThreadPoolExecutor

            self.pool = ThreadPoolExecutor(settings["streams"])

    def run(self, batch):
        import numpy
        from text_batches import mean_pooled, padded

        input_ids, mask = padded(batch)
        named = {"input_ids": input_ids, "attention_mask": mask}
        if "token_type_ids" in self.inputs:
            named["token_type_ids"] = numpy.zeros_like(input_ids)
        return mean_pooled(self.session.run(None, named)[0], mask)

    def embed(self, texts):
        import numpy

        cut = list(self.texts.cut(texts, self.batch))
        spread = self.pool.map if self.pool and len(cut) > 1 else map
        parts = list(spread(self.run, [batch for _, batch in cut]))
        vectors = numpy.empty((len(texts), parts[0].shape[1]), numpy.float32)
        for (rows, _), part in zip(cut, parts):
            vectors[rows] = part
        return vectors

    def tokens(self, texts):
        return [len(ids) for ids in self.texts.encode(texts)]


serve(Encoder())
