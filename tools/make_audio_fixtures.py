#!/usr/bin/env python3
"""Writes the files in tests/data/audio and the seeds of the audio fuzz targets.

    make_audio_fixtures.py [--golden FOLDER]

The sounds are made here, in every container; what they decode to comes from soundfile and soxr, the
features and texts from transformers, so that the tests compare against those and not against
themselves. Needed: numpy, soundfile, soxr, torch, transformers (tried: 2.4.6, 0.14.0, 1.1.0,
2.15.0, 4.57.6). --golden is a folder of sets made with the reference libraries (audio-features,
wav2vec2-ctc, hubert-audiocls, ast-audiocls): it gives the speech, and librosa's values. The
committed files are the ones that count; run this only to add to them.
"""

import argparse
import io
import json
import shutil
import struct
import tempfile
import wave
from pathlib import Path

import numpy as np
import soundfile
import soxr

ROOT = Path(__file__).resolve().parent.parent / "tests" / "data"
OUT = ROOT / "audio"
SEEDS = ROOT / "fuzz"
SECONDS = 0.08

# name, container, encoding, rate, channels
FORMATS = [
    ("u8_mono_8k.wav", "WAV", "PCM_U8", 8000, 1),
    ("s16_mono_16k.wav", "WAV", "PCM_16", 16000, 1),
    ("s16_stereo_44k.wav", "WAV", "PCM_16", 44100, 2),
    ("s24_stereo_48k.wav", "WAV", "PCM_24", 48000, 2),
    ("s32_mono_22k.wav", "WAV", "PCM_32", 22050, 1),
    ("f32_surround_48k.wav", "WAVEX", "FLOAT", 48000, 6),
    ("f64_mono_11k.wav", "WAV", "DOUBLE", 11025, 1),
    ("mulaw_mono_8k.wav", "WAV", "ULAW", 8000, 1),
    ("alaw_mono_8k.wav", "WAV", "ALAW", 8000, 1),
    ("adpcm_mono_16k.wav", "WAV", "IMA_ADPCM", 16000, 1),
    ("s16_mono_16k.rf64", "RF64", "PCM_16", 16000, 1),
    ("s16_stereo_44k.flac", "FLAC", "PCM_16", 44100, 2),
    ("s24_mono_16k.flac", "FLAC", "PCM_24", 16000, 1),
    ("s16_surround_48k.flac", "FLAC", "PCM_16", 48000, 6),
    ("vorbis_stereo_44k.ogg", "OGG", "VORBIS", 44100, 2),
    ("vorbis_mono_11k.ogg", "OGG", "VORBIS", 11025, 1),
    ("opus_mono_48k.ogg", "OGG", "OPUS", 48000, 1),
    ("opus_stereo_16k.ogg", "OGG", "OPUS", 16000, 2),
    ("mono_16k.mp3", "MP3", "MPEG_LAYER_III", 16000, 1),
    ("stereo_44k.mp3", "MP3", "MPEG_LAYER_III", 44100, 2),
    ("mono_22k.mp3", "MP3", "MPEG_LAYER_III", 22050, 1),
]


class Expected:
    """Arrays of f32 in one file, and what they are in another."""

    def __init__(self):
        self.arrays = {}
        self.values = []
        self.count = 0

    def add(self, name, array, stride=1):
        array = np.asarray(array, dtype="<f4")
        kept = array.reshape(-1)[::stride]
        self.arrays[name] = {"begin": self.count, "shape": list(array.shape), "stride": stride}
        self.values.append(kept)
        self.count += len(kept)

    def write(self, name, **more):
        np.concatenate(self.values).tofile(OUT / f"{name}.f32")
        text = json.dumps({"arrays": self.arrays, **more}, indent=1, sort_keys=True)
        (OUT / f"{name}.json").write_text(text + "\n")


