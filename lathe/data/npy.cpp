#include "lathe/data/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct NpyType {
  const char* descr;
  size_t size;
  torch::ScalarType type;
  bool widened = false;  // an unsigned type that libtorch does not have, read as int64
};

// The first entry of a type is what it is written as.
constexpr NpyType kTypes[] = {
    {"|b1", 1, torch::kBool},        {"|u1", 1, torch::kUInt8},       {"|i1", 1, torch::kInt8},
    {"<i2", 2, torch::kInt16},       {"<i4", 4, torch::kInt32},       {"<i8", 8, torch::kInt64},
    {"<f2", 2, torch::kHalf},        {"<f4", 4, torch::kFloat},       {"<f8", 8, torch::kDouble},
    {"<u2", 2, torch::kInt64, true}, {"<u4", 4, torch::kInt64, true}, {"<u8", 8, torch::kInt64, true}};

struct Header {
  std::string descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
};

// The Python dictionary literal of a header, as far as NumPy writes it.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      std::string key = string();
      expect(':');
      if (key == "descr")
        header.descr = string();
      else if (key == "fortran_order")
        header.fortran_order = boolean();
      else if (key == "shape")
        header.shape = tuple();
      else
        fail();
      if (!accept(',') && peek() != '}') fail();
    }
    if (peek() != '\0' || header.descr.empty() || !header.fortran_order || !header.shape) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() const {
    throw InputError("{}: the .npy header is not a dictionary of descr, fortran_order and shape", file_);
  }

  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted)) fail();
  }

  std::string string() {
    char quote = peek();
    if (quote == '[')
      throw InputError("{}: structured arrays cannot be read, only arrays of plain numbers", file_);
    if (quote != '\'' && quote != '"') fail();
    size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) fail();
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  bool boolean() {
    peek();
    for (auto [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}})
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    fail();
  }

  std::vector<int64_t> tuple() {
    std::vector<int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      sizes.push_back(integer());
      if (!accept(',') && peek() != ')') fail();
    }
    return sizes;
  }

  int64_t integer() {
    if (peek() < '0' || peek() > '9') fail();
    int64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value))
        fail();
    return value;
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
};

const NpyType& find_type(const std::string& descr, const std::string& file) {
  for (const NpyType& type : kTypes)
    if (descr == type.descr || (type.size == 1 && descr.substr(1) == type.descr + 1)) return type;
  if (descr.find('O') != descr.npos)
    throw InputError("{}: the array holds Python objects ({}); save plain numbers", file, excerpt(descr));
  if (descr[0] == '>')
    throw InputError("{}: the array is big-endian ({}); save it as .astype('<{}')", file, excerpt(descr),
                     excerpt(descr.substr(1)));
  throw InputError("{}: type {} cannot be read; save it as uint8, int64, float32 or another plain number",
                   file, excerpt(descr));
}

uint64_t little_endian(const char* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

torch::Tensor read_values(std::string_view bytes, const NpyType& type, std::vector<int64_t> shape,
                          const std::string& file) {
  torch::Tensor tensor = torch::empty(shape, type.type);
  if (type.widened) {
    int64_t* to = tensor.data_ptr<int64_t>();
    for (size_t at = 0; at < bytes.size(); at += type.size) {
      uint64_t value = little_endian(bytes.data() + at, type.size);
      if (value > INT64_MAX) throw InputError("{}: {} is larger than an int64 holds", file, value);
      *to++ = static_cast<int64_t>(value);
    }
  } else if (type.type == torch::kBool) {
    std::transform(bytes.begin(), bytes.end(), tensor.data_ptr<bool>(), [](char byte) { return byte != 0; });
  } else if (!bytes.empty()) {
    std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  }
  return tensor;
}

}  // namespace

torch::Tensor read_npy(const std::filesystem::path& file) {
  return parse_npy(core::read_file(file), file.string());
}

torch::Tensor parse_npy(std::string_view bytes, const std::string& file) {
  if (bytes.size() < 10 || bytes.compare(0, kMagic.size(), kMagic) != 0)
    throw InputError("{}: not a .npy file, it does not begin with \\x93NUMPY", file);
  int version = bytes[6];
  if (version < 1 || version > 3)
    throw InputError("{}: .npy version {} is unknown; 1 to 3 can be read", file, version);
  size_t length_size = version == 1 ? 2 : 4, start = 8 + length_size;
  if (bytes.size() < start) throw InputError("{}: truncated in the header", file);
  size_t header_size = little_endian(bytes.data() + 8, length_size);
  if (header_size > bytes.size() - start)
    throw InputError("{}: truncated: the header claims {} bytes, {} are left", file, header_size,
                     bytes.size() - start);

  Header header = HeaderParser({bytes.data() + start, header_size}, file).parse();
  const NpyType& type = find_type(header.descr, file);
  std::vector<int64_t> shape = *header.shape;
  constexpr size_t kMaxDimensions = 32;  // NumPy's
  if (shape.size() > kMaxDimensions)
    throw InputError("{}: {} dimensions, the limit is 32", file, shape.size());
  // Checked for each prefix, so that a zero among the sizes hides no overflow of the strides.
  int64_t size = static_cast<int64_t>(type.size);
  bool overflow = false;
  for (int64_t length : shape) overflow |= __builtin_mul_overflow(size, std::max<int64_t>(length, 1), &size);
  if (std::count(shape.begin(), shape.end(), 0) > 0) size = 0;
  std::string_view values = bytes.substr(start + header_size);
  if (overflow || static_cast<size_t>(size) != values.size())
    throw InputError("{}: {} bytes of values follow the header, its shape and type need {}", file,
                     values.size(), overflow ? "far more" : std::to_string(size));

  if (!*header.fortran_order) return read_values(values, type, shape, file);
  std::reverse(shape.begin(), shape.end());
  torch::Tensor reversed = read_values(values, type, shape, file);
  std::vector<int64_t> order;
  for (int64_t d = reversed.dim() - 1; d >= 0; --d) order.push_back(d);
  return reversed.permute(order).contiguous();
}

void write_npy(const std::filesystem::path& file, const torch::Tensor& tensor) {
  auto type = std::find_if(std::begin(kTypes), std::end(kTypes),
                           [&](const NpyType& candidate) { return candidate.type == tensor.scalar_type(); });
  if (type == std::end(kTypes))
    throw Error("{}: .npy has no type for {}", file.string(), c10::toString(tensor.scalar_type()));

  std::string shape;
  for (int64_t size : tensor.sizes()) shape += std::to_string(size) + ", ";
  if (tensor.dim() > 1) shape.resize(shape.size() - 2);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type->descr,
                                   tensor.dim() == 1 ? shape.substr(0, shape.size() - 1) : shape);
  constexpr size_t kPrefix = 10, kAlignment = 64;
  header.append(kAlignment - 1 - (kPrefix + header.size()) % kAlignment, ' ');
  header += '\n';

  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  bytes += header;
  torch::Tensor values = tensor.detach().cpu().contiguous();
  bytes.append(static_cast<const char*>(values.data_ptr()), values.nbytes());
  core::write_file(file, bytes);
}

}  // namespace lathe::data
