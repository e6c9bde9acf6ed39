"""Builds the native extension; an install without a C++ compiler goes on without it, and `doctor` says so."""

import os
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

SOURCES = sorted(str(path) for path in Path("src/tailrank/native/csrc").glob("*.cpp"))
FLAGS = os.environ.get("TAILRANK_NATIVE_CFLAGS", "-O3 -g0 -fno-math-errno -fno-trapping-math").split()

ParallelCompile("TAILRANK_BUILD_JOBS", default=0).install()
setup(
    ext_modules=[
        Pybind11Extension(
            "tailrank.native._core",
            SOURCES,
            cxx_std=17,
            extra_compile_args=[*FLAGS, "-fvisibility=hidden", "-pthread"],
            extra_link_args=["-pthread", *[flag for flag in FLAGS if flag.startswith("-fsanitize")]],
            optional=True,
        )
    ],
    cmdclass={"build_ext": build_ext},
)