def sound(rate, channels):
    """Chirps with a click, another one in each channel, fading in and out."""
    time = np.arange(int(rate * SECONDS)) / rate
    rows = []
    for channel in range(channels):
        top = rate * 0.4
        start = 150.0 * (channel + 1)
        phase = 2 * np.pi * (start * time + (top - start) * time**2 / (2 * SECONDS))
        row = 0.6 * np.sin(phase) * np.sin(np.pi * time / SECONDS)
        row[len(row) // 3 + 5 * channel] += 0.3
        rows.append(row)
    return np.stack(rows, axis=1)


def mono(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate


def at_16k(samples, rate):
    """As librosa.load: soxr's HQ, and a fixed length."""
    if rate == 16000:
        return samples
    length = int(np.ceil(len(samples) * 16000 / rate))
    resampled = soxr.resample(samples, rate, 16000, quality="HQ")[:length]
    return np.pad(resampled, (0, length - len(resampled)))


def write_formats():
    expected = Expected()
    files = []
    folder = OUT / "formats"
    folder.mkdir(parents=True, exist_ok=True)
    for name, container, encoding, rate, channels in FORMATS:
        soundfile.write(folder / name, sound(rate, channels), rate, format=container,
                        subtype=encoding)
        samples, found = mono(folder / name)
        expected.add(name, samples)
        expected.add(name + "@16k", at_16k(samples, found))
        files.append({"name": name, "rate": found, "channels": channels})
    tagged = b"ID3\x04\x00\x00\x00\x00\x00\x0cTIT2\x00\x00\x00\x02\x00\x00\x00x"
    shutil.copy(folder / "mono_16k.mp3", folder / "tagged.mp3")
    content = (folder / "tagged.mp3").read_bytes()
    (folder / "tagged.mp3").write_bytes(tagged + content)
    time = np.arange(4800) / 16000
    soundfile.write(folder / "tone_1khz.mp3", 0.5 * np.sin(2 * np.pi * 1000 * time), 16000,
                    format="MP3", subtype="MPEG_LAYER_III")
    expected.write("formats", files=files)


EXTRACTORS = [
    {"feature_extractor_type": "Wav2Vec2FeatureExtractor"},
    {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": False,
     "return_attention_mask": True},
    {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "padding_side": "left",
     "padding_value": -1.5, "return_attention_mask": True},
    {"feature_extractor_type": "ASTFeatureExtractor", "max_length": 40},
    {"feature_extractor_type": "ASTFeatureExtractor", "max_length": 140, "num_mel_bins": 24,
     "do_normalize": False},
    {"feature_extractor_type": "ASTFeatureExtractor", "max_length": 120, "num_mel_bins": 64,
     "mean": -6.5, "std": 2.25},
    {"feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": 1, "feature_size": 128},
    {"feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": 3},
    {"feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": 2,
     "padding_side": "left"},
    {"feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": 2, "n_fft": 512,
     "hop_length": 200, "feature_size": 40, "padding_value": 0.01},
    {"feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": 2, "n_fft": 441,
     "hop_length": 147, "feature_size": 64},
]


def write_features(speech):
    import transformers

    expected = Expected()
    clips = {"long": speech[:20000], "short": speech[6000:13000]}
    cases = []
    for number, config in enumerate(EXTRACTORS):
        kind = config["feature_extractor_type"]
        made = getattr(transformers, kind)(**{k: v for k, v in config.items()
                                              if k != "feature_extractor_type"})
        whisper = kind.startswith("Whisper")
        mask = {"return_attention_mask": True} if whisper or config.get("return_attention_mask") \
            else {}
        stride = 5 if kind.startswith("Wav2Vec2") else 3
        for clip, samples in clips.items():
            features = made(samples, sampling_rate=16000, return_tensors="np", **mask)
            output = made.model_input_names[0]
            expected.add(f"{number}.{clip}", features[output][0], stride)
            case = {"config": config, "clip": clip, "values": f"{number}.{clip}", "output": output}
            if "attention_mask" in features:
                case["mask"] = int(features["attention_mask"][0].sum())
                case["mask_first"] = int(features["attention_mask"][0].argmax())
            cases.append(case)
        # Filling up on the left, the reference normalizes by the wrong samples.
        if mask and not whisper and "padding_side" not in config:
            batch = made(list(clips.values()), sampling_rate=16000, return_tensors="np",
                         padding=True, **mask)
            expected.add(f"{number}.batch", batch["input_values"], stride)
            cases.append({"config": config, "clip": "batch", "values": f"{number}.batch",
                          "output": "input_values",
                          "mask": int(batch["attention_mask"][1].sum()),
                          "mask_first": int(batch["attention_mask"][1].argmax())})
    expected.write("features", cases=cases)


def ctc_vocabularies():
    letters = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"
    english = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *letters])}
    russian = {token: i for i, token in enumerate(["|", *"АБВГДЕЖЗИЙКЛМН", "[UNK]", "[PAD]"])}
    return [
        ("english", english, {}),
        ("lower", english, {"do_lower_case": True}),
        ("underscore", english, {"replace_word_delimiter_char": "_"}),
        ("russian", russian, {"unk_token": "[UNK]", "pad_token": "[PAD]", "do_lower_case": True}),
        ("punctuated", {token: i for i, token in enumerate(
            ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABTN'.,?!", "n't", "'s"])},
         {"clean_up_tokenization_spaces": True}),
        ("languages", {"eng": english, "rus": {**russian, "<pad>": 17, "<s>": 18}},
         {"target_lang": "rus"}),
        ("delimited",
         {"<pad>": 0, "<unk>": 1, " ": 2, "a": 3, "ß": 4, "İ": 5, "\u3000": 6, "sh": 7},
         {"word_delimiter_token": " ", "do_lower_case": True}),
    ]


def write_ctc(golden):
    from transformers import Wav2Vec2CTCTokenizer

    random = np.random.default_rng(7)
    sets = []
    for name, vocabulary, config in ctc_vocabularies():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vocab.json"
            path.write_text(json.dumps(vocabulary, ensure_ascii=False))
            tokenizer = Wav2Vec2CTCTokenizer(str(path), **config)
        own = vocabulary.get(config.get("target_lang"), vocabulary)
        size = len(own) + 3
        blank = tokenizer.pad_token_id
        cases = []
        for frames in (0, 1, 7, 30, 90, 90):
            # Frames of a token repeat, and many are blank or between words.
            logits = random.normal(size=(frames, size))
            logits[:, blank] += 1.0
            logits[:, tokenizer.word_delimiter_token_id or 0] += 0.7
            ids = np.repeat(logits.argmax(-1), random.integers(1, 4, frames)) if frames else \
                np.zeros(0, int)
            cases.append(ctc_case(tokenizer, ids.tolist()))
        sets.append({"name": name, "vocabulary": vocabulary,
                     "config": {"tokenizer_class": "Wav2Vec2CTCTokenizer", **config},
                     "cases": cases})
    if golden is not None:
        folder = golden / "wav2vec2-ctc"
        tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder)
        ctc = json.loads((folder / "golden.json").read_text())["ctc"]
        case = ctc_case(tokenizer, ctc["ids"][0])
        assert case["text"] == ctc["text"][0]
        sets.append({"name": "golden", "cases": [case],
                     "vocabulary": json.loads((folder / "vocab.json").read_text()),
                     "config": json.loads((folder / "tokenizer_config.json").read_text())})
    text = json.dumps({"sets": sets}, ensure_ascii=False, separators=(",", ":"))
    (OUT / "ctc.json").write_text(text + "\n")


def ctc_case(tokenizer, ids):
    out = tokenizer.decode(ids, output_char_offsets=True, output_word_offsets=True)
    spans = lambda offsets, key: [[each[key], int(each["start_offset"]), int(each["end_offset"])]
                                  for each in offsets]
    return {"ids": ids, "text": out.text, "characters": spans(out.char_offsets, "char"),
            "words": spans(out.word_offsets, "word")}


def write_golden(golden):
    """What librosa and the classes made of speech (synthesised by espeak-ng), what is used."""
    from safetensors.numpy import load_file

    expected = Expected()
    folder = golden / "audio-features"
    (OUT / "speech").mkdir(parents=True, exist_ok=True)
    for extension in ("wav", "flac", "mp3"):
        shutil.copyfile(folder / "audio" / f"speech_16k_2s.{extension}",
                        OUT / "speech" / f"speech_16k.{extension}")
    with wave.open(str(folder / "audio" / "speech_44k_stereo.wav")) as whole, \
            wave.open(str(OUT / "speech" / "speech_44k_stereo.wav"), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(22050))
    arrays = load_file(folder / "golden.safetensors")
    for extension in ("wav", "mp3"):
        expected.add(f"decode.{extension}", arrays[f"decode.speech_16k_2s.{extension}.slice"][:, 0],
                     4)
    expected.add("resample.HQ", arrays["resample.speech_44k_stereo.wav.HQ"], 2)
    for name in ("mel.1024_512_80", "logmel.1024_512_80", "mfcc.1024_512_80", "mel.400_160_80",
                 "logmel.400_160_80", "mfcc.400_160_80"):
        expected.add(name, arrays[name], 3 if "400" in name else 1)
    expected.add("whisper", arrays["whisper.80"], 3)
    for name, tensor in (("wav2vec2-ctc", "one.input_values"),
                         ("wav2vec2-ctc", "padded.input_values"),
                         ("hubert-audiocls", "padded.input_values"),
                         ("ast-audiocls", "one.input_values")):
        array = load_file(golden / name / "golden.safetensors")[tensor]
        expected.add(f"{name}.{tensor}", array, 1 if name == "ast-audiocls" else 7)
    expected.write("golden")


def write_seeds():
    decode = SEEDS / "audio_decode_fuzz"
    decode.mkdir(parents=True, exist_ok=True)
    for name in ("u8_mono_8k.wav", "adpcm_mono_16k.wav", "s16_mono_16k.rf64", "s24_mono_16k.flac",
                 "vorbis_mono_11k.ogg", "opus_mono_48k.ogg", "mono_16k.mp3"):
        shutil.copyfile(OUT / "formats" / name, decode / name)
    empty = io.BytesIO()
    with wave.open(empty, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
    (decode / "empty.wav").write_bytes(empty.getvalue())
    no_rate = empty.getvalue().replace(struct.pack("<I", 16000), bytes(4))
    (decode / "no_rate.wav").write_bytes(no_rate)
    features = SEEDS / "audio_features_fuzz"
    features.mkdir(parents=True, exist_ok=True)
    for number, config in enumerate(EXTRACTORS):
        (features / f"{number}.json").write_text(json.dumps(config))
    ctc = SEEDS / "ctc_fuzz"
    ctc.mkdir(parents=True, exist_ok=True)
    for name, vocabulary, config in ctc_vocabularies():
        text = json.dumps(vocabulary, ensure_ascii=False) + "\0" + json.dumps(config)
        (ctc / name).write_text(text + "\0\1\2\2\0\2\5\6\4\7")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", type=Path)
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    write_formats()
    if options.golden is not None:
        write_golden(options.golden)
    speech, _ = mono(OUT / "speech" / "speech_16k.wav")
    write_features(speech)
    write_ctc(options.golden)
    write_seeds()


if __name__ == "__main__":
    main()
