"""What a request to analyze asks for, checked field by field: the one parser behind HTTP, command line and Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast, get_args

import numpy as np

from vfr.clock import utc_now
from vfr.data.sessions import parse_day
from vfr.data.symbols import normalise
from vfr.errors import InvalidField, UnsupportedHorizon
from vfr.typing import HORIZONS, MEMBER_NAMES, Horizon
from vfr.workflows.forecaster import MlUnavailable

__all__ = ["AnalyzeQuery", "Method", "Mode", "parse_horizon"]

Mode: TypeAlias = Literal["single", "sector", "multiple"]
Method: TypeAlias = Literal["weighted", "voting", "stacking"]

MAX_SYMBOLS: Final = 100
MAX_LIMIT: Final = 50
TIMEOUT_MS: Final = (10, 30_000)
MAX_TEXT: Final = 256
"""Longest sector or session id read; longer ones are a mistake or an attack."""

_ALIASES: Final[Mapping[str, Horizon]] = {"1w": "7d", "1m": "30d"}


@dataclass(frozen=True, slots=True)
class AnalyzeQuery:
    """A checked request.

    Parameters
    ----------
    mode : {"single", "sector", "multiple"}
    symbols : tuple of str
        Normalised, unique, in the order asked for; one in single mode, empty in sector mode.
    sector : str or None
        As the caller spelled it; only in sector mode.
    limit : int
        1-50, cuts sector mode only.
    as_of : numpy.datetime64 or None
        The day whose evening the answer speaks of, today at the latest; None is the latest session.
    include_ml : bool
    ml_horizon : {"1d", "7d", "30d"}
    ml_confidence_threshold : float
        0-1; below it the ML weight is 0 for that symbol.
    ml_weight : float
        0-1; 0 means none.
    ml_models : tuple of str
        Member names to use; all of them by default.
    ml_method : {"weighted", "voting", "stacking"}
    ml_timeout_ms : int
        10-30000.
    session_id : str or None
        Opaque id for progress events.
    ml_refused : MlUnavailable or None
        Why machine learning is left out though it is asked for; set by who limits callers, never by the caller.
    experiment : tuple of (str, str) or None
        The experiment that has a say in the answer, and the arm; set by who deals callers to arms.

    Examples
    --------
    >>> AnalyzeQuery.parse({"mode": "multiple", "symbols": [" aapl ", "BRK-B", "AAPL"]}).symbols
    ('AAPL', 'BRK.B')
    """

    mode: Mode
    symbols: tuple[str, ...] = ()
    sector: str | None = None
    limit: int = 10
    as_of: np.datetime64 | None = None
    include_ml: bool = False
    ml_horizon: Horizon = "7d"
    ml_confidence_threshold: float = 0.5
    ml_weight: float = 0.15
    ml_models: tuple[str, ...] = MEMBER_NAMES
    ml_method: Method = "weighted"
    ml_timeout_ms: int = 1000
    session_id: str | None = None
    ml_refused: MlUnavailable | None = None
    experiment: tuple[str, str] | None = None

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> AnalyzeQuery:
        """Check a request body against the contract.

        Parameters
        ----------
        body : mapping
            Decoded JSON. Unknown fields are ignored, and null means absent.

        Raises
        ------
        InvalidField
            Naming the first field that is wrong, and how to mend it. `UnsupportedHorizon` for ``ml_horizon``.
        """
        if not isinstance(body, Mapping):
            raise InvalidField("body", "must be a JSON object")
        mode = cast("Mode", _choice(body, "mode", get_args(Mode), None))
        config = _config(body)
        return cls(
            mode=mode,
            symbols=() if mode == "sector" else _symbols(body, mode, config),
            sector=_text(body, "sector", required=True) if mode == "sector" else None,
            limit=_integer(body, "limit", 1, MAX_LIMIT, 10),
            as_of=_day(body, "as_of"),
            include_ml=_boolean(body, "include_ml"),
            ml_horizon=_horizon(body, "ml_horizon", "7d"),
            ml_confidence_threshold=_number(body, "ml_confidence_threshold", 0.0, 1.0, 0.5),
            ml_weight=_number(body, "ml_weight", 0.0, 1.0, 0.15),
            ml_models=_members(body, "ml_models"),
            ml_method=cast("Method", _choice(body, "ml_method", get_args(Method), "weighted")),
            ml_timeout_ms=_integer(body, "ml_timeout", *TIMEOUT_MS, 1000),
            session_id=_text(body, "sessionId", required=False),
        )


def _choice(body: Mapping[str, object], field: str, allowed: tuple[str, ...], default: str | None) -> str:
    value = body.get(field)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or value not in allowed:
        raise InvalidField(field, f"must be one of {', '.join(allowed)}")
    return value


def _boolean(body: Mapping[str, object], field: str) -> bool:
    value = body.get(field)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidField(field, "must be true or false, without quotes")
    return value


def _number(body: Mapping[str, object], field: str, low: float, high: float, default: float) -> float:
    value = body.get(field)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InvalidField(field, f"must be a number from {low:g} to {high:g}")
    return float(value)


def _integer(body: Mapping[str, object], field: str, low: int, high: int, default: int) -> int:
    value = body.get(field)
    if value is None:
        return default
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not low <= cast("float", value) <= high:
        raise InvalidField(field, f"must be a whole number from {low} to {high}")
    return int(cast("float", value))


def _text(body: Mapping[str, object], field: str, *, required: bool) -> str | None:
    value = body.get(field)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidField(field, "is required and must be text" if required else "must be text")
    if len(value) > MAX_TEXT or not value.isprintable():
        raise InvalidField(field, f"must be at most {MAX_TEXT} printable characters")
    return value.strip()


def _day(body: Mapping[str, object], field: str) -> np.datetime64 | None:
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidField(field, "must be an ISO date such as 2019-06-28")
    day, today = parse_day(field, value), np.datetime64(utc_now().date(), "D")
    if day > today:
        raise InvalidField(field, f"{day} is later than today, {today} (UTC): that evening is not known yet")
    return day


def _horizon(body: Mapping[str, object], field: str, default: Horizon) -> Horizon:
    value = body.get(field)
    return default if value is None else parse_horizon(field, value)


def parse_horizon(field: str, value: object) -> Horizon:
    """Return a horizon by its name or alias.

    Raises
    ------
    UnsupportedHorizon
        If it is another value; names the field and the horizons there are.

    Examples
    --------
    >>> parse_horizon("ml_horizon", "1w")
    '7d'
    """
    name = _ALIASES.get(value, value) if isinstance(value, str) else value
    if not isinstance(name, str) or name not in HORIZONS:
        supported = f"supported are {', '.join(HORIZONS)} (1w means 7d, 1m means 30d); there is no intraday horizon"
        raise UnsupportedHorizon(field, supported)
    return name


def _members(body: Mapping[str, object], field: str) -> tuple[str, ...]:
    value = body.get(field)
    if value is None:
        return MEMBER_NAMES
    if not isinstance(value, (list, tuple)) or not value or any(name not in MEMBER_NAMES for name in value):
        raise InvalidField(field, f"must be a list of one or more of {', '.join(MEMBER_NAMES)}")
    return tuple(name for name in MEMBER_NAMES if name in value)


def _config(body: Mapping[str, object]) -> Mapping[str, object]:
    config = body.get("config")
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise InvalidField("config", "must be an object {symbol?, preferredDataSources?, timeout?}")
    sources = config.get("preferredDataSources")
    if sources is not None and not (isinstance(sources, (list, tuple)) and all(isinstance(s, str) for s in sources)):
        raise InvalidField("config.preferredDataSources", "must be a list of text")
    timeout = config.get("timeout")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0):
        raise InvalidField("config.timeout", "must be a positive number of milliseconds")
    return config


def _symbols(body: Mapping[str, object], mode: Mode, config: Mapping[str, object]) -> tuple[str, ...]:
    asked = body.get("symbols")
    preferred = config.get("symbol") if mode == "single" else None
    if asked is None and preferred is not None:
        asked = []
    if not isinstance(asked, (list, tuple)):
        raise InvalidField("symbols", f"is required in {mode} mode and must be a list of tickers")
    if not asked and preferred is None:
        raise InvalidField("symbols", "is empty; give at least one ticker")
    if len(asked) > MAX_SYMBOLS:
        raise InvalidField("symbols", f"holds {len(asked)} tickers; at most {MAX_SYMBOLS} per request")
    symbols = tuple(dict.fromkeys(_symbol(text) for text in asked))
    if preferred is not None:
        return (_symbol(preferred, "config.symbol"),)
    return symbols[:1] if mode == "single" else symbols


def _symbol(text: object, field: str = "symbols") -> str:
    if not isinstance(text, str):
        raise InvalidField(field, "every ticker must be text")
    return normalise(text, field)
