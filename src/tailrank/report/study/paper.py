"""What the DeepRecSys paper (Gupta et al., ISCA 2020) and its public artifact report, each with how far it is known.

Tags: V read in a file of the artifact, A read in an abstract, C an independent public artifact agrees, R-h and R-m
recalled with high or medium confidence and not confirmed. A number without a source that can be opened is shown with
its tag, never as a fact.
"""

__all__ = [
    "BOUND_BY",
    "EFFICIENCY",
    "EFFICIENCY_TAG",
    "GAINS",
    "NETWORKS",
    "TAGS",
    "TARGETS",
    "TITLES",
    "TITLE_OF_TAG",
]

NETWORKS = ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd", "din", "dien")
TITLES = {
    "rmc1": "RMC1",
    "rmc2": "RMC2",
    "rmc3": "RMC3",
    "ncf": "NCF",
    "wnd": "WnD",
    "mtwnd": "MT-WnD",
    "din": "DIN",
    "dien": "DIEN",
}
TARGETS = ("low", "medium", "high")

BOUND_BY = {"embedding": ("rmc1", "rmc2"), "mlp": ("rmc3", "wnd", "mtwnd", "ncf")}
"""The paper's classes of bottleneck, without the two networks of sequences."""

GAINS = {
    "cpu": {"low": 1.7, "medium": 2.1, "high": 2.7},
    "gpu": {"low": 4.0, "medium": 5.1, "high": 5.8},
}
"""Geometric mean over the eight networks of capacity over that of the static baseline."""

EFFICIENCY = {
    "cpu": {"low": 1.7, "medium": 2.1, "high": 2.7},
    "gpu": {"low": 2.0, "medium": 2.6, "high": 2.9},
}
"""The same for capacity per watt."""

TAGS = {
    "gain": {
        "cpu": {"low": "R-h", "medium": "A", "high": "R-h"},
        "gpu": {"low": "R-h", "medium": "C", "high": "A"},
    }
}
"""How far each of `GAINS` is known."""

EFFICIENCY_TAG = "R-m"

TITLE_OF_TAG = {
    "V": "read in the public artifact",
    "A": "read in the abstract",
    "C": "an independent public source agrees",
    "R-h": "recalled with high confidence, not confirmed",
    "R-m": "recalled with medium confidence, not confirmed",
    "D": "follows by arithmetic",
}
