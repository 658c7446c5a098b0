"""Encoders of text: heads and options that the families' public checkpoints have between them."""

from transformers import (
    AlbertConfig, AlbertForMaskedLM, AlbertForMultipleChoice, AlbertForQuestionAnswering,
    AlbertForSequenceClassification, AlbertForTokenClassification, AlbertModel, BertConfig,
    BertForMaskedLM, BertForMultipleChoice, CamembertConfig, CamembertForMaskedLM,
    CamembertForMultipleChoice, DebertaV2Config, DebertaV2ForMaskedLM, DebertaV2ForMultipleChoice,
    DebertaV2ForQuestionAnswering, DebertaV2ForSequenceClassification,
    DebertaV2ForTokenClassification, DebertaV2Model, DistilBertConfig, DistilBertForMaskedLM,
    DistilBertForMultipleChoice, DistilBertForQuestionAnswering, DistilBertForTokenClassification,
    ElectraConfig, ElectraForMaskedLM, ElectraForMultipleChoice, ElectraForQuestionAnswering,
    ElectraForTokenClassification, ElectraModel, MPNetConfig, MPNetForMaskedLM,
    MPNetForMultipleChoice, MPNetForQuestionAnswering, MPNetForSequenceClassification,
    MPNetForTokenClassification, RobertaConfig, RobertaForMultipleChoice,
    RobertaForQuestionAnswering, RobertaForTokenClassification, RobertaModel, XLMRobertaConfig,
    XLMRobertaForMultipleChoice, XLMRobertaForTokenClassification,
)

from golden.kit import PADDED, folder, integers, padding, random_weights

VOCABULARY = 37
LABELS = {0: "O", 1: "PER", 2: "LOC", 3: "ORG", 4: "MISC"}


def sizes(**changes):
    """A config's keyword arguments, under the names that all families but DistilBERT have."""
    own = dict(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=40,
        attn_implementation="eager",
    )
    return {**own, **changes}


def distil(**changes):
    own = dict(
        vocab_size=VOCABULARY,
        dim=16,
        n_layers=2,
        n_heads=4,
        hidden_dim=24,
        max_position_embeddings=40,
        attn_implementation="eager",
    )
    return DistilBertConfig(**{**own, **changes})


def ids(shape, seed):
    return integers(shape, 5, VOCABULARY, seed)


def record(golden, model, seed, types=0, places=0, longest=0, **changes):
    """The model's folder, and every way to feed it: with states, padded on either side, with token
    types and positions (as many as it has of them), and at its longest."""
    golden.model(random_weights(model, seed), **changes)
    pad = model.config.pad_token_id
    plain = ids((1, 5), seed + 1)
    golden.case("plain", {"input_ids": plain}, hidden_states=True)
    mask = padding([9, 6, 2], 9)
    right = {"input_ids": ids((3, 9), seed + 2).masked_fill(mask == 0, pad), "attention_mask": mask}
    if types:
        right["token_type_ids"] = integers((3, 9), 0, types, seed + 3)
    golden.case("right", right, note=PADDED, hidden_states=True)
    mask = padding([7, 3], 7, left=True)
    left = {"input_ids": ids((2, 7), seed + 4).masked_fill(mask == 0, pad), "attention_mask": mask}
    golden.case("left", left, note=PADDED)
    if places:
        positions = integers((2, 6), 0, places, seed + 5)
        golden.case("placed", {"input_ids": ids((2, 6), seed + 6), "position_ids": positions})
    if longest:
        golden.case("longest", {"input_ids": ids((1, longest), seed + 7)})


def choices(golden, model, seed, types=0, **changes):
    """Two rows of three choices."""
    golden.model(random_weights(model, seed), **changes)
    plain = {"input_ids": ids((2, 3, 6), seed + 1)}
    golden.case("plain", plain)
    mask = padding([8, 5, 3, 8, 1, 7], 8).reshape(2, 3, 8)
    pad = model.config.pad_token_id
    right = {"input_ids": ids((2, 3, 8), seed + 2).masked_fill(mask == 0, pad),
             "attention_mask": mask}
    if types:
        right["token_type_ids"] = integers((2, 3, 8), 0, types, seed + 3)
    golden.case("padded", right)


