#include "lathe/data/message_catalog.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

std::string number(uint32_t value, bool swapped) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> 8 * (swapped ? 3 - i : i) & 255);
  return bytes;
}

// Header, table of messages, table of translations, texts.
std::string catalog(const std::vector<std::pair<std::string, std::string>>& messages, bool swapped = false) {
  const auto count = static_cast<uint32_t>(messages.size());
  const uint32_t tables = 28, texts = tables + 16 * count;
  std::string first, second, text;
  const auto entry = [&](const std::string& value) {
    const std::string result = number(static_cast<uint32_t>(value.size()), swapped) +
                               number(texts + static_cast<uint32_t>(text.size()), swapped);
    text += value + '\0';
    return result;
  };
  for (const auto& [message, translation] : messages) {
    first += entry(message);
    second += entry(translation);
  }
  std::string head;
  for (const uint32_t value : {0x950412deu, 0u, count, tables, tables + 8 * count, 0u, 0u})
    head += number(value, swapped);
  return head + first + second + text;
}

TEST(MessageCatalog, ReadsBothByteOrders) {
  for (const bool swapped : {false, true}) {
    const std::string bytes = catalog({{"", "Project-Id-Version: x"},
                                       {"Germany", "Deutschland"},
                                       {"India", "\u092d\u093e\u0930\u0924"},
                                       {std::string("one\0many", 8), "eins"},
                                       {"menu\4File", "Datei"},
                                       {"bad", "\xff"}},
                                      swapped);
    const MessageCatalog read = parse_message_catalog(bytes, "de.mo");
    EXPECT_EQ(read.size(), 2u);  // no header, plural, context or broken text
    EXPECT_EQ(read.at("Germany"), "Deutschland");
    EXPECT_EQ(read.at("India"), "\u092d\u093e\u0930\u0924");
  }
}

TEST(MessageCatalog, RefusesGarbage) {
  const auto parse = [](const std::string& bytes) { parse_message_catalog(bytes, "de.mo"); };
  const std::string good = catalog({{"a", "b"}});
  EXPECT_INPUT_ERROR(parse(""), "de.mo ends at byte 0");
  EXPECT_INPUT_ERROR(parse("rubbish!"), "it begins with");
  for (size_t size = 4; size + 3 < good.size(); ++size)
    EXPECT_INPUT_ERROR(parse(good.substr(0, size)), "de.mo");
  std::string many = good;
  many.replace(8, 4, "\xff\xff\xff\xff");
  EXPECT_INPUT_ERROR(parse(many), "too few for 4294967295 messages");
  std::string far = good;
  far.replace(28, 8, "\xff\xff\xff\xff\xff\xff\xff\xff");
  EXPECT_INPUT_ERROR(parse(far), "a message of 4294967295 begins at 4294967295");
  std::string version = good;
  version[6] = 7;
  EXPECT_INPUT_ERROR(parse(version), "has version 7");
}

}  // namespace
}  // namespace lathe::data
