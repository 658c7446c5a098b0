"""Contender: sentence-transformers' ONNX backend. Settings: graphs, threads, batch."""

from protocol import serve
from sentence_transformers_encode import Encoder


def open_model(settings):
    import onnxruntime
    from sentence_transformers import SentenceTransformer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings["threads"]
    return SentenceTransformer(
        settings["graphs"] + "/onnx",
        backend="onnx",
        device="cpu",
        local_files_only=True,
        model_kwargs={"provider": "CPUExecutionProvider", "session_options": options},
    )


serve(Encoder(open_model, ["optimum", "optimum-onnx", "onnxruntime"]))
