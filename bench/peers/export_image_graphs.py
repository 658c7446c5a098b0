"""Converts a folder that classifies images for the peers that take another form: ONNX and OpenVINO
IR by optimum. Usage: export_image_graphs.py MODEL FOLDER"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"


def export(model, folder):
    from optimum.intel import OVModelForImageClassification
    from optimum.onnxruntime import ORTModelForImageClassification

    for kind, name in ((ORTModelForImageClassification, "onnx"),
                       (OVModelForImageClassification, "openvino")):
        exported = kind.from_pretrained(model, export=True)
        exported.save_pretrained(os.path.join(folder, name))


if __name__ == "__main__":
    export(sys.argv[1], sys.argv[2])
