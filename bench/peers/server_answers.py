"""OpenAI's answer about embeddings, which the servers of ours share, and how they open a model."""

import base64
import os

import orjson

os.environ["HF_HUB_OFFLINE"] = "1"  # the model is a local folder; nothing is to be asked for


def open_encoder(settings):
    from sentence_transformers_models import OPEN

    return OPEN[settings["backend"]]({**settings, "streams": 1})


def encode(model, texts, batch):
    """One f32 row per text. encode() sorts them by length."""
    return model.encode(texts, batch_size=batch, show_progress_bar=False)


def answer(vectors, encoding, model):
    """JSON in bytes."""
    if encoding == "base64":
        shown = [base64.b64encode(vector.tobytes()).decode() for vector in vectors]
    else:
        shown = [vector.tolist() for vector in vectors]
    data = [{"object": "embedding", "index": index, "embedding": embedding}
            for index, embedding in enumerate(shown)]
    return orjson.dumps({"object": "list", "model": model, "data": data})
