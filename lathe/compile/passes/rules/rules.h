#pragma once
#include "lathe/compile/passes/rewrite.h"

// The rules of simplify(), one rewrite each; what a rule takes and gives is in the comment at its definition.
// They look only upwards, at what makes a node's inputs.
namespace lathe::compile::rules {

// identities.cpp
std::optional<ValueId> drop_identity(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> drop_neutral(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> drop_pair(Rewriter& g, const Node& node, const Type& result);

// shapes.cpp
std::optional<ValueId> merge_transposes(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> merge_reshapes(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> pad_into_window(Rewriter& g, const Node& node, const Type& result);

// layers.cpp
std::optional<ValueId> linear_from_matmul(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> affine_into_layer(Rewriter& g, const Node& node, const Type& result);

// activations.cpp
std::optional<ValueId> simpler_arithmetic(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> merge_clamps(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> recognise_activation(Rewriter& g, const Node& node, const Type& result);

// integers.cpp
std::optional<ValueId> layer_of_bytes(Rewriter& g, const Node& node, const Type& result);

// norms.cpp
std::optional<ValueId> recognise_layer_norm(Rewriter& g, const Node& node, const Type& result);
std::optional<ValueId> affine_into_norm(Rewriter& g, const Node& node, const Type& result);

// attention.cpp
std::optional<ValueId> recognise_attention(Rewriter& g, const Node& node, const Type& result);

}  // namespace lathe::compile::rules
