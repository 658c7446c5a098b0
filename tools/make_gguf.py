#!/usr/bin/env python3
"""Writes tests/data/gguf: tiny GGUF files from the tiny folders beside it, and packed blocks.

Names, metadata and packing are those of llama.cpp's own package; what its converter does to the
order of numbers (convert_hf_to_gguf.py) is written here again. Needed: gguf 0.19.0, numpy 2.4.6;
for "logits" also torch and transformers (tried: 2.13.0, 5.23.0), which compute what the packed
model gives. The committed files are the ones that count; run this only to add to them.
"""

import json
import math
import shutil
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import MODEL_ARCH, quants

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
GOLDEN = DATA / "golden"
LEGACY = DATA / "legacy-tokenizers"
OUT = DATA / "gguf"
SEEDS = DATA / "fuzz" / "gguf_fuzz"

ARCHITECTURES = {
    "llama": MODEL_ARCH.LLAMA, "mistral": MODEL_ARCH.LLAMA, "qwen2": MODEL_ARCH.QWEN2,
    "qwen3": MODEL_ARCH.QWEN3, "gemma": MODEL_ARCH.GEMMA, "gemma2": MODEL_ARCH.GEMMA2,
    "gemma3_text": MODEL_ARCH.GEMMA3, "phi3": MODEL_ARCH.PHI3, "gpt2": MODEL_ARCH.GPT2,
    "gpt_neox": MODEL_ARCH.GPTNEOX, "bert": MODEL_ARCH.BERT, "roberta": MODEL_ARCH.BERT,
    "nomic_bert": MODEL_ARCH.NOMIC_BERT, "modernbert": MODEL_ARCH.MODERN_BERT, "t5": MODEL_ARCH.T5,
}
DECODERS = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3")
HEADS = ("score.", "classifier.", "qa_outputs.", "pooler.", "cls.", "head.", "nomic_bert.pooler")