# --- BERT -----------------------------------------------------------------------------------------


@folder
def bert_choice(golden):
    choices(golden, BertForMultipleChoice(BertConfig(**sizes())), 100, types=2)


@folder
def bert_mlm_untied(golden):
    """Words predicted by a matrix of their own, above relative positions."""
    config = BertConfig(**sizes(tie_word_embeddings=False, hidden_act="relu", layer_norm_eps=1e-3,
                                position_embedding_type="relative_key_query"))
    record(golden, BertForMaskedLM(config), 110, types=2, longest=40)


# --- RoBERTa, CamemBERT, XLM-RoBERTa --------------------------------------------------------------


def roberta(kind=RobertaConfig, **changes):
    return kind(**sizes(**{"pad_token_id": 1, "type_vocab_size": 1, **changes}))


@folder
def roberta_tokcls(golden):
    config = roberta(id2label=LABELS, layer_norm_eps=1e-5, position_embedding_type="relative_key")
    record(golden, RobertaForTokenClassification(config), 120, types=1, longest=38)


@folder
def roberta_qa(golden):
    """Four token types, and a padding token that is not the second."""
    config = roberta(pad_token_id=4, type_vocab_size=4, hidden_act="gelu_new")
    record(golden, RobertaForQuestionAnswering(config), 130, types=4, places=40, longest=35)


@folder
def roberta_pooled(golden):
    config = roberta(position_embedding_type="relative_key_query", num_attention_heads=4)
    record(golden, RobertaModel(config), 140, types=1, longest=38)


@folder
def roberta_choice(golden):
    choices(golden, RobertaForMultipleChoice(roberta()), 150, types=1)


@folder
def camembert_mlm(golden):
    """GELU in the head whatever the encoder's activation."""
    config = roberta(CamembertConfig, hidden_act="tanh", layer_norm_eps=1e-5)
    record(golden, CamembertForMaskedLM(config), 160, places=40, longest=38)


@folder
def camembert_choice(golden):
    choices(golden, CamembertForMultipleChoice(roberta(CamembertConfig)), 170)


@folder
def xlm_roberta_tokcls(golden):
    config = roberta(XLMRobertaConfig, id2label=LABELS, num_attention_heads=1)
    record(golden, XLMRobertaForTokenClassification(config), 180, places=40)


@folder
def xlm_roberta_choice(golden):
    choices(golden, XLMRobertaForMultipleChoice(roberta(XLMRobertaConfig)), 190)


# --- ELECTRA --------------------------------------------------------------------------------------


def electra(**changes):
    return ElectraConfig(**sizes(**{"embedding_size": 12, **changes}))


@folder
def electra_mlm(golden):
    """GELU in the head whatever the encoder's activation, but the encoder's epsilon."""
    config = electra(hidden_act="relu", layer_norm_eps=1e-2)
    record(golden, ElectraForMaskedLM(config), 200, types=2, places=40)


@folder
def electra_mlm_untied(golden):
    config = electra(embedding_size=16, tie_word_embeddings=False)
    record(golden, ElectraForMaskedLM(config), 210, types=2, longest=40)


@folder
def electra_relative_key(golden):
    config = electra(position_embedding_type="relative_key", num_attention_heads=4)
    record(golden, ElectraModel(config), 220, types=2, longest=40)


@folder
def electra_tokcls(golden):
    record(golden, ElectraForTokenClassification(electra(id2label=LABELS)), 230, types=2)


@folder
def electra_qa(golden):
    config = electra(position_embedding_type="relative_key_query")
    record(golden, ElectraForQuestionAnswering(config), 240, types=2)


@folder
def electra_choice(golden):
    choices(golden, ElectraForMultipleChoice(electra()), 250, types=2)


