from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import vfr.monitoring

MODULES = [f"vfr.monitoring.{module.name}" for module in pkgutil.iter_modules(vfr.monitoring.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings_run(name):
    found = doctest.testmod(importlib.import_module(name), extraglobs={"np": np})
    assert found.attempted > 0
    assert found.failed == 0
