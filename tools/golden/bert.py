"""BERT: kinds of positions, token types, activations, old names, narrow weights."""

import copy
import math

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from golden.kit import PADDED, folder

WORDS = [
    "the",
    "train",
    "##s",
    "##ing",
    "leave",
    "in",
    "seven",
    "minutes",
    "and",
    "was",
    "not",
    "here",
    "yes",
    "rain",
    "wait",
    "for",
    "##ed",
    "cold",
    "tea",
    "search",
    "document",
    "query",
]


def vocabulary():
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,:;!?'-éà", *letters]
    pieces += ["##" + letter for letter in letters] + WORDS
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def tiny_config(**changes):
    sizes = dict(
        vocab_size=len(vocabulary()),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=40,
        attn_implementation="eager",
    )
    return BertConfig(**{**sizes, **changes})


def tiny_bert(seed, pooler=True, **changes):
    """A BERT whose numbers keep to the unit scale, with no weight at its initial 0 or 1."""
    model = BertModel(tiny_config(**changes), add_pooling_layer=pooler).eval()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=draw)
            if "LayerNorm.weight" in name:
                weight.copy_(1 + 0.15 * noise)
            elif weight.ndim == 1:
                weight.copy_(0.1 * noise)
            elif "embedding" in name:
                weight.copy_(0.4 * noise)
            else:
                weight.copy_(1.3 * noise / math.sqrt(weight.shape[1]))
    return model


def batches(config, seed):
    """Every way to feed an encoder: (name, inputs)."""
    draw = torch.Generator().manual_seed(seed)

    def ids(rows, length):
        return torch.randint(5, config.vocab_size, (rows, length), generator=draw)

    def types(rows, length):
        return torch.randint(0, config.type_vocab_size, (rows, length), generator=draw)

    right = torch.ones(3, 9, dtype=torch.long)
    right[1, 6:] = 0
    right[2, 1:] = 0
    positions = torch.stack([torch.randperm(11, generator=draw) for _ in range(2)])
    return [
        ("alone", {"input_ids": ids(1, 5)}),
        ("typed", {"input_ids": ids(2, 7), "token_type_ids": types(2, 7)}),
        ("right", {"input_ids": ids(3, 9), "attention_mask": right, "token_type_ids": types(3, 9)}),
        ("left", {"input_ids": ids(3, 9), "attention_mask": right.flip(1)}),
        ("placed", {"input_ids": ids(2, 11), "position_ids": positions}),
        ("longest", {"input_ids": ids(1, config.max_position_embeddings)}),
    ]


def encoder(golden, model):
    """`model` saved, with its outputs for all batches."""
    golden.model(model)
    for name, inputs in batches(model.config, seed=3):
        golden.case(name, inputs, note=PADDED if "attention_mask" in inputs else None)


@folder
def bert_relative_key(golden):
    encoder(golden, tiny_bert(21, position_embedding_type="relative_key"))


@folder
def bert_relative_key_query(golden):
    encoder(
        golden,
        tiny_bert(22, position_embedding_type="relative_key_query", max_position_embeddings=12),
    )


@folder
def bert_one_type(golden):
    """One token type, one head, a large epsilon, no pooler."""
    encoder(
        golden,
        tiny_bert(23, pooler=False, type_vocab_size=1, num_attention_heads=1, layer_norm_eps=1e-3),
    )


@folder
def bert_four_types(golden):
    """Four token types, heads of an odd size, a single layer."""
    encoder(
        golden,
        tiny_bert(
            24, type_vocab_size=4, num_attention_heads=8, layer_norm_eps=1e-6, num_hidden_layers=1
        ),
    )


@folder
def bert_old_names(golden):
    """As converted from the first TensorFlow release: prefix, gamma, beta, other heads, buffers."""
    model = tiny_bert(25)
    encoder(golden, model)
    old = {}
    for name, weight in model.state_dict().items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        old["bert." + name.replace("LayerNorm.bias", "LayerNorm.beta")] = weight.contiguous()
    old["bert.embeddings.position_ids"] = torch.arange(40)[None]
    old["cls.predictions.bias"] = torch.zeros(7)
    old["cls.seq_relationship.weight"] = torch.zeros(2, 24)
    save_file(old, golden.path / "model.safetensors")


def narrow(golden, seed, dtype):
    """Weights stored in `dtype`; the reference computes in f32 with the same values."""
    model = tiny_bert(seed, num_hidden_layers=1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.to(dtype).float())
    encoder(golden, model)
    stored = {name: weight.to(dtype) for name, weight in model.state_dict().items()}
    save_file(stored, golden.path / "model.safetensors")


@folder
def bert_f16(golden):
    narrow(golden, 26, torch.float16)


@folder
def bert_bf16(golden):
    narrow(golden, 27, torch.bfloat16)


ACTIVATIONS = [
    "gelu_10",
    "gelu_accurate",
    "gelu_fast",
    "gelu_new",
    "gelu_python",
    "gelu_python_tanh",
    "gelu_pytorch_tanh",
    "leaky_relu",
    "linear",
    "mish",
    "quick_gelu",
    "relu",
    "relu2",
    "relu6",
    "sigmoid",
    "silu",
    "swish",
    "tanh",
]


@folder
def bert_activations(golden):
    """Every activation, on values large enough to tell each from its neighbours."""
    base = tiny_bert(28, pooler=False, num_hidden_layers=1)
    with torch.no_grad():
        base.encoder.layer[0].intermediate.dense.weight.mul_(4)
    encoder(golden, base)
    inputs = {"input_ids": batches(base.config, seed=4)[0][1]["input_ids"]}
    for activation in ACTIVATIONS:
        config = copy.deepcopy(base.config)
        config.hidden_act = activation
        model = BertModel(config, add_pooling_layer=False).eval()
        model.load_state_dict(base.state_dict())
        golden.case(activation, inputs, config={"hidden_act": activation}, model=model)
