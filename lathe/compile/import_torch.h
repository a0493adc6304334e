#pragma once
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>

#include <filesystem>
#include <functional>

#include "lathe/compile/graph.h"

namespace lathe::compile {

// What a TorchScript method computes, for inputs of these types, in evaluation mode. The method is run once
// with the types instead of values: sizes, conditions and loops that depend on nothing but them are followed,
// calls are entered, constants keep their parameter's name, a node's source is its module's path. Throws
// InputError with every operator that the compiler does not have (how often, and in which modules), for
// conditions, loops and in-place changes that depend on the values of tensors, and for inputs that the module
// refuses.
Graph import_module(const torch::jit::Module& module, const std::vector<Type>& inputs,
                    const std::string& method = "forward");

// The same from a file. Without types the file must be one of Lathe's own archives, which say what their
// inputs are: one example of the schema's shape (u8 images, f32 tables).
Graph import_torchscript(const std::filesystem::path& file, const std::vector<Type>& inputs = {});

using Forward = std::function<std::vector<torch::Tensor>(const std::vector<torch::Tensor>&)>;

// What `forward` computes with the module's parameters, traced on the examples in evaluation mode. A trace
// sees one way through the code, so it is taken again with other values and, where it can be, with twice the
// examples: throws InputError that names the operator where the traces part, or the output that the graph
// gets wrong.
Graph import_traced(torch::nn::Module& module, const Forward& forward,
                    const std::vector<torch::Tensor>& examples);

}  // namespace lathe::compile
