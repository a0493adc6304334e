#include "lathe/data/message_catalog.h"

#include <cstdint>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

constexpr uint32_t kMagic = 0x950412de, kSwappedMagic = 0xde120495;

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {
    const uint32_t magic = number(0);
    if (magic != kMagic && magic != kSwappedMagic)
      throw InputError("{} is no catalogue of messages: it begins with {:08x}, not with 950412de", name_,
                       magic);
    swapped_ = magic == kSwappedMagic;
  }
  uint32_t number(uint64_t at) const {
    if (at + 4 > bytes_.size()) throw InputError("{} ends at byte {}, within a number", name_, bytes_.size());
    uint32_t value = 0;  // little-endian, or the other way round when swapped
    for (uint64_t i = 0; i < 4; ++i)
      value |= uint32_t{static_cast<unsigned char>(bytes_[at + i])} << 8 * (swapped_ ? 3 - i : i);
    return value;
  }
  // The text that an entry of 8 bytes at `at` describes: its length, and where it begins.
  std::string_view text(uint64_t at) const {
    const uint64_t length = number(at), begin = number(at + 4);
    if (begin + length > bytes_.size())
      throw InputError("{} has {} bytes, but a message of {} begins at {}", name_, bytes_.size(), length,
                       begin);
    return bytes_.substr(begin, length);
  }

 private:
  std::string_view bytes_;
  const std::string& name_;
  bool swapped_ = false;
};

bool is_plain(std::string_view text) {
  return !text.empty() && text.find('\0') == text.npos && text.find('\4') == text.npos && is_utf8(text);
}

}  // namespace

MessageCatalog parse_message_catalog(std::string_view bytes, const std::string& name) {
  const Reader reader(bytes, name);
  if (reader.number(4) >> 16 > 1)
    throw InputError("{} has version {}, not 0 or 1", name, reader.number(4) >> 16);
  const uint64_t count = reader.number(8), messages = reader.number(12), translations = reader.number(16);
  if (count * 8 > bytes.size())
    throw InputError("{} has {} bytes, too few for {} messages", name, bytes.size(), count);
  MessageCatalog catalog;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view message = reader.text(messages + i * 8),
                           translation = reader.text(translations + i * 8);
    if (is_plain(message) && is_plain(translation)) catalog.emplace(message, translation);
  }
  return catalog;
}

MessageCatalog read_message_catalog(const std::filesystem::path& file) {
  return parse_message_catalog(core::read_file(file), file.string());
}

}  // namespace lathe::data
