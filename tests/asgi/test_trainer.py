"""What the terminal says when the training beside a server ends."""

from __future__ import annotations

from vfr.asgi.trainer import finished


def test_a_training_that_ends_names_the_horizons_that_answer() -> None:
    assert "predictions for 7d, 30d." in finished(1.0, {"30d", "7d"})
    assert "no model passed its gates" in finished(1.0, ())
