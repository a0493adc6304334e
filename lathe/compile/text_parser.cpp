#include <ATen/ATen.h>

#include <limits>

#include "lathe/compile/infer.h"
#include "lathe/compile/op.h"
#include "lathe/compile/text.h"
#include "lathe/compile/text_line.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

constexpr int kWidest = 4096;                   // blocks and borders
constexpr int64_t kLongest = int64_t{1} << 40;  // of one axis
constexpr size_t kMostAxes = 64;
constexpr int64_t kRepeatedBytes = 1 << 18;  // of a constant that one element stands for

Value declared(TextLine& line) {
  Value value;
  const std::string_view name = line.word("a type such as f32[1,3]");
  try {
    value.type.dtype = dtype_of(name);
  } catch (const InputError& error) {
    line.wrong(error.what());
  }
  line.want("[");
  if (!line.takes("]")) {
    do value.type.shape.push_back(line.integer(0, kLongest, "a size"));
    while (line.takes(","));
    line.want("]");
  }
  if (value.type.shape.size() > kMostAxes) line.wrong("more than 64 axes");
  if (line.takes_word("layout")) {
    line.want("(");
    value.layout.block = static_cast<int>(line.integer(2, kWidest, "a block"));
    if (line.takes(",")) {
      if (!line.takes_word("border")) line.expected("'border'");
      for (int& width : value.layout.border) width = static_cast<int>(line.integer(0, kWidest, "a width"));
      if (line.takes(",")) {
        if (!line.takes_word("filling")) line.expected("'filling'");
        value.layout.filling = static_cast<int>(line.integer(0, 255, "a byte"));
      }
    }
    line.want(")");
    if (value.type.shape.size() != 4) line.wrong("a blocked layout needs four axes [N,C,H,W]");
  }
  try {
    storage_bytes(value.type, value.layout);
  } catch (const InputError& error) {
    line.wrong(error.what());
  }
  return value;
}

Attribute attribute(TextLine& line) {
  if (line.peek() == '"') return line.quoted();
  const auto number = [&]() -> std::variant<int64_t, double> {
    const std::string_view token = line.number("a number, a list or a text in quotes");
    const char* const last = token.data() + token.size();
    int64_t whole = 0;
    if (const auto [end, error] = std::from_chars(token.data(), last, whole);
        error == std::errc() && end == last)
      return whole;
    double value = 0;
    if (const auto [end, error] = std::from_chars(token.data(), last, value);
        error == std::errc() && end == last)
      return value;
    line.wrong(fmt::format("'{}' is not a number", token));
  };
  if (!line.takes("[")) return std::visit([](auto value) -> Attribute { return value; }, number());
  if (line.takes("]")) return std::vector<int64_t>{};
  if (line.takes(".]")) return std::vector<double>{};
  std::vector<int64_t> whole;
  std::vector<double> real;
  bool all_whole = true;
  do {
    const auto value = number();
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      whole.push_back(*integer), real.push_back(static_cast<double>(*integer));
    } else {
      all_whole = false, real.push_back(std::get<double>(value));
    }
  } while (line.takes(","));
  line.want("]");
  return all_whole ? Attribute(whole) : Attribute(real);
}

template <typename T>
T element(TextLine& line) {
  if constexpr (std::is_same_v<T, bool>) {
    const std::string_view word = line.word("true or false");
    if (word != "true" && word != "false") line.wrong("an element of bool is true or false");
    return word == "true";
  } else if constexpr (std::is_floating_point_v<T>) {
    return line.real<T>();
  } else {
    return static_cast<T>(
        line.integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), "an integer"));
  }
}

// "{1.0, 2.0}", or "all 1.0".
template <typename T>
torch::Tensor elements(TextLine& line, const Type& type) {
  if (line.takes_word("all")) {
    if (storage_bytes(type, {}) > kRepeatedBytes) line.wrong("'all' is for constants of at most 256 KiB");
    const torch::Tensor tensor = torch::empty(type.shape, torch::dtype(scalar_type(type.dtype)));
    std::fill_n(tensor.data_ptr<T>(), tensor.numel(), element<T>(line));
    return tensor;
  }
  std::vector<T> values;
  line.want("{");
  if (!line.takes("}")) {
    do values.push_back(element<T>(line));
    while (line.takes(","));
    line.want("}");
  }
  if (static_cast<int64_t>(values.size()) != type.numel())
    line.wrong(fmt::format("{} elements for {}", values.size(), to_string(type)));
  const torch::Tensor tensor = torch::empty(type.shape, torch::dtype(scalar_type(type.dtype)));
  std::copy(values.begin(), values.end(), tensor.data_ptr<T>());
  return tensor;
}

torch::Tensor constant(TextLine& line, const Type& type, const Constants& constants) {
  if (!line.takes_word("hash")) switch (type.dtype) {
      case DType::f32:
        return elements<float>(line, type);
      case DType::f64:
        return elements<double>(line, type);
      case DType::i64:
        return elements<int64_t>(line, type);
      case DType::i32:
        return elements<int32_t>(line, type);
      case DType::i16:
        return elements<int16_t>(line, type);
      case DType::i8:
        return elements<int8_t>(line, type);
      case DType::u8:
        return elements<uint8_t>(line, type);
      case DType::boolean:
        return elements<bool>(line, type);
    }
  const std::string hash(line.word("a hash"));
  const auto found = constants.find(hash);
  if (found == constants.end())
    line.wrong(fmt::format("no constant has the hash {}; {} were given", hash, constants.size()));
  const torch::Tensor tensor = found->second.detach().cpu().contiguous();
  const Type given{dtype_of(tensor.scalar_type()), tensor.sizes().vec()};
  if (!(given == type))
    line.wrong(fmt::format("the constant {} is {}, not {}", hash, to_string(given), to_string(type)));
  return tensor;
}

