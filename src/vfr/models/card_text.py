"""A version's card in words and tables, once, for every reader: terminal, Markdown, page.

A figure stands beside its 95 % interval and beside what needs no model; what a version must not be used for comes
before all figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vfr.models.prediction import ModelCard

__all__ = ["FIGURES", "Figure", "Section", "headline", "sections", "shown", "to_markdown"]

_LEADING: Final = 10
"""Features named with a version."""

_SPECIAL: Final = re.compile(r"([\\`*\[\]<>|#])")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a card: its words, its name, and the name of its baseline, or the baseline itself."""

    words: str
    name: str
    baseline: str | float | None = None


FIGURES: Final = (
    Figure("Rank IC, mean of the sessions", "rank_ic", 0.0),
    Figure("Its t (Newey-West)", "rank_ic_t"),
    Figure("ICIR, not annualised", "icir"),
    Figure("Right signs of the excess return", "excess_sign_accuracy", 0.5),
    Figure("Brier score of P(excess > 0)", "excess_brier", "excess_brier_base_rate"),
    Figure("Brier skill of P(excess > 0)", "excess_brier_skill", 0.0),
    Figure("Area under the curve of the excess return", "excess_auc", 0.5),
    Figure("Brier score of P(up)", "brier", "brier_base_rate"),
    Figure("Brier skill of P(up)", "brier_skill", 0.0),
    Figure("Log loss of P(up)", "log_loss", "log_loss_base_rate"),
    Figure("Accuracy of the direction", "accuracy", "accuracy_base_rate"),
    Figure("Lift over the base-rate rule", "accuracy_lift", 0.0),
    Figure("Calibration error of P(up)", "ece_direction", "ece_base_rate"),
    Figure("Share of UP", "share_up"),
    Figure("Mean confidence", "mean_confidence", "excess_sign_accuracy"),
    Figure("Calibration error of confidence", "ece_confidence", 0.0),
    Figure("Coverage of the interval", "interval_coverage", "interval_level"),
    Figure("Sessions judged", "dates"),
    Figure("Rows judged", "rows"),
)
"""Figures in the order they are shown. Base rates are those known at the time, on the same rows."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card: sentences, then a table; either may be empty."""

    title: str
    lines: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def headline(card: ModelCard) -> str:
    """Return what a version is, in one line."""
    return f"{card.status} of {card.member} for {card.horizon} on {card.data_name}, learned until {card.labels_end}"


def sections(card: ModelCard) -> tuple[Section, ...]:
    """Return a card part by part; parts that an older card does not know are left out."""
    found = (
        Section("Verdict", tuple(_verdict(card))),
        Section("What it must not be used for", card.limitations),
        Section("Out of fold", (_HOW,), ("figure", "value", "95 % interval", "without a model"), tuple(_figures(card))),
        Section("Gates", (), ("gate", "verdict", "figure", "bound", "note"), tuple(_gates(card))),
        Section("Learned from", (), ("what", "is"), tuple(_learned(card))),
        Section("Walk-forward", (), ("fold", "learned", "last label", "judged", "rows"), tuple(_folds(card))),
        Section("Hyper-parameters", _tuning(card), ("name", "direction", "excess"), tuple(_params(card))),
        Section("Leading features", (), ("feature", "share"), tuple(_leading(card))),
        Section("Made with", (), ("what", "is"), tuple(_made(card))),
        Section("Files", (), ("file", "sha256"), tuple(sorted(card.files.items()))),
    )
    return tuple(part for part in found if part.rows or (part.lines and not part.heads))


_HOW: Final = (
    "Each session was judged by a refit that could not have known its outcome, calibrated with what was known then, on "
    "the names that were members of the index that day where membership is known. Intervals resample blocks of dates."
)


def to_markdown(card: ModelCard) -> str:
    """Return a card as Markdown."""
    parts = [f"# {_escaped(card.model_id)}", _escaped(headline(card)) + "."]
    for part in sections(card):
        parts.append(f"## {_escaped(part.title)}")
        if part.lines:
            parts.append("\n".join(f"- {_escaped(line)}" for line in part.lines))
        if part.rows:
            table = [_line(part.heads), _line(["---"] * len(part.heads)), *(_line(row) for row in part.rows)]
            parts.append("\n".join(table))
    return "\n\n".join(parts) + "\n"


