#!/usr/bin/env python3
"""Writes tests/data/legacy-tokenizers: small tokenizers in the formats older than tokenizer.json.

    make_tokenizers.py [NAME...]    those folders; without a name: all
    make_tokenizers.py --list       their names

A folder holds vocab.txt, vocab.json and merges.txt, or sentencepiece models, with
tokenizer_config.json and its like, and golden.json:

    reference    the library and class that computed what follows
    model_type   of the config.json such a tokenizer comes with
    examples     text, ids, their decoding without special tokens; type_ids and tokens where
                 the class is a fast one; target_ids (Marian: of the text as a target)
    pairs        text, pair, ids, type_ids
    ctc          ids as a CTC model puts them out, and their text (Wav2Vec2): decoded with special
                 tokens, as its pipeline does, for without them the blanks between letters are lost

The vocabularies are learned from this repository's documents. It wants an environment of its own
(tried: transformers 4.57.6, tokenizers 0.22.2, sentencepiece 0.2.3, protobuf 7.36; no torch). The
committed folders are the ones that count: rerun this only for a folder that is new or changes.
"""

import io
import json
import os
import re
import shutil
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentencepiece  # noqa: E402
import transformers  # noqa: E402
from transformers.models.bert.tokenization_bert import BasicTokenizer  # noqa: E402
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "legacy-tokenizers"
FOLDERS = {}  # name: function that fills it

LINES = [
    "Über den Wäldern läßt der Föhn die Straße grün erscheinen; es war schön, früh zu gehen.",
    "Le café était fermé, mais l'élève naïf a trouvé ça très drôle : où est la garçonnière ?",
    "東京は日本の首都です。日本語の文章を短く切ります。",
    "你好,世界!我们在这里学习中文。",
    "Привет, мир! Как дела? Это короткий текст на русском языке.",
    "Emoji 😀 🎉 👍 and “quotes”, dashes – and — more…",
]
LONG = (
    "A tokenizer cuts a text into pieces that a model knows by number. It first normalizes the "
    "text, which may fold case and strip accents, then splits it at spaces and punctuation, and "
    "last looks for the pieces of each word in its vocabulary; what it does not find there becomes "
    "an unknown token, or a row of bytes. Long inputs (1,024 tokens or more) are truncated."
)
TEXTS = [
    "Hello world!",
    "",
    " ",
    "   leading and   multiple   spaces  ",
    "The quick brown fox jumps over the lazy dog.",
    "Café déjà vu naïve façade",
    "Cafe\u0301 de\u0301ja\u0300 (decomposed)",
    "ÀÉÎÕÜ Straße ẞ İstanbul ǅ ﬁ ﬂ ligature",
    "東京は日本の首都です。",
    "你好,世界!",
    "안녕하세요 세계",
    "Привет, мир!",
    "שלום עולם",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "emoji 😀 🎉👍🏽 👨\u200d👩\u200d👧\u200d👦 🇩🇪",
    "zero\u200bwidth\u200djoin\ufefferbom",
    "soft\u00adhyphen nbsp\u00a0here\u2003em\u3000ideographic",
    "tab\tnew\nline\r\ncarriage\rform\x0cfeed\x0bvt",
    "ctrl\x00nul\x01soh\x07bel\x1besc\x7fdel\x85nel",
    "\ufffd replacement \ue000 private \U0010ffff",
    "x² + ½ ≠ ① ㎏ ™ … — “quotes” ‘single’ ``old'' ones",
    "don't can't I'll we've you're he'd it's",
    "DON'T SHOUT I'LL",
    "numbers 1234567890 3.14159 1,000,000 0x1F 1e-9 in 2024, or 7,",
    "a_b-c.d/e\\f:g;h@i#j$k%l^m&n*o(p)q",
    "https://example.org/path?query=1&b=2#frag user@mail.test",
    "def f(x):\n    return x**2  # comment",
    "<s> </s> [CLS] [SEP] [MASK] <mask> <pad> <unk> [UNK] <|endoftext|> <0x41> ▁ ##s",
    "a<mask>b[MASK]c <mask> [MASK] . <MASK> [mask]",
    "a" * 120,
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒻𝒶𝓃𝒸𝓎 ｆｕｌｌｗｉｄｔｈ",
    "mixed日本語and English混合text",
    "\u0301leading combining",
    "...!!!???",
    "\n\n\n",
    "trailing newline\n",
    LONG,
]
PAIRS = [
    ("What is a license?", "A license grants permission to use the software."),
    ("", "empty first"),
    ("empty second", ""),
    ("Café 😀 ", " 東京 tokyo"),
]


