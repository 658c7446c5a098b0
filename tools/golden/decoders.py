"""Decoder-only language models: kinds of rotary positions, windows, heads, padding."""

import copy
import math

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)

from golden.kit import PADDED, folder, integers, padding, random_weights

PAD = 3  # also occurs as a usual token
SIZES = dict(
    vocab_size=60,
    hidden_size=24,
    intermediate_size=36,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=48,
    pad_token_id=PAD,
    attn_implementation="eager",
)
LABELS = {i: f"label {i}" for i in range(3)}


def ids(rows, length, seed, vocabulary=60):
    return integers((rows, length), 4, vocabulary, seed)


def padded(lengths, length, seed, left=False):
    """Texts of those lengths, filled up with the padding token."""
    mask = padding(lengths, length, left)
    return {"input_ids": ids(len(lengths), length, seed) * mask + PAD * (1 - mask),
            "attention_mask": mask}


def placed(seed):
    """Padded in front, with the positions that generation gives to such texts."""
    inputs = padded([7, 3], 7, seed, left=True)
    positions = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=1)
    return {**inputs, "position_ids": positions}


def case(golden, name, inputs, **where):
    """A case without comparisons that are NaN: in f64, padding in front of a text is."""
    golden.case(name, inputs, **where)
    entry = golden.json["cases"][-1]
    for own in (entry["f32_vs_f64_max_abs"], *entry["rms_error"].values()):
        for key in [key for key, value in own.items() if not math.isfinite(value)]:
            del own[key]


def cases(golden, *, prefix="", model=None, config=None, states=True):
    """Every way to feed a decoder."""
    where = dict(model=model, config=config)
    name = prefix + "{}" if prefix else "{}"
    case(golden, name.format("alone"), {"input_ids": ids(1, 5, 1)}, hidden_states=states, **where)
    case(golden, name.format("long"), {"input_ids": ids(2, 17, 2)}, **where)
    case(golden, name.format("right"), padded([9, 6, 1], 9, 3), note=PADDED, **where)
    case(golden, name.format("left"), padded([9, 6, 1], 9, 4, left=True), note=PADDED, **where)
    case(golden, name.format("placed"), placed(5), note=PADDED, **where)


def variant(model, **changes):
    """`model` with another config and the same weights."""
    config = copy.deepcopy(model.config)
    for key, value in changes.items():
        setattr(config, key, value)
    config._attn_implementation = "eager"
    other = type(model)(config)
    other.load_state_dict(model.state_dict())
    return other.eval()


def option(golden, model, name, inputs=None, stored=None, **changes):
    """A case of other options, which config.json says as `stored` does where that differs."""
    inputs = inputs or padded([13, 8], 13, 6, left=True)
    case(golden, name, inputs, note=PADDED if "attention_mask" in inputs else None,
                model=variant(model, **changes), config={**changes, **(stored or {})})


def head_case(golden, name, kind, base, seed, inputs):
    """A head of class `kind` over `base`; returns its weights under the reference's names."""
    config = copy.deepcopy(base.config)
    config.id2label, config.label2id = LABELS, {v: k for k, v in LABELS.items()}
    config._attn_implementation = "eager"
    head = random_weights(kind(config), seed)
    inner = getattr(head, head.base_model_prefix, None) or head.model
    inner.load_state_dict(base.state_dict())
    head.tie_weights()
    changes = {"architectures": [kind.__name__]}
    for suffix, each in inputs.items():
        case(golden, f"{name}.{suffix}", each, model=head, config=changes,
                    note=None if "Sequence" in kind.__name__ else PADDED)
    return head.state_dict()


def heads(golden, base, names, seed):
    """One file with the weights of all heads; config.json chooses one by its architecture."""
    golden.model(base, id2label={str(k): v for k, v in LABELS.items()},
                 label2id={v: k for k, v in LABELS.items()})
    weights = {}
    for name in names:
        kind = getattr(transformers, name)
        either = {"right": padded([8, 5, 2], 8, 7), "left": padded([8, 5, 2], 8, 8, left=True)}
        if "Sequence" not in name:
            either = {"whole": {"input_ids": ids(2, 6, 9), "attention_mask": padding([6, 6], 6)}}
        for key, value in head_case(golden, name, kind, base, seed, either).items():
            assert key not in weights or torch.equal(weights[key], value), key
            weights[key] = value.contiguous()
    stored = {}
    for key, value in weights.items():  # tied tensors once
        if not any(value.data_ptr() == other.data_ptr() for other in stored.values()):
            stored[key] = value
    save_file(stored, golden.path / "model.safetensors", metadata={"format": "pt"})


