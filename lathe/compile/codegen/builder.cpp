#include "lathe/compile/codegen/builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::compile::codegen {

std::shared_ptr<const Code> CodeCache::get(
    const std::string& key, const std::function<void(const std::string&, const std::string&)>& make) {
  {
    std::lock_guard lock(mutex_);
    if (const auto known = codes_.find(key); known != codes_.end()) return known->second;
  }
  auto code = std::make_shared<Code>();
  code->symbol = "lathe_" + core::sha256(key).substr(0, 24);
  const std::string kept = fmt::format("{}\n{}", generator_version(), key);
  auto found = disk_.find(kept);
  if (found) {
    code->object = *std::move(found);
  } else {
    const core::TemporaryDirectory directory("lathe-kernel-");
    const std::string file = directory.path() / "kernel.o";
    make(code->symbol, file);
    code->object = core::read_file(file);
    disk_.keep(kept, code->object);
  }
  std::lock_guard lock(mutex_);
  num_found_ += found.has_value();
  return codes_.emplace(key, code).first->second;
}

Halide::Type halide_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return Halide::Float(32);
    case DType::f64:
      return Halide::Float(64);
    case DType::i64:
      return Halide::Int(64);
    case DType::i32:
      return Halide::Int(32);
    case DType::i16:
      return Halide::Int(16);
    case DType::i8:
      return Halide::Int(8);
    case DType::u8:
    case DType::boolean:
      return Halide::UInt(8);
  }
  throw Error("no such type");
}

Halide::Target halide_target(const Target& target) {
  using H = Halide::Target;
  std::vector<H::Feature> features = {H::SSE41, H::NoRuntime, H::NoAsserts, H::NoBoundsQuery};
  if (target.isa >= Isa::avx2) features.insert(features.end(), {H::AVX, H::AVX2, H::FMA, H::F16C});
  if (target.isa >= Isa::avx512) features.insert(features.end(), {H::AVX512, H::AVX512_Skylake});
  return H(H::Linux, H::X86, 64, features);
}

namespace {

// Storage extents outermost first; a blocked value's border is added.
Shape storage_extents(const Type& type, const Layout& layout) {
  if (layout.block <= 1) return type.shape;
  const auto& s = type.shape;
  return {s[0], (s[1] + layout.block - 1) / layout.block, s[2] + layout.border[0] + layout.border[1],
          s[3] + layout.border[2] + layout.border[3], layout.block};
}

std::vector<Dim> dense_dims(const Shape& extents) {
  std::vector<Dim> dims;
  int64_t stride = 1;
  for (size_t i = extents.size(); i-- > 0;) {
    dims.push_back({0, static_cast<int>(extents[i]), static_cast<int>(stride)});
    stride *= extents[i];
  }
  if (dims.empty()) dims.push_back({0, 1, 1});
  return dims;
}

}  // namespace

Argument dense(Argument::Place place, int index, DType dtype, const Shape& shape) {
  Argument argument;
  argument.place = place;
  argument.index = index;
  argument.dtype = dtype;
  argument.dims = dense_dims(shape);
  return argument;
}

Argument whole(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  Argument argument =
      dense(Argument::Place::value, id, value.type.dtype, storage_extents(value.type, value.layout));
  if (value.layout.block > 1) {
    argument.dims[1].min = -value.layout.border[2];
    argument.dims[2].min = -value.layout.border[0];
  }
  return argument;
}

Argument interior(const Graph& graph, ValueId id) {
  Argument argument = whole(graph, id);
  const Value& value = graph.value(id);
  if (value.layout.block > 1) {
    for (int d : {1, 2}) {
      argument.offset -= int64_t{argument.dims[d].min} * argument.dims[d].stride;
      argument.dims[d].min = 0;
      argument.dims[d].extent = static_cast<int>(value.type.shape[d == 1 ? 3 : 2]);
    }
  }
  return argument;
}

double bytes_of(const Argument& argument) {
  double bytes = static_cast<double>(size_of(argument.dtype));
  for (const Dim& dim : argument.dims) bytes *= dim.extent;
  return bytes;
}

int64_t add_scratch(Implementation& implementation, int64_t bytes) {
  implementation.scratch_bytes.push_back(bytes);
  return static_cast<int64_t>(implementation.scratch_bytes.size()) - 1;
}

Halide::ImageParam Builder::image(const Argument& argument) {
  Halide::ImageParam param(halide_type(argument.dtype), static_cast<int>(argument.dims.size()));
  for (size_t d = 0; d < argument.dims.size(); ++d)
    param.dim(static_cast<int>(d))
        .set_bounds(argument.dims[d].min, argument.dims[d].extent)
        .set_stride(argument.dims[d].stride);
  params_.push_back(param);
  arguments_.push_back(argument);
  return param;
}

