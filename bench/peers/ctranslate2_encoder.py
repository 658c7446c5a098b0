"""Contender: CTranslate2's encoder with its own conversion of the model.

Settings: model, graphs, max_tokens, batch, threads, streams (batches in flight).
"""

from protocol import serve


class Encoder:
    packages = ["ctranslate2", "tokenizers", "numpy"]

    def load(self, settings):
        import ctranslate2
        from text_batches import TextBatches

        streams = settings["streams"]
        self.encoder = ctranslate2.Encoder(
            settings["graphs"] + "/ctranslate2",
            device="cpu",
            compute_type="float32",
            inter_threads=streams,
            intra_threads=max(1, settings["threads"] // streams),
        )
        self.texts = TextBatches(settings["model"], settings["max_tokens"])
        self.batch = settings["batch"]
        self.pool = None
        if streams > 1:
            from concurrent.futures import ThreadPoolExecutor

            self.pool = ThreadPoolExecutor(streams)

    def run(self, batch):
        import numpy
        from text_batches import mean_pooled

        hidden = numpy.asarray(self.encoder.forward_batch(batch).last_hidden_state)
        lengths = numpy.array([len(ids) for ids in batch])
        return mean_pooled(hidden, numpy.arange(hidden.shape[1])[None, :] < lengths[:, None])

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
