#!/usr/bin/env python3
"""Records what the references make of inputs as numbers: states, embeddings, weights of words.

    make_feature_answers.py [NAME...]     those folders (default: all that FOLDERS lists)

Answers go into the answers.json that make_answers.py writes, beside those of other tasks. The
references: the Hub's pipelines of features; get_text_features() and get_image_features() of models
that compare both; sentence-transformers for dense and sparse embeddings; for a vector per token
PyLate's rules in a few lines below, since it cannot be installed beside these versions: what they
give differs from ColBERT.encode() of PyLate 1.6 by less than 1e-6. It wants the environment of
make_answers.py.
"""

import json
import string
import sys

import numpy as np
import PIL.Image
import scipy.io.wavfile
import torch
import transformers
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer, SparseEncoder

from make_answers import DATA, GOLDEN, IMAGES, SOUNDS, TEXTS, plain, save, tokenizer_of

TEXT, IMAGE = "feature-extraction", "image-feature-extraction"
SOUND = "audio-feature-extraction"
DENSE, SPARSE, TOKENS = "sentence-embedding", "sparse-embedding", "multi-vector-embedding"
WORDS = ["The trains leave in seven minutes.", "", "It rained, and rained: " * 9, "Café déjà vu!"]
AST = {"feature_extractor_type": "ASTFeatureExtractor", "max_length": 33, "num_mel_bins": 20,
       "mean": -4.3, "std": 4.6, "sampling_rate": 16000, "do_normalize": True}


def loaded(kind, folder):
    return getattr(transformers, kind).from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()


def token_states(folder):
    pipe = transformers.pipeline(TEXT, model=loaded("AutoModel", folder), device="cpu",
                                 tokenizer=tokenizer_of(folder))
    for text in TEXTS[:3]:
        yield TEXT, {"text": text}, {}, pipe(text)


def image_states(folder):
    processor = transformers.AutoImageProcessor.from_pretrained(folder, use_fast=False)
    pipe = transformers.pipeline(IMAGE, model=loaded("AutoModel", folder), device="cpu",
                                 image_processor=processor)
    for image in IMAGES[:2]:
        opened = PIL.Image.open(DATA / image).convert("RGB")
        yield IMAGE, {"image": image}, {}, pipe(opened)
        yield IMAGE, {"image": image}, {"pool": True}, pipe(opened, pool=True)


def sound_states(folder):
    (folder / "preprocessor_config.json").write_text(json.dumps(AST, indent=2) + "\n")
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = loaded("AutoModel", folder)
    for sound in SOUNDS:
        rate, samples = scipy.io.wavfile.read(DATA / sound)
        features = extractor(samples.astype(np.float32) / 32768, sampling_rate=rate,
                             return_tensors="pt")
        found = model(**features)
        yield SOUND, {"audio": sound}, {}, found[0].tolist()
        yield SOUND, {"audio": sound}, {"pool": True}, found["pooler_output"].tolist()


def compared(folder):
    """Of models that compare texts with images, both embeddings."""
    model = loaded("AutoModel", folder)
    tokenizer = tokenizer_of(folder)
    siglip = model.config.model_type == "siglip"
    for text in ("two dogs", "naïve art"):
        tokens = tokenizer(text, return_tensors="pt", truncation=True,
                           **({"padding": "max_length", "max_length": 64} if siglip else {}))
        tokens = {key: tokens[key] for key in ("input_ids", "attention_mask")
                  if key in tokens and not (siglip and key == "attention_mask")}
        yield TEXT, {"text": text}, {}, model.get_text_features(**tokens).tolist()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, use_fast=False)
    for image in IMAGES[:2]:
        pixels = processor(PIL.Image.open(DATA / image).convert("RGB"), return_tensors="pt")
        yield IMAGE, {"image": image}, {}, model.get_image_features(**pixels).tolist()


def sentences(folder):
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    for text in WORDS:
        yield DENSE, {"text": text}, {}, model.encode([text])[0].tolist()


def heaviest(weights, vocabulary):
    order = sorted((-weight, token) for token, weight in enumerate(weights) if weight > 0)
    return [{"token": token, "token_str": vocabulary.convert_ids_to_tokens(token),
             "weight": -weight} for weight, token in order]


