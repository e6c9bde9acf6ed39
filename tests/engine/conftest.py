"""Crews and boards to run the same tests over: what Python threads and the native pool must have in common."""

import pytest

from tailrank.native import extension

NO_EXTENSION = pytest.mark.skipif(not extension.available(), reason="this install has no native extension")


@pytest.fixture(params=["threads", pytest.param("native", marks=NO_EXTENSION)])
def crew(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def native_core():
    if not extension.available():
        pytest.skip("this install has no native extension")
    return extension.core()
