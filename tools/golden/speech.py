"""wav2vec 2.0, HuBERT, AST and Whisper: norms, adapters, positions, masks, heads, parts."""

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    ASTConfig,
    ASTForAudioClassification,
    ASTModel,
    HubertConfig,
    HubertForCTC,
    HubertForSequenceClassification,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2ForAudioFrameClassification,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Model,
    WhisperConfig,
    WhisperForAudioClassification,
    WhisperForConditionalGeneration,
    WhisperModel,
)
from transformers.modeling_outputs import BaseModelOutput

from golden.kit import folder, integers, padding, random_weights, reals

# A frame every 20 samples that sees 35.
SIZES = dict(
    vocab_size=17,
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=40,
    conv_dim=(8, 12, 10),
    conv_kernel=(10, 4, 2),
    conv_stride=(5, 2, 2),
    num_conv_pos_embeddings=6,
    num_conv_pos_embedding_groups=3,
    mask_time_prob=0.0,
    attn_implementation="eager",
)


def speech(golden, model, length=500):
    """`model` saved, with its outputs for waves alone, padded, and too short for one frame."""
    golden.model(model)
    golden.case("one", {"input_values": reals((1, length), 1)}, hidden_states=True)
    golden.case("two", {"input_values": reals((2, 333), 2)})
    wave = reals((4, 420), 3)
    # 234: the last sample of a frame is missing; 20: no frame fits.
    mask = padding([420, 234, 235, 20], 420)
    golden.case(
        "padded",
        {"input_values": wave * mask, "attention_mask": mask},
        hidden_states=True,
    )


def old_weight_norm(golden):
    """The positions' kernel under the names that torch's first weight norm gave its parts."""
    path = golden.path / "model.safetensors"
    new = {"parametrizations.weight.original0": "weight_g",
           "parametrizations.weight.original1": "weight_v"}
    weights = {}
    for name, weight in load_file(path).items():
        for before, after in new.items():
            name = name.replace(before, after)
        weights[name] = weight
    save_file(weights, path)


@folder
def wav2vec2_stable_adapters(golden):
    """Norms first, layer norm in every convolution, an adapter per layer and one behind."""
    config = Wav2Vec2Config(**SIZES | dict(
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
        feat_extract_activation="gelu_new",
        hidden_act="relu",
        conv_bias=True,
        num_conv_pos_embeddings=5,
        num_conv_pos_embedding_groups=1,
        layer_norm_eps=1e-3,
        adapter_attn_dim=6,
        add_adapter=True,
        num_adapter_layers=2,
        adapter_kernel_size=4,
        adapter_stride=2,
        output_hidden_size=14,
    ))
    # Long enough for its few frames to have the errors of bf16 that many would have.
    speech(golden, random_weights(Wav2Vec2ForCTC(config), seed=301), length=900)
    old_weight_norm(golden)


@folder
def wav2vec2_feature(golden):
    """Group norm in front, a bias in every convolution, an adapter as wide as the encoder."""
    config = Wav2Vec2Config(**SIZES | dict(
        conv_bias=True,
        add_adapter=True,
        num_adapter_layers=1,
        adapter_stride=3,
        num_attention_heads=3,
        mask_time_prob=0.05,  # stores the vector for masked frames
    ))
    speech(golden, random_weights(Wav2Vec2Model(config), seed=302))


@folder
def wav2vec2_audiocls_layers(golden):
    """A learned mean of the layers, norms first, layer norm in every convolution."""
    config = Wav2Vec2Config(**SIZES | dict(
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
        use_weighted_layer_sum=True,
        classifier_proj_size=9,
        num_labels=4,
        hidden_act="silu",
    ))
    speech(golden, random_weights(Wav2Vec2ForSequenceClassification(config), seed=303))


@folder
def wav2vec2_framecls(golden):
    """Labels per frame, over a learned mean of the layers."""
    config = Wav2Vec2Config(**SIZES | dict(use_weighted_layer_sum=True, num_labels=3))
    speech(golden, random_weights(Wav2Vec2ForAudioFrameClassification(config), seed=304))


@folder
def hubert_ctc_batch_norm(golden):
    """Positions behind batch norm, features projected without a norm."""
    config = HubertConfig(**SIZES | dict(
        conv_pos_batch_norm=True,
        feat_proj_layer_norm=False,
        conv_bias=True,
        feat_extract_activation="relu",
        hidden_act="gelu_new",
    ))
    speech(golden, random_weights(HubertForCTC(config), seed=305))


@folder
def hubert_feature_stable(golden):
    """As the large HuBERT: norms first, layer norm in every convolution."""
    config = HubertConfig(**SIZES | dict(
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
        conv_bias=True,
        adapter_attn_dim=4,
        num_hidden_layers=3,
    ))
    speech(golden, random_weights(HubertModel(config), seed=306))


