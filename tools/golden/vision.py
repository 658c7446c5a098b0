"""Vision transformers and contrastive models: the options that checkpoints in the wild use."""

import torch
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    BeitModel,
    CLIPConfig,
    CLIPForImageClassification,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
    DeiTConfig,
    DeiTForImageClassification,
    Dinov2Config,
    Dinov2ForImageClassification,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersForImageClassification,
    Dinov2WithRegistersModel,
    SiglipConfig,
    SiglipForImageClassification,
    SiglipModel,
    SiglipTextConfig,
    SiglipTextModel,
    SiglipVisionConfig,
    SiglipVisionModel,
    ViTConfig,
    ViTModel,
    YolosConfig,
    YolosForObjectDetection,
    YolosModel,
)

from golden.bert import vocabulary
from golden.kit import PADDED, folder, integers, padding, random_weights, reals
from golden.sentence import tokenizer_json

EAGER = {"attn_implementation": "eager"}


def images(batch, height, width, seed, channels=3):
    return {"pixel_values": reals((batch, channels, height, width), seed)}


# --- ViT and DeiT --------------------------------------------------------------------------------


@folder
def vit_options(golden):
    """No biases, a pooler of another size, grey images that are no squares, oblong patches."""
    config = ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
        hidden_act="relu", layer_norm_eps=1e-3, image_size=[16, 18], patch_size=[4, 6],
        num_channels=1, qkv_bias=False, pooler_output_size=10, pooler_act="sigmoid", **EAGER)
    golden.model(random_weights(ViTModel(config), seed=301))
    golden.case("two", images(2, 16, 18, 302, channels=1), hidden_states=True)


@folder
def vit_without_pooler(golden):
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        hidden_act="gelu_pytorch_tanh", image_size=12, patch_size=5, **EAGER)
    golden.model(random_weights(ViTModel(config, add_pooling_layer=False), seed=303))
    golden.case("one", images(1, 12, 12, 304), hidden_states=True)


@folder
def deit_imgcls(golden):
    """Without a teacher's head, but with the token that learned from one."""
    config = DeiTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        hidden_act="quick_gelu", image_size=12, patch_size=4, qkv_bias=False, num_labels=3, **EAGER)
    golden.model(random_weights(DeiTForImageClassification(config), seed=305))
    golden.case("two", images(2, 12, 12, 306), hidden_states=True)


# --- DINOv2 --------------------------------------------------------------------------------------


def dinov2(kind, **options):
    return kind(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, image_size=20, patch_size=4,
        **options, **EAGER)


@folder
def dinov2_swiglu_imgcls(golden):
    config = dinov2(
        Dinov2Config, mlp_ratio=2.5, use_swiglu_ffn=True, qkv_bias=False, use_mask_token=False,
        num_labels=9)
    golden.model(random_weights(Dinov2ForImageClassification(config), seed=311))
    golden.case("own_size", images(2, 20, 20, 312), hidden_states=True)
    golden.case("wide", images(3, 18, 41, 313))


@folder
def dinov2_registers(golden):
    """Of another size, these positions are resized with anti-aliasing."""
    config = dinov2(
        Dinov2WithRegistersConfig, mlp_ratio=2, num_register_tokens=3, hidden_act="gelu_new")
    golden.model(random_weights(Dinov2WithRegistersModel(config), seed=314))
    golden.case("own_size", images(2, 20, 20, 315), hidden_states=True)
    golden.case("larger", images(1, 40, 32, 316))
    golden.case("smaller", images(1, 8, 13, 317))


@folder
def dinov2_registers_imgcls(golden):
    config = dinov2(
        Dinov2WithRegistersConfig, mlp_ratio=3, use_swiglu_ffn=True, num_register_tokens=2,
        layer_norm_eps=1e-4, num_labels=3)
    golden.model(random_weights(Dinov2WithRegistersForImageClassification(config), seed=318))
    golden.case("two", images(2, 24, 20, 319))


# --- BEiT ----------------------------------------------------------------------------------------


def beit(**options):
    return BeitConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        patch_size=4, **options, **EAGER)


@folder
def beit_imgcls(golden):
    """A bias of relative positions in every layer, the mean of patches."""
    config = beit(
        image_size=16, use_relative_position_bias=True, use_mask_token=True, num_labels=7)
    golden.model(random_weights(BeitForImageClassification(config), seed=321))
    golden.case("own_size", images(3, 16, 16, 322), hidden_states=True)
    golden.case("tall", images(3, 29, 12, 323))


