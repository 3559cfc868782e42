from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import vfr.validation

MODULES = [f"vfr.validation.{module.name}" for module in pkgutil.iter_modules(vfr.validation.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings_run(name):
    found = doctest.testmod(importlib.import_module(name), extraglobs={"np": np})
    assert found.failed == 0


def test_there_are_examples_to_run():
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) > 40
