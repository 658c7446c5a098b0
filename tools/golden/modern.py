"""Encoders with rotary positions: ModernBERT, GTE, Nomic-BERT. Made with transformers 5.23, whose
predecessors have not all of them."""

import functools
import json
import math

import torch
from safetensors.torch import load_file, save_file

from golden.kit import PADDED, folder, integers, padding, random_weights

VOCABULARY = 60
LABELS = {"id2label": {str(i): f"L{i}" for i in range(3)}}


def ids(shape, seed):
    return integers(shape, 3, VOCABULARY, seed)


def case(golden, name, lengths, width, seed, *, left=False, types=0, note=PADDED, **more):
    """Rows of these lengths, padded to the width."""
    inputs = {
        "input_ids": ids((len(lengths), width), seed),
        "attention_mask": padding(lengths, width, left),
    }
    if types:
        inputs["token_type_ids"] = integers((len(lengths), width), 0, types, seed + 1)
    golden.case(name, inputs, note=note, **more)


def replace(golden, changes, drop=()):
    """Makes `changes` to config.json and takes the fields `drop` out of it."""
    config = json.loads((golden.path / "config.json").read_text())
    golden.write("config.json", {k: v for k, v in (config | changes).items() if k not in drop})


def rename(golden, new_name):
    """Saves the weights again under the names that `new_name` gives (none: as they are)."""
    path = golden.path / "model.safetensors"
    save_file({new_name(name): value for name, value in load_file(path).items()}, path)


def same_weights(model, **changes):
    """The model with a changed config."""
    config = type(model.config).from_dict(model.config.to_dict() | changes)
    config._attn_implementation = "eager"
    other = type(model)(config)
    other.load_state_dict(model.state_dict())
    return other.float().eval()


# --- ModernBERT --------------------------------------------------------------------------------


def finite_folder(function):
    """A folder of a model whose f64 can be NaN under windows and padding: no such errors stay."""

    @functools.wraps(function)
    def make(golden):
        function(golden)
        for entry in golden.json["cases"]:
            for errors in (entry["f32_vs_f64_max_abs"], *entry["rms_error"].values()):
                for name in [name for name, error in errors.items() if math.isnan(error)]:
                    del errors[name]

    return folder(make)


def modernbert(model, seed, **changes):
    from transformers import ModernBertConfig

    config = ModernBertConfig(**{
        "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 64,
        "local_attention": 4, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        "cls_token_id": 1, "sep_token_id": 2, "attn_implementation": "eager", **changes,
    })
    return random_weights(model(config), seed)


@finite_folder
def modernbert_options(golden):
    from transformers import ModernBertForSequenceClassification

    model = modernbert(
        ModernBertForSequenceClassification, 301, hidden_size=32, num_attention_heads=2,
        num_hidden_layers=5, global_attn_every_n_layers=2, attention_bias=True, mlp_bias=True,
        norm_bias=True, classifier_bias=True, classifier_pooling="mean", norm_eps=1e-3,
        hidden_activation="gelu_pytorch_tanh", classifier_activation="silu",
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": 500.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 80.0},
        }, **LABELS,
    )
    golden.model(model)
    # As transformers 4 saved it.
    replace(golden, {"global_rope_theta": 500.0, "local_rope_theta": 80.0,
                     "global_attn_every_n_layers": 2}, ("rope_parameters", "layer_types"))
    case(golden, "whole", [11], 11, 1, hidden_states=True, note=None)
    case(golden, "padded", [20, 9, 1], 20, 2)
    case(golden, "left", [12, 5], 12, 3, left=True)
    golden.case("no_mask", {"input_ids": ids((2, 9), 4)})
    positions = {"input_ids": ids((2, 7), 5), "position_ids": integers((2, 7), 0, 60, 6)}
    golden.case("positions", positions)
    types = {"layer_types": ["sliding_attention", "full_attention"] * 2 + ["sliding_attention"]}
    case(golden, "layer_types", [13, 6], 13, 7, config=types, model=same_weights(model, **types))
    cls = {"classifier_pooling": "cls"}
    case(golden, "cls", [13, 6], 13, 8, config=cls, model=same_weights(model, **cls))


