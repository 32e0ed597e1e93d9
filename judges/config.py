"""What a judge run is to do: one frozen, validated object, and its plain form for the record."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from benchbuilder.records import BenchmarkItem
from judges.planning import Pair, all_pairs, baseline_pairs
from judges.protocols import Protocol, protocol
from judges.thoughts import THINK_TAGS
from llms.errors import UserError
from llms.prices import unpriced
from llms.records import ModelSpec
from llms.specs import read_specs


class RunConfig(BaseModel):
    """What is to be run. Models and judges may be given as specs or as the texts that name them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[ModelSpec, ...] = Field(min_length=2)
    judges: tuple[ModelSpec, ...] = Field(min_length=1)
    pairs: str | tuple[Pair, ...] = "baseline"
    """`baseline` (every model against one), `all`, or a list of pairs of names."""
    baseline: str | None = None
    """The name of one of the models; needed for `baseline` pairs."""
    judge_weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    """How much each judge of the panel counts beside the others; 1 where not named."""
    baselines: dict[str, str] = {}
    """Baselines of categories that have one of their own."""
    both_orders: bool = True
    samples: int = Field(default=1, ge=1)
    """How often each model answers each prompt; games are between answers of the same sample."""
    repeats: int = Field(default=1, ge=1)
    """How often each game is judged."""
    protocol: str = "pairwise"
    """The name of a protocol, or a .jinja file of one's own."""
    protocols: dict[str, str] = {}
    """Protocols of categories that have one of their own."""
    structured: bool = False
    """Ask for JSON replies that follow a schema instead of a label at the end of the text."""
    rubric: str | None = None
    """What `rubric` and `pointwise` judge by."""
    aspects: dict[str, float] = {}
    """The aspects of `aspects`, with their weights."""
    canaries: int = Field(default=3, ge=0)
    """On how many prompts answers without merit are judged too, to see what the judge does."""
    think_tags: tuple[str, str] | None = THINK_TAGS
    keep_truncated: bool = False
    """Judge answers that were cut off at the token limit instead of counting them as failures."""
    budget: float | None = Field(default=None, gt=0)
    """US dollars that this run may newly spend, requests under way included."""
    sentinel: Path | None = None
    """Labelled pairs that every judge judges anew, to see whether it has changed."""
    sentinel_round: int = Field(default=0, ge=0)
    """Which time this is; the same round again asks nothing anew."""
    batch: bool = False
    """Ask by the Batch API: at OpenAI for half the price, within a day."""
    note: str | None = None
    """A sentence that goes into the run's record and is shown with its numbers."""

    @field_validator("models", "judges", mode="before")
    @classmethod
    def _specs(cls, given: Any) -> Any:
        texts = [given] if isinstance(given, str) else list(given)
        return read_specs(texts) if all(isinstance(text, str) for text in texts) else given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for specs in (self.models, self.judges):
            if len({spec.name for spec in specs}) < len(specs):
                raise ValueError("two of one name; give one another `name` in a YAML file")
        for name in self.judge_weights:
            _check_name(name, [spec.name for spec in self.judges], "judges")
        for category in ("", *self.baselines):
            self._category_pairs(category)
        try:
            for name in (self.protocol, *self.protocols.values()):
                self.protocol_called(name)
        except UserError as error:
            raise ValueError(str(error)) from error
        unknown = unpriced((*self.models, *self.judges))
        if self.budget is not None and unknown:
            raise ValueError(f"a budget needs prices; give `prices` for {', '.join(unknown)}")
        others = [s.name for s in (*self.models, *self.judges) if s.kind not in ("openai", "http")]
        if self.batch and others:
            raise ValueError(
                f"only openai: and http:// models go by batch, not {', '.join(others)}"
            )
        return self

    def item_pairs(self, item: BenchmarkItem) -> list[Pair]:
        """Return the pairs of models that meet on this item, each once."""
        return self._category_pairs(item.category)

    def protocol_name(self, item: BenchmarkItem) -> str:
        """Return the name, or the file, of the protocol by which this item is judged."""
        return self.protocols.get(item.category, self.protocol)

    def protocol_called(self, name: str) -> Protocol:
        """Return the protocol of that name with this run's settings."""
        return protocol(name, structured=self.structured, rubric=self.rubric, aspects=self.aspects)

    def opponent(self, item: BenchmarkItem) -> str:
        """Return the model that canaries meet on this item: the baseline, or the first model."""
        return self.baselines.get(item.category) or self.baseline or self.models[0].name

    def resolved(self) -> dict[str, Any]:
        """Return the config as plain values, without folders: the same wherever it is run."""
        values = self.model_dump(mode="json", exclude={"models", "judges", "note"})
        return {
            **values,
            "sentinel": self.sentinel.name if self.sentinel else None,
            "protocol": Path(self.protocol).stem,
            "protocols": {name: Path(given).stem for name, given in self.protocols.items()},
            "models": [_named(spec) for spec in self.models],
            "judges": [_named(spec) for spec in self.judges],
        }

    def templates(self) -> dict[str, str]:
        """Return the digest of each protocol's template and settings, by the protocol's name."""
        used = [self.protocol_called(name) for name in (self.protocol, *self.protocols.values())]
        return {used_one.name: used_one.digest for used_one in used}

    def _category_pairs(self, category: str) -> list[Pair]:
        names = [spec.name for spec in self.models]
        if not isinstance(self.pairs, str):
            for name in {name for pair in self.pairs for name in pair}:
                _check_name(name, names)
            return list(self.pairs)
        if self.pairs == "all":
            return all_pairs(names)
        if self.pairs != "baseline":
            raise ValueError(f"pairs are `baseline`, `all` or a list, not {self.pairs!r}")
        baseline = self.baselines.get(category, self.baseline)
        if baseline is None:
            raise ValueError(f"name a baseline (one of {', '.join(names)}) or play all pairs")
        _check_name(baseline, names)
        return baseline_pairs(names, baseline)


_NOT_RECORDED = ("concurrency", "timeout", "key_env", "python")
"""Fields of a model that change how it is reached and not what it says."""


def _check_name(name: str, names: Sequence[str], kind: str = "models") -> None:
    if name not in names:
        raise ValueError(f"{name!r} is not one of the {kind}: {', '.join(names)}")


def _named(spec: ModelSpec) -> Mapping[str, Any]:
    address = spec.address if spec.kind == "http" else None
    model = Path(spec.model).name if Path(spec.model).is_absolute() else spec.model
    kept = asdict(replace(spec, address=address, model=model))
    return {name: value for name, value in kept.items() if name not in _NOT_RECORDED}
