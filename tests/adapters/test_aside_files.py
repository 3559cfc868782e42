"""Arrays that lie on disk are the same to whoever reads them, and leave nothing behind."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.adapters.store.aside_files import on_disk


@pytest.mark.parametrize("shape", [(3, 50, 7), (1, 1), (0, 4)])
def test_figures_come_back_to_the_last_bit_and_no_file_has_a_name(tmp_path, shape):
    figures = np.random.default_rng(1).normal(size=shape)
    figures[figures > 1.0] = np.nan
    kept = on_disk(tmp_path)(figures)
    assert kept.tobytes() == figures.tobytes()
    assert kept.shape == shape
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_cannot_be_changed(tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        on_disk(tmp_path)(np.ones(3))[0] = 2.0


def test_a_disk_is_not_filled_up(tmp_path):
    with pytest.raises(OSError, match="too little room"):
        on_disk(tmp_path, spare=1 << 60)(np.ones(3))


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        on_disk(tmp_path / "gone")(np.ones(3))
