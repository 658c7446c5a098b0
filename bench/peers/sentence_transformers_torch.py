"""Contender, and the reference of every answer: sentence-transformers on torch in f32.

Settings: model, threads, batch.
"""

from protocol import serve
from sentence_transformers_encode import Encoder
from sentence_transformers_models import torch_model

serve(Encoder(torch_model, ["torch"]))
