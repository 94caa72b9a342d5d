// The Python side of the filters.
#pragma once

#include <nanobind/nanobind.h>

namespace hybridrad {

void bind_filters(nanobind::module_ &module);

}  // namespace hybridrad
