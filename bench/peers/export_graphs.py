"""Converts a sentence-transformers folder for the peers that take another form: ONNX and OpenVINO
IR by optimum, CTranslate2 by its own converter. Usage: export_graphs.py MODEL FOLDER"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"


def export(model, folder):
    import ctranslate2
    from sentence_transformers import SentenceTransformer

    for backend in ("onnx", "openvino"):
        exported = SentenceTransformer(
            model,
            backend=backend,
            device="cpu",
            local_files_only=True,
            model_kwargs={"export": True},
        )
        exported.save_pretrained(os.path.join(folder, backend))
    converter = ctranslate2.converters.TransformersConverter(model)
    converter.convert(os.path.join(folder, "ctranslate2"))


if __name__ == "__main__":
    export(sys.argv[1], sys.argv[2])
