"""Sentence embeddings: pooling, dense layers, tokenizers of their own, prompts."""

import json
import math
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from golden.bert import tiny_bert, vocabulary
from golden.kit import folder

TEXTS = [
    "The trains leave in seven minutes.",
    "",
    "Yes",
    "Café déjà vu, 東京 and 😀",
    "It rained and rained, and the waiting trains were not here: " * 4,
]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False))


def embed(golden, name, texts, files=None, prompt=None, dimensions=None, normalize=True):
    """Records what a SentenceTransformer makes of `texts`, without company and so unpadded."""
    with tempfile.TemporaryDirectory() as copied:
        shutil.copytree(golden.path, copied, dirs_exist_ok=True)
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
        "tensor": golden.put(name, rows),
    }
    for key, value in (("files", files), ("prompt", prompt), ("dimensions", dimensions)):
        if value is not None:
            entry[key] = value
    golden.json["embeddings"].append(entry)


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
    golden, seed, names=("Transformer", "Pooling", "Normalize"), tokenizer=None, **changes
):
    golden.model(tiny_bert(seed, **changes))
    golden.write("tokenizer.json", tokenizer or tokenizer_json(), indent=None)
    golden.write("tokenizer_config.json",
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
    golden.write("modules.json", modules(*names))
    golden.write("1_Pooling/config.json", pooling("mean"))


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
def sentence_pooling(golden):
    """Every way of pooling and some together, in the old and in the new spelling."""
    sentence_folder(golden, 31)
    ways = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
    file = "1_Pooling/config.json"
    raw = {"modules.json": modules("Transformer", "Pooling")}
    for way in ways:
        embed(golden, way, TEXTS, {file: pooling(way), **raw})
    embed(golden, "all", TEXTS, {file: pooling(*ways), **raw})
    embed(golden, "cls+mean", TEXTS, {file: pooling("cls", "mean")})
    embed(golden, "new-max", TEXTS, {file: {"embedding_dimension": 24, "pooling_mode": "max"}})
    embed(golden, 
        "new-mean+cls", TEXTS, {file: {"embedding_dimension": 24, "pooling_mode": ["mean", "cls"]}}
    )
    embed(golden, "unsaid", TEXTS, {file: {"word_embedding_dimension": 24}})
    embed(golden, "unit", TEXTS)
    embed(golden, "unit-left-out", TEXTS, normalize=False)
    embed(golden, "eight", TEXTS, dimensions=8)
    embed(golden, "eight-left-out", TEXTS, dimensions=8, normalize=False)
    embed(golden, "eight-raw", TEXTS, raw, dimensions=8)


@folder
def sentence_dense(golden):
    """Dense layers and a layer norm behind two pooled vectors."""
    names = ("Transformer", "Pooling", "Dense", "LayerNorm", "Dense", "Normalize")
    sentence_folder(golden, 32, names)
    golden.write("1_Pooling/config.json", pooling("mean", "max"))
    first = linear(golden.path / "2_Dense", 33, 48, 16)
    golden.write("2_Dense/config.json", first)
    draw = torch.Generator().manual_seed(34)
    (golden.path / "3_LayerNorm").mkdir()
    save_file(
        {
            "norm.weight": 1 + 0.2 * torch.randn(16, generator=draw),
            "norm.bias": 0.2 * torch.randn(16, generator=draw),
        },
        golden.path / "3_LayerNorm" / "model.safetensors",
    )
    golden.write("3_LayerNorm/config.json", {"dimension": 16})
    second = linear(golden.path / "4_Dense", 35, 16, 20, bias=False)
    second["activation_function"] = "torch.nn.modules.linear.Identity"
    golden.write("4_Dense/config.json", second)
    embed(golden, "tanh", TEXTS)
    for name in ("GELU", "ReLU", "SiLU", "Sigmoid", "Mish", "ReLU6"):
        kind = {"activation_function": "torch.nn.modules.activation." + name}
        embed(golden, name, TEXTS, {"2_Dense/config.json": first | kind})
    embed(golden, "left-out", TEXTS, normalize=False)
    embed(golden, "six", TEXTS, dimensions=6)


@folder
def sentence_cased(golden):
    """A cased tokenizer made lower case by the folder, a short limit, prompts and their default."""
    sentence_folder(golden, 36, tokenizer=tokenizer_json(lower=False))
    limits = {"max_seq_length": 12, "do_lower_case": True}
    golden.write("sentence_bert_config.json", limits)
    prompts = {"prompts": {"query": "Search query: ", "document": ""}, "default_prompt_name": None}
    golden.write("config_sentence_transformers.json", prompts)
    embed(golden, "lower", TEXTS)
    embed(golden, "cased", TEXTS, {"sentence_bert_config.json": limits | {"do_lower_case": False}})
    embed(golden, "query", TEXTS, prompt="query")
    embed(golden, "document", TEXTS, prompt="document")
    default = prompts | {"default_prompt_name": "query"}
    embed(golden, "by-default", TEXTS, {"config_sentence_transformers.json": default})
    embed(golden, "unlimited", TEXTS, {"sentence_bert_config.json": {"max_seq_length": None}})


@folder
def sentence_padded(golden):
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
    sentence_folder(golden, 37, tokenizer=tokenizer_json(**own), num_hidden_layers=1)
    golden.write("sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
    ways = ["cls", "max", "mean", "weightedmean", "lasttoken"]
    embed(golden, "all", TEXTS, {"1_Pooling/config.json": pooling(*ways)})
