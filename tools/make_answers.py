#!/usr/bin/env python3
"""Records what the reference library's pipelines answer: answers.json of folders of
tests/data/golden, on texts and on files of tests/data.

    make_answers.py [NAME...]     those folders (default: all that FOLDERS lists)

Each entry has the task, its input and options by the names of accel's, what is to be changed in
config.json before, and the answer. It wants the environment of make_golden.py, and Pillow
(tried: 13.0).
"""

import inspect
import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import PIL.Image
import scipy.io.wavfile
import torch
import transformers

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
GOLDEN = DATA / "golden"
TEXT_TASKS = ("fill-mask", "question-answering", "text-classification", "token-classification")

TEXTS = [
    "Angela Merkel visited Paris with the Siemens board on Monday.",
    "it was not bad, really: the second half even made me laugh!",
    "Zoë's naïve café opened in São Paulo; 3,500 people came.",
    "東京 was lovely. 🙂 Everyone there don't say \"no\"...",
    "x",
]
PAIRS = [("The pump is leaking again.", "Call the plumber before noon."),
         ("Ein Satz.", "Zwei Sätze, und noch einer, der etwas länger ist.")]
QUESTIONS = [
    ("Who visited Paris?", TEXTS[0]),
    ("How many people came?", TEXTS[2] + " " + TEXTS[0]),
    ("What opened in São Paulo?", " ".join([TEXTS[1], TEXTS[2], TEXTS[3], TEXTS[0]] * 6)),
]
# What an entailment model of so many labels calls them.
ENTAILMENT = {count: {"id2label": {str(at): label for at, label in enumerate(labels)},
                      "label2id": {label: at for at, label in enumerate(labels)}}
              for count, labels in ((2, ("entailment", "not_entailment")),
                                    (3, ("contradiction", "neutral", "entailment")))}


def classification(labels):
    for text in TEXTS:
        yield {}, {"text": text}, {"top_k": 0}
    yield {}, {"text": TEXTS[0]}, {}
    for first, second in PAIRS:
        yield {}, {"text": first, "text_pair": second}, {"top_k": 2}
    yield {"problem_type": "regression"}, {"text": TEXTS[0]}, {"top_k": 0}
    yield {"problem_type": "multi_label_classification"}, {"text": TEXTS[1]}, {"top_k": 0}
    yield {}, {"text": TEXTS[1]}, {"top_k": 0, "function": "sigmoid"}
    yield {}, {"text": TEXTS[1]}, {"top_k": 0, "function": "none"}
    if labels not in ENTAILMENT:
        return
    config = ENTAILMENT[labels]
    labels = ["politics", "sports", "plumbing"]
    for text in (TEXTS[0], PAIRS[0][0]):
        for options in ({}, {"multi_label": True}, {"hypothesis": "This text is about {}."}):
            yield config, {"text": text, "candidate_labels": labels}, {"task": ZERO} | options
    yield config, {"text": TEXTS[1], "candidate_labels": ["praise"]}, {"task": ZERO}


ZERO = "zero-shot-classification"


def entities():
    for aggregation in ("none", "simple", "first", "max", "average"):
        for text in TEXTS:
            yield {}, {"text": text}, {"aggregation": aggregation}
    yield {}, {"text": " ".join(TEXTS * 3)}, {"aggregation": "simple", "stride_tokens": 8}


def answers():
    for question, context in QUESTIONS:
        for options in ({}, {"top_k": 3}, {"no_answer": True, "top_k": 2},
                        {"window_tokens": 48, "stride_tokens": 12},
                        {"max_answer_tokens": 3, "top_k": 4}):
            yield {}, {"question": question, "context": context}, options


def fills(mask):
    for text in (f"The capital of France is {mask}.", f"{mask} don't like naïve café's."):
        yield {}, {"text": text}, {}
        yield {}, {"text": text}, {"top_k": 2}
    yield {}, {"text": f"A {mask} and a {mask}, too."}, {"top_k": 3}
    yield {}, {"text": f"It is {mask}!"}, {"targets": ["good", "bad"], "top_k": 2}


# Files of tests/data, and folders' preprocessor_config.json where they have none of their own.
IMAGES = ["images/small.png", "images/wide.png", "images/tall.png", "images/middle.png"]
SOUNDS = ["audio/speech/speech_16k.wav"]
DETR = {"image_processor_type": "DetrImageProcessor", "do_pad": True,
        "size": {"shortest_edge": 48, "longest_edge": 80}}
PREPROCESSORS = {
    "detr-sine": DETR,
    "yolos-detection": DETR | {"image_processor_type": "YolosImageProcessor"},
    "segformer-segmentation": {"image_processor_type": "SegformerImageProcessor",
                               "size": {"height": 64, "width": 64}, "do_reduce_labels": True},
    "beit-imgcls": {"image_processor_type": "BeitImageProcessor",
                    "size": {"height": 32, "width": 32}, "do_center_crop": False},
}


