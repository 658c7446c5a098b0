"""Encoder-decoders of text: T5 and its kin, BART, mBART, Marian."""

import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartForQuestionAnswering,
    BartForSequenceClassification,
    BartModel,
    MarianConfig,
    MarianModel,
    MarianMTModel,
    MBartConfig,
    MBartForConditionalGeneration,
    MBartForSequenceClassification,
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
    T5ForSequenceClassification,
    T5ForTokenClassification,
    UMT5Config,
    UMT5ForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput

from golden.kit import PADDED, PADDED_ENCODER, folder, integers, padding, random_weights, reals


class Part(torch.nn.Module):
    """One part of a model, called with the inputs a graph of that part takes."""

    def __init__(self, model, call):
        super().__init__()
        self.model = model
        self.call = call

    def forward(self, return_dict=True, **inputs):
        return self.call(self.model, inputs)


def encoder_of(model):
    return Part(model, lambda m, inputs: m.get_encoder()(**inputs, return_dict=True))


def decoder_of(model):
    """Its logits (or states) from given states of the encoder."""

    def call(m, inputs):
        inputs = dict(inputs)
        states = inputs.pop("encoder_hidden_states")
        mask = inputs.pop("encoder_attention_mask", None)
        found = m(
            encoder_outputs=BaseModelOutput(last_hidden_state=states), attention_mask=mask,
            use_cache=False, return_dict=True, **inputs,
        )
        return {k: v for k, v in found.items() if k in ("logits", "last_hidden_state",
                                                        "decoder_hidden_states")}

    return Part(model, call)


def sequences(golden, model, vocabulary, hidden, seed):
    """The model whole, masked on both sides, and in parts."""
    outputs = ["last_hidden_state" if type(model).__name__.endswith("Model") and
               not hasattr(model, "lm_head") else "logits", "encoder_last_hidden_state"]
    source = integers((2, 7), 3, vocabulary, seed)
    target = integers((2, 5), 3, vocabulary, seed + 1)
    mask = padding([7, 4], 7)
    golden.case("whole", {"input_ids": source, "decoder_input_ids": target}, outputs,
                hidden_states=True)
    golden.case(
        "padded",
        {"input_ids": source, "attention_mask": mask, "decoder_input_ids": target,
         "decoder_attention_mask": padding([5, 3], 5)},
        outputs, note=PADDED_ENCODER,
    )
    golden.case("long", {"input_ids": integers((1, 40), 3, vocabulary, seed + 2),
                         "decoder_input_ids": integers((1, 37), 3, vocabulary, seed + 3)},
                ["encoder_last_hidden_state", outputs[0]])
    golden.case("encoder", {"input_ids": source, "attention_mask": mask}, ["last_hidden_state"],
                note=PADDED, model=encoder_of(model), hidden_states=True)
    golden.case(
        "decoder",
        {"decoder_input_ids": target, "encoder_hidden_states": reals((2, 6, hidden), seed + 4),
         "encoder_attention_mask": padding([3, 6], 6)},
        [outputs[0]], model=decoder_of(model),
    )


def judged(golden, seed, vocabulary, end):
    """Texts whose end token a classifier reads."""
    source = integers((2, 6), 4, vocabulary, seed)
    source[:, 3] = end
    source[0, 5] = end
    source[0, 3] = 4
    golden.case("plain", {"input_ids": source}, ["logits"])
    source = source.clone()
    source[1, 4:] = golden.reference.config.pad_token_id
    golden.case("padded", {"input_ids": source, "attention_mask": padding([6, 4], 6)}, ["logits"])


def t5(cls, config, seed, **changes):
    values = dict(
        vocab_size=70, d_model=24, d_kv=8, d_ff=40, num_layers=2, num_heads=2,
        relative_attention_num_buckets=8, relative_attention_max_distance=20,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )
    values.update(changes)
    model = random_weights(cls(config(**values, attn_implementation="eager")), seed)
    with torch.no_grad():  # T5 does not scale scores: its queries are that much smaller instead
        for name, weight in model.named_parameters():
            if name.endswith("ion.q.weight"):
                weight *= values["d_kv"] ** -0.5
    return model


