"""How the pages call the networks and funnels of the study."""

from tailrank.report.document import Value

__all__ = ["SERIES", "STAGES", "folded", "last_reading", "title"]

STAGES = {
    "rm-large:4096": "one stage, RM_large",
    "rm-small:4096>rm-large:128": "two: RM_small, RM_large",
    "rm-small:4096>rm-med:512>rm-large:128": "three: RM_small, RM_med, RM_large",
}
SERIES = ("#1f6fb4", "#d1661a", "#2a8c78", "#6a51a3")
NAMES = {"rm-small": "RM_small", "rm-med": "RM_med", "rm-large": "RM_large"}


def folded(words: str) -> str:
    """Return a label of an axis on several lines: broken behind commas and between stages."""
    return words.replace(", ", ",<br>").replace(" > ", "<br>> ")


def title(funnel: str) -> str:
    """Return `rm-small:4096>rm-large:128` as "RM_small 4,096 > RM_large 128"; a network alone as its name."""
    found = []
    for stage in funnel.split(">"):
        name, _, items = stage.partition(":")
        size = f" {int(items):,}" if items.isdigit() else ""
        found.append(NAMES.get(name, name) + size)
    return " > ".join(found)


def last_reading(document: Value) -> str:
    """Return the name of the reading that explains the logs best: the last."""
    names = [row["reading"].text for row in document["latency"]["errors"]]
    return (names[-1] if names else None) or "as it ran"