@folder
def beit_shared_bias(golden):
    """One bias and one table of absolute positions, no scales, the class token."""
    config = beit(
        image_size=12, use_shared_relative_position_bias=True, use_relative_position_bias=True,
        use_absolute_position_embeddings=True, layer_scale_init_value=0, use_mean_pooling=False,
        hidden_act="relu", num_channels=2)
    golden.model(random_weights(BeitModel(config), seed=324))
    golden.case("own_size", images(2, 12, 12, 325, channels=2), hidden_states=True)
    golden.case("wide", images(1, 16, 24, 326, channels=2))


@folder
def beit_oblong(golden):
    """Trained on images that are no squares; no absolute positions; the mean of patches."""
    config = beit(image_size=[8, 20], use_shared_relative_position_bias=True)
    golden.model(random_weights(BeitModel(config), seed=327))
    golden.case("own_size", images(1, 8, 20, 328), hidden_states=True)


@folder
def beit_plain(golden):
    """Without positions of any kind, and without a pooler."""
    config = beit(image_size=8, layer_norm_eps=1e-4)
    golden.model(random_weights(BeitModel(config, add_pooling_layer=False), seed=329))
    golden.case("two", images(2, 8, 8, 330))


# --- YOLOS ---------------------------------------------------------------------------------------


def yolos(**options):
    return YolosConfig(
        hidden_size=24, num_attention_heads=3, intermediate_size=32, patch_size=4, **options,
        **EAGER)


@folder
def yolos_detection(golden):
    config = yolos(image_size=[12, 20], num_hidden_layers=3, num_detection_tokens=5, num_labels=3)
    golden.model(random_weights(YolosForObjectDetection(config), seed=331))
    found = ["logits", "pred_boxes"]
    golden.case("own_size", images(2, 12, 20, 332), found, hidden_states=True)
    golden.case("larger", images(1, 22, 24, 333), found)


@folder
def yolos_base(golden):
    config = yolos(
        image_size=[16, 16], num_hidden_layers=2, num_detection_tokens=3, qkv_bias=False,
        use_mid_position_embeddings=False, hidden_act="gelu_new", layer_norm_eps=1e-5)
    golden.model(random_weights(YolosModel(config), seed=334))
    golden.case("own_size", images(1, 16, 16, 335), hidden_states=True)
    golden.case("smaller", images(2, 8, 12, 336))


# --- CLIP ----------------------------------------------------------------------------------------

CLIP_TEXT = dict(
    vocab_size=40, hidden_size=24, intermediate_size=32, num_hidden_layers=2,
    num_attention_heads=3, max_position_embeddings=12, bos_token_id=38, eos_token_id=39,
    pad_token_id=0)
CLIP_VISION = dict(
    hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=12,
    patch_size=4)