@folder
def electra_choice_mean(golden):
    config = electra(summary_type="mean", summary_activation="tanh")
    choices(golden, ElectraForMultipleChoice(config), 260, types=2)


@folder
def electra_choice_last(golden):
    """The last token, as it is."""
    config = electra(summary_type="last", summary_use_proj=False, summary_activation=None)
    choices(golden, ElectraForMultipleChoice(config), 270, types=2, summary_activation=None)


# --- DistilBERT -----------------------------------------------------------------------------------


@folder
def distilbert_mlm(golden):
    config = distil(activation="relu", n_heads=1, sinusoidal_pos_embds=True)
    record(golden, DistilBertForMaskedLM(config), 300, longest=40)


@folder
def distilbert_mlm_untied(golden):
    config = distil(tie_word_embeddings=False, n_layers=1, hidden_dim=40)
    record(golden, DistilBertForMaskedLM(config), 310)


@folder
def distilbert_tokcls(golden):
    record(golden, DistilBertForTokenClassification(distil(id2label=LABELS, n_heads=8)), 320)


@folder
def distilbert_qa(golden):
    record(golden, DistilBertForQuestionAnswering(distil(activation="gelu_new")), 330)


@folder
def distilbert_choice(golden):
    choices(golden, DistilBertForMultipleChoice(distil()), 340)


# --- MPNet ----------------------------------------------------------------------------------------


def mpnet(**changes):
    return MPNetConfig(**sizes(**{"pad_token_id": 1, **changes}))


@folder
def mpnet_mlm(golden):
    """Every bucket of distances, those beyond the last one's start as well; more buckets in the
    table than distances fall into; GELU in the head whatever the encoder's activation."""
    config = mpnet(max_position_embeddings=182, relative_attention_num_buckets=40,
                   hidden_act="relu", layer_norm_eps=1e-5)
    record(golden, MPNetForMaskedLM(config), 400, places=182)
    golden.case("longest", {"input_ids": ids((1, 180), 409)})


@folder
def mpnet_seqcls(golden):
    """Positions start behind token 1 even if another one pads."""
    config = mpnet(id2label=LABELS, pad_token_id=3, num_attention_heads=4)
    record(golden, MPNetForSequenceClassification(config), 410, longest=38)


@folder
def mpnet_tokcls(golden):
    record(golden, MPNetForTokenClassification(mpnet(id2label=LABELS)), 420, places=40)


@folder
def mpnet_qa(golden):
    config = mpnet(num_attention_heads=1, hidden_act="gelu_new")
    record(golden, MPNetForQuestionAnswering(config), 430)


@folder
def mpnet_choice(golden):
    choices(golden, MPNetForMultipleChoice(mpnet()), 440)


# --- ALBERT ---------------------------------------------------------------------------------------


def albert(**changes):
    return AlbertConfig(**sizes(**{"embedding_size": 12, **changes}))


@folder
def albert_groups(golden):
    """Two groups for five layers, each of two layers, and so ten layers in all."""
    config = albert(num_hidden_layers=5, num_hidden_groups=2, inner_group_num=2, hidden_act="relu",
                    layer_norm_eps=1e-5, type_vocab_size=3)
    record(golden, AlbertModel(config), 500, types=3, places=40, longest=40)


@folder
def albert_relative_key(golden):
    config = albert(position_embedding_type="relative_key", num_hidden_groups=2)
    record(golden, AlbertModel(config, add_pooling_layer=False), 510, types=2, longest=40)


@folder
def albert_mlm_untied(golden):
    config = albert(position_embedding_type="relative_key_query", tie_word_embeddings=False,
                    hidden_act="silu", layer_norm_eps=1e-2)
    record(golden, AlbertForMaskedLM(config), 520, types=2)


@folder
def albert_seqcls(golden):
    config = albert(id2label=LABELS, embedding_size=16, num_attention_heads=1)
    record(golden, AlbertForSequenceClassification(config), 530, types=2)