def folder(function):
    """Registers a function as the maker of the folder that its name says."""
    FOLDERS[function.__name__.replace("_", "-")] = function
    return function


def make(name):
    here = Folder(OUT / name)
    FOLDERS[name](here)
    size = sum(file.stat().st_size for file in here.path.iterdir())
    print(f"{name}: {size / 1024:.0f} KiB")


class Folder:
    """A folder while it is made."""

    def __init__(self, path):
        self.path = path
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)

    def text(self, file, lines):
        (self.path / file).write_text("".join(f"{line}\n" for line in lines))

    def json(self, file, content, indent=1):
        text = json.dumps(content, indent=indent, ensure_ascii=False)
        (self.path / file).write_text(text + "\n")

    def config(self, tokenizer_class=None, **options):
        """tokenizer_config.json; without a class a config.json has to say the model_type."""
        named = {"tokenizer_class": tokenizer_class} if tokenizer_class else {}
        self.json("tokenizer_config.json", named | options)

    def bpe(self, vocabulary, merges):
        self.json("vocab.json", {token: i for i, token in enumerate(vocabulary)}, indent=None)
        self.text("merges.txt", ["#version: 0.2"] + [" ".join(pair) for pair in merges])

    def golden(self, model_type, more=(), texts=TEXTS, ctc=()):
        """golden.json: what transformers makes of `texts` and `more` with the files so far."""
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.path)
        texts = [*texts, *more]
        golden = {
            "reference": f"transformers {transformers.__version__}, {type(tokenizer).__name__}",
            "model_type": model_type,
            "examples": [example(tokenizer, text) for text in texts],
            "pairs": [paired(tokenizer, *pair) for pair in PAIRS],
        }
        if ctc:
            golden["ctc"] = [{"ids": ids, "text": decoded(tokenizer, ids, False)} for ids in ctc]
        self.json("golden.json", golden, indent=None)


def example(tokenizer, text):
    found = tokenizer(text, return_token_type_ids=True)
    ids = found["input_ids"]
    entry = {"text": text, "ids": ids}
    if tokenizer.is_fast:
        entry["type_ids"] = found["token_type_ids"]
        entry["tokens"] = tokenizer.convert_ids_to_tokens(ids)
    if isinstance(tokenizer, transformers.MarianTokenizer):
        entry["target_ids"] = tokenizer(text_target=text)["input_ids"]
    return entry | {"decode": decoded(tokenizer, ids)}


def paired(tokenizer, text, pair):
    # As a batch: alone, an empty second text counts as none.
    found = tokenizer([text], [pair], return_token_type_ids=True)
    ids, types = found["input_ids"][0], found["token_type_ids"][0]
    return {"text": text, "pair": pair, "ids": ids, "type_ids": types}


def decoded(tokenizer, ids, skip=True):
    return tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)


# Vocabularies. The trainers of the tokenizers library order ties by chance, hence our own.


@lru_cache
def corpus():
    files = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    lines = [re.sub(r"\s+", " ", line).strip() for f in files for line in f.read_text().split("\n")]
    return [line for line in lines if len(line) > 20 and line[0] != "|"] + 4 * LINES


def learn(words, count, prefix=""):
    """The `count` most frequent merges of words, each a tuple of symbols with its number.

    prefix: what a symbol that continues a word begins with.
    """
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        merges.append(max(pairs, key=lambda pair: (pairs[pair], pair)))
        words = {merged(word, merges[-1], prefix): times for word, times in words.items()}
    return merges


def merged(word, pair, prefix):
    out = list(word)
    for i in reversed(range(len(word) - 1)):
        if tuple(out[i : i + 2]) == pair:
            out[i : i + 2] = [joined(*pair, prefix)]
    return tuple(out)


