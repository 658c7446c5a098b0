"""Vision transformers and contrastive models: the options that checkpoints in the wild use."""

from transformers import (
    BeitConfig,
    BeitForImageClassification,
    BeitModel,
    DeiTConfig,
    DeiTForImageClassification,
    Dinov2Config,
    Dinov2ForImageClassification,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersForImageClassification,
    Dinov2WithRegistersModel,
    ViTConfig,
    ViTModel,
    YolosConfig,
    YolosForObjectDetection,
    YolosModel,
)

from golden.kit import folder, random_weights, reals

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
