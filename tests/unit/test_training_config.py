"""The configuration of a training run: what is refused, and how it is said."""

import pytest

from features.errors import ConfigError
from training.config import checked_config, load_config

WHOLE = {"name": "demo-keski-uusimaa", "extract": "somewhere"}


def refusal(content: dict) -> str:
    with pytest.raises(ConfigError) as refused:
        checked_config(content)
    return refused.value.message


def test_an_unknown_key_is_refused_and_the_known_ones_are_named():
    message = refusal({**WHOLE, "fit": {"treees": 3}})
    assert message.startswith("the options: fit.treees is not a key; the keys here are trees, larger_trees, leaves")


def test_any_other_split_is_refused_with_the_reason():
    message = refusal({**WHOLE, "split": {"kind": "random"}})
    assert "a random split knows the future" in message


def test_a_refused_value_is_not_repeated():
    assert "131052-308T" not in refusal({**WHOLE, "name": "131052-308T", "seed": "131052-308T"})


def test_more_leaves_than_exact_explanations_allow_are_refused():
    assert "fit.leaves cannot be used" in refusal({**WHOLE, "fit": {"leaves": 31}})


def test_paths_are_read_from_the_folder_of_the_file_and_options_take_precedence(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('name = "area"\nextract = "data"\ncatalogue = "own.toml"\n')
    config = load_config(file, seed=7)
    assert config.extract == tmp_path / "data"
    assert config.catalogue == str(tmp_path / "own.toml")
    assert config.seed == 7


def test_a_missing_file_and_broken_toml_are_one_sentence_each(tmp_path):
    with pytest.raises(ConfigError, match="there is no configuration file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("name = ")
    with pytest.raises(ConfigError, match="not readable TOML"):
        load_config(tmp_path / "broken.toml")