def shown(value: object) -> str:
    """Return a figure for people: whole numbers whole, others to four digits, a dash for what is unknown.

    Examples
    --------
    >>> [shown(value) for value in (12000.0, 0.01234567, 1e-06, None, True, "open")]
    ['12,000', '0.0123', '1e-06', '—', 'yes', 'open']
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "—"
    if not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4f}" if abs(value) >= 5e-4 else f"{value:.3g}"


def _verdict(card: ModelCard) -> Iterable[str]:
    refused = card.gates.get("refused")
    if not card.gates:
        yield "It was never judged by the gates."
    elif "judged_with" in card.gates:
        yield f"A walk-forward refit, judged together with {card.gates['judged_with']}."
    elif card.gates.get("passed"):
        yield "Every gate passed."
    else:
        names = ", ".join(str(name) for name in refused) if isinstance(refused, list) else ""
        yield f"Refused by its gates: {names or 'not said which'}."
    low, high = card.metrics.get("rank_ic_low"), card.metrics.get("rank_ic_high")
    if isinstance(low, float) and isinstance(high, float):
        word = "distinguishable from none" if low > 0 or high < 0 else "not distinguishable from none"
        yield f"Its order of the names is {word}: the interval of its rank IC is {shown(low)} to {shown(high)}."
    low, high = card.metrics.get("brier_skill_low"), card.metrics.get("brier_skill_high")
    if isinstance(low, float) and isinstance(high, float):
        word = "better than" if low > 0 else "worse than" if high < 0 else "not distinguishable from"
        yield f"Its probability of a rise is {word} the base rate known at the time."
    if card.evidence is not None:
        yield f"The evidence report of its data and horizon is {card.evidence}."


def _figures(card: ModelCard) -> Iterable[tuple[str, ...]]:
    told: set[str] = set()
    for figure in FIGURES:
        told |= {figure.name, f"{figure.name}_low", f"{figure.name}_high", str(figure.baseline)}
        if figure.name in card.metrics:
            baseline = card.metrics.get(figure.baseline) if isinstance(figure.baseline, str) else figure.baseline
            yield figure.words, shown(card.metrics[figure.name]), _interval(card, figure.name), _known(baseline)
    for name in sorted(set(card.metrics) - told):
        yield name, shown(card.metrics[name]), "", ""


def _interval(card: ModelCard, name: str) -> str:
    if f"{name}_low" not in card.metrics:
        return ""
    return f"{shown(card.metrics[f'{name}_low'])} to {shown(card.metrics[f'{name}_high'])}"


def _known(value: object) -> str:
    return "" if value is None else shown(value)


def _gates(card: ModelCard) -> Iterable[tuple[str, ...]]:
    rows = card.gates.get("rows")
    for row in rows if isinstance(rows, list | tuple) else ():
        bound = row.get("bound")
        verdict = "printed" if bound is None else "passed" if row.get("passed") else "REFUSED"
        yield (str(row.get("gate")), verdict, shown(row.get("figure")), _known(bound), str(row.get("note") or ""))


def _learned(card: ModelCard) -> Iterable[tuple[str, str]]:
    yield "Data", f"{card.data_name}, version {card.data_version}"
    yield "Span", f"{card.train_start} to {card.labels_end}, the last session any label saw"
    yield "Rows", f"{card.n_rows:,} of {card.n_dates:,} sessions"
    yield "Features", f"{len(card.feature_names)}, specification {card.feature_spec}"
    yield "Seed", str(card.seed)
    if card.params.get("survivorship"):
        yield "Survivorship", str(card.params["survivorship"])


def _folds(card: ModelCard) -> Iterable[tuple[str, ...]]:
    for fold in card.folds:
        told = {name: str(value) for name, value in fold.items()}
        learned = f"{told.get('train_start', '')} to {told.get('train_end', '')}"
        judged = f"{told.get('test_start', '')} to {told.get('test_end', '')}"
        yield told.get("name", ""), learned, told.get("labels_end", ""), judged, shown(fold.get("rows"))


def _tuning(card: ModelCard) -> tuple[str, ...]:
    trials = card.tuning.get("trials")
    return (f"Settings tried: {shown(trials)}. Those used come from: {card.tuning.get('source')}.",)


def _params(card: ModelCard) -> Iterable[tuple[str, str, str]]:
    direction, excess = (_mapping(card.params.get(target)) for target in ("direction", "excess"))
    for name in [*direction, *(name for name in excess if name not in direction)]:
        yield name, _known(direction.get(name)), _known(excess.get(name))
    for name, value in _mapping(card.params.get("recipe")).items():
        yield name, shown(value), shown(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _leading(card: ModelCard) -> Iterable[tuple[str, str]]:
    ranked = sorted(card.importance.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(name, shown(float(share))) for name, share in ranked[:_LEADING]]


def _made(card: ModelCard) -> Iterable[tuple[str, str]]:
    yield "Made", card.created_at
    yield "Device", card.device
    if card.machine:
        yield "Machine", card.machine
    if card.python:
        yield "Python", card.python
    yield from sorted(card.libraries.items())
    if card.training_seconds is not None:
        yield "Training, seconds", shown(card.training_seconds)
    if card.peak_rss_mb is not None:
        yield "Peak memory, MB", shown(card.peak_rss_mb)
    if card.parity:
        yield "Sample replayed on every load", ", ".join(f"{shown(n)} {what}" for what, n in card.parity.items())
    yield "Form of this card", str(card.card_version)


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(cell) if set(cell) != {"-"} else cell for cell in cells) + " |"
