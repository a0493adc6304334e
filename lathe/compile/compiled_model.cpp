#include "lathe/compile/compiled_model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "lathe/core/error.h"
#include "lathe/runtime/inspect.h"
#include "lathe/runtime/lathe_runtime.h"

namespace lathe::compile {
namespace {

CompiledModel::Port port(const lathe_tensor_info& info) {
  return {info.name, {dtype_of(std::string_view(info.dtype)), Shape(info.shape, info.shape + info.rank)}};
}

torch::ScalarType scalar_type_of(const lathe_view& view) {
  if (view.type_code == 2) return view.type_bits == 64 ? torch::kFloat64 : torch::kFloat32;
  switch (view.type_bits) {
    case 64:
      return torch::kInt64;
    case 32:
      return torch::kInt32;
    case 16:
      return torch::kInt16;
    case 8:
      return view.type_code == 0 ? torch::kInt8 : torch::kUInt8;
    default:
      return torch::kBool;
  }
}

torch::Tensor copy_of(const lathe_view& view) {
  std::vector<int64_t> sizes(view.extent, view.extent + view.rank),
      strides(view.stride, view.stride + view.rank);
  std::reverse(sizes.begin(), sizes.end());
  std::reverse(strides.begin(), strides.end());
  return at::from_blob(const_cast<void*>(view.first), sizes, strides, torch::dtype(scalar_type_of(view)))
      .clone();
}

// "i64", or libtorch's word for what the compiler does not have.
std::string dtype_name(torch::ScalarType type) {
  try {
    return std::string(name_of(dtype_of(type)));
  } catch (const InputError&) {
    return c10::toString(type);
  }
}

[[noreturn]] void fail() {
  throw InputError("{}", lathe_last_error());
}

}  // namespace

CompiledModel::CompiledModel(const std::filesystem::path& directory, int num_threads)
    : module_(lathe_load(directory.c_str()), lathe_unload) {
  if (!module_) fail();
  session_ = {lathe_session_new(module_.get(), num_threads), lathe_session_free};
  if (!session_) fail();
  for (int i = 0; i < lathe_num_inputs(module_.get()); ++i)
    inputs_.push_back(port(*lathe_input_info(module_.get(), i)));
  for (int i = 0; i < lathe_num_outputs(module_.get()); ++i)
    outputs_.push_back(port(*lathe_output_info(module_.get(), i)));
}

void CompiledModel::set_input(size_t index, const torch::Tensor& value) {
  if (index >= inputs_.size())
    throw InputError("there is no input {}; the module has {}", index, inputs_.size());
  const Port& expected = inputs_[index];
  if (value.scalar_type() != scalar_type(expected.type.dtype) ||
      value.sizes() != torch::IntArrayRef(expected.type.shape))
    throw InputError("input {} must be {}, got {}[{}]", expected.name, to_string(expected.type),
                     dtype_name(value.scalar_type()), fmt::join(value.sizes(), ","));
  const torch::Tensor bytes = value.cpu().contiguous();
  std::memcpy(lathe_input(session_.get(), static_cast<int>(index)), bytes.data_ptr(),
              static_cast<size_t>(bytes.nbytes()));
}

void CompiledModel::run() {
  if (lathe_run(session_.get()) != 0) throw Error("{}", lathe_last_error());
}

torch::Tensor CompiledModel::output(size_t index) const {
  const Port& out = outputs_.at(index);
  torch::Tensor result = torch::empty(out.type.shape, scalar_type(out.type.dtype));
  std::memcpy(result.data_ptr(), lathe_output(session_.get(), static_cast<int>(index)),
              static_cast<size_t>(result.nbytes()));
  return result;
}

std::vector<torch::Tensor> CompiledModel::operator()(const std::vector<torch::Tensor>& inputs) {
  if (inputs.size() != inputs_.size())
    throw InputError("the module takes {} inputs, got {}", inputs_.size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) set_input(i, inputs[i]);
  run();
  std::vector<torch::Tensor> result;
  for (size_t i = 0; i < outputs_.size(); ++i) result.push_back(output(i));
  return result;
}

std::vector<OperationProfile> CompiledModel::profile(int runs) {
  const size_t count = static_cast<size_t>(lathe_num_operations(module_.get()));
  std::vector<std::vector<double>> seconds(count);
  std::vector<double> one(count + 1);
  for (int r = 0; r < runs; ++r) {
    if (lathe_run_profiled(session_.get(), one.data()) != 0) throw Error("{}", lathe_last_error());
    for (size_t i = 0; i < count; ++i) seconds[i].push_back(one[i]);
  }
  std::vector<OperationProfile> result;
  for (size_t i = 0; i < count; ++i) {
    const lathe_operation_info* info = lathe_operation(module_.get(), static_cast<int>(i));
    std::nth_element(seconds[i].begin(), seconds[i].begin() + runs / 2, seconds[i].end());
    result.push_back(
        {info->kernel, info->source, seconds[i][static_cast<size_t>(runs / 2)], info->flops, info->bytes});
  }
  return result;
}

std::vector<torch::Tensor> CompiledModel::written_by(size_t operation) {
  const int index = static_cast<int>(operation);
  if (lathe_run_first(session_.get(), index + 1) != 0) throw Error("{}", lathe_last_error());
  std::vector<torch::Tensor> result;
  for (int i = 0; i < lathe_num_written(module_.get(), index); ++i) {
    lathe_view view;
    if (lathe_written(session_.get(), index, i, &view) != 0) throw Error("{}", lathe_last_error());
    result.push_back(copy_of(view).contiguous());
  }
  return result;
}

int64_t CompiledModel::arena_bytes() const {
  return static_cast<int64_t>(lathe_arena_bytes(module_.get()));
}

}  // namespace lathe::compile
