// gettext's catalogues of messages.
#include "lathe/data/message_catalog.h"
#include "lathe/data/text.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  for (const auto& [message, translation] : data::parse_message_catalog(bytes, "x.mo")) {
    require(!message.empty() && !translation.empty(), "no text is empty");
    require(data::is_utf8(message) && data::is_utf8(translation), "texts are UTF-8");
    require(message.size() + translation.size() <= 2 * bytes.size(), "texts come from the file");
  }
}

std::string number(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> 8 * i & 255);
  return bytes;
}

std::vector<std::string> seeds() {
  std::string head;
  for (const uint32_t value : {0x950412deu, 0u, 1u, 28u, 36u, 0u, 0u, 5u, 44u, 4u, 50u})
    head += number(value);
  return {head + std::string("India\0Inde\0", 11)};
}

const bool registered = add_target({"message_catalog", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