def joined(left, right, prefix):
    return left + right.removeprefix(prefix)


@lru_cache
def wordpieces(lower, count=240):
    """Letters, their continuations ("##e") and what `count` merges make of them."""
    split = BasicTokenizer(do_lower_case=lower, strip_accents=lower).tokenize
    words = Counter(word for line in corpus() for word in split(line))
    pieces = {(word[0], *("##" + c for c in word[1:])): n for word, n in words.items()}
    letters = sorted({symbol for word in pieces for symbol in word})
    joins = [joined(*pair, "##") for pair in learn(pieces, count, "##")]
    return list(dict.fromkeys(letters + joins))


@lru_cache
def byte_merges(end="", lower=False, count=250):
    """Merges of words (with the space before them) in GPT-2's letters for bytes."""
    text = "\n".join(corpus())
    text = text.lower() if lower else text
    found = Counter(re.findall(r"\w+|[^\w\s]+" if end else r" ?\w+| ?[^\w\s]+", text))
    letters = bytes_to_unicode()
    words = {}
    for word, times in found.items():
        symbols = [letters[byte] for byte in word.encode()]
        words[(*symbols[:-1], symbols[-1] + end)] = times
    return learn(words, count)


def byte_vocabulary(merges, end=""):
    letters = list(bytes_to_unicode().values())
    ended = [letter + end for letter in letters] if end else []
    return list(dict.fromkeys(letters + ended + ["".join(pair) for pair in merges]))


def sentencepieces(path, **options):
    """Trains a sentencepiece model, writes it and returns its pieces."""
    given = {"vocab_size": 420, "normalization_rule_name": "identity", "character_coverage": 0.999}
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, hard_vocab_limit=False,
        num_threads=1, minloglevel=2, **given | options)
    path.write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(i) for i in range(len(processor))]


def added(content, **flags):
    """A token as special_tokens_map.json and added_tokens_decoder have it."""
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    return {"content": content} | plain | flags


# WordPiece: vocab.txt.