@finite_folder
def modernbert_scaling(golden):
    from transformers import ModernBertModel

    model = modernbert(ModernBertModel, 302)
    golden.model(model)
    case(golden, "default", [30, 12], 30, 1, hidden_states=True)
    kinds = {
        "linear": {"rope_type": "linear", "factor": 2.5},
        "dynamic": {"rope_type": "dynamic", "factor": 3.0},
        "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
        "llama3": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
        "longrope": {"rope_type": "longrope", "short_factor": [1.0, 1.3],
                     "long_factor": [2.0, 5.0], "original_max_position_embeddings": 16},
    }
    for name, kind in kinds.items():
        change = {"rope_parameters": {
            "full_attention": {"rope_theta": 300.0, **kind},
            "sliding_attention": {"rope_theta": 40.0, "rope_type": "default"},
        }}
        other = same_weights(model, **change)
        case(golden, name, [24, 12], 24, 2, config=change, model=other)
        if name == "longrope":
            case(golden, "longrope_short", [10, 7], 10, 3, config=change, model=other)


@finite_folder
def modernbert_mlm_untied(golden):
    from transformers import ModernBertForMaskedLM

    golden.model(modernbert(
        ModernBertForMaskedLM, 303, tie_word_embeddings=False, decoder_bias=False,
        hidden_activation="silu", classifier_activation="relu", norm_bias=True, local_attention=7,
    ))
    case(golden, "padded", [14, 6], 14, 1)


@finite_folder
def modernbert_tokcls(golden):
    from transformers import ModernBertForTokenClassification

    golden.model(modernbert(ModernBertForTokenClassification, 304, **LABELS))
    case(golden, "padded", [14, 6], 14, 1)


@finite_folder
def modernbert_qa(golden):
    from transformers import ModernBertForQuestionAnswering

    golden.model(modernbert(ModernBertForQuestionAnswering, 305, classifier_bias=True))
    case(golden, "padded", [14, 6], 14, 1)


@finite_folder
def modernbert_choice(golden):
    from transformers import ModernBertForMultipleChoice

    model = modernbert(ModernBertForMultipleChoice, 306)
    golden.model(model)
    choices = {"input_ids": ids((2, 3, 8), 1)}
    golden.case("no_mask", choices)
    masks = {"right": padding([8, 5, 3, 7, 2, 8], 8), "left": padding([8, 5, 3, 7, 2, 8], 8, True)}
    mean = {"classifier_pooling": "mean"}
    for name, mask in masks.items():
        inputs = choices | {"attention_mask": mask.reshape(2, 3, 8)}
        golden.case(name, inputs)
        golden.case(name + "_mean", inputs, config=mean, model=same_weights(model, **mean))


# --- GTE ---------------------------------------------------------------------------------------


def gte(model, seed, **changes):
    from transformers import GteConfig

    config = GteConfig(**{
        "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
        "pad_token_id": 0, "hidden_dropout_prob": 0.0, "attn_implementation": "eager", **changes,
    })
    return random_weights(model(config), seed)


class RmsNorm(torch.nn.Module):
    """The authors' code's other norm, with the weights of a layer norm."""

    def __init__(self, norm):
        super().__init__()
        self.weight, self.epsilon = norm.weight, norm.eps

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon)


def fixed_ntk(model, theta, factor):
    """The authors' code's scaling."""
    rotary = model.rotary_emb
    size = 2 * rotary.inv_freq.numel()
    wavelengths = (theta * factor) ** (torch.arange(0, size, 2).float() / size)
    rotary.inv_freq.copy_(1 / wavelengths / factor ** (2 / size))
    return model


@folder
def gte_mlm(golden):
    from transformers import GteForMaskedLM

    model = gte(GteForMaskedLM, 311, type_vocab_size=0, hidden_act="silu", layer_norm_eps=1e-5,
                rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 300.0})
    golden.model(model)
    case(golden, "padded", [14, 6], 14, 1, hidden_states=True)


@folder
def gte_seqcls(golden):
    from transformers import GteForSequenceClassification

    golden.model(gte(GteForSequenceClassification, 312, hidden_size=32, num_attention_heads=2,
                     type_vocab_size=2, **LABELS))
    case(golden, "padded", [14, 6], 14, 1, types=2)


@folder
def gte_tokcls(golden):
    from transformers import GteForTokenClassification

    golden.model(gte(GteForTokenClassification, 313, rope_parameters={
        "rope_type": "yarn", "factor": 4.0, "rope_theta": 300.0,
        "original_max_position_embeddings": 16}, **LABELS))
    case(golden, "padded", [14, 6], 14, 1)


