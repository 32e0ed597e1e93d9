import json
from pathlib import Path

import pytest

from llms.complete import ask
from llms.errors import UserError
from llms.files import digest
from llms.records import Request
from llms.specs import parse_spec
from llms.store import ResponseStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    rows = {
        "prompts": [{"id": "p1", "turns": ["why?"]}],
        "answers": [{"prompt_id": "p1", "model": "oak", "text": "because"}],
        "games": [
            {"prompt_id": "p1", "judge": "j", "model_a": "x", "model_b": "y", "text": "[[A>B]]"},
            {"prompt_id": "p1", "judge": "j", "model_a": "x", "model_b": "y", "text": "later"},
        ],
    }
    for name, some in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    return folder


def ask_recorded(folder: Path, model: str, **about: str):
    spec = parse_spec(f"recorded:{folder}#{model}")
    request = Request(spec=spec, messages=[{"role": "user", "content": "why?"}], about=about)
    with ResponseStore(folder / "responses.sqlite") as store:
        return ask([request], store=store)[0]


def test_rows_are_found_by_the_digest_of_their_prompt(folder):
    reply = ask_recorded(folder, "oak", prompt_id=digest(["why?"])[:16])
    assert (reply.text, reply.cost, reply.created) == ("because", 0.0, None)


def test_the_first_of_several_rows_wins(folder):
    about = {"prompt_id": digest(["why?"])[:16], "model_a": "x", "model_b": "y"}
    assert ask_recorded(folder, "j", **about).text == "[[A>B]]"


def test_what_is_not_in_the_record_is_a_failure(folder):
    failure = ask_recorded(folder, "oak", prompt_id="another")
    assert failure.reason == "not_recorded"


def test_the_speakers_are_listed_when_the_name_is_none_of_them(folder):
    with pytest.raises(UserError, match="j, oak"):
        parse_spec(f"recorded:{folder}#elm")


def test_a_folder_without_records_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no \.jsonl files"):
        parse_spec(f"recorded:{tmp_path}#oak")
