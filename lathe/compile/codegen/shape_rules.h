#pragma once
#include "lathe/compile/codegen/scope.h"

namespace lathe::compile::codegen {

// Injective ops that are not element-wise: each element of the output is one of an input, or a few with fixed
// weights (resize).
bool has_shape_rule(const std::string& op);
Access shape_access(Scope& scope, const Node& node);

}  // namespace lathe::compile::codegen
