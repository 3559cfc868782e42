"""Options that several commands share, and the names they have in the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

if TYPE_CHECKING:
    from vfr.bootstrap import Application
    from vfr.typing import Horizon

__all__ = [
    "WHO",
    "AsJson",
    "Cluster",
    "Jobs",
    "Members",
    "Scopes",
    "Seed",
    "application",
    "as_typed",
    "existing_folder",
    "horizons_of",
    "scopes_of",
    "words",
]

WHO: Final = "command line"
"""Who a change made here is by, in logs that say who."""

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]

Members: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--members",
        metavar="A,B",
        help="Members of the ensemble, separated by commas; all that can be fitted here by default.",
        show_default=False,
    ),
]

Cluster: TypeAlias = Annotated[
    str | None,
    typer.Option("--cluster", metavar="tcp://HOST:8786", help="Fit folds on the workers of this Dask scheduler."),
]

Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option("--jobs", min=1, max=256, help="Folds fitted at once on this machine; VFR_ML_THREADS else."),
]

Seed: TypeAlias = Annotated[
    int, typer.Option("--seed", min=0, max=2_000_000_000, help="The same seed gives the same result.")
]

Scopes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="A,B",
        help="Scopes: classic, ml, backtest, risk, admin; those of the tier by default. It may be repeated.",
        show_default=False,
    ),
]

_OPTION_OF: Final[Mapping[str, str]] = {
    "ml_horizon": "--horizon",
    "horizon": "--horizon",
    "ml_weight": "--weight",
    "ml_confidence_threshold": "--threshold",
    "ml_models": "--members",
    "members": "--members",
    "member": "--member",
    "reason": "--reason",
    "why": "--why",
    "ml_method": "--method",
    "ml_timeout": "--timeout",
    "as_of": "--as-of",
    "limit": "--limit",
    "start": "--start",
    "until": "--until",
    "seed": "--seed",
    "seeds": "--seeds",
    "ablate": "--ablate",
    "replay": "--replay",
    "for": "--for",
    "model": "--model",
    "against": "--against",
    "sector": "--sector",
    "tier": "--tier",
    "scopes": "--scope",
    "days": "--days",
    "label": "--label",
    "arms": "--arms",
    "weight": "--weight",
    "holdout": "--holdout",
    "error": "--error",
    "tight_at": "--tight-at",
    "first": "--first",
    "margin": "--margin",
}


def as_typed(field: str, message: str) -> str:
    """Return an error message with the contract's field name replaced by the option the user typed.

    Examples
    --------
    >>> as_typed("ml_horizon", "ml_horizon: use 1d, 7d or 30d")
    '--horizon: use 1d, 7d or 30d'
    """
    option = _OPTION_OF.get(field)
    return message if option is None else option + message.removeprefix(field)


def words(text: str) -> tuple[str, ...]:
    """Split a comma-separated option; empty parts vanish.

    Examples
    --------
    >>> words("lightgbm, linear")
    ('lightgbm', 'linear')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def scopes_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """Return the scopes of an option that may be repeated, each a list of its own.

    Examples
    --------
    >>> scopes_of(["classic,ml", "risk"])
    ('classic', 'ml', 'risk')
    """
    return words(",".join(given or ()))


def horizons_of(text: str) -> tuple[Horizon, ...]:
    """Return the horizons of a comma-separated option, each once, in their order.

    Raises
    ------
    InvalidField
        If there is none, or one is not known.

    Examples
    --------
    >>> horizons_of("1w,30d,7d")
    ('7d', '30d')
    """
    from vfr.errors import InvalidField
    from vfr.workflows.query import parse_horizon

    found = tuple(dict.fromkeys(parse_horizon("horizon", name) for name in words(text)))
    if not found:
        raise InvalidField("horizon", "name at least one of 1d, 7d, 30d")
    return found


def existing_folder(folder: Path) -> Path:
    """Return a folder the user named, or say that there is none.

    Raises
    ------
    typer.BadParameter
        If it is missing or is not a folder.
    """
    if not folder.exists():
        raise typer.BadParameter(f"{folder} does not exist; give the folder that holds prices.parquet or prices.csv")
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is not a folder; give the folder that holds it")
    return folder


def application() -> Application:
    """Build the application of this process from its settings."""
    from vfr import bootstrap, settings

    return bootstrap.build(settings.load())