@folder
def bert_uncased(here):
    unused = [f"[unused{i}]" for i in range(4)]
    here.text("vocab.txt", ["[PAD]", *unused, "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
              + wordpieces(True))
    here.config("BertTokenizer", do_lower_case=True, model_max_length=512)
    here.golden("bert", ["[unused1] is a word", "x[SEP]y[CLS]z", "a" * 101])


@folder
def bert_cased(here):
    here.text("vocab.txt", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + wordpieces(False))
    here.config(do_lower_case=False, strip_accents=False, tokenize_chinese_chars=False)
    here.json("config.json", {"model_type": "bert"})
    here.golden("bert")


@folder
def distilbert(here):
    here.text("vocab.txt", ["[PAD]", "<oov>", "[CLS]", "[EOS]", "[MASK]"] + wordpieces(True))
    here.json("special_tokens_map.json", {"unk_token": "<oov>", "sep_token": "[EOS]"})
    here.config("DistilBertTokenizer", do_lower_case=True)
    here.golden("distilbert", ["one [EOS] two <oov> three", "[eos] <OOV>"])


@folder
def electra(here):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + wordpieces(True)
    here.text("vocab.txt", vocabulary)
    here.json("added_tokens.json", {"[Name]": len(vocabulary) + 1, "new-word": len(vocabulary)})
    here.config("ElectraTokenizer", do_lower_case=True, strip_accents=False)
    here.golden("electra", ["a [Name] and a new-word.", "[name] NEW-WORDS renew-word [NAME]x"])


@folder
def mpnet(here):
    here.text("vocab.txt", ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", *wordpieces(True), "<mask>"])
    here.json("special_tokens_map.json", {
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]", "sep_token": "</s>",
        "pad_token": "<pad>", "cls_token": "<s>",
        "mask_token": added("<mask>", lstrip=True, normalized=True),
    })
    here.config("MPNetTokenizer", do_lower_case=True)
    here.golden("mpnet", ["x  <mask>  y"])


# Byte-level BPE: vocab.json, merges.txt.


@folder
def gpt2(here):
    here.bpe(byte_vocabulary(byte_merges()) + ["<|endoftext|>"], byte_merges())
    here.config("GPT2Tokenizer", model_max_length=1024)
    here.golden("gpt2", ["one<|endoftext|>two <|endoftext|> three"])


@folder
def gpt2_bos(here):
    here.bpe(byte_vocabulary(byte_merges()) + ["<|endoftext|>"], byte_merges())
    here.config("GPT2Tokenizer", add_bos_token=True, add_prefix_space=True)
    here.golden("gpt2", ["one<|endoftext|>two <|endoftext|> three"])


def roberta_files(here):
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    here.bpe([*specials, *byte_vocabulary(byte_merges()), "<mask>"], byte_merges())


@folder
def roberta(here):
    roberta_files(here)
    here.config(model_max_length=512)
    here.json("config.json", {"model_type": "roberta"})
    here.golden("roberta", ["x  <mask>  y", "<s>a</s></s>b</s>"])


@folder
def bart(here):
    roberta_files(here)
    here.config("BartTokenizer", add_prefix_space=True)
    here.golden("bart", ["x  <mask>  y", "<s>a</s></s>b</s>"])


@folder
def clip(here):
    merges = byte_merges("</w>", lower=True, count=160)
    specials = ["<|startoftext|>", "<|endoftext|>"]
    here.bpe(byte_vocabulary(merges, "</w>") + specials, merges)
    here.json("special_tokens_map.json", {
        "bos_token": added("<|startoftext|>", normalized=True),
        "eos_token": added("<|endoftext|>", normalized=True),
        "unk_token": added("<|endoftext|>", normalized=True),
        "pad_token": "<|endoftext|>",
    })
    here.config("CLIPTokenizer", do_lower_case=True, model_max_length=77)
    here.golden("clip", ["a <|startoftext|> b <|endoftext|> c", "A <|StartOfText|>"])


@folder
def qwen2(here):
    vocabulary = byte_vocabulary(byte_merges())
    here.bpe(vocabulary, byte_merges())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = [added(token, special=True) for token in special]
    tokens.append(added("<tool_call>", special=False))
    here.config(
        "Qwen2Tokenizer", add_prefix_space=False, bos_token=None, eos_token="<|im_end|>",
        pad_token="<|endoftext|>", unk_token=None, additional_special_tokens=special[1:],
        added_tokens_decoder={len(vocabulary) + i: token for i, token in enumerate(tokens)})
    here.golden("qwen2", [
        "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n", "a <tool_call> b",
        "it'S  IT'LL 12 345\r\n\r\n x\n  y"])


@folder
def whisper(here):
    vocabulary = byte_vocabulary(byte_merges()) + ["<|endoftext|>"]
    here.bpe(vocabulary, byte_merges())
    special = [
        "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|de|>", "<|fr|>", "<|translate|>",
        "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nocaptions|>",
        "<|notimestamps|>"]
    ids = {token: len(vocabulary) + i for i, token in enumerate(special)}
    here.json("added_tokens.json", dict(sorted(ids.items())))
    end = added("<|endoftext|>", normalized=True)
    here.json("special_tokens_map.json", {
        "bos_token": end, "eos_token": end, "unk_token": end, "pad_token": "<|endoftext|>",
        "additional_special_tokens": ["<|endoftext|>", *special]})
    here.config("WhisperTokenizer", add_prefix_space=False)
    here.golden("whisper", [
        "<|startoftranscript|><|de|><|transcribe|><|notimestamps|> Hallo!<|endoftext|>",
        "a <|fr|> b <|xx|>"])


# sentencepiece's unigram models.

ALBERT = {
    "pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "bos_piece": "[CLS]",
    "eos_piece": "[SEP]", "control_symbols": ["[MASK]"],
}
DEBERTA = {
    "pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]",
    "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]",
}
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}


@folder
def albert(here):
    # The published models have these symbols too.
    sentencepieces(here.path / "spiece.model", user_defined_symbols=list('()"-.–£€'), **ALBERT)
    here.config("AlbertTokenizer", keep_accents=False, do_lower_case=True)
    here.golden("albert", ["x  [MASK]  y", "costs £5 (or €6.50)"])


