#include "lathe/compile/text.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <cstring>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::compile {
namespace {

constexpr int64_t kInlineElements = 16;
constexpr size_t kRepeatedBytes = 1 << 18;  // of a constant that one element stands for

// Backslash, quotes and control characters escaped: text stays on its line and parse_text can undo it.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"')
      out += '\\', out += c;
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

template <typename T>
std::string real(T value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".einf") == std::string::npos ? text + ".0" : text;
}

std::string attribute_text(const Attribute& attribute) {
  if (const auto* whole = std::get_if<int64_t>(&attribute)) return fmt::format("{}", *whole);
  if (const auto* number = std::get_if<double>(&attribute)) return real(*number);
  if (const auto* text = std::get_if<std::string>(&attribute)) return '"' + escaped(*text) + '"';
  if (const auto* list = std::get_if<std::vector<int64_t>>(&attribute))
    return fmt::format("[{}]", fmt::join(*list, ", "));
  const auto& list = std::get<std::vector<double>>(attribute);
  if (list.empty()) return "[.]";
  std::vector<std::string> parts;
  for (const double value : list) parts.push_back(real(value));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

template <typename T>
void append_elements(const torch::Tensor& tensor, std::vector<std::string>& parts) {
  const T* data = tensor.data_ptr<T>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if constexpr (std::is_same_v<T, bool>)
      parts.emplace_back(data[i] ? "true" : "false");
    else if constexpr (std::is_floating_point_v<T>)
      parts.push_back(real(data[i]));
    else
      parts.push_back(fmt::format("{}", static_cast<int64_t>(data[i])));
  }
}

std::vector<std::string> elements(const torch::Tensor& tensor) {
  std::vector<std::string> parts;
  switch (dtype_of(tensor.scalar_type())) {
    case DType::f32:
      append_elements<float>(tensor, parts);
      break;
    case DType::f64:
      append_elements<double>(tensor, parts);
      break;
    case DType::i64:
      append_elements<int64_t>(tensor, parts);
      break;
    case DType::i32:
      append_elements<int32_t>(tensor, parts);
      break;
    case DType::i16:
      append_elements<int16_t>(tensor, parts);
      break;
    case DType::i8:
      append_elements<int8_t>(tensor, parts);
      break;
    case DType::u8:
      append_elements<uint8_t>(tensor, parts);
      break;
    case DType::boolean:
      append_elements<bool>(tensor, parts);
      break;
  }
  return parts;
}

// Bit for bit: -0 is not 0, and NaN is NaN.
bool all_the_same(const torch::Tensor& tensor) {
  const char* bytes = static_cast<const char*>(tensor.data_ptr());
  const size_t size = tensor.nbytes(), one = tensor.element_size();
  return size <= kRepeatedBytes && std::memcmp(bytes, bytes + one, size - one) == 0;
}

bool is_hashed(const torch::Tensor& constant) {
  return constant.numel() > kInlineElements && !all_the_same(constant);
}

std::string constant_text(const torch::Tensor& constant) {
  if (is_hashed(constant)) return "hash " + hash_of(constant);
  if (constant.numel() > kInlineElements) return "all " + elements(constant.flatten().slice(0, 0, 1))[0];
  return fmt::format("{{{}}}", fmt::join(elements(constant), ", "));
}

std::string type_text(const Value& value) {
  std::string text = to_string(value.type);
  if (value.layout == Layout{}) return text;
  const auto& border = value.layout.border;
  text += fmt::format(" layout({}", value.layout.block);
  if (border != std::array<int, 4>{}) text += fmt::format(", border {}", fmt::join(border, " "));
  if (value.layout.filling != 0) text += fmt::format(", filling {}", value.layout.filling);
  return text + ")";
}

std::string defined(const Graph& graph, ValueId id) {
  const std::string& name = graph.value(id).name;
  return name.empty() ? fmt::format("%{}", id) : fmt::format("%{} \"{}\"", id, escaped(name));
}

std::string references(const std::vector<ValueId>& ids) {
  std::vector<std::string> parts;
  for (const ValueId id : ids) parts.push_back(fmt::format("%{}", id));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string node_text(const Graph& graph, const Node& node) {
  std::vector<std::string> names, types, attributes;
  for (const ValueId output : node.outputs) {
    names.push_back(defined(graph, output));
    types.push_back(type_text(graph.value(output)));
  }
  for (const auto& [name, attribute] : node.attributes)
    attributes.push_back(fmt::format("{} = {}", name, attribute_text(attribute)));
  std::string text = fmt::format("{} = {}({})", fmt::join(names, ", "), node.op, references(node.inputs));
  if (!attributes.empty()) text += fmt::format(" {{{}}}", fmt::join(attributes, ", "));
  text += fmt::format(" : {}", fmt::join(types, ", "));
  if (!node.source.empty()) text += "  # " + escaped(node.source);
  return text;
}

}  // namespace

std::string hash_of(const torch::Tensor& constant) {
  const torch::Tensor tensor = constant.cpu().contiguous();
  std::string bytes = to_string(Type{dtype_of(tensor.scalar_type()), tensor.sizes().vec()});
  bytes.append(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
  return core::sha256(bytes).substr(0, 16);
}

Constants hashed_constants(const Graph& graph) {
  Constants constants;
  for (const Value& value : graph.values)
    if (value.is_constant() && is_hashed(value.constant)) constants[hash_of(value.constant)] = value.constant;
  return constants;
}

std::string to_text(const Graph& graph) {
  std::string text = fmt::format("graph \"{}\"\n", escaped(graph.name));
  for (const ValueId input : graph.inputs)
    text += fmt::format("input {} : {}\n", defined(graph, input), type_text(graph.value(input)));
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (!value.is_constant()) continue;
    text += fmt::format("constant {} : {} = {}\n", defined(graph, static_cast<ValueId>(i)), type_text(value),
                        constant_text(value.constant));
  }
  for (const Node& node : graph.nodes) text += node_text(graph, node) + "\n";
  return text + (graph.outputs.empty() ? "output\n" : fmt::format("output {}\n", references(graph.outputs)));
}

}  // namespace lathe::compile
