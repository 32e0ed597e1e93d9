import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from llms.config import read_config
from llms.errors import UserError


class Bake(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    minutes: int = Field(default=20, ge=1)
    shelf: str = "middle"

    @model_validator(mode="after")
    def _fits(self):
        if self.shelf == "floor":
            raise ValueError("nothing bakes on the floor")
        return self


def test_flags_override_the_file_and_the_file_the_defaults(tmp_path):
    file = tmp_path / "bake.yaml"
    file.write_text("minutes: 30\nshelf: top\n")
    baked = read_config(Bake, file, {"minutes": 40, "shelf": None})
    assert baked == Bake(minutes=40, shelf="top")


def test_a_misspelt_option_is_answered_with_the_nearest_one(tmp_path):
    file = tmp_path / "bake.yaml"
    file.write_text("minuts: 30\n")
    with pytest.raises(UserError, match="no option 'minuts'; did you mean 'minutes'"):
        read_config(Bake, file, {})


def test_a_value_out_of_range_is_named_with_its_field():
    with pytest.raises(UserError, match=r"minutes: .* greater than or equal to 1, not 0"):
        read_config(Bake, None, {"minutes": 0})


@pytest.mark.parametrize("content", ["a: [", "- just\n- a list\n", ""])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content):
    file = tmp_path / "bake.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=r"bake\.yaml"):
        read_config(Bake, file, {})


def test_values_that_do_not_fit_together_are_told_in_the_words_of_the_rule():
    with pytest.raises(UserError, match=r"^options: nothing bakes on the floor$"):
        read_config(Bake, None, {"shelf": "floor"})
