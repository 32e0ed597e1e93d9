import pytest

from judges.verdicts import mirrored, read_json, read_label


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("My verdict: [[A>>B]]", "A>>B"),
        ("[[A >> B]]", "A>>B"),
        ("so [[ B > A ]].", "B>A"),
        (r"\boxed{A>B}", "A>B"),
        (r"$\boxed{\text{B>>A}}$", "B>>A"),
        (r"\boxed{A \gg B}", "A>>B"),
        ("[[Tie]]", "A=B"),
        ("[[tie]]", "A=B"),
        ("[[A=B]]", "A=B"),
        ("[[B=A]]", "A=B"),
        ("[[A<B]]", "B>A"),
        ("[[A<<B]]", "B>>A"),
        ("［［A＞B］］", "A>B"),
        ("【【Ａ＞＞Ｂ】】", "A>>B"),
        ("【B>A】", "B>A"),
        ("**[[B>A]]**", "B>A"),
        ("[[**A>B**]]", "A>B"),
        (r"[[A\>B]]", "A>B"),
        ("[[A&gt;&gt;B]]", "A>>B"),
        ("[[A≫B]]", "A>>B"),
        ("first I thought [[A>B]], but on reflection [[B>>A]]", "B>>A"),
        ("[[B>A]] and, out of range, [[A>C]]", "B>A"),
    ],
)
def test_labels_are_read_in_every_usual_spelling_and_the_last_one_counts(text, verdict):
    assert read_label(text) == verdict


@pytest.mark.parametrize(
    "text",
    ["", "B", "[B]", "[A>B]", "arr[A]", "m[[0]]", "[[A]]", "[[A>A]]", "A>>B", "[[A>>>B]]", "a tie"],
)
def test_prose_is_no_verdict(text):
    assert read_label(text) is None


def test_a_structured_verdict_is_the_field_of_one_object():
    assert read_json('{"comparison": "[[B>A]]", "verdict": "A>>B"}') == "A>>B"
    assert read_json('```json\n{"verdict": "A=B"}\n```') == "A=B"


@pytest.mark.parametrize("text", ["[[A>B]]", '{"verdict": "A"}', '{"verdict": "A>B"', "[]", "null"])
def test_a_broken_structured_reply_has_no_verdict(text):
    assert read_json(text) is None


def test_mirroring_swaps_the_answers():
    assert [mirrored(v) for v in ("A>>B", "A>B", "A=B", "B>A")] == ["B>>A", "B>A", "A=B", "A>B"]
