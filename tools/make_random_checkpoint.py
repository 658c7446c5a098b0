"""A seeded random BERT checkpoint, to measure with: make_random_checkpoint.py FOLDER HIDDEN LAYERS

1536 24 makes 2.9 GB, 1024 20 makes 1.1 GB. Needs numpy.
"""

import json
import pathlib
import struct
import sys

import numpy as np

folder, hidden, layers = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True)
(folder / "config.json").write_text(json.dumps({
    "model_type": "bert", "architectures": ["BertModel"], "hidden_size": hidden,
    "num_hidden_layers": layers, "num_attention_heads": hidden // 64,
    "intermediate_size": 4 * hidden, "vocab_size": 30522, "max_position_embeddings": 512,
    "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}))
shapes = {"embeddings.word_embeddings.weight": [30522, hidden],
          "embeddings.position_embeddings.weight": [512, hidden],
          "embeddings.token_type_embeddings.weight": [2, hidden],
          "embeddings.LayerNorm.weight": [hidden], "embeddings.LayerNorm.bias": [hidden],
          "pooler.dense.weight": [hidden, hidden], "pooler.dense.bias": [hidden]}
for i in range(layers):
    square = [hidden, hidden]
    for name, shape in {"attention.self.query": square, "attention.self.key": square,
                        "attention.self.value": square, "attention.output.dense": square,
                        "attention.output.LayerNorm": [hidden],
                        "intermediate.dense": [4 * hidden, hidden],
                        "output.dense": [hidden, 4 * hidden],
                        "output.LayerNorm": [hidden]}.items():
        shapes[f"encoder.layer.{i}.{name}.weight"] = shape
        shapes[f"encoder.layer.{i}.{name}.bias"] = shape[:1]
header, at = {}, 0
for name, shape in shapes.items():
    size = 4 * int(np.prod(shape))
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
    at += size
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
random = np.random.default_rng(1)
with open(folder / "model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for name, shape in shapes.items():
        numbers = random.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
        if "LayerNorm.weight" in name:
            numbers += 1
        file.write(numbers.tobytes())
print(at)
