"""Contender, and the reference of every answer about images: transformers' pipeline on torch.

Settings: those of image_labels.py, and threads.
"""

from image_labels import PipelineClassifier
from protocol import ImageSession, serve


def open_model(settings):
    import torch
    from transformers import AutoModelForImageClassification

    torch.set_num_threads(settings["threads"])
    return AutoModelForImageClassification.from_pretrained(settings["model"]).eval()


serve(PipelineClassifier(open_model, ["torch"]), ImageSession)
