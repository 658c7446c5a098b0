"""Contender: sentence-transformers' OpenVINO backend. Settings: graphs, batch, and either hint or
threads and streams."""

from protocol import serve
from sentence_transformers_encode import Encoder
from sentence_transformers_models import openvino_model

serve(Encoder(openvino_model, ["optimum", "optimum-intel", "openvino"]))