@folder
def t5_gated_untied(golden):
    model = t5(T5ForConditionalGeneration, T5Config, 101, feed_forward_proj="gated-gelu",
               tie_word_embeddings=False, layer_norm_epsilon=1e-3)
    golden.model(model)
    sequences(golden, model, 70, 24, 102)


@folder
def t5_bytes(golden):
    model = t5(T5ForConditionalGeneration, T5Config, 111, feed_forward_proj="gated-silu",
               num_layers=3, num_decoder_layers=1, num_heads=3, d_kv=4,
               relative_attention_num_buckets=10, tie_word_embeddings=True)
    golden.model(model)
    sequences(golden, model, 70, 24, 112)


@folder
def t5_encoder(golden):
    model = t5(T5EncoderModel, T5Config, 121, feed_forward_proj="gelu")
    golden.model(model)
    golden.case("plain", {"input_ids": integers((2, 30), 3, 70, 122)}, hidden_states=True)


@folder
def t5_seqcls(golden):
    golden.model(t5(T5ForSequenceClassification, T5Config, 131, num_labels=3))
    judged(golden, 132, 70, 1)


@folder
def t5_tokcls(golden):
    golden.model(t5(T5ForTokenClassification, T5Config, 141, num_labels=5))
    golden.case("plain", {"input_ids": integers((2, 7), 3, 70, 142)}, ["logits"])


@folder
def mt5(golden):
    model = t5(MT5ForConditionalGeneration, MT5Config, 151)
    golden.model(model)
    sequences(golden, model, 70, 24, 152)


@folder
def umt5(golden):
    model = t5(UMT5ForConditionalGeneration, UMT5Config, 161)
    golden.model(model)
    sequences(golden, model, 70, 24, 162)


def bart(cls, config, seed, **changes):
    values = dict(
        vocab_size=70, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=4, encoder_ffn_dim=24, decoder_ffn_dim=40,
        max_position_embeddings=44, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        decoder_start_token_id=2, forced_eos_token_id=2,
    )
    values.update(changes)
    model = random_weights(cls(config(**values, attn_implementation="eager")), seed)
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias.copy_(reals(model.final_logits_bias.shape, seed + 1))
    return model


@folder
def bart_scaled(golden):
    model = bart(BartModel, BartConfig, 201, scale_embedding=True, activation_function="relu",
                 decoder_layers=1)
    golden.model(model)
    sequences(golden, model, 70, 16, 202)


@folder
def bart_untied(golden):
    model = bart(BartForConditionalGeneration, BartConfig, 211, tie_word_embeddings=False,
                 activation_function="gelu_new")
    golden.model(model)
    sequences(golden, model, 70, 16, 212)


@folder
def bart_seqcls(golden):
    golden.model(bart(BartForSequenceClassification, BartConfig, 221, decoder_start_token_id=3))
    judged(golden, 222, 70, 2)


@folder
def bart_qa(golden):
    golden.model(bart(BartForQuestionAnswering, BartConfig, 231))
    golden.case("plain", {"input_ids": integers((2, 7), 3, 70, 232)},
                ["start_logits", "end_logits"])


@folder
def mbart(golden):
    model = bart(MBartForConditionalGeneration, MBartConfig, 241, scale_embedding=True)
    golden.model(model)
    sequences(golden, model, 70, 16, 242)


@folder
def mbart_seqcls(golden):
    golden.model(bart(MBartForSequenceClassification, MBartConfig, 251, num_labels=2))
    judged(golden, 252, 70, 2)


@folder
def marian_base(golden):
    model = bart(MarianModel, MarianConfig, 261, d_model=18, encoder_attention_heads=3,
                 decoder_attention_heads=2, activation_function="relu")
    golden.model(model)
    sequences(golden, model, 70, 18, 262)


@folder
def marian_two_vocabularies(golden):
    model = bart(MarianMTModel, MarianConfig, 271, share_encoder_decoder_embeddings=False,
                 scale_embedding=True, activation_function="swish")
    golden.model(model)
    sequences(golden, model, 70, 16, 272)


@folder
def marian_untied(golden):
    model = bart(MarianMTModel, MarianConfig, 281, share_encoder_decoder_embeddings=False,
                 tie_word_embeddings=False, decoder_vocab_size=50)
    golden.model(model)
    sequences(golden, model, 70, 16, 282)
