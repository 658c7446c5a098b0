#!/usr/bin/env python3
"""Writes the folders of tests/data/golden: small models and what the references make of them.

    make_golden.py [NAME...]      all folders, or those of the given names

A folder is a model as the Hugging Face libraries save it, with random weights, and

    golden.safetensors   inputs and reference outputs
    golden.json          "cases": what the encoder makes of tensors (inputs, outputs: public name
                         to tensor name), "embeddings": what a SentenceTransformer makes of texts,
                         one by one. Either may change the folder first: "config" replaces keys of
                         config.json, "files" replaces whole JSON files.

tests/golden runs all of it through accel. This is the only tool that uses torch. It wants an
environment of its own (tried: torch 2.15 on a CPU, transformers 4.57.6, sentence-transformers 5.7;
transformers 5 has no relative positions for BERT any more); the one that ./dev bench makes in
build/bench/venv will do. The committed files are the ones that count; run this only to add to them.
"""

import copy
import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from transformers import BertConfig, BertModel  # noqa: E402

OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "golden"
REFERENCE = (
    f"transformers {transformers.__version__}, torch {torch.__version__}, f32, eager attention"
)
FOLDERS = {}  # name: function that fills it


def folder(function):
    FOLDERS[function.__name__.replace("_", "-")] = function
    return function


# --- models ---------------------------------------------------------------------------------------


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


class Golden:
    """A folder while it is made."""

    def __init__(self, path):
        self.path = path
        self.tensors = {}
        self.json = {"reference": REFERENCE, "cases": [], "embeddings": []}

    def put(self, name, tensor):
        assert name not in self.tensors, name
        assert torch.isfinite(tensor.float()).all(), name
        self.tensors[name] = tensor.detach().clone().contiguous()
        return name

    def case(self, model, name, inputs, config=None):
        """Records what `model` makes of `inputs`; `config` is how it differs from the folder's."""
        with torch.no_grad():
            outputs = model(**inputs)
        case = {
            "name": name,
            "inputs": {key: self.put(f"{name}.{key}", value) for key, value in inputs.items()},
            "outputs": {
                key: self.put(f"{name}.{key}", outputs[key])
                for key in ("last_hidden_state", "pooler_output")
                if outputs.get(key) is not None
            },
        }
        if "attention_mask" in inputs:
            case["note"] = "compare positions with attention_mask==1 only"
        if config:
            case["config"] = config
        self.json["cases"].append(case)

    def embed(self, name, texts, files=None, prompt=None, dimensions=None, normalize=True):
        """Records what a SentenceTransformer makes of `texts`, without company and so unpadded."""
        with tempfile.TemporaryDirectory() as copied:
            shutil.copytree(self.path, copied, dirs_exist_ok=True)
            for file, content in (files or {}).items():
                write_json(Path(copied) / file, content)
            model = SentenceTransformer(copied, device="cpu", local_files_only=True)
            parts = list(model)
            unit = type(parts[-1]).__name__ == "Normalize"
            if unit and not normalize:
                prompts = model.prompts
                model = SentenceTransformer(modules=parts[:-1], device="cpu", prompts=prompts)
            rows = model.encode(
                texts,
                batch_size=1,
                prompt_name=prompt,
                truncate_dim=dimensions,
                normalize_embeddings=unit and normalize,
                convert_to_tensor=True,
            )
            before = (
                model.prompts[prompt]
                if prompt
                else model.prompts.get(model.default_prompt_name, "")
            )
            tokens = [
                len(model.tokenizer(before + text, truncation=True)["input_ids"]) for text in texts
            ]
        entry = {
            "name": name,
            "texts": texts,
            "tokens": tokens,
            "normalize": normalize,
            "tensor": self.put(name, rows),
        }
        for key, value in (("files", files), ("prompt", prompt), ("dimensions", dimensions)):
            if value is not None:
                entry[key] = value
        self.json["embeddings"].append(entry)

    def save(self):
        save_file(self.tensors, self.path / "golden.safetensors")
        write_json(self.path / "golden.json", self.json, indent=None)


