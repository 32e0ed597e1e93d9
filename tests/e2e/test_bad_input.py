"""Whatever is wrong with the input: one clear line, exit code 1 or 2, nothing half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(program: str, *arguments: object, cwd: Path, **environment: str):
    return subprocess.run(
        [sys.executable, "-c", f"from {program}.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env={
            **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "COLUMNS": "200",
            **environment,
        },
    )


SKY = "Why is the {} sky darker at noon, and how would you prove it with {} lenses?"
WORDS = (
    "blue",
    "pale",
    "dark",
    "cold",
    "wide",
    "high",
    "grey",
    "low",
    "red",
    "thin",
    "still",
    "dim",
)


@pytest.fixture
def place(tmp_path):
    """A folder with one good file of prompts and several broken ones."""
    good = [json.dumps({"prompt": SKY.format(word, word[::-1])}) for word in WORDS]
    (tmp_path / "good.jsonl").write_text("\n".join(good))
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "columns.csv").write_text("colour,size\nred,3\n")
    (tmp_path / "broken.jsonl").write_text('{"prompt": "fine"}\n{"prompt": "cut of\n')
    (tmp_path / "file").write_text("in the way")
    return tmp_path


HERE = "http://127.0.0.1:9/v1"
ONE_LINE = [
    ("benchbuilder", "cluster missing.jsonl --out out", "missing.jsonl"),
    ("benchbuilder", "cluster empty.jsonl --out out", "empty.jsonl"),
    ("benchbuilder", "cluster columns.csv --out out", "columns.csv"),
    ("benchbuilder", "cluster broken.jsonl --out out", "line 2"),
    ("benchbuilder", "cluster good.jsonl --out file/out", "file/out"),
    ("benchbuilder", "build good.jsonl --out out", "annotator"),
    ("benchbuilder", "build good.jsonl --out out --annotator nonsense:x", "nonsense"),
    ("benchbuilder", "build good.jsonl --out out --annotator openai:gpt-4.1", "OPENAI_API_KEY"),
    ("benchbuilder", "build good.jsonl --out out --config missing.yaml", "missing.yaml"),
    ("judges", f"run missing.jsonl --model {HERE}#a --model {HERE}#b --judge {HERE}#j "
     "--baseline a --out out", "missing.jsonl"),
    ("judges", f"run broken.jsonl --model {HERE}#a --model {HERE}#b --judge {HERE}#j "
     "--baseline a --out out", "line 2"),
    ("judges", "run good.jsonl --model gpt-4.1 --judge openai:gpt-4.1 --out out", "'gpt-4.1'"),
    ("judges", "run good.jsonl --model openai:a --model openai:b --judge openai:j --out out "
     "--baseline c", "'c' is not one of the models: a, b"),
    ("judges", "run good.jsonl --model openai:a --model openai:b --judge openai:j --out out "
     "--baseline a", "OPENAI_API_KEY"),
    ("judges", "run good.jsonl --model recorded:x#a --judge recorded:x#j --out out", "recorded:x"),
    ("judges", "rank nowhere", "nowhere"),
    ("judges", "import games missing.parquet --out out", "missing.parquet"),
    ("judges", "import games columns.csv --out out", "columns.csv"),
    ("judges", "import nonsense columns.csv --out out", "nonsense"),
    ("judges", "publish nowhere --out site", "nowhere"),
    ("judges", "agree nowhere --human columns.csv", "nowhere"),
]  # fmt: skip
FILES = {"good.jsonl", "empty.jsonl", "columns.csv", "broken.jsonl", "file"}
STORE = {"results", "responses.sqlite"}


@pytest.mark.parametrize(("program", "line", "named"), ONE_LINE)
def test_bad_input_gives_one_clear_line_and_leaves_nothing_half_written(
    place, program, line, named
):
    result = run(program, *line.split(), cwd=place)
    assert result.returncode in (1, 2), result.stdout + result.stderr
    assert named in result.stderr
    assert "Traceback" not in result.stderr
    assert {path.name for path in place.rglob("*")} <= FILES | STORE


@pytest.mark.parametrize("program", ["benchbuilder", "judges"])
def test_an_unknown_option_is_bad_use(place, program):
    result = run(program, "--nonsense", cwd=place)
    assert result.returncode == 2
    assert "--nonsense" in result.stderr