def make(kind, config, seed):
    return random_weights(kind(config), seed)


# --- GPT-2 ---------------------------------------------------------------------------------------


def gpt2_config(**changes):
    sizes = dict(vocab_size=60, n_embd=24, n_layer=3, n_head=3, n_positions=20, pad_token_id=PAD,
                 attn_implementation="eager")
    return GPT2Config(**{**sizes, **changes})


@folder
def gpt2_scales(golden):
    """Every scale of scores, token types, a feed-forward width and activation of its own."""
    model = make(transformers.GPT2Model,
                 gpt2_config(n_inner=40, activation_function="relu", layer_norm_epsilon=1e-3), 61)
    golden.model(model)
    cases(golden)
    types = {"input_ids": ids(2, 6, 8), "token_type_ids": ids(2, 6, 9)}
    case(golden, "typed", types)
    option(golden, model, "unscaled", scale_attn_weights=False)
    option(golden, model, "by layer", scale_attn_by_inverse_layer_idx=True)
    option(golden, model, "unscaled by layer", scale_attn_weights=False,
           scale_attn_by_inverse_layer_idx=True)
    option(golden, model, "reordered", scale_attn_by_inverse_layer_idx=True,
           stored={"reorder_and_upcast_attn": True})  # of no effect, and not for f64
    weights = load_file(golden.path / "model.safetensors")  # as old checkpoints have them
    for i in range(3):
        weights[f"h.{i}.attn.bias"] = torch.ones(20, 20).tril()[None, None]
        weights[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(weights, golden.path / "model.safetensors", metadata={"format": "pt"})


@folder
def gpt2_heads(golden):
    names = ["GPT2LMHeadModel", "GPT2ForSequenceClassification", "GPT2ForTokenClassification",
             "GPT2ForQuestionAnswering"]
    heads(golden, make(transformers.GPT2Model, gpt2_config(), 62), names, 63)


@folder
def gpt2_untied(golden):
    """A head of its own, and no padding token: sequences end where they end."""
    config = gpt2_config(tie_word_embeddings=False, pad_token_id=None, n_layer=2)
    golden.model(make(transformers.GPT2LMHeadModel, config, 64))
    cases(golden)


# --- GPT-NeoX ------------------------------------------------------------------------------------


def neox_config(**changes):
    sizes = {**SIZES, "num_hidden_layers": 3, "rotary_pct": 0.5, "hidden_size": 32}
    del sizes["num_key_value_heads"]
    return GPTNeoXConfig(**{**sizes, **changes})


@folder
def gpt_neox_rotary(golden):
    """Both kinds of residuals, parts of heads that turn, other bases and activations."""
    model = make(transformers.GPTNeoXForCausalLM, neox_config(), 71)
    golden.model(model)
    cases(golden)
    option(golden, model, "one after the other", use_parallel_residual=False)
    option(golden, model, "a quarter", rotary_pct=0.25, partial_rotary_factor=0.25)
    option(golden, model, "all", rotary_pct=1.0, partial_rotary_factor=1.0)
    option(golden, model, "base", rotary_emb_base=500, rope_theta=500)
    option(golden, model, "relu", hidden_act="relu", layer_norm_eps=1e-2)
    option(golden, model, "linear", rope_scaling={"rope_type": "linear", "factor": 4.0})
    unset = {key: None for key in ("rotary_pct", "rotary_emb_base", "partial_rotary_factor",
                                   "rope_theta", "rope_scaling")}
    option(golden, model, "parameters", rotary_pct=0.25, partial_rotary_factor=0.25,
           rotary_emb_base=700, rope_theta=700,
           stored={**unset, "rope_parameters": {"rope_type": "default", "rope_theta": 700,
                                                "partial_rotary_factor": 0.25}})


@folder
def gpt_neox_heads(golden):
    """Without biases in attention, one after the other."""
    names = ["GPTNeoXForCausalLM", "GPTNeoXForSequenceClassification",
             "GPTNeoXForTokenClassification", "GPTNeoXForQuestionAnswering"]
    base = make(transformers.GPTNeoXModel,
                neox_config(attention_bias=False, use_parallel_residual=False), 72)
    heads(golden, base, names, 73)


# --- Llama and Mistral ---------------------------------------------------------------------------


def stored_parameters(scaling, theta=10000.0):
    """As transformers 5 writes them."""
    parameters = {"rope_theta": theta, **(scaling or {"rope_type": "default"})}
    return {"rope_theta": None, "rope_scaling": None, "rope_parameters": parameters}


@folder
def llama_rope(golden):
    """Every kind of rotary positions, below and beyond the context of training."""
    model = make(transformers.LlamaForCausalLM, LlamaConfig(**SIZES, head_dim=12), 81)
    golden.model(model)
    cases(golden)
    short, long = {"input_ids": ids(1, 7, 10)}, {"input_ids": ids(1, 26, 11)}
    halves = [1.0, 1.1, 1.3, 1.6, 2.0, 2.5]
    kinds = {
        "linear": {"rope_type": "linear", "factor": 4.0},
        "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 12},
        "yarn all": {"rope_type": "yarn", "factor": 2.0, "beta_fast": 8.0, "beta_slow": 0.5,
                     "mscale": 0.8, "mscale_all_dim": 0.6, "truncate": False,
                     "original_max_position_embeddings": 24},
        "yarn attention": {"rope_type": "yarn", "factor": 2.0, "attention_factor": 1.4},
        "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 24},
    }
    for name, kind in kinds.items():
        option(golden, model, name, long, rope_scaling=kind)
        option(golden, model, name + " parameters", short, rope_scaling=kind,
               stored=stored_parameters(kind))
    dynamic = {"rope_type": "dynamic", "factor": 3.0}
    longrope = {"rope_type": "longrope", "short_factor": halves,
                "long_factor": [2 * x for x in halves], "factor": 3.0}
    for name, inputs in (("short", short), ("long", long)):
        option(golden, model, "dynamic " + name, inputs, rope_scaling=dynamic,
               max_position_embeddings=16)
        option(golden, model, "longrope " + name, inputs, rope_scaling=longrope,
               original_max_position_embeddings=16)
    option(golden, model, "type", long, rope_theta=300.0,
           rope_scaling={"type": "linear", "factor": 2.0, "rope_type": "linear"},
           stored={"rope_scaling": {"type": "linear", "factor": 2.0}})
    option(golden, model, "theta", long, rope_theta=300.0, stored=stored_parameters(None, 300.0))


@folder
def llama_options(golden):
    """Biases, one head of keys, heads wider than the states, tied words, GELU."""
    config = LlamaConfig(**{**SIZES, "num_key_value_heads": 1, "pad_token_id": None}, head_dim=10,
                         attention_bias=True, mlp_bias=True, tie_word_embeddings=True,
                         hidden_act="gelu", rms_norm_eps=1e-2, rope_theta=500.0)
    golden.model(make(transformers.LlamaForCausalLM, config, 82))
    cases(golden)


@folder
def llama_as_stored_before(golden):
    """Without head_dim and num_key_value_heads, with a buffer of each layer."""
    config = LlamaConfig(**{**SIZES, "num_key_value_heads": None})
    golden.model(make(transformers.LlamaModel, config, 83), head_dim=None, num_key_value_heads=None,
                 pad_token_id=-1)
    cases(golden)
    weights = load_file(golden.path / "model.safetensors")
    for i in range(2):
        weights[f"layers.{i}.self_attn.rotary_emb.inv_freq"] = torch.ones(3)
    save_file(weights, golden.path / "model.safetensors", metadata={"format": "pt"})


@folder
def llama_heads(golden):
    names = ["LlamaForCausalLM", "LlamaForSequenceClassification", "LlamaForTokenClassification"]
    heads(golden, make(transformers.LlamaModel, LlamaConfig(**SIZES), 84), names, 85)


@folder
def llama_qa(golden):
    """Its decoder is called "transformer"."""
    golden.model(make(transformers.LlamaForQuestionAnswering, LlamaConfig(**SIZES), 86))
    cases(golden)


@folder
def mistral_heads(golden):
    """A window shorter than the texts, and none."""
    names = ["MistralForCausalLM", "MistralForSequenceClassification",
             "MistralForTokenClassification", "MistralForQuestionAnswering"]
    base = make(transformers.MistralModel, MistralConfig(**SIZES, sliding_window=3), 87)
    heads(golden, base, names, 88)
    option(golden, base, "whole", sliding_window=None)
    option(golden, base, "stretched", rope_scaling={"rope_type": "linear", "factor": 4.0})


# --- Qwen ----------------------------------------------------------------------------------------


def sliding_options(golden, model):
    full, sliding = "full_attention", "sliding_attention"
    kinds = [sliding, full, sliding]
    option(golden, model, "listed", use_sliding_window=True, sliding_window=4, layer_types=kinds)
    option(golden, model, "from the second", use_sliding_window=True, sliding_window=4,
           layer_types=[full, sliding, sliding], stored={"layer_types": None,
                                                         "max_window_layers": 1})
    option(golden, model, "none", use_sliding_window=False, sliding_window=None,
           layer_types=[full] * 3)
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 12}
    option(golden, model, "yarn", rope_scaling=yarn)