def words_of_logits(folder):
    """SPLADE's formula on a masked language model that no modules.json goes with."""
    model, tokenizer = loaded("AutoModelForMaskedLM", folder), tokenizer_of(folder)
    for text in TEXTS[:2]:
        tokens = tokenizer(text, return_tensors="pt")
        logits = model(tokens["input_ids"], tokens["attention_mask"]).logits[0]
        weights = torch.log1p(torch.relu(logits)).max(0).values.tolist()
        yield SPARSE, {"text": text}, {"top_k": 40}, heaviest(weights, tokenizer)[:40]


def words(folder):
    model = SparseEncoder(str(folder), device="cpu", local_files_only=True)
    asked = [(text, {}) for text in WORDS] + [(WORDS[0], {"top_k": 5})]
    if model.prompts.get("query"):
        asked.append((WORDS[3], {"prompt": "query"}))
    for text, options in asked:
        row = model.encode([text], prompt_name=options.get("prompt"),
                           convert_to_sparse_tensor=False,
                           max_active_dims=options.get("top_k"))[0].tolist()
        yield SPARSE, {"text": text}, options, heaviest(row, model.tokenizer)


class LateInteraction:
    """A folder as PyLate reads it."""

    def __init__(self, folder):
        self.tokenizer = tokenizer_of(folder)
        self.model = loaded("AutoModel", folder)
        metadata = folder / "artifact.metadata"
        if metadata.exists():
            own = json.loads(metadata.read_text())
            weight = load_file(folder / "model.safetensors")["linear.weight"]
            self.layers = [(weight, None)]
            self.prefixes = {True: own["query_token_id"], False: own["doc_token_id"]}
            self.lengths = {True: own["query_maxlen"], False: own["doc_maxlen"]}
            self.attends, skipped = own["attend_to_mask_tokens"], list(string.punctuation)
        else:
            own = json.loads((folder / "config_sentence_transformers.json").read_text())
            self.layers = []
            for dense in sorted(folder.glob("*_Dense")):
                weights = load_file(dense / "model.safetensors")
                self.layers.append((weights["linear.weight"], weights.get("residual.weight")))
            self.prefixes = {True: own["query_prefix"], False: own["document_prefix"]}
            self.lengths = {True: own["query_length"], False: own["document_length"]}
            self.attends, skipped = own["attend_to_expansion_tokens"], own["skiplist_words"]
        self.skipped = self.tokenizer.convert_tokens_to_ids(skipped)
        self.tokenizer.pad_token = self.tokenizer.mask_token

    def __call__(self, text, is_query):
        tokens = self.tokenizer(text, truncation=True, max_length=self.lengths[is_query] - 1,
                                padding="max_length" if is_query else False)
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        ids.insert(1, self.tokenizer.convert_tokens_to_ids(self.prefixes[is_query]))
        mask.insert(1, 1)
        if is_query and self.attends:
            mask = [1] * len(ids)
        states = self.model(torch.tensor([ids]), torch.tensor([mask]))[0][0]
        for linear, residual in self.layers:
            states = states @ linear.T + (0 if residual is None else states @ residual.T)
        kept = [is_query or token not in self.skipped for token in ids]
        return torch.nn.functional.normalize(states[torch.tensor(kept)], dim=1).tolist()


def token_vectors(folder):
    model = LateInteraction(folder)
    for text in WORDS:
        yield TOKENS, {"text": text}, {}, model(text, False)
        yield TOKENS, {"text": text}, {"prompt": "query"}, model(text, True)


FOLDERS = {
    "ast-feature": sound_states,
    "clip": compared,
    "colbert-own": token_vectors,
    "colbert-pylate": token_vectors,
    "dinov2-feature": image_states,
    "electra-feature": token_states,
    "roberta-mlm": words_of_logits,
    "sentence-dense": sentences,
    "siglip-labels": compared,
    "splade-bert": words,
    "splade-distilbert": words,
    "xlm-roberta-feature": token_states,
}


def rounded(value):
    """Seven digits tell an f32 from its neighbours, and make short files."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def record(name):
    with torch.no_grad():
        entries = [{"task": task, "config": {}, "input": given, "options": options,
                    "answer": rounded(plain(answer))}
                   for task, given, options, answer in FOLDERS[name](GOLDEN / name)]
    save(GOLDEN / name, entries)
    print(name, len(entries))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or FOLDERS:
        record(chosen)