OWN_GTE = {"model_type": "new", "pack_qkv": True, "layer_norm_type": "layer_norm",
           "position_embedding_type": "rope", "logn_attention_scale": False, "rope_theta": 200.0}


@folder
def new_ntk_seqcls(golden):
    """As the authors' code saves it, rebuilt from the reference library's model."""
    from transformers import GteForSequenceClassification

    model = gte(GteForSequenceClassification, 314, **LABELS)
    fixed_ntk(model.gte, 200.0, 3.0)
    golden.model(model)
    rename(golden, lambda name: name.replace("gte.", "new."))
    replace(golden, OWN_GTE | {
        "architectures": ["NewForSequenceClassification"],
        "rope_scaling": {"type": "ntk", "factor": 3.0},
    }, ("rope_parameters",))
    case(golden, "padded", [30, 6], 30, 1)


@folder
def new_unpacked_rms(golden):
    """Likewise, with query, key and value apart, RMS norms and no token types."""
    from transformers import GteModel

    model = gte(GteModel, 315, type_vocab_size=0, layer_norm_eps=1e-3,
                rope_parameters={"rope_type": "default", "rope_theta": 200.0})
    for parent in (model.embeddings, *model.layers):
        for name, norm in list(parent.named_children()):
            if isinstance(norm, torch.nn.LayerNorm):
                setattr(parent, name, RmsNorm(norm))
    golden.model(model)
    path = golden.path / "model.safetensors"
    weights = load_file(path)
    for name in [name for name in weights if "qkv_proj" in name]:
        for part, value in zip("qkv", weights.pop(name).chunk(3)):
            weights[name.replace("qkv_proj", f"{part}_proj")] = value.contiguous()
    save_file(weights, path)
    replace(golden, OWN_GTE | {"architectures": ["NewModel"], "pack_qkv": False,
                               "layer_norm_type": "rms_norm"}, ("rope_parameters",))
    case(golden, "padded", [14, 6], 14, 1, hidden_states=True)


# --- Nomic-BERT --------------------------------------------------------------------------------


def nomic(model, seed, **changes):
    from transformers import NomicBertConfig

    config = NomicBertConfig(**{
        "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
        "attn_implementation": "eager", **changes,
    })
    return random_weights(model(config), seed)


@folder
def nomic_bert_mlm(golden):
    from transformers import NomicBertForMaskedLM

    golden.model(nomic(NomicBertForMaskedLM, 321, hidden_act="gelu", layer_norm_eps=1e-3))
    case(golden, "padded", [14, 6], 14, 1, types=2, hidden_states=True)


@folder
def nomic_bert_seqcls(golden):
    from transformers import NomicBertForSequenceClassification

    golden.model(nomic(NomicBertForSequenceClassification, 322, head_dim=6, **LABELS))
    case(golden, "padded", [14, 6], 14, 1)


@folder
def nomic_bert_tokcls(golden):
    from transformers import NomicBertForTokenClassification

    golden.model(nomic(NomicBertForTokenClassification, 323, type_vocab_size=3, rope_parameters={
        "rope_type": "linear", "factor": 2.0, "rope_theta": 300.0}, **LABELS))
    case(golden, "padded", [14, 6], 14, 1, types=3)


@folder
def nomic_bert_own_style(golden):
    """As the authors' code saves it, rebuilt from the reference library's model."""
    from transformers import NomicBertModel

    model = nomic(NomicBertModel, 324, intermediate_size=256, num_hidden_layers=1,
                  layer_norm_eps=1e-5, max_position_embeddings=16,
                  rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 300.0})
    golden.model(model)
    golden.write("config.json", {
        "activation_function": "swiglu", "architectures": ["NomicBertModel"], "causal": False,
        "layer_norm_epsilon": 1e-05, "max_trained_positions": 16, "mlp_fc1_bias": False,
        "mlp_fc2_bias": False, "model_type": "nomic_bert", "n_embd": 16, "n_head": 4,
        "n_inner": 256, "n_layer": 1, "n_positions": 64, "parallel_block": False,
        "prenorm": False, "qkv_proj_bias": False, "rotary_emb_base": 300,
        "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
        "rotary_emb_scale_base": None, "rotary_scaling_factor": 2, "type_vocab_size": 2,
        "use_rms_norm": False, "vocab_size": VOCABULARY,
    })
    case(golden, "short", [14, 6], 14, 1, types=2)
    case(golden, "long", [40, 9], 40, 3)
