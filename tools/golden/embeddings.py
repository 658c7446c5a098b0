"""Embeddings that are no dense vector: sparse words (SPLADE) and a vector per token (ColBERT).

The folders only; what the references answer on them is recorded by make_answers.py.
"""

import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM

from golden.bert import tiny_bert, tiny_config, vocabulary
from golden.kit import folder, random_weights
from golden.sentence import linear, modules, tokenizer_json

TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": 36,
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SPLADE = "sentence_transformers.sparse_encoder.models."


def with_tokenizer(golden, *markers, **options):
    """A tokenizer, with `markers` as tokens of their own behind the others."""
    tokenizer = tokenizer_json()
    for number, marker in enumerate(markers):
        tokenizer["added_tokens"].append({
            "id": len(vocabulary()) + number, "content": marker, "single_word": False,
            "lstrip": False, "rstrip": False, "normalized": True, "special": False})
    golden.write("tokenizer.json", tokenizer, indent=None)
    golden.write("tokenizer_config.json", TOKENIZER | options)


def splade_modules(first):
    return [{"idx": 0, "name": "0", "path": "", "type": first},
            {"idx": 1, "name": "1", "path": "1_SpladePooling", "type": SPLADE + "SpladePooling"}]


@folder
def splade_bert(golden):
    """As most checkpoints are: the largest weight of all tokens; saved by the first releases."""
    golden.model(random_weights(BertForMaskedLM(tiny_config()), seed=801))
    with_tokenizer(golden)
    golden.write("modules.json", splade_modules(SPLADE + "MLMTransformer"))
    golden.write("1_SpladePooling/config.json",
                 {"pooling_strategy": "max", "activation_function": "relu",
                  "word_embedding_dimension": None})
    golden.write("config_sentence_transformers.json",
                 {"model_type": "SparseEncoder", "prompts": {"query": "the ", "document": ""},
                  "default_prompt_name": None})


@folder
def splade_distilbert(golden):
    """The sum of the tokens' weights, each a logarithm of a logarithm; saved by newer releases."""
    config = DistilBertConfig(
        vocab_size=len(vocabulary()), dim=24, n_layers=2, n_heads=4, hidden_dim=32,
        max_position_embeddings=40, attn_implementation="eager")
    golden.model(random_weights(DistilBertForMaskedLM(config), seed=802))
    with_tokenizer(golden, model_input_names=["input_ids", "attention_mask"])
    golden.write("modules.json",
                 splade_modules("sentence_transformers.base.modules.transformer.Transformer"))
    golden.write("1_SpladePooling/config.json",
                 {"pooling_strategy": "sum", "activation_function": "log1p_relu",
                  "embedding_dimension": len(vocabulary())})
    golden.write("sentence_bert_config.json",
                 {"transformer_task": "fill-mask", "max_seq_length": 24, "do_lower_case": False})
    golden.write("config_sentence_transformers.json", {"model_type": "SparseEncoder"})


@folder
def colbert_pylate(golden):
    """Two layers on every token, the first beside its own input; other lengths than usual."""
    markers = ("[Q] ", "[D] ")
    golden.model(tiny_bert(803, vocab_size=len(vocabulary()) + len(markers)))
    with_tokenizer(golden, *markers)
    listed = modules("Transformer", "Dense", "Dense")
    for at, module in enumerate(listed[1:], 1):
        module.update(path=f"{at}_Dense", type="pylate.models.Dense.Dense")
    golden.write("modules.json", listed)
    identity = {"activation_function": "torch.nn.modules.linear.Identity"}
    first = linear(golden.path / "1_Dense", 804, 24, 20, bias=False) | identity
    weights = load_file(golden.path / "1_Dense" / "model.safetensors")
    draw = torch.Generator().manual_seed(805)
    weights["residual.weight"] = torch.randn(20, 24, generator=draw) / 5
    save_file(weights, golden.path / "1_Dense" / "model.safetensors")
    golden.write("1_Dense/config.json", first | {"use_residual": True})
    second = linear(golden.path / "2_Dense", 806, 20, 12, bias=False) | identity
    golden.write("2_Dense/config.json", second | {"use_residual": False})
    golden.write("config_sentence_transformers.json", {
        "prompts": {}, "default_prompt_name": None, "similarity_fn_name": "MaxSim",
        "query_prefix": markers[0], "document_prefix": markers[1], "query_length": 16,
        "document_length": 20, "attend_to_expansion_tokens": False,
        "skiplist_words": [".", ",", ":", "!"], "do_query_expansion": True})


@folder
def colbert_own(golden):
    """As ColBERT's own code saves it: one more layer in the checkpoint, markers of the vocabulary,
    and expansion tokens that are attended to."""
    markers = ("[unused0]", "[unused1]")
    golden.model(tiny_bert(807, vocab_size=len(vocabulary()) + len(markers)),
                 architectures=["HF_ColBERT"])
    with_tokenizer(golden, *markers)
    weights = load_file(golden.path / "model.safetensors")
    weights = {f"bert.{name}": weight for name, weight in weights.items()}
    draw = torch.Generator().manual_seed(808)
    weights["linear.weight"] = torch.randn(16, 24, generator=draw) / 5
    save_file(weights, golden.path / "model.safetensors", {"format": "pt"})
    golden.write("artifact.metadata", {
        "query_token_id": markers[0], "doc_token_id": markers[1], "query_token": "[Q]",
        "doc_token": "[D]", "query_maxlen": 14, "doc_maxlen": 24, "attend_to_mask_tokens": True,
        "mask_punctuation": True, "dim": 16, "similarity": "cosine"})
