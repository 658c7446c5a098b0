"""How sentence-transformers' backends open a model, in f32. Settings: model or graphs, threads; for
OpenVINO either hint, or threads and streams."""


def torch_model(settings):
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(settings["threads"])
    return SentenceTransformer(settings["model"], device="cpu", local_files_only=True)


def onnx_model(settings):
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


def openvino_model(settings):
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


OPEN = {"torch": torch_model, "onnx": onnx_model, "openvino": openvino_model}
