"""Everything that determines a benchmark beside its input files, as one validated object."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from benchbuilder.annotate import Style
from benchbuilder.categories import KINDS, CategorySource
from benchbuilder.cluster import Reducer
from benchbuilder.embed import embedder_name, runs_here
from benchbuilder.personal import Policy
from benchbuilder.selection import QuotaBy, Within


class BuildConfig(BaseModel):
    """The settings of a build, by stage; docs/curation.md says what each of them does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "benchmark"
    licence: str | None = None
    seed: int = 0
    budget: float | None = Field(default=None, gt=0)

    format: str | None = None
    max_bad: float = Field(default=0.05, ge=0, le=1)

    languages: tuple[str, ...] = ()
    min_chars: int = Field(default=10, ge=0)
    max_chars: int = Field(default=20_000, ge=1)
    pii: Policy = "drop"
    near_duplicates: float | None = Field(default=0.8, gt=0, le=1)
    against: tuple[Path, ...] = ()
    similar: float = Field(default=0.9, gt=0, le=1)

    embedder: str = "tfidf"
    reducer: Reducer | None = None
    min_cluster_size: int | None = Field(default=None, ge=2)
    outlier_similarity: float | None = Field(default=0.0, ge=-1, le=1)
    sample_size: int = Field(default=20_000, ge=100)
    topic_namer: str | None = None

    annotator: str | None = None
    annotation: Style = "short"
    cheap_annotator: str | None = None
    cheap_min_score: float = Field(default=4, ge=0, le=7)
    cheap_min_cluster_score: float = Field(default=0, ge=0, le=7)
    distil: int | None = Field(default=None, ge=50)
    distil_audit: int = Field(default=200, ge=10)
    distil_recall: float = Field(default=0.95, gt=0, le=1)
    second_annotator: str | None = None
    second_size: int = Field(default=200, ge=1)
    category: CategorySource = "none"
    categories: tuple[str, ...] = KINDS

    min_score: float = Field(default=6, ge=0, le=7)
    min_cluster_score: float = Field(default=3, ge=0, le=7)
    per_cluster: int | None = Field(default=None, ge=1)
    size: int | None = Field(default=None, ge=1)
    within: Within = "random"
    quota_by: QuotaBy | None = None
    quotas: dict[str, int] = Field(default_factory=dict)

    @property
    def space(self) -> Reducer:
        """How vectors are prepared for clustering: by UMAP where the extra that has it is needed.

        That is the one of embedding models that run here; elsewhere by their neighbours.
        """
        return self.reducer or ("umap" if runs_here(self.embedder) else "neighbours")

    def public(self) -> dict[str, Any]:
        """Return the settings as a card may show them: models by name, files without folders."""
        settings = self.model_dump(mode="json", exclude={"name", "licence", "budget"})
        models = ("annotator", "cheap_annotator", "second_annotator", "topic_namer")
        return settings | {
            "embedder": embedder_name(self.embedder),
            "reducer": self.space,
            "against": [path.name for path in self.against],
            **{name: _model_name(settings[name]) for name in models},
        }


def _model_name(spec: str | None) -> str | None:
    """Return a spec without its folder: `recorded:/home/me/logs#name` is `recorded:name`."""
    if spec is None:
        return None
    scheme, _, rest = spec.partition(":")
    if scheme == "recorded" and "#" in rest:
        return f"recorded:{rest.rpartition('#')[2]}"
    return Path(spec).name if spec.endswith((".yaml", ".yml")) or Path(rest).is_absolute() else spec
