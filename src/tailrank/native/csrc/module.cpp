// The extension module `tailrank.native._core`: each part binds its own classes.
#include <pybind11/pybind11.h>

namespace tailrank {
void bind_program(pybind11::module_& module);
void bind_pool(pybind11::module_& module);
}  // namespace tailrank

PYBIND11_MODULE(_core, module) {
  module.doc() = "Tailrank's native executor and pool; use it through tailrank.native.";
  tailrank::bind_program(module);
  tailrank::bind_pool(module);
}
