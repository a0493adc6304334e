#include <torch/torch.h>

#include <cstring>
#include <fstream>

#include "lathe/compile/onnx/importer.h"
#include "lathe/core/printable.h"

namespace lathe::compile::onnx_import {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 36;

std::string shown(const onnx::TensorProto& tensor) {
  return core::printable(tensor.name().substr(0, 100));
}

// The bytes of a weight in a file beside the model.
std::string external_bytes(const onnx::TensorProto& tensor, const std::filesystem::path& directory,
                           int64_t bytes) {
  std::string location;
  int64_t offset = 0, length = bytes;
  for (const auto& entry : tensor.external_data()) {
    try {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset") offset = std::stoll(entry.value());
      if (entry.key() == "length") length = std::stoll(entry.value());
    } catch (const std::exception&) {
      throw InputError("weight '{}' has a {} that is no number", shown(tensor), entry.key());
    }
  }
  const std::filesystem::path relative = location;
  const bool leaves =
      std::any_of(relative.begin(), relative.end(), [](const auto& part) { return part == ".."; });
  if (location.empty() || relative.is_absolute() || leaves || location.find('\0') != std::string::npos)
    throw InputError("weight '{}' lies in '{}'; only files in the model's own folder are read", shown(tensor),
                     core::printable(location));
  if (directory.empty())
    throw InputError("weight '{}' lies in the file '{}', and there are only the model's bytes", shown(tensor),
                     core::printable(location));
  const std::filesystem::path file = directory / relative;
  if (!std::filesystem::is_regular_file(file))
    throw InputError("weight '{}' lies in {}, and there is no such file; put it beside the model",
                     shown(tensor), file.string());
  const auto size = static_cast<int64_t>(std::filesystem::file_size(file));
  if (length != bytes || offset < 0 || offset > size - bytes)
    throw InputError("weight '{}' wants {} bytes at {} of {}, which has {}", shown(tensor), bytes, offset,
                     file.string(), size);
  std::string data(static_cast<size_t>(bytes), '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(offset);
  if (!stream.read(data.data(), bytes)) throw InputError("{} cannot be read", file.string());
  return data;
}

template <typename T, typename Field>
void fill(torch::Tensor& tensor, const Field& field) {
  T* out = tensor.data_ptr<T>();
  for (int i = 0; i < field.size(); ++i) out[i] = static_cast<T>(field.Get(i));
}

int typed_size(const onnx::TensorProto& tensor) {
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
      return tensor.float_data_size();
    case onnx::TensorProto::DOUBLE:
      return tensor.double_data_size();
    case onnx::TensorProto::INT64:
      return tensor.int64_data_size();
    default:
      return tensor.int32_data_size();
  }
}

void fill_typed(torch::Tensor& result, const onnx::TensorProto& tensor) {
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
      return fill<float>(result, tensor.float_data());
    case onnx::TensorProto::DOUBLE:
      return fill<double>(result, tensor.double_data());
    case onnx::TensorProto::INT64:
      return fill<int64_t>(result, tensor.int64_data());
    case onnx::TensorProto::INT32:
      return fill<int32_t>(result, tensor.int32_data());
    case onnx::TensorProto::INT16:
      return fill<int16_t>(result, tensor.int32_data());
    case onnx::TensorProto::INT8:
      return fill<int8_t>(result, tensor.int32_data());
    case onnx::TensorProto::UINT8:
      return fill<uint8_t>(result, tensor.int32_data());
    default:
      return fill<bool>(result, tensor.int32_data());
  }
}

}  // namespace

DType dtype_of_onnx(int type) {
  switch (type) {
    case onnx::TensorProto::FLOAT:
      return DType::f32;
    case onnx::TensorProto::DOUBLE:
      return DType::f64;
    case onnx::TensorProto::INT64:
      return DType::i64;
    case onnx::TensorProto::INT32:
      return DType::i32;
    case onnx::TensorProto::INT16:
      return DType::i16;
    case onnx::TensorProto::INT8:
      return DType::i8;
    case onnx::TensorProto::UINT8:
      return DType::u8;
    case onnx::TensorProto::BOOL:
      return DType::boolean;
    default:
      throw InputError("the compiler has no elements of type {}",
                       onnx::TensorProto::DataType_IsValid(type)
                           ? onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(type))
                           : std::to_string(type));
  }
}

torch::Tensor to_tensor(const onnx::TensorProto& tensor, const std::filesystem::path& directory) {
  const DType dtype = dtype_of_onnx(tensor.data_type());
  Type type{dtype, {tensor.dims().begin(), tensor.dims().end()}};
  if (type.shape.size() > 16) throw InputError("weight '{}' has {} axes", shown(tensor), type.shape.size());
  for (const int64_t size : type.shape)
    if (size < 0 || size > kMostBytes) throw InputError("weight '{}' has a size of {}", shown(tensor), size);
  const int64_t count = type.numel();
  if (count > kMostBytes / size_of(dtype))
    throw InputError("weight '{}' is {}, too large", shown(tensor), to_string(type));
  const int64_t bytes = count * size_of(dtype);
  const bool external = tensor.has_data_location() && tensor.data_location() == onnx::TensorProto::EXTERNAL;
  const std::string far = external ? external_bytes(tensor, directory, bytes) : std::string();
  const std::string& raw = external ? far : tensor.raw_data();
  const bool typed = !external && !tensor.has_raw_data();
  if (typed ? typed_size(tensor) != count : static_cast<int64_t>(raw.size()) != bytes)
    throw InputError("weight '{}' is {} and has {} {}; the file is damaged", shown(tensor), to_string(type),
                     typed ? static_cast<int64_t>(typed_size(tensor)) : static_cast<int64_t>(raw.size()),
                     typed ? "elements" : "bytes");
  torch::Tensor result = torch::empty(type.shape, scalar_type(dtype));
  if (typed)
    fill_typed(result, tensor);
  else if (bytes > 0)
    std::memcpy(result.data_ptr(), raw.data(), static_cast<size_t>(bytes));
  if (dtype == DType::boolean) result = result.view(torch::kUInt8).ne(0);
  return result;
}

}  // namespace lathe::compile::onnx_import