@folder
def albert_accents(here):
    sentencepieces(here.path / "spiece.model", **ALBERT)
    here.config(keep_accents=True, do_lower_case=False)
    here.json("config.json", {"model_type": "albert"})
    here.golden("albert", ["x  [MASK]  y"])


@folder
def camembert(here):
    sentencepieces(here.path / "sentencepiece.bpe.model")
    here.json("special_tokens_map.json", {"mask_token": added("<mask>", lstrip=True)})
    here.config("CamembertTokenizer", additional_special_tokens=["<s>NOTUSED", "</s>NOTUSED"])
    here.golden("camembert", ["x  <mask>  y", "a <s>NOTUSED b <unk>NOTUSED"])


@folder
def xlm_roberta(here):
    sentencepieces(here.path / "sentencepiece.bpe.model", normalization_rule_name="nmt_nfkc")
    here.config("XLMRobertaTokenizer", model_max_length=512)
    here.golden("xlm-roberta", ["x  <mask>  y"])


@folder
def mbart(here):
    sentencepieces(here.path / "sentencepiece.bpe.model")
    here.config("MBartTokenizer", src_lang="de_DE", tgt_lang="ro_RO")
    here.golden("mbart", ["x  <mask>  y", "a ro_RO b"])


@folder
def deberta_v2(here):
    pieces = sentencepieces(here.path / "spm.model", **DEBERTA)
    here.json("added_tokens.json", {"[MASK]": len(pieces)})
    here.config("DebertaV2Tokenizer", do_lower_case=False, split_by_punct=False)
    here.golden("deberta-v2", ["x  [MASK]  y"])


@folder
def deberta_v2_punct(here):
    sentencepieces(here.path / "spm.model", **DEBERTA)
    here.config("DebertaV2Tokenizer", do_lower_case=True, split_by_punct=True)
    here.golden("deberta-v2", ["x  [MASK]  y"])


@folder
def t5(here):
    sentencepieces(here.path / "spiece.model", normalization_rule_name="nmt_nfkc", **T5)
    here.config("T5Tokenizer", model_max_length=512)
    here.golden("t5", ["The <extra_id_0> walks in<extra_id_1>park <extra_id_99> <extra_id_100>"])


@folder
def mt5(here):
    sentencepieces(here.path / "spiece.model", byte_fallback=True, vocab_size=600, **T5)
    here.json("special_tokens_map.json", {
        "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"})
    here.config("MT5Tokenizer", extra_ids=0, additional_special_tokens=None)
    here.golden("mt5", ["The <extra_id_0> walks"])


@folder
def siglip(here):
    sentencepieces(here.path / "spiece.model", **T5)
    here.config("SiglipTokenizer", model_max_length=64, do_lower_case=True,
                pad_token="</s>", additional_special_tokens=[])
    here.golden("siglip", ["A photo of 2 cats, sleeping.", "under_score and-dash"])


# sentencepiece's BPE models.

BYTES = {
    "model_type": "bpe", "byte_fallback": True, "vocab_size": 660, "split_digits": True,
    "remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True,
}


@folder
def llama(here):
    sentencepieces(here.path / "tokenizer.model", **BYTES)
    tokens = {  # as Llama 2 was first published
        f"{name}_token": {"__type": "AddedToken", **added(token, normalized=True)}
        for name, token in (("bos", "<s>"), ("eos", "</s>"), ("unk", "<unk>"))
    }
    here.config("LlamaTokenizer", legacy=True, add_bos_token=True, add_eos_token=False,
                pad_token=None, **tokens)
    here.golden("llama", ["[INST] hi [/INST] yes </s><s>[INST] more", "x</s> y <s> z"])


@folder
def llama_plain(here):
    sentencepieces(here.path / "tokenizer.model", **BYTES)
    tokens = [added(token, special=True) for token in ("<unk>", "<s>", "</s>")]
    here.config("LlamaTokenizer", legacy=False, add_bos_token=True, add_eos_token=True,
                bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                added_tokens_decoder={i: token for i, token in enumerate(tokens)})
    here.golden("llama", ["[INST] hi [/INST] yes </s><s>[INST] more", "x</s> y <s> z"])


