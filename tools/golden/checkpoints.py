"""Checkpoints: the files and element types that weights come in."""

import json

import torch
from safetensors.torch import save_file

from golden.bert import encoder, tiny_bert
from golden.kit import folder

TYPES = [
    torch.float8_e4m3fn,
    torch.float64,
    torch.float16,
    torch.float8_e5m2,
    torch.bfloat16,
    torch.float32,
]


def stored_weights(golden, seed, types):
    """The weights of a saved tiny BERT, in `types` by turns; the reference computes in f32 with
    the same values."""
    model = tiny_bert(seed, num_hidden_layers=1)
    stored = {}
    for (name, weight), number in zip(model.state_dict().items(), range(1000)):
        dtype = types[number % len(types)]
        # Exact in the stored type; in f64 with digits that f32 does not have.
        stored[name] = weight.to(dtype)
        if dtype == torch.float64:
            stored[name] += 1e-12
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(stored[name].float())
    encoder(golden, model)
    (golden.path / "model.safetensors").unlink()
    return stored


@folder
def checkpoint_types(golden):
    save_file(stored_weights(golden, 51, TYPES), golden.path / "model.safetensors")


@folder
def checkpoint_old_torch(golden):
    """As a training script wrote it before PyTorch 1.6, with transposed and shared storages."""
    stored = stored_weights(golden, 52, [torch.float32, torch.float16, torch.float64])
    every = torch.cat([weight.float().flatten() for name, weight in stored.items() if
                       name.endswith("bias")])
    offset = 0
    for name, weight in stored.items():
        if name.endswith("bias"):  # views of one storage
            stored[name] = every[offset:offset + weight.numel()]
            offset += weight.numel()
        elif name.endswith("dense.weight"):  # stored as columns
            stored[name] = weight.t().contiguous().t()
    wrapped = {"module.bert." + name: weight for name, weight in stored.items()}
    torch.save({"epoch": 3, "state_dict": wrapped, "best": torch.tensor(0.5)},
               golden.path / "model.pth", _use_new_zipfile_serialization=False)


@folder
def checkpoint_torch_shards(golden):
    stored = stored_weights(golden, 53, TYPES)
    names = [f"pytorch_model-0000{i}-of-00002.bin" for i in (1, 2)]
    shards = [{}, {}]
    for number, (name, weight) in enumerate(stored.items()):
        shards[number % 3 == 0][name] = torch.nn.Parameter(weight)
    for name, shard in zip(names, shards):
        torch.save(shard, golden.path / name)
    places = {tensor: name for name, shard in zip(names, shards) for tensor in shard}
    (golden.path / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": 0}, "weight_map": places}, indent=1))