def image_labels():
    for image in IMAGES:
        yield {}, {"image": image}, {}
    yield {}, {"image": IMAGES[0]}, {"top_k": 2}
    yield {}, {"image": IMAGES[1]}, {"function": "sigmoid", "top_k": 3}


def objects():
    for image in IMAGES:
        yield {}, {"image": image}, {"threshold": 0.0}
        yield {}, {"image": image}, {"threshold": 0.2}
    yield {}, {"image": IMAGES[0]}, {}


def segments():
    for image in IMAGES:
        yield {}, {"image": image}, {}


def image_candidates():
    for image in IMAGES:
        yield {}, {"image": image, "candidate_labels": ["a cat", "two dogs", "naïve art"]}, {}
    yield ({}, {"image": IMAGES[0], "candidate_labels": ["night", "day"]},
           {"hypothesis": "It is {} here."})


def sound_labels():
    for sound in SOUNDS:
        yield {}, {"audio": sound}, {"top_k": 0}
        yield {}, {"audio": sound}, {"top_k": 1}


def transcripts():
    for sound in SOUNDS:
        for options in ({}, {"timestamps": "word"}, {"timestamps": "char"}):
            yield {}, {"audio": sound}, options


FOLDERS = {
    "ast-audiocls": "audio-classification",
    "beit-imgcls": "image-classification",
    "clip": "zero-shot-image-classification",
    "convnext-imgcls": "image-classification",
    "detr-sine": "object-detection",
    "hubert-audiocls": "audio-classification",
    "segformer-segmentation": "image-segmentation",
    "siglip-labels": "zero-shot-image-classification",
    "swin-imgcls": "image-classification",
    "vit-imgcls": "image-classification",
    "wav2vec2-ctc": "automatic-speech-recognition",
    "yolos-detection": "object-detection",
    "bert-qa": "question-answering",
    "bert-tokcls-cased": "token-classification",
    "distilbert-seqcls": "text-classification",
    "bert-seqcls-bin": "text-classification",
    "deberta-v2-seqcls": "text-classification",
    "electra-seqcls": "text-classification",
    "modernbert-seqcls": "text-classification",
    "roberta-seqcls": "text-classification",
    "albert-mlm": "fill-mask",
    "bert-mlm-sharded": "fill-mask",
    "modernbert-mlm": "fill-mask",
    "roberta-mlm": "fill-mask",
}

# accel's names of options, and the pipelines'.
NAMES = {"function": "function_to_apply", "hypothesis": "hypothesis_template",
         "aggregation": "aggregation_strategy", "window_tokens": "max_seq_len",
         "stride_tokens": "doc_stride", "max_answer_tokens": "max_answer_len",
         "no_answer": "handle_impossible_answer", "timestamps": "return_timestamps"}


def tokenizer_of(folder):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    kept = {key: value for key, value in config.items()
            if key.endswith("_token") or key in ("clean_up_tokenization_spaces", "padding_side",
                                                 "model_input_names", "model_max_length")}
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"),
                                                **kept)


def pipeline_of(folder, task, changes, limit):
    with tempfile.TemporaryDirectory() as scratch:
        for file in folder.iterdir():
            (Path(scratch) / file.name).symlink_to(file)
        config = json.loads((folder / "config.json").read_text()) | changes
        (Path(scratch) / "config.json").unlink()
        (Path(scratch) / "config.json").write_text(json.dumps(config))
        auto = {"question-answering": "AutoModelForQuestionAnswering",
                "token-classification": "AutoModelForTokenClassification",
                "fill-mask": "AutoModelForMaskedLM"}.get(task,
                                                         "AutoModelForSequenceClassification")
        model = getattr(transformers, auto).from_pretrained(
            scratch, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = tokenizer_of(folder)
    taken = inspect.signature(model.forward).parameters
    tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name in taken]
    tokenizer.model_max_length = min(tokenizer.model_max_length, limit)
    return transformers.pipeline(task, model=model, tokenizer=tokenizer, device="cpu")


