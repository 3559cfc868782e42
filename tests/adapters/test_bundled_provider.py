from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vfr.adapters.providers import bundled
from vfr.adapters.providers.bundled import BundledProvider
from vfr.data.quality import QualityReport
from vfr.data.snapshot import Snapshot
from vfr.errors import ImportRejected


@pytest.fixture(scope="module")
def loaded() -> tuple[Snapshot, QualityReport]:
    return BundledProvider().load()


def test_twenty_closes_and_nothing_invented(loaded: tuple[Snapshot, QualityReport]) -> None:
    snapshot, quality = loaded
    assert snapshot.name == "bundled"
    assert snapshot.panel.shape == (8313, 20)
    assert snapshot.panel.adjustment == "dividend"
    assert snapshot.panel.close[-1, snapshot.panel.column("AAPL")] == 125.674
    assert np.isfinite(snapshot.panel.close).all()
    for field in ("open", "high", "low", "volume"):
        assert np.isnan(getattr(snapshot.panel, field)).all()
    assert all(snapshot.securities.name)
    assert len(set(snapshot.securities.sector)) == 7
    assert {"coarse_prices", "survivors_only", "missing_fields"} <= {f.check for f in quality.findings}
    assert snapshot.fundamentals is None
    assert snapshot.texts is None


def test_macro_is_known_only_after_its_release(loaded: tuple[Snapshot, QualityReport]) -> None:
    macro = loaded[0].macro
    assert macro is not None
    assert set(macro.series) == {"VIXCLS", "CPILFESL", "AAA", "BAA"}
    assert (macro.series["VIXCLS"].known_at - macro.series["VIXCLS"].date).astype(int).tolist()[:3] == [1, 1, 1]
    cpi = macro.series["CPILFESL"]
    assert str(cpi.date[-1]) == "2018-11-01"
    assert str(cpi.known_at[-1]) == "2019-01-14"
    assert cpi.revised
    assert all(np.isfinite(s.value).all() for s in macro.series.values())


def test_the_index_is_price_only(loaded: tuple[Snapshot, QualityReport]) -> None:
    index = loaded[0].benchmark
    assert index is not None
    assert index.price_only
    assert index.close[0] == 359.69
    assert np.isfinite(index.close).all()


def test_the_packages_themselves_are_not_imported() -> None:
    code = (
        "import sys; from vfr.adapters.providers.bundled import BundledProvider; BundledProvider().load();"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('skfolio', 'arch', 'sklearn')]; sys.exit(bool(bad))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "find_spec", lambda _name: None)
    with pytest.raises(ImportRejected, match="skfolio does not carry sp500_dataset"):
        BundledProvider().load()


def test_a_damaged_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "sp500_dataset.csv.gz"
    broken.write_bytes(b"\x1f\x8b broken")
    monkeypatch.setattr(bundled, "_file", lambda *_: broken)
    with pytest.raises(ImportRejected, match=r"sp500_dataset.csv.gz: cannot be read"):
        BundledProvider().load()