def write_json(path, content, indent=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n")


# --- encoders -------------------------------------------------------------------------------------


def encoder(path, model):
    """`model` saved, with its outputs for all batches."""
    model.save_pretrained(path)
    golden = Golden(path)
    for name, inputs in batches(model.config, seed=3):
        golden.case(model, name, inputs)
    golden.save()
    return golden


@folder
def bert_relative_key(path):
    encoder(path, tiny_bert(21, position_embedding_type="relative_key"))


@folder
def bert_relative_key_query(path):
    encoder(
        path,
        tiny_bert(22, position_embedding_type="relative_key_query", max_position_embeddings=12),
    )


@folder
def bert_one_type(path):
    """One token type, one head, a large epsilon, no pooler."""
    encoder(
        path,
        tiny_bert(23, pooler=False, type_vocab_size=1, num_attention_heads=1, layer_norm_eps=1e-3),
    )


@folder
def bert_four_types(path):
    """Four token types, heads of an odd size, a single layer."""
    encoder(
        path,
        tiny_bert(
            24, type_vocab_size=4, num_attention_heads=8, layer_norm_eps=1e-6, num_hidden_layers=1
        ),
    )


@folder
def bert_old_names(path):
    """As converted from the first TensorFlow release: prefix, gamma, beta, other heads, buffers."""
    model = tiny_bert(25)
    encoder(path, model)
    old = {}
    for name, weight in model.state_dict().items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        old["bert." + name.replace("LayerNorm.bias", "LayerNorm.beta")] = weight.contiguous()
    old["bert.embeddings.position_ids"] = torch.arange(40)[None]
    old["cls.predictions.bias"] = torch.zeros(7)
    old["cls.seq_relationship.weight"] = torch.zeros(2, 24)
    save_file(old, path / "model.safetensors")


def narrow(path, seed, dtype):
    """Weights stored in `dtype`; the reference computes in f32 with the same values."""
    model = tiny_bert(seed, num_hidden_layers=1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.to(dtype).float())
    encoder(path, model)
    stored = {name: weight.to(dtype) for name, weight in model.state_dict().items()}
    save_file(stored, path / "model.safetensors")


@folder
def bert_f16(path):
    narrow(path, 26, torch.float16)


@folder
def bert_bf16(path):
    narrow(path, 27, torch.bfloat16)


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
def bert_activations(path):
    """Every activation, on values large enough to tell each from its neighbours."""
    base = tiny_bert(28, pooler=False, num_hidden_layers=1)
    with torch.no_grad():
        base.encoder.layer[0].intermediate.dense.weight.mul_(4)
    golden = encoder(path, base)
    inputs = {"input_ids": batches(base.config, seed=4)[0][1]["input_ids"]}
    for activation in ACTIVATIONS:
        config = copy.deepcopy(base.config)
        config.hidden_act = activation
        model = BertModel(config, add_pooling_layer=False).eval()
        model.load_state_dict(base.state_dict())
        golden.case(model, activation, inputs, {"hidden_act": activation})
    golden.save()


# --- sentence embeddings --------------------------------------------------------------------------

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
TEXTS = [
    "The trains leave in seven minutes.",
    "",
    "Yes",
    "Café déjà vu, 東京 and 😀",
    "It rained and rained, and the waiting trains were not here: " * 4,
]


def vocabulary():
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,:;!?'-éà", *letters]
    pieces += ["##" + letter for letter in letters] + WORDS
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def tokenizer_json(lower=True, **more):
    special = [
        {
            "id": number,
            "content": name,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, name in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    ]
    frame = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]
    pair = frame + [
        {"Sequence": {"id": "B", "type_id": 1}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": False,
            "lowercase": lower,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": frame,
            "pair": pair,
            "special_tokens": {
                name: {"id": name, "ids": [number], "tokens": [name]}
                for name, number in (("[CLS]", 2), ("[SEP]", 3))
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary(),
        },
        **more,
    }


def modules(*names):
    kind = "sentence_transformers.models."
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    return [
        {
            "idx": number,
            "name": str(number),
            "path": paths.get(name, f"{number}_{name}"),
            "type": kind + name,
        }
        for number, name in enumerate(names)
    ]


def pooling(*ways):
    flags = {
        "cls": "cls_token",
        "max": "max_tokens",
        "mean": "mean_tokens",
        "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
        "weightedmean": "weightedmean_tokens",
        "lasttoken": "lasttoken",
    }
    return {
        "word_embedding_dimension": 24,
        "include_prompt": True,
        **{"pooling_mode_" + flag: way in ways for way, flag in flags.items()},
    }


def sentence_folder(
    path, seed, names=("Transformer", "Pooling", "Normalize"), tokenizer=None, **changes
):
    tiny_bert(seed, **changes).save_pretrained(path)
    write_json(path / "tokenizer.json", tokenizer or tokenizer_json(), indent=None)
    write_json(
        path / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 30,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        },
    )
    write_json(path / "modules.json", modules(*names))
    write_json(path / "1_Pooling" / "config.json", pooling("mean"))
    return Golden(path)


def linear(path, seed, size_in, size_out, bias=True):
    draw = torch.Generator().manual_seed(seed)
    path.mkdir(exist_ok=True)
    weights = {"linear.weight": torch.randn(size_out, size_in, generator=draw) / math.sqrt(size_in)}
    if bias:
        weights["linear.bias"] = torch.randn(size_out, generator=draw) * 0.2
    save_file(weights, path / "model.safetensors")
    return {
        "in_features": size_in,
        "out_features": size_out,
        "bias": bias,
        "activation_function": "torch.nn.modules.activation.Tanh",
    }


@folder
def sentence_pooling(path):
    """Every way of pooling and some together, in the old and in the new spelling."""
    golden = sentence_folder(path, 31)
    ways = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
    file = "1_Pooling/config.json"
    raw = {"modules.json": modules("Transformer", "Pooling")}
    for way in ways:
        golden.embed(way, TEXTS, {file: pooling(way), **raw})
    golden.embed("all", TEXTS, {file: pooling(*ways), **raw})
    golden.embed("cls+mean", TEXTS, {file: pooling("cls", "mean")})
    golden.embed("new-max", TEXTS, {file: {"embedding_dimension": 24, "pooling_mode": "max"}})
    golden.embed(
        "new-mean+cls", TEXTS, {file: {"embedding_dimension": 24, "pooling_mode": ["mean", "cls"]}}
    )
    golden.embed("unsaid", TEXTS, {file: {"word_embedding_dimension": 24}})
    golden.embed("unit", TEXTS)
    golden.embed("unit-left-out", TEXTS, normalize=False)
    golden.embed("eight", TEXTS, dimensions=8)
    golden.embed("eight-left-out", TEXTS, dimensions=8, normalize=False)
    golden.embed("eight-raw", TEXTS, raw, dimensions=8)
    golden.save()


@folder
def sentence_dense(path):
    """Dense layers and a layer norm behind two pooled vectors."""
    names = ("Transformer", "Pooling", "Dense", "LayerNorm", "Dense", "Normalize")
    golden = sentence_folder(path, 32, names)
    write_json(path / "1_Pooling" / "config.json", pooling("mean", "max"))
    first = linear(path / "2_Dense", 33, 48, 16)
    write_json(path / "2_Dense" / "config.json", first)
    draw = torch.Generator().manual_seed(34)
    (path / "3_LayerNorm").mkdir()
    save_file(
        {
            "norm.weight": 1 + 0.2 * torch.randn(16, generator=draw),
            "norm.bias": 0.2 * torch.randn(16, generator=draw),
        },
        path / "3_LayerNorm" / "model.safetensors",
    )
    write_json(path / "3_LayerNorm" / "config.json", {"dimension": 16})
    second = linear(path / "4_Dense", 35, 16, 20, bias=False)
    second["activation_function"] = "torch.nn.modules.linear.Identity"
    write_json(path / "4_Dense" / "config.json", second)
    golden.embed("tanh", TEXTS)
    for name in ("GELU", "ReLU", "SiLU", "Sigmoid", "Mish", "ReLU6"):
        kind = {"activation_function": "torch.nn.modules.activation." + name}
        golden.embed(name, TEXTS, {"2_Dense/config.json": first | kind})
    golden.embed("left-out", TEXTS, normalize=False)
    golden.embed("six", TEXTS, dimensions=6)
    golden.save()


@folder
def sentence_cased(path):
    """A cased tokenizer made lower case by the folder, a short limit, prompts and their default."""
    golden = sentence_folder(path, 36, tokenizer=tokenizer_json(lower=False))
    limits = {"max_seq_length": 12, "do_lower_case": True}
    write_json(path / "sentence_bert_config.json", limits)
    prompts = {"prompts": {"query": "Search query: ", "document": ""}, "default_prompt_name": None}
    write_json(path / "config_sentence_transformers.json", prompts)
    golden.embed("lower", TEXTS)
    golden.embed("cased", TEXTS, {"sentence_bert_config.json": limits | {"do_lower_case": False}})
    golden.embed("query", TEXTS, prompt="query")
    golden.embed("document", TEXTS, prompt="document")
    default = prompts | {"default_prompt_name": "query"}
    golden.embed("by-default", TEXTS, {"config_sentence_transformers.json": default})
    golden.embed("unlimited", TEXTS, {"sentence_bert_config.json": {"max_seq_length": None}})
    golden.save()


@folder
def sentence_padded(path):
    """A tokenizer.json that carries padding and truncation of its own, which are the caller's."""
    own = {
        "truncation": {
            "direction": "Right",
            "max_length": 6,
            "strategy": "LongestFirst",
            "stride": 0,
        },
        "padding": {
            "strategy": {"Fixed": 32},
            "direction": "Left",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
    }
    golden = sentence_folder(path, 37, tokenizer=tokenizer_json(**own), num_hidden_layers=1)
    write_json(path / "sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
    ways = ["cls", "max", "mean", "weightedmean", "lasttoken"]
    golden.embed("all", TEXTS, {"1_Pooling/config.json": pooling(*ways)})
    golden.save()


def main():
    names = sys.argv[1:] or sorted(FOLDERS)
    for name in names:
        path = OUT / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        FOLDERS[name](path)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        print(f"{name}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
