"""The networks in PyTorch, their inputs, and the fastest way found to run them."""

from tailrank.models.breakdown import counted_flops, operators
from tailrank.models.executor import Executor
from tailrank.models.inputs import Accesses, Inputs, Uniform
from tailrank.models.kinds import Kind, Precision
from tailrank.models.model import Model, build
from tailrank.models.own import load, resolve

__all__ = [
    "Accesses",
    "Executor",
    "Inputs",
    "Kind",
    "Model",
    "Precision",
    "Uniform",
    "build",
    "counted_flops",
    "load",
    "operators",
    "resolve",
]
