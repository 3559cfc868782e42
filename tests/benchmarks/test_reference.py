"""The fixed reference: its features look back only, its refits know no outcome of the year they score, it can learn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import polars as pl
import pytest

from vfr.adapters.store.tables import write_tables
from vfr.data import synthetic
from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.data.sessions import sessions_between
from vfr.data.snapshot import Snapshot
from vfr.validation.correlation import rank_ic

_BARS = (*PRICE_FIELDS, "volume")


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    try:
        from benchmarks import reference
    finally:
        sys.path.pop(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "TREES", 20)
        yield reference


@pytest.fixture(scope="module")
def market() -> Snapshot:
    """Four years and a month on exchange sessions, so that a fifth year can be scored and files can be imported."""
    made = synthetic.snapshot(np.random.default_rng(11), n_sessions=1030, n_symbols=30)
    sessions = sessions_between(np.datetime64("2015-01-02"), np.datetime64("2019-12-31"))[:1030]
    return replace(made, panel=replace(made.panel, sessions=sessions), actions=None)


@pytest.fixture(scope="module")
def features(reference, market) -> dict[str, np.ndarray]:
    return dict(reference.features(market.panel))


@pytest.fixture(scope="module")
def ranks(reference, market) -> np.ndarray:
    return reference.design(market.panel)


def _changed_after(panel: Panel, row: int, rng: np.random.Generator) -> Panel:
    factor = np.ones(panel.shape)
    factor[row + 1 :] = rng.lognormal(0.0, 0.5, (panel.shape[0] - row - 1, panel.shape[1]))
    return replace(panel, **{name: getattr(panel, name) * factor for name in _BARS})


def test_there_are_64_features_and_each_is_known_somewhere(features):
    assert len(features) == 64
    assert min(np.isfinite(values[-1]).mean() for values in features.values()) > 0.9


@pytest.mark.parametrize("rows", [300, 801])
def test_a_shorter_history_gives_the_same_features_bit_for_bit(reference, market, features, rows):
    for name, values in reference.features(market.panel.rows(0, rows)):
        np.testing.assert_array_equal(values, features[name][:rows], err_msg=name)


def test_features_do_not_know_the_basis_of_prices(reference, market, features):
    """Later splits rescale a whole history; powers of two do so without rounding."""
    panel = market.panel
    factor = 2.0 ** np.random.default_rng(0).integers(-3, 4, panel.shape[1])
    split = replace(
        panel, **{name: getattr(panel, name) * factor for name in PRICE_FIELDS}, volume=panel.volume / factor
    )
    for name, values in reference.features(split):
        np.testing.assert_allclose(values, features[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_windows_equal_those_of_pandas(market, features):
    panel, whole = market.panel, [0, 1, 2, 5]
    close = pd.DataFrame(panel.adj_close)
    r = close.pct_change(fill_method=None)
    m = r.mean(axis=1)
    opened, high, low, raw = (pd.DataFrame(getattr(panel, name)) for name in ("open", "high", "low", "close"))
    expected = {
        "volatility_63": r.rolling(63).std(ddof=0),
        "high_252": close / close.rolling(252).max() - 1,
        "low_21": close / close.rolling(21).min() - 1,
        "beta_63": r.apply(lambda x: x.rolling(63).cov(m, ddof=0) / m.rolling(63).var(ddof=0)),
        "skewness_63": r.rolling(63).skew() * 61 / np.sqrt(63 * 62),
        "average_50_200": close.rolling(50).mean() / close.rolling(200).mean() - 1,
        "momentum_12_1": close.shift(21) / close.shift(252) - 1,
        "same_month_last_year": close.shift(231) / close.shift(252) - 1,
        "overnight_1": (opened / raw * close) / close.shift(1) - 1,
        "range_21": (np.log(high / low) ** 2).rolling(21).mean(),
        "illiquidity_252": (r.abs() / (raw * panel.volume)).rolling(252).mean(),
    }
    for name, frame in expected.items():
        np.testing.assert_allclose(
            features[name][260:, whole], frame.to_numpy()[260:, whole], rtol=1e-6, atol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("h", [1, 5, 21])
def test_labels_end_before_the_embargo_and_the_embargo_before_the_year(reference, market, h):
    (fold,) = reference.folds(market.panel, h, 2019)
    assert str(market.sessions[fold.test[0]])[:4] == "2019"
    assert fold.train[-1] + h + (h + 1) == fold.test[0] - 1


def test_outcomes_of_the_scored_year_teach_nothing(reference, market, ranks):
    """Replace prices after the year's first session, then those its newest training labels use."""
    panel, h, rng = market.panel, 5, np.random.default_rng(1)
    refits = reference.folds(panel, h, 2019)
    first, newest = int(refits[0].test[0]), int(refits[0].train[-1])
    scores = reference.scores(panel, ranks, h, refits)
    later = _changed_after(panel, first, rng)
    later_ranks = reference.design(later)
    np.testing.assert_array_equal(later_ranks[: first + 1], ranks[: first + 1])
    np.testing.assert_array_equal(reference.scores(later, later_ranks, h, refits)[first], scores[first])
    assert np.isfinite(scores[first]).sum() > 20
    taught = reference.scores(_changed_after(panel, newest, rng), ranks, h, refits)
    assert not np.array_equal(taught[first], scores[first], equal_nan=True)


def test_a_planted_reversal_is_found(reference, market):
    panel, rng = market.panel, np.random.default_rng(5)
    returns = 0.01 * rng.normal(size=panel.shape)
    for t in range(1, returns.shape[0]):
        returns[t] -= 0.3 * returns[t - 1]
    walk = 50.0 * np.exp(np.cumsum(returns, axis=0))
    made = replace(panel, **dict.fromkeys(PRICE_FIELDS, walk))
    score = reference.scores(made, reference.design(made), 1, reference.folds(made, 1, 2019))
    # A correlation of 0.3 between neighbouring returns, less what Spearman and the fit cost.
    assert np.nanmean(rank_ic(score, reference.outcome(made, 1))) > 0.2


def test_the_command_writes_the_same_bytes_twice(reference, market, tmp_path, capsys):
    write_tables(tmp_path, market)
    files = ["--prices", str(tmp_path / "prices.parquet"), "--membership", str(tmp_path / "membership.parquet")]
    rest = ["--horizons", "7d", "--start", "2019", "--end", "2019-12-31"]
    for name in ("one", "two"):
        assert reference.main([*files, "--out", str(tmp_path / name), *rest]) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    frame = pl.read_parquet(tmp_path / "one")
    assert frame.schema == {"date": pl.Date, "symbol": pl.String, "horizon": pl.String, "score": pl.Float64}
    assert set(frame["horizon"]) == {"7d"}
    assert frame["date"].min().year == frame["date"].max().year == 2019
    assert frame["score"].abs().max() < 0.5
    printed = capsys.readouterr()
    assert "| members at t |" in printed.out
    assert "7d 2019" in printed.err
