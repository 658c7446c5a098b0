"""Makes golden folders: small models as the reference libraries save them, with what those compute.

A theme beside this file (text.py, vision.py ...) has one function per folder:

    from golden.kit import Golden, folder, random_weights

    @folder
    def albert_two_groups(golden):             # writes tests/data/golden/albert-two-groups
        config = AlbertConfig(vocab_size=60, hidden_size=16, ..., attn_implementation="eager")
        model = random_weights(AlbertModel(config), seed=41)
        golden.model(model)                    # config.json, model.safetensors
        golden.case("plain", {"input_ids": ids}, hidden_states=True)
        golden.case("padded", {"input_ids": ids, "attention_mask": mask}, note=PADDED)

`tools/make_golden.py NAME...` runs them. A folder holds

    golden.safetensors   inputs and reference outputs
    golden.json          "cases": of each the inputs and outputs (public name to tensor name), how
                         far the reference's own f32 is from its f64 ("f32_vs_f64_max_abs") and, as
                         a share of the output's RMS, how far its bf16 and f16 are ("rms_error")

A case may change the folder's config ("config" replaces keys of config.json) or rest on another
model object with the same weights. Weights are drawn so that outputs keep to the unit scale and no
weight is at its initial 0 or 1. This is the only code that uses torch.
"""

import copy
import json
import math
import os
import shutil
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import transformers
from safetensors.torch import save_file

torch.set_num_threads(1)

OUT = Path(__file__).resolve().parent.parent.parent / "tests" / "data" / "golden"
REFERENCE = (
    f"transformers {transformers.__version__}, torch {torch.__version__}, f32, eager attention"
)
PADDED = "compare positions with attention_mask==1 only"
PADDED_ENCODER = "compare encoder positions with attention_mask==1 only"
FOLDERS = {}  # name: function that fills it


def folder(function):
    """Registers a function as the maker of the folder that its name says."""
    FOLDERS[function.__name__.replace("_", "-")] = function
    return function


def make(name):
    golden = Golden(OUT / name)
    FOLDERS[name](golden)
    golden.save()
    size = sum(file.stat().st_size for file in golden.path.rglob("*") if file.is_file())
    print(f"{name}: {size / 1024:.0f} KiB")


def random_weights(model, seed, gain=1.3):
    """`model` in eval mode with weights drawn anew: norms about 1, matrices for unit outputs."""
    draw = torch.Generator().manual_seed(seed)

    def noise(tensor):
        return torch.randn(tensor.shape, generator=draw)

    tables = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not weight.requires_grad and "bn" not in name:  # computed tables stay
                continue
            if id(weight) in tables:
                weight.copy_(0.4 * noise(weight))
            elif weight.numel() == 1:
                weight.add_(0.1 * noise(weight))
            elif weight.ndim == 1:
                scale = name.endswith("weight") and bool(weight.mean() > 0.5)
                layer_scale = "lambda" in name or "layer_scale" in name or "gamma" in name
                center = 0.6 if layer_scale else 1.0 if scale else 0.0
                weight.copy_(center + (0.15 if scale else 0.1) * noise(weight))
            elif "token" in name or "position" in name or "pos_emb" in name:
                weight.copy_(0.3 * noise(weight))
            else:
                weight.copy_(gain * noise(weight) / math.sqrt(weight[0].numel()))
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.1 * noise(buffer))
            elif name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=draw))
        for module in model.modules():
            padding = getattr(module, "padding_idx", None)
            if isinstance(module, torch.nn.Embedding) and padding is not None:
                module.weight[padding] = 0
    model.tie_weights()
    return model.float().eval()


class Golden:
    """A folder while it is made."""

    def __init__(self, path):
        self.path = path
        self.tensors = {}
        self.reference = None
        self.json = {"reference": REFERENCE, "cases": [], "embeddings": []}
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)

    def model(self, model, **changes):
        """Saves the model of the cases that follow; `changes` are made to its config.json."""
        self.reference = model
        model.save_pretrained(self.path)
        (self.path / "generation_config.json").unlink(missing_ok=True)
        if changes:
            config = json.loads((self.path / "config.json").read_text())
            config.update(changes)
            self.write("config.json", config)

    def write(self, file, content, indent=1):
        path = self.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n")

    def put(self, name, tensor):
        assert name not in self.tensors, name
        assert torch.isfinite(tensor.float()).all(), name
        self.tensors[name] = tensor.detach().clone().contiguous()
        return name

    def case(self, name, inputs, outputs=None, *, hidden_states=False, note=None, config=None,
             model=None):
        """Records what the model makes of `inputs` (name to tensor).

        outputs: the reference's names of what is recorded; none: every tensor it returns.
        hidden_states: record those as well, as "GROUP.N".
        config: how config.json differs for this case; give the changed `model` with it.
        """
        model = model or self.reference
        found = run(model, inputs, outputs, hidden_states)
        exact = run(copy.deepcopy(model).double(), widen(inputs), outputs, hidden_states)
        entry = {
            "name": name,
            "inputs": {key: self.put(f"{name}.{key}", value) for key, value in inputs.items()},
            "outputs": {key: self.put(f"{name}.{key}", value) for key, value in found.items()},
            "f32_vs_f64_max_abs": {
                key: float((value.double() - exact[key]).abs().max())
                for key, value in found.items()
            },
            "rms_error": rms_errors(model, inputs, outputs, exact),
        }
        if note:
            entry["note"] = note
        if config:
            entry["config"] = config
        self.json["cases"].append(entry)

    def save(self):
        if self.tensors:
            save_file(self.tensors, self.path / "golden.safetensors")
        self.write("golden.json", self.json, indent=None)


def widen(inputs, dtype=torch.float64):
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in inputs.items()}


def run(model, inputs, wanted, hidden_states):
    """The model's outputs by name."""
    more = {"output_hidden_states": True} if hidden_states else {}
    with torch.no_grad():
        found = model(**inputs, **more, return_dict=True)
    named = {}
    for key, value in found.items():
        if key.startswith("reshaped_"):  # Swin's states once more, as images
            continue
        if key.endswith("hidden_states") and isinstance(value, (tuple, list)):
            if hidden_states:
                named.update({f"{key}.{i}": state for i, state in enumerate(value)})
        elif isinstance(value, torch.Tensor) and (wanted is None or key in wanted):
            named[key] = value
    assert wanted is None or set(wanted) <= set(named), (wanted, list(named))
    return named


def rms_errors(model, inputs, wanted, exact):
    """By precision and output: RMS of the reference's error as a share of the output's RMS."""
    errors = {}
    for name, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
        try:
            narrow = run(copy.deepcopy(model).to(dtype), widen(inputs, dtype), wanted, False)
        except (RuntimeError, TypeError, ValueError):  # not every model runs in every precision
            continue
        errors[name] = {
            key: float((value.double() - exact[key]).pow(2).mean().sqrt()
                       / exact[key].pow(2).mean().sqrt())
            for key, value in narrow.items()
            if torch.isfinite(value.float()).all()
        }
    return errors


def integers(shape, low, high, seed):
    """Row numbers from low to high - 1."""
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(seed))


def reals(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def padding(lengths, width, left=False):
    """An attention mask [len(lengths), width]."""
    mask = torch.zeros(len(lengths), width, dtype=torch.long)
    for row, length in zip(mask, lengths):
        row[:length] = 1
    return mask.flip(1) if left else mask
