"""Contender: transformers' pipeline on optimum-intel's OVModelForImageClassification.

Settings: those of image_labels.py, graphs, and either hint or threads and streams.
"""

from image_labels import PipelineClassifier
from protocol import ImageSession, serve


def open_model(settings):
    from optimum.intel import OVModelForImageClassification

    config = {"INFERENCE_PRECISION_HINT": "f32"}
    if "hint" in settings:
        config["PERFORMANCE_HINT"] = settings["hint"].upper()
    if "threads" in settings:
        config["INFERENCE_NUM_THREADS"] = str(settings["threads"])
        config["NUM_STREAMS"] = str(settings["streams"])
    return OVModelForImageClassification.from_pretrained(
        settings["graphs"] + "/openvino", ov_config=config
    )


serve(PipelineClassifier(open_model, ["optimum", "optimum-intel", "openvino"]), ImageSession)
