#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/sources.h"

namespace lathe::data {
namespace {

struct Reader {
  const char* prefix;
  const char* usage;
  bool needs_operand;
  Source (*read)(const std::string& operand, const SourceOptions& options);
};

constexpr Reader kReaders[] = {
    {"fashion-mnist", "fashion-mnist[:DIR]", false, read_fashion_mnist},
    {"idx", "idx:DIR", true, read_idx},
    {"cifar10", "cifar10:DIR", true, read_cifar10},
    {"cifar100", "cifar100:DIR", true, read_cifar100},
    {"csv", "csv:FILE?target=COLUMN", true, read_table},
    {"images", "images:DIR", true, read_image_folders},
    {"glyphs", "glyphs[:DIR]", false, read_glyphs},
    {"glyph-shift", "glyph-shift[:DIR]", false, read_glyph_shift},
    {"text", "text:FILE?text=COLUMN&target=COLUMN", true, read_texts},
    {"sst", "sst:DIR", true, read_sst},
    {"qqp", "qqp:DIR", true, read_qqp},
    {"reviews", "reviews[?count=N]", false, read_reviews},
    {"questions", "questions[?count=N]", false, read_questions},
};

std::string tensor_hash(const torch::Tensor& tensor) {
  torch::Tensor bytes = tensor.contiguous();
  return core::sha256({static_cast<const char*>(bytes.data_ptr()), bytes.nbytes()});
}

std::string texts_hash(const std::vector<std::vector<std::string>>& texts) {
  return core::sha256(nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string content_hash(const Source& source) {
  std::string parts = to_json(source.train.schema).dump();
  for (const Dataset* part : {&source.train, &source.test})
    if (part->size() > 0)
      parts += (part->schema.text() ? texts_hash(part->texts) : tensor_hash(part->inputs)) +
               tensor_hash(part->targets);
  return core::sha256(parts);
}

}  // namespace

Source load_source(const std::string& name, const SourceOptions& options) {
  const size_t end = std::min(name.find_first_of(":?"), name.size());
  const std::string prefix = name.substr(0, end),
                    operand = name.substr(end < name.size() && name[end] == ':' ? end + 1 : end);
  std::string usages;
  for (const Reader& reader : kReaders) {
    usages += (usages.empty() ? "" : ", ") + std::string(reader.usage);
    if (prefix != reader.prefix) continue;
    if (operand.empty() && reader.needs_operand)
      throw InputError("data source '{}' names no file or directory; it is written {}", name, reader.usage);
    Source source = reader.read(operand, options);
    source.name = name;
    source.content_hash = content_hash(source);
    return source;
  }
  throw InputError("unknown data source '{}'; there are {}", name, usages);
}

}  // namespace lathe::data
