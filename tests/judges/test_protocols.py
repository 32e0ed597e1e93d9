import pytest

from benchbuilder.records import BenchmarkItem, write_benchmark
from judges.run import RunConfig, run
from judges.runs import read_run
from llms.progress import Silent
from llms.store import ResponseStore
from tests.judges.judge_server import answer
from tests.llms.fake_server import fake_server

MODELS = ("s", "medium", "a-much-longer-name")
ITEMS = [
    BenchmarkItem(id="one", turns=("What is a heap?",), category="coding"),
    BenchmarkItem(id="two", turns=("Write a poem.", "Now shorter."), category="writing"),
]


@pytest.fixture(scope="module")
def server():
    with fake_server(answer) as server:
        yield server


@pytest.fixture
def play(server, tmp_path):
    def play(**changes):
        config = RunConfig(
            models=tuple(server.spec(model=name, name=name) for name in MODELS),
            judges=(server.spec(model="judge", name="judge"),),
            **{"baseline": "medium", "canaries": 0, **changes},
        )
        write_benchmark(tmp_path / "benchmark.jsonl", ITEMS)
        server.asked.clear()
        with ResponseStore(tmp_path / "store.sqlite") as store:
            report = run(
                tmp_path, out=tmp_path / "run", config=config, store=store, progress=Silent()
            )
        return report, read_run(tmp_path / "run")

    return play


def winners(tables):
    rows = tables.judgments.select("model_a", "model_b", "verdict").iter_rows()
    return [a if verdict[0] == "A" else b for a, b, verdict in rows]


@pytest.mark.parametrize(
    "name", ["pairwise", "creative", "reference", "checklist", "rubric", "verdict-only"]
)
@pytest.mark.parametrize("structured", [False, True])
def test_pairwise_protocols_find_the_longer_answer_in_both_orders(play, name, structured):
    report, tables = play(protocol=name, structured=structured)
    assert (report.games, report.owed) == (8, 0)
    assert sorted(winners(tables)) == ["a-much-longer-name"] * 4 + ["medium"] * 4


@pytest.mark.parametrize("name", ["pointwise", "pointwise-checklist"])
def test_ratings_of_single_answers_become_verdicts_in_one_order(play, server, name):
    report, tables = play(protocol=name)
    assert (report.games, report.owed) == (4, 0)
    assert sorted(winners(tables)) == ["a-much-longer-name"] * 2 + ["medium"] * 2
    rated = [body for body in server.asked if '"rating"' in body["messages"][-1]["content"]]
    assert len(rated) == len(MODELS) * len(ITEMS)


def test_one_ranking_of_a_list_and_its_reverse_give_all_games(play, server):
    report, tables = play(protocol="listwise", pairs="all")
    assert (report.games, report.owed) == (12, 0)
    assert sorted(winners(tables)) == ["a-much-longer-name"] * 8 + ["medium"] * 4
    ranked = [body for body in server.asked if '"ranking"' in body["messages"][-1]["content"]]
    assert len(ranked) == 2 * len(ITEMS)


def test_aspects_are_weighed_in_code(play):
    report, tables = play(protocol="aspects", aspects={"clarity": 2.0, "humour": 1.0})
    assert report.owed == 0
    assert "humour" in tables.judgments["text"][0]
    assert set(tables.judgments["verdict"]) == {"A>B", "B>A"}


def test_a_soft_verdict_is_the_probability_of_the_letter(play):
    _, tables = play(protocol="soft")
    assert set(tables.judgments["verdict"]) == {"0.7500"}


def test_a_category_has_its_own_protocol_and_baseline(play):
    report, tables = play(protocols={"writing": "pointwise"}, baselines={"writing": "s"})
    games = tables.judgments.join(tables.prompts, on="prompt_id").group_by("category").len()
    assert dict(games.iter_rows()) == {"coding": 4, "writing": 2}
    assert report.owed == 0


def test_a_reference_is_written_once_per_prompt_and_turn_and_serves_all_models(play, server):
    play(protocol="reference")
    written = [b for b in server.asked if b["model"] == "judge" and "===" not in str(b["messages"])]
    assert len(written) == sum(len(item.turns) for item in ITEMS)


def test_a_template_of_ones_own_is_used_and_its_text_is_part_of_the_record(play, tmp_path):
    own = tmp_path / "mine.jinja"
    own.write_text("Which is better?\n{{ material }}\nEnd with [[A>B]] or the like.")
    report, tables = play(protocol=str(own))
    assert report.owed == 0
    assert str(tmp_path) not in str(tables.meta)
    assert "mine" in tables.meta["digests"]["templates"]


def test_a_template_that_shows_nothing_is_refused(play, tmp_path):
    own = tmp_path / "mine.jinja"
    own.write_text("Say [[A>B]].")
    with pytest.raises(ValueError, match="material"):
        play(protocol=str(own))


def test_a_model_is_asked_turn_by_turn_with_its_own_answers_between(play, server):
    _, tables = play()
    talks = [b["messages"] for b in server.asked if b["model"] == "s" and len(b["messages"]) > 1]
    assert [[m["role"] for m in talk] for talk in talks] == [["user", "assistant", "user"]]
    two = tables.answers.filter(prompt_id="two", model="s")
    assert two["earlier"].to_list() == [[talks[0][1]["content"]]]


def test_repeats_are_asked_anew_and_all_kept(play, server):
    report, _ = play(repeats=2)
    assert report.games == 16
    assert sum(body["model"] == "judge" for body in server.asked) == 16


def test_canaries_are_judged_but_not_ranked(play):
    report, tables = play(canaries=1)
    scores = {score.canary: score.share for score in report.canaries}
    assert scores["empty"] == 0.0
    assert scores["filler"] == 1.0
    assert report.won_by_canaries > 0
    assert set(tables.judgments["model_a"]) == set(MODELS)
