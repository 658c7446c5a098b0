"""Contender, and the reference of every answer: sentence-transformers on torch in f32.

Settings: model, threads, batch.
"""

from protocol import serve
from sentence_transformers_encode import Encoder


def open_model(settings):
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(settings["threads"])
    return SentenceTransformer(settings["model"], device="cpu", local_files_only=True)


serve(Encoder(open_model, ["torch"]))
