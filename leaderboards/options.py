"""What a ranking may be told."""

from collections.abc import Sequence
from typing import Literal, TypedDict

from leaderboards.features import StyleForm
from leaderboards.records import RankingError

Interval = Literal["bootstrap", "sandwich"]
Cluster = Literal["prompt", "voter", "both"]
ScaleName = Literal["win_rate", "rating"]
Ties = Literal["half", "davidson", "rao-kupper"]


class RankOptions(TypedDict, total=False):
    """What `rank` and `rank_tables` may be told.

    baseline: scores are win rates against it; by default the one model in every battle.
    style: answer features to control for; none by default.
    style_form: how headers, lists and bold of two answers are compared (see `features`).
    style_centre: centre the features, as the published tables do.
    interval: `bootstrap` (the default) draws prompts, `sandwich` needs no draws.
    cluster: what is drawn: prompts; voters; or both ways, which needs `sandwich`.
    level: of the intervals, .95 by default.
    draws: bootstrap draws, the same for every model; 1,000 by default.
    seed: of the draws. Same seed and battles: same ranking, whatever the row order.
    scale: `win_rate` in percent (the default) or Elo-like `rating`.
    anchor: the model that is rated `anchor_rating` (the mean of all, without one).
    anchor_rating: 1,000 by default.
    influence: also find how many prompts flip each two neighbours.
    ties: a tie is `half` a point each (the default), or a result of its own: `davidson`,
        `rao-kupper`; the score is then the expected share of points.
    """

    baseline: str | None
    style: Sequence[str]
    style_form: StyleForm
    style_centre: bool
    interval: Interval
    cluster: Cluster
    level: float
    draws: int
    seed: int
    scale: ScaleName
    anchor: str | None
    anchor_rating: float
    influence: bool
    ties: Ties


DEFAULTS: RankOptions = {
    "baseline": None,
    "style": (),
    "style_form": "ratio",
    "style_centre": False,
    "interval": "bootstrap",
    "cluster": "prompt",
    "level": 0.95,
    "draws": 1000,
    "seed": 0,
    "scale": "win_rate",
    "anchor": None,
    "anchor_rating": 1000.0,
    "influence": False,
    "ties": "half",
}


def checked(options: RankOptions) -> RankOptions:
    """Return the options; raise `RankingError` where one is none of those allowed."""
    allowed = {"interval": Interval, "cluster": Cluster, "scale": ScaleName, "ties": Ties}
    for name, kind in allowed.items():
        known = kind.__args__  # type: ignore[attr-defined]
        if options[name] not in known:  # type: ignore[literal-required]
            given = options[name]  # type: ignore[literal-required]
            raise RankingError(f"{name} {given!r} is none of {', '.join(known)}")
    if not 0 < options["level"] < 1:
        raise RankingError(f"level {options['level']} is not between 0 and 1")
    if options["draws"] < 1:
        raise RankingError("at least one draw is needed")
    if options["cluster"] == "both" and options["interval"] != "sandwich":
        raise RankingError("clusters of prompts and voters together need the interval sandwich")
    if options["cluster"] != "prompt" and options["style"]:
        raise RankingError("style control clusters by prompt")
    if options["ties"] != "half" and options["style"]:
        raise RankingError("style control takes ties as half a point")
    return options
