"""ERNIE: with and without embeddings of tasks."""

from transformers import ErnieConfig, ErnieForMaskedLM, ErnieForMultipleChoice, ErnieModel

from golden.kit import PADDED, folder, integers, padding, random_weights
from golden.text import VOCABULARY, ids, sizes


@folder
def ernie_tasks(golden):
    config = ErnieConfig(**sizes(use_task_id=True, task_type_vocab_size=4, hidden_act="relu"))
    golden.model(random_weights(ErnieModel(config), seed=901))
    golden.case("plain", {"input_ids": ids((2, 7), 1)}, hidden_states=True)
    given = {
        "input_ids": ids((3, 9), 2),
        "attention_mask": padding([9, 5, 2], 9),
        "task_type_ids": integers((3, 9), 0, 4, 3),
        "token_type_ids": integers((3, 9), 0, 2, 4),
    }
    golden.case("of_tasks", given, note=PADDED)


@folder
def ernie_mlm(golden):
    config = ErnieConfig(**sizes(type_vocab_size=4))
    golden.model(random_weights(ErnieForMaskedLM(config), seed=902))
    golden.case("plain", {"input_ids": ids((2, 7), 1)}, hidden_states=True)
    given = {"input_ids": ids((2, 8), 2), "attention_mask": padding([8, 3], 8)}
    golden.case("padded", given, note=PADDED)
    assert config.vocab_size == VOCABULARY


@folder
def ernie_choice(golden):
    config = ErnieConfig(**sizes(use_task_id=True))
    golden.model(random_weights(ErnieForMultipleChoice(config), seed=903))
    golden.case("plain", {"input_ids": ids((3, 4, 7), 1)})
