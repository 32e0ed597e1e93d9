from pathlib import Path

import pytest

from llms.errors import UserError
from llms.records import Prices
from llms.specs import parse_spec, read_specs


def test_a_name_after_the_scheme_is_kept_whole():
    assert parse_spec("vllm:run1/checkpoint-500").name == "run1/checkpoint-500"


def test_a_server_is_named_by_address_and_model():
    spec = parse_spec("http://localhost:8000/v1#org/model")
    assert (spec.address, spec.model) == ("http://localhost:8000/v1", "org/model")


@pytest.mark.parametrize("text", ["gpt-4.1", "opnai:gpt-4.1", "http://host/v1", "openai:", ""])
def test_what_names_no_model_is_refused_with_the_forms(text):
    with pytest.raises(UserError, match="http://HOST:PORT/v1#NAME"):
        parse_spec(text)


def test_a_yaml_file_gives_the_same_with_parameters(tmp_path: Path):
    file = tmp_path / "models.yaml"
    file.write_text(
        "- model: openai:gpt-4.1\n  name: short\n  params: {temperature: 0}\n"
        "  prices: {input: 2, output: 8}\n- model: openai:gpt-4.1\n"
    )
    short, plain = read_specs([str(file)])
    assert (short.name, short.params, short.prices) == ("short", {"temperature": 0}, Prices(2, 8))
    assert plain.name == "gpt-4.1"


def test_an_unknown_field_of_a_yaml_file_is_named(tmp_path: Path):
    file = tmp_path / "model.yaml"
    file.write_text("model: openai:gpt-4.1\ntemprature: 0\n")
    with pytest.raises(UserError, match="temprature"):
        read_specs([str(file)])


def test_two_models_of_one_name_are_refused():
    with pytest.raises(UserError, match="two models are called 'm'"):
        read_specs(["openai:m", "http://host/v1#m"])


def test_a_checkpoint_that_was_trained_on_is_another_model(tmp_path: Path):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"old" * 1000)
    before = parse_spec(f"vllm:{tmp_path}").revision
    weights.write_bytes(b"new" * 1000)
    assert parse_spec(f"vllm:{tmp_path}").revision not in (None, before)


def test_a_key_in_a_file_is_refused(tmp_path: Path):
    file = tmp_path / "model.yaml"
    file.write_text("model: openai:gpt-4.1\nparams: {api_key: sk-secret}\n")
    with pytest.raises(UserError, match="key_env"):
        read_specs([str(file)])