def load_tensors(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32", name
        numbers = np.frombuffer(data[8 + length + begin:8 + length + end], np.float32)
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors


# --- tensors -------------------------------------------------------------------------------------

def turned(numbers, heads):
    """Rows of halves of a head become rows of neighbours."""
    shape = numbers.shape
    return (numbers.reshape(heads, 2, shape[0] // heads // 2, *shape[1:])
            .swapaxes(1, 2).reshape(shape))


def unpacked_heads(numbers, heads):
    """Query, key and value of each head become all queries, all keys, all values."""
    shape = numbers.shape
    return (numbers.reshape(heads, 3, shape[0] // heads // 3, *shape[1:])
            .swapaxes(0, 1).reshape(shape))


def changed(name, numbers, config):
    kind = config["model_type"]
    if kind in ("llama", "mistral"):
        heads = config["num_attention_heads"]
        if ".q_proj." in name:
            return turned(numbers, heads)
        if ".k_proj." in name:
            return turned(numbers, config.get("num_key_value_heads") or heads)
    if kind.startswith("gemma") and name.endswith("norm.weight"):
        return numbers + 1
    if kind == "gpt2" and numbers.ndim == 2 and ".h." in name:
        return numbers.T
    if kind == "gpt_neox" and ".query_key_value." in name:
        return unpacked_heads(numbers, config["num_attention_heads"])
    if kind == "roberta" and name.endswith("position_embeddings.weight"):
        return numbers[config["pad_token_id"] + 1:]
    return numbers


def architecture(config):
    alone = config["architectures"][0] == "T5EncoderModel"
    return MODEL_ARCH.T5ENCODER if alone else ARCHITECTURES[config["model_type"]]


def converted(folder, config):
    """GGUF's names and numbers of a folder's tensors."""
    arch = architecture(config)
    layers = next(config[key] for key in ("num_hidden_layers", "n_layer", "num_layers")
                  if key in config)
    names = gguf.get_tensor_name_map(arch, layers)
    result = {}
    for name, numbers in load_tensors(folder / "model.safetensors").items():
        if name.startswith(HEADS) or name.endswith("embed_tokens.weight") and "coder." in name:
            continue
        short = name.removeprefix("nomic_bert.").removeprefix("roberta.")
        stored = next((found for each in (name, short, "model." + name, name.removeprefix("model."))
                       if (found := names.get_name(each, try_suffixes=(".weight", ".bias")))), None)
        assert stored, f"{folder.name}: no name for {name}"
        result[stored] = np.ascontiguousarray(changed(name, numbers, config))
    tied = config.get("tie_word_embeddings", config["model_type"].startswith("gemma"))
    if tied:
        result.pop("output.weight", None)
    return result


# --- metadata ------------------------------------------------------------------------------------

def write_rope(writer, config, tensors):
    scaling = config.get("rope_scaling") or {}
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    theta = config.get("rope_theta") or config.get("rope_parameters", {}).get("rope_theta", 10000)
    size = int(head * config.get("partial_rotary_factor", 1))
    writer.add_rope_freq_base(theta)
    writer.add_rope_dimension_count(size)
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(scaling["factor"])
    elif kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(scaling["factor"])
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    elif kind == "llama3":
        low = scaling["original_max_position_embeddings"] / scaling["low_freq_factor"]
        high = scaling["original_max_position_embeddings"] / scaling["high_freq_factor"]
        factors = []
        for freq in 1.0 / (theta ** (np.arange(0, size, 2, dtype=np.float32) / size)):
            wavelength = 2 * math.pi / freq
            if wavelength < high:
                factors.append(1)
            elif wavelength > low:
                factors.append(scaling["factor"])
            else:
                smooth = ((scaling["original_max_position_embeddings"] / wavelength
                           - scaling["low_freq_factor"])
                          / (scaling["high_freq_factor"] - scaling["low_freq_factor"]))
                factors.append(1 / ((1 - smooth) / scaling["factor"] + smooth))
        tensors["rope_freqs.weight"] = np.array(factors, np.float32)
    elif kind == "longrope":
        original = config["original_max_position_embeddings"]
        scale = config["max_position_embeddings"] / original
        magnitude = math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(magnitude)
        for length in ("long", "short"):
            tensors[f"rope_factors_{length}.weight"] = np.array(scaling[f"{length}_factor"],
                                                                np.float32)


def write_decoder(writer, config, tensors):
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    kind = config["model_type"]
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config.get("num_key_value_heads") or config["num_attention_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if config.get("head_dim"):
        writer.add_key_length(head)
        writer.add_value_length(head)
    write_rope(writer, config, tensors)
    if kind in ("gemma2", "gemma3_text", "mistral", "phi3") and config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if kind in ("gemma2", "gemma3_text") and config["query_pre_attn_scalar"] != head:
        writer.add_attention_scale(config["query_pre_attn_scalar"] ** -0.5)
    if kind == "gemma3_text":
        writer.add_rope_freq_base_swa(config["rope_local_base_freq"])
        writer.add_sliding_window_pattern(
            [each == "sliding_attention" for each in config["layer_types"]])


def write_gpt2(writer, config, tensors):
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(config["n_inner"] or 4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])


def write_gpt_neox(writer, config, tensors):
    head = config["hidden_size"] // config["num_attention_heads"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_rope_dimension_count(int(config["rotary_pct"] * head))
    if config.get("rotary_emb_base", 10000) != 10000:
        writer.add_rope_freq_base(config["rotary_emb_base"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_parallel_residual(config.get("use_parallel_residual", True))
    writer.add_layer_norm_eps(config["layer_norm_eps"])


def write_bert(writer, config, tensors):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config.get("layer_norm_eps") or config["norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.CLS)
    theta = config.get("rope_parameters") or {}
    if config["model_type"] == "nomic_bert":
        if config.get("head_dim"):
            writer.add_key_length(config["head_dim"])
        writer.add_rope_freq_base(config.get("rotary_emb_base") or theta["rope_theta"])
    if config["model_type"] == "modernbert":
        writer.add_sliding_window(config["local_attention"])
        writer.add_sliding_window_pattern(
            config.get("global_attn_every_n_layers")
            or [each == "sliding_attention" for each in config["layer_types"]])
        writer.add_rope_freq_base(theta.get("full_attention", {}).get("rope_theta", 160000))
        writer.add_rope_freq_base_swa(theta.get("sliding_attention", {}).get("rope_theta", 10000))


def write_t5(writer, config, tensors):
    writer.add_context_length(512)
    writer.add_embedding_length(config["d_model"])
    writer.add_feed_forward_length(config["d_ff"])
    writer.add_block_count(config["num_layers"])
    if config["is_encoder_decoder"]:
        writer.add_decoder_block_count(config["num_decoder_layers"])
    writer.add_head_count(config["num_heads"])
    writer.add_key_length(config["d_kv"])
    writer.add_value_length(config["d_kv"])
    writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
    writer.add_relative_attn_buckets_count(config["relative_attention_num_buckets"])
    writer.add_decoder_start_token_id(config["decoder_start_token_id"])


WRITERS = {"gpt2": write_gpt2, "gpt_neox": write_gpt_neox, "bert": write_bert,
           "roberta": write_bert, "nomic_bert": write_bert, "modernbert": write_bert,
           "t5": write_t5}


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def model(name, folder, change=None, types=None, vocabulary=None, **options):
    """Writes NAME.gguf; `types` says in which format a tensor of that name is stored."""
    config = json.loads((GOLDEN / folder / "config.json").read_text()) | (change or {})
    tensors = converted(GOLDEN / folder, config)
    writer = gguf.GGUFWriter(OUT / f"{name}.gguf",
                             gguf.MODEL_ARCH_NAMES[architecture(config)], **options)
    kind = config["model_type"]
    (write_decoder if kind in DECODERS else WRITERS[kind])(writer, config, tensors)
    if config.get("pad_token_id") is not None and vocabulary is None:
        writer.add_pad_token_id(config["pad_token_id"])
    if vocabulary:
        vocabulary(writer)
    unpacked = {}
    for stored, numbers in tensors.items():
        type_of = (types or {}).get(stored, Type.F32)
        packed = quants.quantize(numbers, type_of)
        writer.add_tensor(stored, packed, raw_dtype=type_of)
        unpacked[stored] = quants.dequantize(packed, type_of).reshape(numbers.shape)
    finish(writer)
    return config, unpacked


# --- vocabularies --------------------------------------------------------------------------------

def sentencepieces(path):
    """(text, score, kind) of each piece, and the table of the normalization, of a ModelProto."""
    def fields(data):
        at = 0

        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value
        while at < len(data):
            key = varint()
            if key & 7 == 0:
                yield key >> 3, varint()
            else:
                size = {1: 8, 5: 4}.get(key & 7) or varint()
                yield key >> 3, data[at:at + size]
                at += size
    pieces, table = [], b""
    for number, value in fields(path.read_bytes()):
        if number == 1:
            piece = dict(fields(value))
            score = struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0
            pieces.append((piece[1], score, piece.get(3, 1)))
        if number == 3:
            table = dict(fields(value)).get(2, b"")
    return pieces, table


def sentencepiece(name, model_name, file, order=None, **special):
    """As _set_vocab_sentencepiece and its kin write it."""
    def write(writer):
        pieces, table = sentencepieces(LEGACY / name / file)
        pieces = order(pieces) if order else pieces
        writer.add_tokenizer_model(model_name)
        writer.add_tokenizer_pre("default")
        writer.add_token_list([piece for piece, _, _ in pieces])
        writer.add_token_scores([score for _, score, _ in pieces])
        writer.add_token_types([kind for _, _, kind in pieces])
        if table:
            writer.add_precompiled_charsmap(table)
        write_special(writer, special)
    return write


def write_special(writer, special):
    for key, value in special.items():
        getattr(writer, f"add_{key}")(value)


def fairseq(pieces):
    first = [(b"<s>", 0.0, 3), (b"<pad>", 0.0, 3), (b"</s>", 0.0, 3), (b"<unk>", 0.0, 2)]
    return first + pieces[3:] + [(b"<mask>", 0.0, 4)]


def with_extra(pieces):
    return pieces + [(f"<extra_id_{i}>".encode(), 0.0, 4) for i in range(99, -1, -1)]


def byte_level(name, pre, control, own=(), **special):
    """As _set_vocab_gpt2 writes it."""
    def write(writer):
        vocabulary = json.loads((LEGACY / name / "vocab.json").read_text())
        merges = (LEGACY / name / "merges.txt").read_text().splitlines()
        tokens = sorted(vocabulary, key=vocabulary.get)
        tokens += [each for each in (*control, *own) if each not in vocabulary]
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(tokens)
        writer.add_token_types([3 if each in control else 4 if each in own else 1
                                for each in tokens])
        writer.add_token_merges([each for each in merges if each and not each.startswith("#v")])
        write_special(writer, {key: tokens.index(value) if isinstance(value, str) else value
                               for key, value in special.items()})
    return write


def word_piece(name):
    """As BertModel.set_vocab writes it."""
    def write(writer):
        tokens = (LEGACY / name / "vocab.txt").read_text().splitlines()
        control = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"}

        def phantom(token):
            if token in control:
                return token
            return token[2:] if token.startswith("##") else "\u2581" + token
        writer.add_token_type_count(2)
        writer.add_tokenizer_model("bert")
        writer.add_tokenizer_pre("default")
        writer.add_token_list([phantom(each) for each in tokens])
        writer.add_token_types([3 if each in control else 1 for each in tokens])
        write_special(writer, {
            "unk_token_id": tokens.index("[UNK]"), "sep_token_id": tokens.index("[SEP]"),
            "pad_token_id": tokens.index("[PAD]"), "mask_token_id": tokens.index("[MASK]")})
    return write


VOCABULARIES = {
    "bert-cased": word_piece("bert-cased"),
    "bert-uncased": word_piece("bert-uncased"),
    "gemma": sentencepiece("gemma", "llama", "tokenizer.model", add_space_prefix=False,
                           bos_token_id=2, eos_token_id=1, unk_token_id=3, pad_token_id=0),
    "gpt2": byte_level("gpt2", "gpt-2", ["<|endoftext|>"], bos_token_id="<|endoftext|>",
                       eos_token_id="<|endoftext|>"),
    "llama": sentencepiece("llama", "llama", "tokenizer.model", bos_token_id=1, eos_token_id=2,
                           unk_token_id=0, add_bos_token=True, add_eos_token=False),
    "qwen2": byte_level("qwen2", "qwen2", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                        ["<tool_call>"], eos_token_id="<|endoftext|>", add_bos_token=False),
    "roberta": byte_level("roberta", "roberta-bpe", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
                          bos_token_id="<s>", eos_token_id="</s>", add_bos_token=True,
                          add_eos_token=True),
    "t5": sentencepiece("t5", "t5", "spiece.model", with_extra, eos_token_id=1, unk_token_id=2,
                        pad_token_id=0, add_bos_token=False, add_eos_token=True,
                        add_space_prefix=True, remove_extra_whitespaces=True),
    "xlm-roberta": sentencepiece("xlm-roberta", "t5", "sentencepiece.bpe.model", fairseq,
                                 bos_token_id=0, eos_token_id=2, unk_token_id=3, pad_token_id=1,
                                 add_bos_token=True, add_eos_token=True,
                                 add_space_prefix=True, remove_extra_whitespaces=True),
}


# --- what is written -----------------------------------------------------------------------------

# Where the f16 scales lie that random bytes must not make infinite.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
          "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ2_XXS": [0],
          "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0], "IQ1_S": [0], "IQ1_M": [],
          "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [], "NVFP4": []}


def blocks():
    random = np.random.default_rng(7)
    arrays = {}
    for name, offsets in SCALES.items():
        elements, size = gguf.GGML_QUANT_SIZES[Type[name]]
        count = 4 if elements == 256 else 8
        packed = random.integers(0, 256, (count, size), dtype=np.uint8)
        for offset in offsets:
            scales = random.normal(0, 0.1, count).astype(np.float16)
            scales[0] = np.float16(3e-6)  # a subnormal one
            packed[:, offset:offset + 2] = scales.view(np.uint8).reshape(count, 2)
        if name == "IQ1_M":  # the highest nibble of its scale
            packed[:, 55] = packed[:, 55] & 0x0F | 0x20
        if name == "MXFP4":
            packed[:, 0] = [0, 1, 2, 100, 120, 127, 130, 140]
        arrays[name] = packed
        arrays[name + ".values"] = quants.dequantize(packed, Type[name])
    np.savez_compressed(OUT / "blocks.npz", **arrays)


def mixed_types(tensors):
    kinds = [Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.F16, Type.BF16]
    matrices = [name for name in tensors if name.endswith("weight") and "norm" not in name]
    return {name: kinds[i % len(kinds)] for i, name in enumerate(matrices)}


def packed_logits(config, unpacked, ids):
    """What the reference library computes with the unpacked numbers."""
    import torch
    import transformers
    names = gguf.get_tensor_name_map(MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config)).eval()
    state = model.state_dict()
    for name, parameter in state.items():
        stored = names.get_name(name, try_suffixes=(".weight",))
        numbers = unpacked[stored]
        for part, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
            if part in name:
                shape = numbers.shape
                numbers = (numbers.reshape(config[heads], shape[0] // config[heads] // 2, 2, -1)
                           .swapaxes(1, 2).reshape(shape))
        assert parameter.shape == numbers.shape, name
        state[name] = torch.from_numpy(np.ascontiguousarray(numbers))
    model.load_state_dict(state)
    with torch.no_grad():
        return model(torch.from_numpy(ids)).logits.numpy()


def write_models():
    rope = json.loads((GOLDEN / "llama-rope" / "golden.json").read_text())
    changes = {case["name"]: case.get("config") for case in rope["cases"]}
    model("llama", "llama-rope")
    for name in ("linear", "llama3", "yarn"):
        model(f"llama-{name}", "llama-rope", changes[name])
    model("mistral", "mistral-heads")
    model("qwen2", "qwen2-heads")
    model("qwen3", "qwen3-heads")
    model("gemma", "gemma-options")
    model("gemma2", "gemma2-options")
    model("gemma3", "gemma3-text-rope")
    model("phi3", "phi3-longrope")
    model("gpt2", "gpt2-untied")
    model("gpt_neox", "gpt-neox-rotary")
    model("bert", "bert-four-types")
    model("roberta", "roberta-qa")
    model("nomic-bert", "nomic-bert-seqcls")
    model("modern-bert", "modernbert-qa")
    model("t5", "t5-gated-untied", {"decoder_start_token_id": 0})
    model("t5-encoder", "t5-encoder")


def write_packed():
    config = json.loads((GOLDEN / "llama" / "config.json").read_text())
    types = mixed_types(converted(GOLDEN / "llama", config))
    config, unpacked = model("packed", "llama", types=types,
                             vocabulary=sentencepiece("llama", "llama", "tokenizer.model",
                                                      bos_token_id=1, eos_token_id=2))
    ids = (np.arange(2 * 9).reshape(2, 9) * 37 % 790 + 5).astype(np.int64)
    logits = packed_logits(config, unpacked, ids) if "logits" in sys.argv else None
    if logits is not None:
        np.savez_compressed(OUT / "packed.npz", ids=ids, logits=logits)


def write_vocabularies():
    for name, write in VOCABULARIES.items():
        writer = gguf.GGUFWriter(OUT / f"vocabulary-{name}.gguf", "llama")
        write(writer)
        if name == "llama":
            writer.add_chat_template("{{ messages }}")
        finish(writer)


def write_seeds():
    shutil.rmtree(SEEDS, ignore_errors=True)
    SEEDS.mkdir(parents=True)
    writer = gguf.GGUFWriter(SEEDS / "small.gguf", "llama")
    for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
        getattr(writer, f"add_{kind}")(f"x.{kind}", 7)
    writer.add_float32("x.float32", 0.5)
    writer.add_float64("x.float64", 0.5)
    writer.add_bool("x.bool", True)
    writer.add_array("x.texts", ["a", "bc"])
    writer.add_array("x.numbers", [1, 2, 3])
    writer.add_array("x.nested", [[1, 2], [3]])
    writer.add_tensor("a", np.arange(6, dtype=np.float32).reshape(2, 3))
    packed = quants.quantize(np.ones((2, 32), np.float32), Type.Q4_0)
    writer.add_tensor("b", packed, raw_dtype=Type.Q4_0)
    finish(writer)
    shutil.copy(SEEDS / "small.gguf", OUT / "small.gguf")


def main():
    OUT.mkdir(exist_ok=True)
    blocks()
    write_models()
    write_packed()
    write_vocabularies()
    write_seeds()


if __name__ == "__main__":
    main()