def texts(lengths, width, seed, begin=38, end=39, vocabulary=38):
    """Token ids [len(lengths), width] that end where the lengths say, and their mask."""
    ids = integers((len(lengths), width), 3, vocabulary, seed)
    mask = padding(lengths, width)
    ids[:, 0] = begin
    for row, length in zip(ids, lengths):
        row[length - 1] = end
        row[length:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def own_precision(model):
    """Lets the causal mask, which is made in torch's default precision, be made in the model's."""
    model.register_forward_pre_hook(lambda own, inputs: torch.set_default_dtype(own.dtype))
    model.register_forward_hook(
        lambda own, inputs, outputs: torch.set_default_dtype(torch.float32), always_call=True)
    return model


def tower(kind, config, weights):
    """A tower of a model as one of its own, with the same weights."""
    model = kind(config)
    part = "text_model" if hasattr(model, "text_model") else "vision_model"
    setattr(model, part, getattr(weights, part))
    return own_precision(model.eval())


@folder
def clip_towers(golden):
    """Towers of two sizes; the projection's size is the model's own, not the towers'."""
    config = CLIPConfig(
        text_config={**CLIP_TEXT, "hidden_act": "gelu", "projection_dim": 99},
        vision_config={**CLIP_VISION, "layer_norm_eps": 1e-3}, projection_dim=20, **EAGER)
    model = own_precision(random_weights(CLIPModel(config), seed=341))
    golden.model(model)
    golden.case("pair", {**texts([4, 7, 2], 7, 342), **images(2, 12, 12, 343)})
    text = tower(CLIPTextModel, config.text_config, model)
    golden.case("text", texts([6, 3], 6, 344), hidden_states=True, model=text, note=PADDED)
    ids = texts([5, 5], 5, 345)["input_ids"]
    golden.case("text_alone", {"input_ids": ids}, model=text)
    places = integers((2, 5), 0, 12, 346)
    golden.case("text_positions", {"input_ids": ids, "position_ids": places}, model=text)
    vision = tower(CLIPVisionModel, config.vision_config, model)
    golden.case("image", images(2, 12, 12, 347), hidden_states=True, model=vision)


@folder
def clip_text_projection(golden):
    """A config of the first releases, whose end token is said to be 2: it is the largest id."""
    config = CLIPTextConfig(**{**CLIP_TEXT, "eos_token_id": 2, "projection_dim": 10}, **EAGER)
    golden.model(own_precision(random_weights(CLIPTextModelWithProjection(config), seed=348)))
    golden.case("two", texts([7, 4], 7, 349), hidden_states=True, note=PADDED)


@folder
def clip_text(golden):
    config = CLIPTextConfig(**CLIP_TEXT, **EAGER)
    golden.model(own_precision(random_weights(CLIPTextModel(config), seed=351)))
    golden.case("two", texts([3, 5], 6, 352), hidden_states=True, note=PADDED)
    without_end = integers((2, 4), 0, 38, 353)
    golden.case("without_end", {"input_ids": without_end})


@folder
def clip_vision_projection(golden):
    config = CLIPVisionConfig(**CLIP_VISION, projection_dim=10, num_channels=1, **EAGER)
    golden.model(random_weights(CLIPVisionModelWithProjection(config), seed=354))
    golden.case("two", images(2, 12, 12, 355, channels=1), hidden_states=True)


@folder
def clip_imgcls(golden):
    config = CLIPConfig(
        text_config={**CLIP_TEXT, "num_hidden_layers": 1}, vision_config=CLIP_VISION, num_labels=4,
        **EAGER)
    golden.model(random_weights(CLIPForImageClassification(config), seed=356))
    golden.case("three", images(3, 12, 12, 357), hidden_states=True)


# --- SigLIP --------------------------------------------------------------------------------------

SIGLIP_TEXT = dict(
    vocab_size=40, hidden_size=24, intermediate_size=32, num_hidden_layers=2,
    num_attention_heads=3, max_position_embeddings=8)
SIGLIP_VISION = dict(
    hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=12,
    patch_size=4)


@folder
def siglip(golden):
    config = SiglipConfig(
        text_config={**SIGLIP_TEXT, "projection_size": 16, "hidden_act": "gelu"},
        vision_config={**SIGLIP_VISION, "layer_norm_eps": 1e-3}, **EAGER)
    model = random_weights(SiglipModel(config), seed=361)
    golden.model(model)
    padded = texts([4, 8, 2], 8, 362)
    ids = {"input_ids": padded["input_ids"]}
    golden.case("pair", {**ids, **images(2, 12, 12, 363)})
    golden.case("pair_masked", {**padded, **images(6, 12, 12, 364)})
    text = tower(SiglipTextModel, config.text_config, model)
    golden.case("text", ids, hidden_states=True, model=text)
    vision = tower(SiglipVisionModel, config.vision_config, model)
    golden.case("image", images(2, 12, 12, 365), hidden_states=True, model=vision)


@folder
def siglip_labels(golden):
    """With a tokenizer and what it says about images: for make_answers.py. Texts of 64 tokens, as
    the reference library's pipeline fills them up."""
    words = {**SIGLIP_TEXT, "vocab_size": len(vocabulary()), "max_position_embeddings": 64}
    config = SiglipConfig(
        text_config={**words, "projection_size": 16}, vision_config=SIGLIP_VISION, **EAGER)
    model = random_weights(SiglipModel(config), seed=373)
    with torch.no_grad():
        model.logit_scale.fill_(1.6)
        model.logit_bias.fill_(-0.8)
    golden.model(model)
    tokenizer = tokenizer_json()
    end = {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
    tokenizer["post_processor"]["single"] = [{"Sequence": {"id": "A", "type_id": 0}}, end]
    golden.write("tokenizer.json", tokenizer, indent=None)
    golden.write("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64,
        "model_input_names": ["input_ids"], "pad_token": "[PAD]", "unk_token": "[UNK]",
        "eos_token": "[SEP]"})
    golden.write("preprocessor_config.json", {
        "image_processor_type": "SiglipImageProcessor", "size": {"height": 12, "width": 12},
        "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})


@folder
def siglip_text(golden):
    config = SiglipTextConfig(**SIGLIP_TEXT, **EAGER)
    golden.model(random_weights(SiglipTextModel(config), seed=366))
    golden.case("two", {"input_ids": integers((2, 8), 0, 40, 367)}, hidden_states=True)


@folder
def siglip_vision(golden):
    """Without the head that pools."""
    config = SiglipVisionConfig(**SIGLIP_VISION, vision_use_head=False, num_channels=2, **EAGER)
    golden.model(random_weights(SiglipVisionModel(config), seed=368))
    golden.case("two", images(2, 12, 12, 369, channels=2), hidden_states=True)


@folder
def siglip_imgcls(golden):
    config = SiglipConfig(
        text_config=SIGLIP_TEXT, vision_config=SIGLIP_VISION, num_labels=5, **EAGER)
    golden.model(random_weights(SiglipForImageClassification(config), seed=371))
    golden.case("three", images(3, 12, 12, 372))
