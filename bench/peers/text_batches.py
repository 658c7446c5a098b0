"""What the bare loops share: tokenising, batches sorted by length, mean pooling, normalising."""

import os

import numpy
from tokenizers import Tokenizer


class TextBatches:
    """Texts to token batches. The padding and the truncation inside tokenizer.json are ignored, as
    sentence-transformers does: the length limit is the model's, and a batch is padded to its own
    longest text."""

    def __init__(self, model, max_tokens):
        self.tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_tokens)

    def encode(self, texts):
        if len(texts) == 1:
            return [self.tokenizer.encode(texts[0]).ids]
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]

    def cut(self, texts, batch_size):
        """Yields (rows, ids): the places of the texts in the input, and their token ids."""
        ids = self.encode(texts)
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield rows, [ids[row] for row in rows]


def padded(batch):
    """(input_ids, attention_mask), both i64 [rows, longest]."""
    longest = max(len(ids) for ids in batch)
    input_ids = numpy.zeros((len(batch), longest), numpy.int64)
    mask = numpy.zeros((len(batch), longest), numpy.int64)
    for row, ids in enumerate(batch):
        input_ids[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
    return input_ids, mask


def mean_pooled(hidden, mask):
    """Unit vectors: the mean of `hidden` [rows, tokens, size] over the tokens that `mask` keeps."""
    weights = mask.astype(numpy.float32)
    # A batched matrix product: several times faster than multiplying and adding up.
    sums = numpy.matmul(weights[:, None, :], hidden)[:, 0, :]
    # The number of tokens cancels out in the norm.
    return sums / numpy.linalg.norm(sums, axis=1, keepdims=True)