@folder
def qwen2_sliding(golden):
    config = Qwen2Config(**{**SIZES, "num_hidden_layers": 3, "num_key_value_heads": 1},
                         use_sliding_window=True, sliding_window=5, max_window_layers=2,
                         tie_word_embeddings=True)
    model = make(transformers.Qwen2ForCausalLM, config, 91)
    golden.model(model)
    cases(golden)
    sliding_options(golden, model)


@folder
def qwen3_sliding(golden):
    """Heads wider than the states, biases."""
    config = Qwen3Config(**{**SIZES, "num_hidden_layers": 3}, head_dim=10, attention_bias=True,
                         use_sliding_window=True, sliding_window=5, max_window_layers=0,
                         rope_theta=1000.0, hidden_act="relu")
    model = make(transformers.Qwen3Model, config, 92)
    golden.model(model)
    cases(golden)
    sliding_options(golden, model)


@folder
def qwen2_heads(golden):
    names = ["Qwen2ForCausalLM", "Qwen2ForSequenceClassification", "Qwen2ForTokenClassification"]
    heads(golden, make(transformers.Qwen2Model, Qwen2Config(**SIZES), 93), names, 94)


@folder
def qwen3_heads(golden):
    names = ["Qwen3ForCausalLM", "Qwen3ForSequenceClassification", "Qwen3ForTokenClassification"]
    heads(golden, make(transformers.Qwen3Model, Qwen3Config(**SIZES, head_dim=6), 95), names, 96)


