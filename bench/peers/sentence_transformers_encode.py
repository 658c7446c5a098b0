"""What the three sentence-transformers contenders share: everything but how the model is opened."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # the model is a local folder; nothing is to be asked for


class Encoder:
    """`open_model(settings)` gives the SentenceTransformer; settings: batch, max_tokens and the
    backend's own."""

    def __init__(self, open_model, packages):
        self.open_model = open_model
        self.packages = ["sentence-transformers", "transformers", *packages]

    def load(self, settings):
        self.model = self.open_model(settings)
        self.model.max_seq_length = settings["max_tokens"]
        self.batch = settings["batch"]

    def embed(self, texts):
        return self.model.encode(texts, batch_size=self.batch, show_progress_bar=False)

    def tokens(self, texts):
        return [int(mask.sum()) for mask in self.model.tokenize(texts)["attention_mask"]]
