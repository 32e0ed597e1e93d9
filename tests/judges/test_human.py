import polars as pl
import pytest

from judges.human import holds_votes, read_human
from llms.errors import UserError


def test_a_published_arena_table_is_read_as_ratings(tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_text(",rating,rating_q975,rating_q025\nalpha,1200.5,1210,1190\n")
    ratings = read_human(file)
    assert ratings.select("model", "rating", "low", "high").rows() == [
        ("alpha", 1200.5, 1190, 1210)
    ]
    assert not holds_votes(ratings)


def test_votes_are_told_by_their_columns(tmp_path):
    file = tmp_path / "votes.parquet"
    pl.DataFrame(
        {"prompt_id": ["1"], "model_a": ["x"], "model_b": ["y"], "winner": ["tie"]}
    ).write_parquet(file)
    assert holds_votes(read_human(file))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("h.csv", "colour\nred\n", "has the columns colour"),
        ("h.csv", "", "cannot read"),
        ("h.jsonl", "{", "cannot read"),
        ("h.parquet", "no parquet", "cannot read"),
        ("h.xlsx", "", r"\.parquet, \.csv or \.jsonl"),
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=said) as error:
        read_human(tmp_path / name)
    assert "\n" not in str(error.value)