@folder
def albert_tokcls(golden):
    record(golden, AlbertForTokenClassification(albert(id2label=LABELS)), 540, types=2)


@folder
def albert_qa(golden):
    record(golden, AlbertForQuestionAnswering(albert(num_attention_heads=8)), 550, types=2)


@folder
def albert_choice(golden):
    choices(golden, AlbertForMultipleChoice(albert()), 560, types=2)


# --- DeBERTa --------------------------------------------------------------------------------------


def deberta(**changes):
    return DebertaV2Config(**sizes(**{"pad_token_id": 0, **changes}))


@folder
def deberta_v2_conv(golden):
    """As v2, with a convolution in groups; token types; distances without buckets that end before
    the longest sequence does; embeddings narrower than the states."""
    config = deberta(relative_attention=True, pos_att_type=["c2p"], max_relative_positions=6,
                     conv_kernel_size=5, conv_groups=2, conv_act="sigmoid", type_vocab_size=3,
                     embedding_size=12, num_hidden_layers=3, norm_rel_ebd="none")
    record(golden, DebertaV2Model(config), 600, types=3, places=40, longest=40)


@folder
def deberta_v2_mlm_legacy(golden):
    """No relative attention; its kinds count in the scale all the same."""
    config = deberta(pos_att_type=["p2c"], embedding_size=12, hidden_act="gelu_new",
                     layer_norm_eps=1e-3)
    record(golden, DebertaV2ForMaskedLM(config), 610, places=40, longest=40)


@folder
def deberta_v2_mlm_untied(golden):
    config = deberta(tie_word_embeddings=False)
    record(golden, DebertaV2ForMaskedLM(config), 620)


@folder
def deberta_v2_mlm(golden):
    """The newer head, which the reference library cannot run tied although it compares states with
    word embeddings; distances only from key to query, in an odd number of buckets."""
    config = deberta(legacy=False, tie_word_embeddings=False, relative_attention=True,
                     pos_att_type=["p2c"], position_buckets=9, position_biased_input=False)
    record(golden, DebertaV2ForMaskedLM(config), 630, longest=80)


@folder
def deberta_v2_tokcls(golden):
    """As v3, beyond its reach: without absolute positions there is no longest sequence."""
    config = deberta(id2label=LABELS, relative_attention=True, pos_att_type=["p2c", "c2p"],
                     position_buckets=8, position_biased_input=False, share_att_key=True,
                     norm_rel_ebd="layer_norm", conv_kernel_size=3, max_position_embeddings=24,
                     num_attention_heads=4)
    record(golden, DebertaV2ForTokenClassification(config), 640, longest=70,
           pos_att_type=" P2C | c2p")


@folder
def deberta_v2_qa(golden):
    """A table of distances that no score looks at; buckets wider than the reach."""
    config = deberta(relative_attention=True, position_buckets=64)
    record(golden, DebertaV2ForQuestionAnswering(config), 650)


@folder
def deberta_v2_near(golden):
    """Both kinds with projections of their own; buckets wider than the reach."""
    config = deberta(relative_attention=True, pos_att_type=["c2p", "p2c"], position_buckets=100,
                     norm_rel_ebd="layer_norm", num_labels=1, pooler_hidden_act="tanh")
    record(golden, DebertaV2ForSequenceClassification(config), 660, longest=40)


@folder
def deberta_v2_two_buckets(golden):
    config = deberta(relative_attention=True, pos_att_type=["c2p", "p2c"], position_buckets=2,
                     share_att_key=True, num_attention_heads=1, position_biased_input=False)
    record(golden, DebertaV2Model(config), 670, longest=30)


@folder
def deberta_v2_choice(golden):
    config = deberta(relative_attention=True, pos_att_type=["c2p", "p2c"], share_att_key=True,
                     position_buckets=6, type_vocab_size=2, pooler_hidden_act="relu")
    choices(golden, DebertaV2ForMultipleChoice(config), 680, types=2)
