"""Contender: sentence-transformers' OpenVINO backend. Settings: graphs, batch, and either hint or
threads and streams."""

from protocol import serve
from sentence_transformers_encode import Encoder


def open_model(settings):
    from sentence_transformers import SentenceTransformer

    config = {"INFERENCE_PRECISION_HINT": "f32"}
    if "hint" in settings:
        config["PERFORMANCE_HINT"] = settings["hint"].upper()
    if "threads" in settings:
        config["INFERENCE_NUM_THREADS"] = str(settings["threads"])
        config["NUM_STREAMS"] = str(settings["streams"])
    return SentenceTransformer(
        settings["graphs"] + "/openvino",
        backend="openvino",
        device="cpu",
        local_files_only=True,
        model_kwargs={"ov_config": config},
    )


serve(Encoder(open_model, ["optimum", "optimum-intel", "openvino"]))
