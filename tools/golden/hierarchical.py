"""Convolutional and hierarchical models of images."""

import torch
import transformers as hf

from golden.kit import folder, random_weights, reals


def pixels(batch, height, width, channels=3, seed=1):
    return {"pixel_values": reals((batch, channels, height, width), seed)}


@folder
def resnet_basic(golden):
    """Layers of two convolutions, each stage half as large, GELU, grey images, the states alone."""
    config = hf.ResNetConfig(
        num_channels=1,
        embedding_size=6,
        hidden_sizes=[6, 12],
        depths=[2, 2],
        layer_type="basic",
        hidden_act="gelu",
        downsample_in_first_stage=True,
    )
    golden.model(random_weights(hf.ResNetModel(config), seed=201))
    golden.case("odd", pixels(2, 37, 50, channels=1), hidden_states=True)
    golden.case("even", pixels(1, 32, 48, channels=1, seed=2))


@folder
def resnet_early_stride(golden):
    """Bottlenecks whose first convolution has the stride; two layers in each stage."""
    config = hf.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 12, 20],
        depths=[2, 1, 2],
        hidden_act="silu",
        downsample_in_bottleneck=True,
        num_labels=3,
    )
    golden.model(random_weights(hf.ResNetForImageClassification(config), seed=202))
    golden.case("plain", pixels(2, 40, 33), hidden_states=True)


@folder
def convnext_unscaled(golden):
    """No layer scale, other patches and activation, the states and their pooling."""
    config = hf.ConvNextConfig(
        num_channels=2,
        patch_size=3,
        num_stages=2,
        hidden_sizes=[6, 10],
        depths=[2, 1],
        hidden_act="gelu_new",
        layer_norm_eps=1e-3,
        layer_scale_init_value=0.0,
    )
    golden.model(random_weights(hf.ConvNextModel(config), seed=211))
    golden.case("odd", pixels(2, 23, 31, channels=2), hidden_states=True)


@folder
def swin_padded(golden):
    """Windows of three, images that no patch, window or merge divides, no biases of attention."""
    config = hf.SwinConfig(
        image_size=48,
        patch_size=2,
        num_channels=3,
        embed_dim=8,
        depths=[2, 3],
        num_heads=[1, 2],
        window_size=3,
        mlp_ratio=1.5,
        qkv_bias=False,
        hidden_act="relu",
        layer_norm_eps=1e-3,
        attn_implementation="eager",
    )
    golden.model(random_weights(hf.SwinModel(config), seed=221))
    golden.case("odd", pixels(2, 23, 31), hidden_states=True)
    golden.case("wide", pixels(1, 36, 18, seed=2))


@folder
def swin_whole(golden):
    """The last stages are one window each, which does not shift; even window, wide patches."""
    config = hf.SwinConfig(
        image_size=48,
        patch_size=4,
        num_channels=1,
        embed_dim=8,
        depths=[2, 2],
        num_heads=[2, 2],
        window_size=4,
        num_labels=4,
        attn_implementation="eager",
    )
    # A model remembers that its windows did not shift: each case its own.
    model = random_weights(hf.SwinForImageClassification(config), seed=222)
    golden.model(model)
    golden.case("one_window", pixels(2, 32, 29, channels=1), hidden_states=True)
    fresh = random_weights(hf.SwinForImageClassification(config), seed=222)
    golden.case("more_windows", pixels(2, 41, 64, channels=1, seed=2), model=fresh)


SEGFORMER = {
    "num_encoder_blocks": 3,
    "depths": [1, 2, 1],
    "sr_ratios": [4, 2, 1],
    "hidden_sizes": [6, 9, 12],
    "patch_sizes": [7, 3, 3],
    "strides": [4, 2, 2],
    "num_attention_heads": [1, 3, 4],
    "mlp_ratios": [2, 1.5, 2],
    "decoder_hidden_size": 10,
    "attn_implementation": "eager",
}


@folder
def segformer_segmentation(golden):
    config = hf.SegformerConfig(**SEGFORMER, num_labels=5)
    model = random_weights(hf.SegformerForSemanticSegmentation(config), seed=231)
    golden.model(model)
    golden.case("plain", pixels(2, 32, 32), hidden_states=True)
    golden.case("odd", pixels(1, 43, 61, seed=2))


@folder
def segformer_tokens(golden):
    """The last stage's state as tokens, another activation, the states alone."""
    config = hf.SegformerConfig(
        **SEGFORMER, num_channels=1, hidden_act="silu", reshape_last_stage=False
    )
    golden.model(random_weights(hf.SegformerModel(config), seed=232))
    golden.case("plain", pixels(2, 50, 40, channels=1), hidden_states=True)


@folder
def segformer_classification(golden):
    config = hf.SegformerConfig(**SEGFORMER, num_labels=4)
    golden.model(random_weights(hf.SegformerForImageClassification(config), seed=233))
    golden.case("plain", pixels(2, 32, 38), hidden_states=True)


def detr(**changes):
    """A tiny DETR's config."""
    backbone = {
        "use_timm_backbone": False,
        "backbone": None,
        "use_pretrained_backbone": False,
        "backbone_config": hf.ResNetConfig(
            embedding_size=6,
            hidden_sizes=[8, 12],
            depths=[1, 2],
            layer_type="basic",
            out_features=["stage2"],
        ),
    }
    return hf.DetrConfig(
        **{
            **backbone,
            "num_queries": 5,
            "d_model": 16,
            "encoder_layers": 2,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 24,
            "decoder_layers": 2,
            "decoder_attention_heads": 2,
            "decoder_ffn_dim": 20,
            "num_labels": 3,
            "attn_implementation": "eager",
            **changes,
        },
    )


def pixel_mask(height, width, sizes):
    """1 where image i has pixels, sizes[i] high and wide."""
    mask = torch.zeros(len(sizes), height, width, dtype=torch.long)
    for row, (high, wide) in zip(mask, sizes):
        row[:high, :wide] = 1
    return mask


@folder
def detr_sine(golden):
    golden.model(random_weights(hf.DetrForObjectDetection(detr()), seed=241))
    golden.case("whole", pixels(2, 37, 52), hidden_states=True)
    masked = {**pixels(2, 45, 38, seed=2), "pixel_mask": pixel_mask(45, 38, [(45, 21), (27, 38)])}
    golden.case("masked", masked, hidden_states=True)
    whole = {**pixels(1, 32, 32, seed=3), "pixel_mask": pixel_mask(32, 32, [(32, 32)])}
    golden.case("all_real", whole)


@folder
def detr_learned(golden):
    """Learned positions, another activation, an earlier stage, a norm behind each decoder layer."""
    config = detr(
        position_embedding_type="learned",
        activation_function="gelu",
        auxiliary_loss=True,
        backbone_config=hf.ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 8, 8],
            depths=[1, 1, 1],
            out_features=["stage1", "stage2"],
        ),
    )
    golden.model(random_weights(hf.DetrModel(config), seed=242))
    outputs = ["last_hidden_state", "encoder_last_hidden_state"]
    masked = {**pixels(2, 40, 51, seed=2), "pixel_mask": pixel_mask(40, 51, [(40, 30), (22, 51)])}
    golden.case("masked", masked, outputs, hidden_states=True)
