"""The networks in PyTorch, their inputs, and the fastest way found to run them."""

from tailrank.models.executor import Executor
from tailrank.models.inputs import Accesses, Inputs, Uniform
from tailrank.models.model import Model, build

__all__ = ["Accesses", "Executor", "Inputs", "Model", "Uniform", "build"]
