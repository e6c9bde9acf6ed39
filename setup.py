"""Builds the native extension; an install without a C++ compiler goes on without it, and `doctor` says so.

TAILRANK_NATIVE_REQUIRED=1 makes a failed build fail the install.
"""

import os
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

NAME = "tailrank.native._core"
FOLDER = Path("src/tailrank/native/csrc")
SOURCES = sorted(str(path) for path in FOLDER.glob("*.cpp"))
INCLUDED = sorted(str(path) for path in FOLDER.iterdir() if path.suffix in (".h", ".inc"))
FLAGS = os.environ.get("TAILRANK_NATIVE_CFLAGS", "-O3 -g0 -fno-math-errno -fno-trapping-math").split()


class Build(build_ext):
    """A build that fails leaves no extension behind: an older one would not fit the Python beside it."""

    def run(self) -> None:
        """Remove what an earlier build made of older sources, then build."""
        newest = max(Path(path).stat().st_mtime for path in (*SOURCES, *INCLUDED, __file__))
        for folder in (self.build_lib, *(["src"] if self.inplace else [])):
            made = Path(folder, self.get_ext_filename(NAME))
            if made.exists() and made.stat().st_mtime < newest:
                made.unlink()
        super().run()


ParallelCompile("TAILRANK_BUILD_JOBS", default=0).install()
setup(
    ext_modules=[
        Pybind11Extension(
            NAME,
            SOURCES,
            depends=[*INCLUDED, "setup.py"],
            cxx_std=17,
            extra_compile_args=[*FLAGS, "-fvisibility=hidden", "-pthread"],
            extra_link_args=["-pthread", *[flag for flag in FLAGS if flag.startswith("-fsanitize")]],
            optional=os.environ.get("TAILRANK_NATIVE_REQUIRED") != "1",
        )
    ],
    cmdclass={"build_ext": Build},
)
