"""Contender: sentence-transformers' ONNX backend. Settings: graphs, threads, batch."""

from protocol import serve
from sentence_transformers_encode import Encoder
from sentence_transformers_models import onnx_model

serve(Encoder(onnx_model, ["optimum", "optimum-onnx", "onnxruntime"]))
