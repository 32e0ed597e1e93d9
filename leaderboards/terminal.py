"""Rankings, agreement and audits as text: tables for a terminal, JSON and CSV for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.table import Table

from leaderboards.agreement import Agreement
from leaderboards.audit import JudgeAudit
from leaderboards.category_audits import CategoryAudit
from leaderboards.combine import Combined
from leaderboards.cycles import Cycles
from leaderboards.elo import EloRow
from leaderboards.planning import Plan
from leaderboards.preferences import JudgeAgreement, Preferences
from leaderboards.records import Ranking, RankingRow
from leaderboards.series import Series
from leaderboards.shares import Share


def ranking_table(
    ranking: Ranking, *, title: str | None = None, plain: Ranking | None = None
) -> Table:
    """Return the rows of a ranking, best first, and beneath them what the scores are.

    `plain` is the same ranking without style control, to stand beside it.
    """
    settings = ranking.settings
    table = Table(
        title=title,
        title_justify="left",
        caption=_caption(ranking),
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("rank", justify="right")
    table.add_column("model", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column(f"{settings['level']:.0%} interval", justify="right", no_wrap=True)
    flips = any(row.flips is not None for row in ranking.rows)
    extra = [*(["plain score"] if plain else []), *(["prompts to flip"] if flips else [])]
    for name in (*extra, "prompts", "games", "missing"):
        table.add_column(name, justify="right")
    scores = {row.model: row.score for row in plain.rows} if plain else {}
    for row in ranking.rows:
        table.add_row(
            _range(row.rank_low, row.rank_high),
            _plain(row.model),
            f"{row.score:.1f}",
            f"{row.low:.1f} to {row.high:.1f}",
            *([f"{scores[row.model]:.1f}"] if plain else []),
            *(["" if row.flips is None else str(row.flips)] if flips else []),
            str(row.prompts),
            str(row.games),
            _missing(row),
        )
    return table


def _caption(ranking: Ranking) -> str:
    settings = ranking.settings
    ties = f"{settings['tie_rate']:.1%} ties" if "tie_rate" in settings else ""
    lines = [
        f"{settings['method']}; score = {settings['scale']}; {settings['interval']}, "
        f"{ranking.counts['prompts']} prompts{_samples(ranking)}" + (f"; {ties}" if ties else "")
    ]
    if left_out := ranking.counts.get("without_style"):
        lines.append(f"{left_out} verdicts left out: no style counts of an answer")
    if held := settings.get("held_by_ridge"):
        lines.append(f"only held finite, not placed by the battles: {', '.join(held)}")
    if unranked := settings.get("unranked"):
        lines.append(f"without any verdict: {', '.join(unranked)}")
    if unsettled := [row for row in ranking.rows if row.unsettled]:
        bounds = [f"{row.model} ({row.if_lost:.1f} to {row.if_won:.1f})" for row in unsettled]
        lines.append(f"* missing verdicts could change the rank of {', '.join(bounds)}")
    return _plain("\n".join(lines), lines=True)


def _samples(ranking: Ranking) -> str:
    samples = ranking.settings.get("samples", 1)
    return f" with {samples} samples each" if samples > 1 else ""


def _missing(row: RankingRow) -> str:
    return f"{row.missing}*" if row.unsettled else str(row.missing)


def style_table(ranking: Ranking) -> Table:
    """Return the coefficients of style control: how much each feature sways the judge."""
    level = f"{ranking.settings['level']:.0%} interval"
    table = Table("style feature", "coefficient", level, box=SIMPLE_HEAD)
    for row in ranking.style:
        table.add_row(
            _plain(row.feature), f"{row.coefficient:+.2f}", f"{row.low:+.2f} to {row.high:+.2f}"
        )
    return table


def series_table(found: Series) -> Table:
    """Return the checkpoints in order, with their differences from the first."""
    table = Table(
        "checkpoint",
        "score",
        "difference",
        f"{found.level:.0%} band",
        box=SIMPLE_HEAD,
        caption=f"win rate against {found.baseline}; differences from the first, bands hold "
        f"together; {found.prompts} prompts",
        caption_justify="left",
    )
    for row in found.rows:
        table.add_row(
            _plain(row.model),
            f"{row.score:.1f}",
            f"{row.difference:+.1f}",
            f"{row.low:+.1f} to {row.high:+.1f}",
        )
    return table


def ranking_json(ranking: Ranking) -> str:
    """Return a ranking as the JSON that ranking.json and `judge rank --format json` hold."""
    return json.dumps(asdict(ranking), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def ranking_csv(ranking: Ranking) -> str:
    """Return the rows of a ranking as CSV, with a header."""
    import polars as pl

    return pl.DataFrame([asdict(row) for row in ranking.rows]).write_csv()


def elo_table(rows: tuple[EloRow, ...], *, k: float) -> Table:
    """Return online Elo ratings, and that they depend on the order."""
    table = Table(
        "model", "online Elo", "battles",
        caption=f"K = {k:g}, by timestamp; depends on the order of the battles, has no interval",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )  # fmt: skip
    for row in rows:
        table.add_row(_plain(row.model), f"{row.rating:.1f}", str(row.battles))
    return table


def combined_table(combined: Combined) -> Table:
    """Return a combined ranking, and by which rule it was combined."""
    table = Table(
        "place", "model", "value",
        caption=_plain(f"{combined.rule} over {', '.join(combined.parts)}"),
        caption_justify="left",
        box=SIMPLE_HEAD,
    )  # fmt: skip
    for row in combined.rows:
        table.add_row(str(row.place), _plain(row.model), f"{row.value:.1f}")
    return table


def cycles_text(cycles: Cycles) -> str:
    """Return what no ranking can explain, as lines."""
    lines = [
        f"{cycles.residual:.1%} of the squared margins no ranking explains (noise or cycles); "
        f"{cycles.count} cycles of three"
    ]
    for cycle in cycles.worst:
        a, b, c = cycle.models
        won = ", ".join(f"{50 + 100 * margin:.0f} %" for margin in cycle.margins)
        lines.append(f"  {a} > {b} > {c} > {a} ({won})")
    return "\n".join(lines)


def variances_line(plan: Plan) -> str:
    """Return the variance parts of a plan in one line."""
    parts = plan.variances
    among = {} if parts.sample is None else {"sample": parts.sample}
    named = {"prompt": parts.prompt, **among, "order": parts.order, "judge": parts.judge,
             "repeat": parts.repeat}  # fmt: skip
    shown = ", ".join(
        f"{name} {'not told apart' if value is None else f'{value:.0f}'}"
        for name, value in named.items()
    )
    return f"variance of a difference on one prompt: {shown}"


def plan_table(plan: Plan) -> Table:
    """Return the designs of a plan and the smallest difference each shows."""
    sampled = any(row.samples > 1 for row in plan.rows)
    table = Table(
        "prompts", *["samples"] * sampled, "games", "judges", "difference seen", "calls", "dollars",
        caption=f"points of a hundred, seen with {plan.power:.0%} power at {plan.level:.0%}; "
        "calls and dollars per model",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )  # fmt: skip
    for row in plan.rows:
        dollars = "not known" if row.dollars is None else f"{row.dollars:.2f}"
        table.add_row(
            str(row.prompts), *[str(row.samples)] * sampled, str(row.games), str(row.judges),
            f"{row.detectable:.1f}", str(row.calls), dollars,
        )  # fmt: skip
    return table


def agreement_table(agreement: Agreement) -> Table:
    """Return the figures of agreement with people."""
    table = Table("measure", "value", f"{agreement.level:.0%} interval", "over", box=SIMPLE_HEAD)
    for measure in agreement.measures:
        interval = "" if measure.low is None else f"{measure.low:.3f} to {measure.high:.3f}"
        table.add_row(measure.name, f"{measure.value:.3f}", interval, f"{measure.n} {measure.unit}")
    return table


def audit_table(audits: tuple[JudgeAudit, ...]) -> Table:
    """Return what is known of each judge, a column each."""
    table = Table("", *(_plain(audit.judge) for audit in audits), box=SIMPLE_HEAD)
    table.add_row("games", *(str(audit.games) for audit in audits))
    for name, label in (
        ("consistent", "same verdict in both orders"),
        ("first_twice", "first answer, both orders"),
        ("second_twice", "second answer, both orders"),
        ("repeated", "same verdict when judged again"),
        ("ties", "ties"),
        ("failed", "no verdict"),
    ):
        table.add_row(label, *(_share(getattr(audit, name)) for audit in audits))
    return table


def category_table(parts: Sequence[CategoryAudit]) -> Table:
    """Return the main habits of each judge in each category, shares with their intervals."""
    table = Table(
        "judge", "category", "games", "same verdict", "first twice", "second twice", "longer",
        "ties", "no verdict",
        caption="same verdict, first and second: in both orders; longer: favoured where sides were "
        "taken; in percent",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )  # fmt: skip
    for part in parts:
        one = part.audit
        longer = next((row.share for row in part.swayed.style if row.feature == "tokens"), None)
        shares = (one.consistent, one.first_twice, one.second_twice, longer, one.ties, one.failed)
        table.add_row(
            _plain(one.judge),
            _plain(part.category),
            str(one.games),
            *(_short(share) for share in shares),
        )
    return table


def preference_tables(found: Preferences) -> list[Table]:
    """Return what sways the judges: style, families of models, and one judge beside another."""
    tables = []
    if any(row.share.n for row in found.style):
        style = Table("judge", "more", "favoured, where sides were taken", box=SIMPLE_HEAD)
        for row in found.style:
            style.add_row(_plain(row.judge), row.feature, _share(row.share))
        tables.append(style)
    families = Table("judge", "family", "points", "beyond other judges", box=SIMPLE_HEAD)
    for kin in found.families:
        mark = " (its own)" if kin.own else ""
        lead = _share(kin.beyond_others)
        families.add_row(_plain(kin.judge), f"{_plain(kin.family)}{mark}", _share(kin.points), lead)
    tables.append(families)
    if found.agreement:
        judges = Table("judge", "and judge", "same side", "kappa", box=SIMPLE_HEAD)
        for pair in found.agreement:
            names = _plain(pair.judge_a), _plain(pair.judge_b)
            judges.add_row(*names, _share(pair.same), _kappa(pair))
        tables.append(judges)
    return tables


def _kappa(pair: JudgeAgreement) -> str:
    if pair.kappa is None:
        return "not known"
    return f"{pair.kappa:.2f} ({pair.kappa_low:.2f} to {pair.kappa_high:.2f})"


def _share(share: Share) -> str:
    if share.value is None:
        return "not known"
    if share.low is None or share.high is None:
        return f"{share.value:.1%} of {share.n}"
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%}) of {share.n}"


def _short(share: Share | None) -> str:
    if share is None or share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{100 * share.value:.0f} ({100 * share.low:.0f}–{100 * share.high:.0f})"


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _plain(text: str, *, lines: bool = False) -> str:
    """Return `text` with what rich would take for markup, or a terminal for control, disarmed."""
    from rich.markup import escape

    kept = "\n" if lines else ""
    return escape("".join(one if one.isprintable() or one == kept else "�" for one in text))
