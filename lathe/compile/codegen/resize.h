#pragma once
#include "lathe/compile/codegen/scope.h"

namespace lathe::compile::codegen {

// Nearest or linear interpolation over the spatial axes, from tables of source positions made here.
Access resize(Scope& scope, const Node& node);

}  // namespace lathe::compile::codegen