@folder
def gemma(here):
    symbols = ["<mask>", "<unused0>", "<unused1>", "<start_of_turn>", "<end_of_turn>", "\n",
               "\n\n", "▁▁", "▁▁▁", "<b>", "</b>"]
    sentencepieces(
        here.path / "tokenizer.model", pad_id=0, eos_id=1, bos_id=2, unk_id=3,
        eos_piece="<eos>", bos_piece="<bos>", user_defined_symbols=symbols,
        add_dummy_prefix=False, **BYTES)
    here.json("special_tokens_map.json", {
        f"{name}_token": added(f"<{name}>") for name in ("bos", "eos", "unk", "pad")})
    here.config("GemmaTokenizer", add_bos_token=True, add_eos_token=False)
    here.golden("gemma", [
        "<start_of_turn>user\nHello!<end_of_turn>\n<start_of_turn>model\n",
        "a <b>bold</b> <unused0>  <bos>x"])


# Classes without a fast counterpart.


@folder
def marian(here):
    source = sentencepieces(here.path / "source.spm", vocab_size=300)
    target = sentencepieces(here.path / "target.spm", vocab_size=360)
    tokens = ["</s>", "<unk>", *source[3:], *target[3:], ">>fra<<", ">>deu<<", "<pad>"]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    here.json("vocab.json", vocabulary, indent=None)
    here.config("MarianTokenizer", source_lang="en", target_lang="fra+deu")
    here.golden("marian", [
        ">>fra<< Hello world!", ">>deu<<no space", ">>xyz<< unknown code", "in >>fra<< the middle",
        " >>fra<< after a space"])


WAV2VEC2_TEXTS = [
    "HELLO WORLD", "", " ", "  TWO  SPACES  ", "DON'T SHOUT", "hello World", "CAFÉ À LA CARTE",
    "straße ﬁ", "A1 B2, C3.", "A|B||C", "東京", "<s>A</s> <pad> <unk>B", "TAB\tNEW\nLINE",
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
]
# HELLO WORLD with blanks and repeats, doubled letters without a blank, delimiters at the ends,
# specials between letters, nothing but blanks, nothing.
WAV2VEC2_CTC = [
    [0, 0, 11, 11, 0, 5, 15, 15, 0, 15, 8, 0, 4, 4, 0, 18, 8, 8, 13, 15, 14, 14, 0],
    [11, 5, 15, 15, 8], [4, 4, 11, 7, 4, 0, 4, 11, 7, 4], [1, 11, 3, 11, 2, 0, 5, 5, 1, 5],
    [0, 0, 0], [],
]


def wav2vec2_files(here, **options):
    letters = "|ETAONIHSRDLUMWCFGYPBVK'XJQZ"
    vocabulary = ["<pad>", "<s>", "</s>", "<unk>", *letters]
    here.json("vocab.json", {token: i for i, token in enumerate(vocabulary)}, indent=None)
    here.config("Wav2Vec2CTCTokenizer", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                pad_token="<pad>", word_delimiter_token="|", **options)
    here.golden("wav2vec2", texts=WAV2VEC2_TEXTS, ctc=WAV2VEC2_CTC)


@folder
def wav2vec2(here):
    wav2vec2_files(here, do_lower_case=False)


@folder
def wav2vec2_lower(here):
    wav2vec2_files(here, do_lower_case=True)


@folder
def byt5(here):
    here.config("ByT5Tokenizer", extra_ids=125)
    here.golden("byt5", ["The <extra_id_0> walks in<extra_id_1>park <extra_id_124> <extra_id_125>"])


def main(names):
    if names == ["--list"]:
        print("\n".join(FOLDERS))
        return
    unknown = sorted(set(names) - set(FOLDERS))
    if unknown:
        found = ", ".join(unknown)
        sys.exit(f"make_tokenizers.py: expected names of folders, found {found}; see --list")
    for name in names or FOLDERS:
        make(name)


if __name__ == "__main__":
    main(sys.argv[1:])
