#include <pybind11/pybind11.h>

#include "scorer.h"

namespace tailrank {
void bind_program(pybind11::module_& module) {
  pybind11::class_<Scorer>(module, "Scorer").def_property_readonly("rows", &Scorer::rows);
}
}  // namespace tailrank
