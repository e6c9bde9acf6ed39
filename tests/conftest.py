import gc

from hypothesis import settings

# How long an example takes on a busy machine says nothing about what it found.
settings.register_profile("tailrank", settings.default, deadline=None)
settings.load_profile("tailrank")


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collections: the engine collects before every run, and tests run it often.

    A collection takes a tenth of a second with all test modules loaded, and there are hundreds.
    """
    gc.collect()
    gc.freeze()
