#include "pool.h"

#include <pybind11/pybind11.h>

namespace tailrank {
void bind_pool(pybind11::module_&) {}
}  // namespace tailrank
