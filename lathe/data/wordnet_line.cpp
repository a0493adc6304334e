#include "lathe/data/wordnet_line.h"

#include <algorithm>
#include <charconv>

#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::data {

std::string LineOrigin::text() const {
  return fmt::format("{}:{}", file, line);
}

std::string_view LineFields::next(const char* what) {
  const size_t end = std::min(rest_.find(' '), rest_.size());
  if (end == 0) throw InputError("{}: there is no {}", origin_.text(), what);
  const std::string_view field = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return field;
}

int64_t LineFields::number(const char* what, int base) {
  const std::string_view field = next(what);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, base);
  if (error != std::errc() || end != field.data() + field.size() || value < 0)
    throw InputError("{}: {} must be a base-{} number, got '{}'", origin_.text(), what, base, excerpt(field));
  return value;
}

SynsetLine parse_synset_line(std::string_view line, LineOrigin origin) {
  const size_t bar = line.find(" | ");
  if (bar == line.npos) throw InputError("{}: there is no gloss after ' | '", origin.text());
  LineFields fields(line.substr(0, bar), origin);
  SynsetHead head;
  head.offset = fields.number("synset offset", 10);
  head.lexicographer_file = fields.number("lexicographer file", 10);
  head.type = fields.next("synset type");
  const int64_t num_words = fields.number("count of words", 16);
  if (num_words < 1) throw InputError("{}: a synset has a word or more", origin.text());
  return {head, num_words, fields, line.substr(bar + 3)};
}

bool SynsetLines::next() {
  while (at_ < text_.size()) {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    line_ = text_.substr(at_, end - at_);
    at_ = end + 1;
    ++number_;
    if (line_.substr(0, 2) != "  ") return true;
  }
  return false;
}

}  // namespace lathe::data