class Parser {
 public:
  Parser(std::string_view text, const Constants& constants)
      : text_(text), constants_(constants), most_((size_t{1} << 16) + text.size()) {}

  Graph parse() {
    TextLine first = next();
    if (!first.takes_word("graph")) first.expected("graph \"NAME\"");
    graph_.name = first.quoted();
    end(first);
    while (true) {
      TextLine line = next();
      if (line.takes_word("output")) return finish(line);
      if (line.takes_word("input")) {
        const ValueId id = define(line);
        line.want(":");
        settle(id, declared(line));
        graph_.inputs.push_back(id);
      } else if (line.takes_word("constant")) {
        const ValueId id = define(line);
        line.want(":");
        Value value = declared(line);
        line.want("=");
        value.constant = constant(line, value.type, constants_);
        settle(id, std::move(value));
      } else if (line.peek() == '%') {
        node(line);
        continue;
      } else {
        line.expected("input, constant, output or a node '%N = op(…) : type'");
      }
      end(line);
    }
  }

 private:
  // The next line that says something.
  TextLine next() {
    while (!text_.empty()) {
      const size_t length = std::min(text_.find('\n'), text_.size());
      TextLine line(text_.substr(0, length), ++number_);
      text_.remove_prefix(std::min(length + 1, text_.size()));
      if (!line.at_end() && line.peek() != '#') return line;
    }
    throw InputError("line {}: the text ends without {}", number_ + 1,
                     number_ == 0 ? "graph \"NAME\"" : "its line 'output %N, …'");
  }
  void end(TextLine& line) {
    if (!line.at_end() && line.peek() != '#') line.expected("the end of the line");
  }
  ValueId reference(TextLine& line) {
    line.want("%");
    const auto id = static_cast<ValueId>(line.integer(0, static_cast<int64_t>(most_), "a value's number"));
    return id;
  }
  void make(TextLine& line, ValueId id, std::string name) {
    const auto index = static_cast<size_t>(id);
    if (index >= made_.size()) made_.resize(index + 1), graph_.values.resize(index + 1);
    if (made_[index]) line.wrong(fmt::format("%{} is made a second time", id));
    made_[index] = true;
    graph_.value(id).name = std::move(name);
  }
  ValueId define(TextLine& line) {
    const ValueId id = reference(line);
    make(line, id, line.peek() == '"' ? line.quoted() : std::string());
    return id;
  }
  void settle(ValueId id, Value value) {
    value.name = std::move(graph_.value(id).name);
    graph_.value(id) = std::move(value);
  }
  ValueId read(TextLine& line) {
    const ValueId id = reference(line);
    if (static_cast<size_t>(id) >= made_.size() || !made_[static_cast<size_t>(id)])
      line.wrong(fmt::format("%{} is read before it is made", id));
    return id;
  }

  void node(TextLine& line) {
    Node node;
    std::vector<std::string> names;  // outputs exist only after the inputs have been read
    do {
      node.outputs.push_back(reference(line));
      names.push_back(line.peek() == '"' ? line.quoted() : std::string());
    } while (line.takes(","));
    line.want("=");
    node.op = line.word("an operator");
    line.want("(");
    if (!line.takes(")")) {
      do node.inputs.push_back(read(line));
      while (line.takes(","));
      line.want(")");
    }
    if (line.takes("{") && !line.takes("}")) {
      do {
        const std::string name(line.word("an attribute"));
        line.want("=");
        if (!node.attributes.emplace(name, attribute(line)).second)
          line.wrong(fmt::format("attribute '{}' is given twice", name));
      } while (line.takes(","));
      line.want("}");
    }
    line.want(":");
    std::vector<Value> values{declared(line)};
    while (line.takes(",")) values.push_back(declared(line));
    if (line.takes("#")) node.source = line.comment();
    if (!line.at_end()) line.expected("the end of the line");
    std::vector<Type> types;
    try {
      types = infer(graph_, node);
    } catch (const std::exception& error) {
      line.wrong(error.what());
    }
    if (types.size() != node.outputs.size() || values.size() != types.size())
      line.wrong(fmt::format("{} has {} outputs; {} names and {} types are given", node.op, types.size(),
                             node.outputs.size(), values.size()));
    for (size_t i = 0; i < types.size(); ++i) {
      if (!(types[i] == values[i].type))
        line.wrong(
            fmt::format("{} gives {}, not {}", node.op, to_string(types[i]), to_string(values[i].type)));
      make(line, node.outputs[i], std::move(names[i]));
      settle(node.outputs[i], std::move(values[i]));
    }
    graph_.nodes.push_back(std::move(node));
  }

  Graph finish(TextLine& line) {
    if (!line.at_end() && line.peek() != '#') {
      do graph_.outputs.push_back(read(line));
      while (line.takes(","));
    }
    end(line);
    while (!text_.empty()) {
      const size_t length = std::min(text_.find('\n'), text_.size());
      TextLine more(text_.substr(0, length), ++number_);
      text_.remove_prefix(std::min(length + 1, text_.size()));
      if (!more.at_end() && more.peek() != '#') more.expected("nothing after the line 'output'");
    }
    try {
      check(graph_);
    } catch (const Error& error) {
      line.wrong(error.what());
    }
    return std::move(graph_);
  }

  std::string_view text_;
  const Constants& constants_;
  size_t most_;
  int number_ = 0;
  Graph graph_;
  std::vector<bool> made_;
};

}  // namespace

Graph parse_text(std::string_view text, const Constants& constants) {
  return Parser(text, constants).parse();
}

}  // namespace lathe::compile