def media_pipeline_of(folder, task):
    auto = {"audio-classification": "AutoModelForAudioClassification",
            "automatic-speech-recognition": "AutoModelForCTC",
            "image-classification": "AutoModelForImageClassification",
            "image-segmentation": "AutoModelForSemanticSegmentation",
            "object-detection": "AutoModelForObjectDetection",
            "zero-shot-image-classification": "AutoModelForZeroShotImageClassification"}[task]
    model = getattr(transformers, auto).from_pretrained(folder, dtype=torch.float32,
                                                        attn_implementation="eager").eval()
    parts = {}
    if task == "automatic-speech-recognition":
        parts["tokenizer"] = transformers.Wav2Vec2CTCTokenizer.from_pretrained(folder)
    if task == "zero-shot-image-classification":
        parts["tokenizer"] = tokenizer_of(folder)
        parts["tokenizer"].model_input_names = (
            ["input_ids"] if model.config.model_type == "siglip" else
            ["input_ids", "attention_mask"])
    if "image" in task or task == "object-detection":
        parts["image_processor"] = transformers.AutoImageProcessor.from_pretrained(folder,
                                                                                   use_fast=False)
    else:
        parts["feature_extractor"] = transformers.AutoFeatureExtractor.from_pretrained(folder)
    return transformers.pipeline(task, model=model, device="cpu", **parts)


def call_media(pipe, task, given, options):
    named = {NAMES.get(key, key): value for key, value in options.items()}
    if named.get("top_k") == 0:
        named["top_k"] = None
    if "audio" in given:
        # The pipelines' own reader of files is ffmpeg; the file is mono and at the model's rate.
        rate, samples = scipy.io.wavfile.read(DATA / given["audio"])
        assert rate == pipe.feature_extractor.sampling_rate and samples.ndim == 1
        return pipe(samples.astype(np.float32) / 32768, **named)
    image = PIL.Image.open(DATA / given["image"]).convert("RGB")
    if task == "zero-shot-image-classification":
        return pipe(image, candidate_labels=given["candidate_labels"], **named)
    answer = pipe(image, **named)
    if task == "image-segmentation":
        return [{"score": one["score"], "label": one["label"],
                 "area": int((np.asarray(one["mask"]) > 0).sum())} for one in answer]
    return answer


def call(pipe, task, given, options):
    named = {NAMES.get(key, key): value for key, value in options.items() if key != "task"}
    if task == "token-classification" and "doc_stride" in named:
        named["stride"] = named.pop("doc_stride")
    if task == "text-classification":
        if named.get("top_k") == 0:
            named["top_k"] = None
        named.setdefault("top_k", 1)
        return pipe(dict(given), **named)
    if task == "question-answering":
        return pipe(question=given["question"], context=given["context"], **named)
    if task == "zero-shot-classification":
        return pipe(given["text"], given["candidate_labels"], **named)
    return pipe(given["text"], **named)


def plain(value):
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def position_limit(config):
    limit = config["max_position_embeddings"]
    return limit - config.get("pad_token_id", 0) - 1 if config["model_type"] == "roberta" else limit


def short_lists(text):
    """Lists of numbers on a line of their own."""
    return re.sub(r"\[[-+.\deE,\s]*\]", lambda found: re.sub(r"\s+", "", found.group()), text)


def save(folder, entries):
    """Writes them beside the answers of other tasks that the folder has."""
    path = folder / "answers.json"
    own = {entry["task"] for entry in entries}
    before = json.loads(path.read_text())["answers"] if path.exists() else []
    kept = [entry for entry in before if entry["task"] not in own]
    text = json.dumps({"made_with": f"transformers {transformers.__version__}",
                       "answers": kept + entries}, indent=1, ensure_ascii=False)
    path.write_text(short_lists(text) + "\n")


def record(name):
    folder = GOLDEN / name
    config = json.loads((folder / "config.json").read_text())
    usual = FOLDERS[name]
    if name in PREPROCESSORS:
        (folder / "preprocessor_config.json").write_text(
            json.dumps(PREPROCESSORS[name], indent=2) + "\n")
    media = usual not in TEXT_TASKS
    mask = None if media else tokenizer_of(folder).mask_token
    asked = {"image-classification": image_labels, "object-detection": objects,
             "image-segmentation": segments, "audio-classification": sound_labels,
             "automatic-speech-recognition": transcripts,
             "zero-shot-image-classification": image_candidates,
             "text-classification": lambda: classification(len(config.get("id2label", "ab"))),
             "token-classification": entities, "question-answering": answers,
             "fill-mask": lambda: fills(mask)}[usual]
    entries, pipes = [], {}
    for changes, given, options in asked():
        task = options.get("task", usual)
        key = json.dumps([task, changes])
        if key not in pipes:
            pipes[key] = (media_pipeline_of(folder, task) if media else
                          pipeline_of(folder, task, changes, position_limit(config)))
        with torch.no_grad():
            answer = (call_media if media else call)(pipes[key], task, given, options)
        entries.append({"task": task, "config": changes, "input": given,
                        "options": {k: v for k, v in options.items() if k != "task"},
                        "answer": plain(answer)})
    save(folder, entries)
    print(name, len(entries))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or FOLDERS:
        record(chosen)