@folder
def hubert_audiocls_layers(golden):
    config = HubertConfig(**SIZES | dict(
        use_weighted_layer_sum=True, classifier_proj_size=7, num_labels=2
    ))
    speech(golden, random_weights(HubertForSequenceClassification(config), seed=307))
    old_weight_norm(golden)


AST_SIZES = dict(
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=36,
    patch_size=6,
    frequency_stride=4,
    time_stride=5,
    max_length=33,
    num_mel_bins=20,
    attn_implementation="eager",
)


@folder
def ast_feature(golden):
    """Patches that overlap more along one side, and the mean of both tokens."""
    config = ASTConfig(**AST_SIZES | dict(hidden_act="gelu_new", layer_norm_eps=1e-3))
    golden.model(random_weights(ASTModel(config), seed=311))
    golden.case("one", {"input_values": reals((1, 33, 20), 1)})
    golden.case("three", {"input_values": reals((3, 33, 20), 2)})


@folder
def ast_audiocls_no_bias(golden):
    """Queries, keys and values without biases; patches that leave gaps."""
    config = ASTConfig(**AST_SIZES | dict(
        qkv_bias=False, hidden_act="relu", time_stride=9, frequency_stride=7, num_labels=7
    ))
    golden.model(random_weights(ASTForAudioClassification(config), seed=312))
    golden.case("eight", {"input_values": reals((8, 33, 20), 3)})


WHISPER_SIZES = dict(
    vocab_size=60,
    num_mel_bins=10,
    d_model=16,
    encoder_layers=2,
    decoder_layers=3,
    encoder_attention_heads=4,
    decoder_attention_heads=2,
    encoder_ffn_dim=40,
    decoder_ffn_dim=28,
    max_source_positions=15,
    max_target_positions=12,
    pad_token_id=50,
    bos_token_id=50,
    eos_token_id=50,
    decoder_start_token_id=51,
    begin_suppress_tokens=None,
    use_cache=False,
    attn_implementation="eager",
)


class Decoder(torch.nn.Module):
    """The decoder and its head alone, on what an encoder made earlier."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, encoder_hidden_states, return_dict=True, **inputs):
        memory = BaseModelOutput(last_hidden_state=encoder_hidden_states)
        return self.model(encoder_outputs=memory, **inputs, return_dict=return_dict)


def whisper(golden, model, first):
    """`model` saved, with its outputs for features and tokens and of each part; `first`: the name
    of the decoder's."""
    golden.model(model)
    base = getattr(model, "model", model)
    ids = integers((2, 7), 0, 60, 1)
    mask = padding([7, 4], 7, left=True)
    features = {"input_features": reals((2, 10, 30), 2)}
    golden.case("both", features | {"decoder_input_ids": ids}, hidden_states=True)
    golden.case(
        "padded",
        features | {
            "decoder_input_ids": ids,
            "decoder_attention_mask": mask,
            "decoder_position_ids": (mask.cumsum(1) - 1).clamp(min=0),
        },
    )
    golden.case("longest", features | {"decoder_input_ids": integers((2, 12), 0, 60, 3)})
    golden.case("encoder", features, hidden_states=True, model=base.encoder)
    golden.case(
        "decoder",
        {"encoder_hidden_states": reals((2, 15, 16), 4), "decoder_input_ids": ids},
        [first],
        model=Decoder(model),
    )


@folder
def whisper_feature(golden):
    config = WhisperConfig(**WHISPER_SIZES | dict(activation_function="relu"))
    whisper(golden, random_weights(WhisperModel(config), seed=321), "last_hidden_state")


@folder
def whisper_untied(golden):
    """A language model with a table of its own; scale_embedding, which changes nothing."""
    config = WhisperConfig(**WHISPER_SIZES | dict(
        tie_word_embeddings=False, scale_embedding=True, activation_function="gelu_new"
    ))
    model = random_weights(WhisperForConditionalGeneration(config), seed=322)
    with torch.no_grad():  # as a checkpoint may have them, not the computed sines
        table = model.model.encoder.embed_positions.weight
        table.copy_(0.3 * reals(table.shape, 5))
    whisper(golden, model, "logits")


@folder
def whisper_audiocls_layers(golden):
    """The encoder alone under a classifier that looks at all layers."""
    config = WhisperConfig(**WHISPER_SIZES | dict(
        use_weighted_layer_sum=True, classifier_proj_size=9, num_labels=4, encoder_layers=3
    ))
    golden.model(random_weights(WhisperForAudioClassification(config), seed=323))
    golden.case("eight", {"input_features": reals((8, 10, 30), 6)}, hidden_states=True)


@folder
def whisper_audiocls(golden):
    config = WhisperConfig(**WHISPER_SIZES | dict(classifier_proj_size=9, num_labels=3))
    golden.model(random_weights(WhisperForAudioClassification(config), seed=324))
    golden.case("eight", {"input_features": reals((8, 10, 30), 7)}, hidden_states=True)