# --- Gemma ---------------------------------------------------------------------------------------


@folder
def gemma_options(golden):
    """The first Gemma: tied words, then a head of their own."""
    config = GemmaConfig(**{**SIZES, "num_key_value_heads": 1}, head_dim=8, attention_bias=True)
    model = make(transformers.GemmaForCausalLM, config, 101)
    golden.model(model)
    cases(golden)
    option(golden, model, "gelu", hidden_act="gelu", rms_norm_eps=1e-2)


def gemma2_config(**changes):
    sizes = {**SIZES, "head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 10}
    return Gemma2Config(**{**sizes, **changes})


@folder
def gemma2_options(golden):
    """Caps that bite and none, biases, other layers that slide."""
    config = gemma2_config(num_hidden_layers=3, attention_bias=True, attn_logit_softcapping=1.5,
                           final_logit_softcapping=2.0)
    model = make(transformers.Gemma2ForCausalLM, config, 102)
    golden.model(model)
    cases(golden)
    full, sliding = "full_attention", "sliding_attention"
    option(golden, model, "uncapped", attn_logit_softcapping=None, final_logit_softcapping=None)
    option(golden, model, "scores alone", final_logit_softcapping=None, query_pre_attn_scalar=3)
    option(golden, model, "listed", layer_types=[full, sliding, full])
    option(golden, model, "every other", stored={"layer_types": None})
    option(golden, model, "relu", hidden_activation="relu", rope_theta=300.0)
    option(golden, model, "linear", rope_scaling={"rope_type": "linear", "factor": 4.0})


@folder
def gemma2_heads(golden):
    names = ["Gemma2ForCausalLM", "Gemma2ForSequenceClassification",
             "Gemma2ForTokenClassification"]
    heads(golden, make(transformers.Gemma2Model, gemma2_config(), 103), names, 104)


def gemma3_config(**changes):
    sizes = {**SIZES, "head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 10}
    full, sliding = "full_attention", "sliding_attention"
    kinds = [sliding, full, sliding]
    return Gemma3TextConfig(
        **{**sizes, "num_hidden_layers": 3, "layer_types": kinds, **changes})


@folder
def gemma3_text_rope(golden):
    """Rotary positions of two kinds, said in every way; a cap; both sides seen."""
    config = gemma3_config(rope_theta=5000.0, rope_local_base_freq=100.0)
    model = make(transformers.Gemma3ForCausalLM, config, 105)
    golden.model(model)
    cases(golden)
    linear = {"rope_type": "linear", "factor": 8.0}
    sliding = "sliding_attention"
    option(golden, model, "capped", final_logit_softcapping=1.5)
    option(golden, model, "linear", rope_scaling=linear)
    option(golden, model, "pattern", layer_types=[sliding, "full_attention", sliding],
           stored={"layer_types": None, "sliding_window_pattern": 2})
    option(golden, model, "pattern of six", layer_types=[sliding] * 3, stored={"layer_types": None})
    option(golden, model, "parameters", rope_scaling=linear, stored={
        "rope_theta": None, "rope_local_base_freq": None, "rope_scaling": None,
        "rope_parameters": {
            "full_attention": {"rope_theta": 5000.0, **linear},
            "sliding_attention": {"rope_theta": 100.0, "rope_type": "default"},
        }})
    option(golden, model, "both sides", use_bidirectional_attention=True, sliding_window=3,
           stored={"sliding_window": 4})
    option(golden, model, "both sides alone", {"input_ids": ids(2, 9, 12)},
           use_bidirectional_attention=True, sliding_window=3, stored={"sliding_window": 5})


@folder
def gemma3_text_heads(golden):
    """Of odd windows, with biases."""
    base = make(transformers.Gemma3TextModel, gemma3_config(attention_bias=True), 106)
    heads(golden, base, ["Gemma3ForCausalLM"], 107)


# --- Phi-3 ---------------------------------------------------------------------------------------


@folder
def phi3_longrope(golden):
    """LongRoPE on a part of each head, a window."""
    factors = [1.0, 1.2, 1.5]
    rope = {"type": "longrope", "short_factor": factors, "long_factor": [3 * x for x in factors]}
    sizes = {**SIZES, "hidden_size": 32, "num_hidden_layers": 2}
    config = Phi3Config(**sizes, original_max_position_embeddings=12, partial_rotary_factor=0.75,
                        rope_scaling=rope, sliding_window=5)
    model = make(transformers.Phi3ForCausalLM, config, 111)
    golden.model(model)
    cases(golden)
    option(golden, model, "at the limit", {"input_ids": ids(1, 12, 13)})
    option(golden, model, "su", stored={"rope_scaling": {**rope, "type": "su"}})
    option(golden, model, "yarn", stored={"rope_scaling": {**rope, "type": "yarn"}})
    option(golden, model, "whole", sliding_window=None)
    option(golden, model, "default", rope_scaling=None)
    option(golden, model, "parameters", {"input_ids": ids(1, 17, 14)}, stored={
        "rope_scaling": None, "rope_theta": None, "partial_rotary_factor": None,
        "rope_parameters": {**rope, "rope_type": "longrope", "type": "longrope",
                            "rope_theta": 10000.0, "partial_rotary_factor": 0.75,
                            "original_max_position_embeddings": 12}})


@folder
def phi3_heads(golden):
    names = ["Phi3ForCausalLM", "Phi3ForSequenceClassification", "Phi3ForTokenClassification"]
    heads(golden, make(transformers.Phi3Model, Phi3Config(**SIZES), 112), names, 113)