Access Builder::view(const Argument& argument) {
  const Halide::ImageParam param = image(argument);
  const size_t rank = argument.dims.size();
  return [param, rank](const Coordinates& at) -> Halide::Expr {
    if (at.empty()) return param(std::vector<Halide::Expr>{0});
    if (at.size() != rank) throw Error("a kernel reads {} coordinates of {}", at.size(), rank);
    return param(std::vector<Halide::Expr>(at.rbegin(), at.rend()));
  };
}

namespace {

Halide::Expr literal(const Value& value) {
  const torch::Tensor scalar = value.constant.flatten();
  const Halide::Type type = halide_type(value.type.dtype);
  if (type.is_float()) return Halide::Internal::make_const(type, scalar.item<double>());
  return Halide::Internal::make_const(type, scalar.to(torch::kInt64).item<int64_t>());
}

}  // namespace

Access Builder::input(ValueId id) {
  const Value& value = graph_.value(id);
  if (value.is_constant() && value.type.numel() == 1)
    return [constant = literal(value)](const Coordinates&) { return constant; };
  if (value.is_constant()) {
    const Access access = parameter(value.constant);
    return access;
  }
  return view(whole(graph_, id));
}

namespace {

Argument add_parameter(Implementation& implementation, const torch::Tensor& tensor) {
  implementation.parameters.push_back(tensor.contiguous());
  return dense(Argument::Place::parameter, static_cast<int>(implementation.parameters.size()) - 1,
               dtype_of(tensor.scalar_type()), tensor.sizes().vec());
}

}  // namespace

Access Builder::parameter(const torch::Tensor& tensor) {
  return view(add_parameter(implementation_, tensor));
}

Halide::ImageParam Builder::parameter_image(const torch::Tensor& tensor) {
  return image(add_parameter(implementation_, tensor));
}

namespace {

// Halide 14 prefetches a row in steps of 64 elements where it means 64 bytes.
class PrefetchSteps : public Halide::Internal::IRMutator {
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Evaluate* op) override {
    const auto* call = op->value.as<Halide::Internal::Call>();
    if (!call || !call->is_intrinsic(Halide::Internal::Call::prefetch)) return op;
    element_bytes_ = call->type.bytes();
    return IRMutator::visit(op);
  }
  Halide::Expr visit(const Halide::Internal::Mul* op) override {
    const auto* row = op->a.as<Halide::Internal::Variable>();
    if (!row || !Halide::Internal::starts_with(row->name, "prefetch_split")) return IRMutator::visit(op);
    return op->a * (op->b / element_bytes_);
  }
  int element_bytes_ = 1;
};

}  // namespace

void Builder::finish(const std::string& key, std::vector<Halide::Func> outputs,
                     std::vector<Argument> arguments, const Output& options) {
  std::string full = fmt::format("{}\n{}\nsplit {}\n", target_.name, key, options.split_dim);
  for (const auto* list : {&arguments_, &arguments})
    for (const Argument& argument : *list) {
      full += fmt::format("{}:", name_of(argument.dtype));
      for (const Dim& dim : argument.dims) full += fmt::format(" {}+{}*{}", dim.min, dim.extent, dim.stride);
      full += '\n';
    }
  Step step;
  for (size_t o = 0; o < outputs.size(); ++o) {
    auto buffers = outputs[o].output_buffers();
    if (buffers.size() != 1) throw Error("kernels with tuples are not supported");
    for (size_t d = 0; d < arguments[o].dims.size(); ++d) {
      auto dim = buffers[0].dim(static_cast<int>(d));
      dim.set_stride(arguments[o].dims[d].stride);
      // A kernel with a split dimension takes any part of it.
      if (static_cast<int>(d) != options.split_dim)
        dim.set_bounds(arguments[o].dims[d].min, arguments[o].dims[d].extent);
    }
  }
  step.code = cache_.get(full, [&](const std::string& symbol, const std::string& file) {
    std::vector<Halide::Argument> inputs(params_.begin(), params_.end());
    Halide::Pipeline pipeline(outputs);
    pipeline.add_custom_lowering_pass(new PrefetchSteps);
    pipeline.compile_to_module(inputs, symbol, halide_target(target_), Halide::LinkageType::ExternalPlusArgv)
        .compile({{Halide::OutputFileType::object, file}});
  });
  for (const auto* list : {&arguments_, &arguments})
    for (const Argument& argument : *list) {
      step.arguments.push_back(argument);
      step.bytes += bytes_of(argument);
    }
  step.num_outputs = static_cast<int>(outputs.size());
  step.split_dim = options.split_dim;
  step.granule = options.granule;
  step.flops = options.flops;
  implementation_.steps.push_back(std::move(step));
}

}  // namespace lathe::compile::codegen
