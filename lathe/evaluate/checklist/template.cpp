#include "lathe/evaluate/checklist/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
         static_cast<unsigned char>(c) >= 0x80;
}

enum class NewTags { kAdd, kRefuse };

// Reads one text of a template from left to right.
class LeafParser {
 public:
  LeafParser(Template& into, std::string_view text, NewTags new_tags)
      : into_(into), text_(text), new_tags_(new_tags) {}

  std::vector<Piece> parse() {
    std::vector<Piece> pieces(1);
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool doubled = at_ + 1 < text_.size() && text_[at_ + 1] == c;
      if ((c == '{' || c == '}') && doubled) {
        pieces.back().text += c;
        at_ += 2;
      } else if (c == '}') {
        fail(at_, "'}' without a '{' before it; a brace as such is '}}'");
      } else if (c == '{') {
        pieces.back().reference = tag();
        pieces.emplace_back();
      } else {
        pieces.back().text += c;
        ++at_;
      }
    }
    if (num_masks_ > 0) check_masks();
    return pieces;
  }

 private:
  [[noreturn]] void fail(size_t at, const std::string& message) const {
    const auto column =
        1 + std::count_if(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at),
                          [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    throw InputError("template '{}', column {}: {}", data::excerpt(text_), column, message);
  }

  std::string_view name() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  int64_t number(std::string_view digits, size_t at) const {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() ||
        !is_digit(digits[0]) || value > 1'000'000)
      fail(at, fmt::format("'{}' must be a whole number up to 1000000", data::excerpt(digits)));
    return value;
  }

  // From '{' to behind '}'; the reference's index.
  size_t tag() {
    opened_ = at_++;
    Reference reference;
    std::optional<int64_t> most_fills;
    size_t name_at = at_;
    std::string_view tag = name();
    while (at_ < text_.size() && text_[at_] == ':') {
      if (tag == "a" || tag == "A") {
        reference.article = tag == "a" ? Article::kSmall : Article::kCapital;
      } else if (tag.size() > 1 && tag[0] == 't' && is_digit(tag[1])) {
        most_fills = number(tag.substr(1), name_at);
        if (*most_fills == 0) fail(name_at, "at least one fill must be kept");
      } else {
        fail(name_at, fmt::format("'{}:' is not known before a tag; there are a:, A: and, for masks, t20:",
                                  data::excerpt(tag)));
      }
      name_at = ++at_;
      tag = name();
    }
    if (tag.empty() || is_digit(tag[0]) || tag[0] == '-')
      fail(name_at, at_ >= text_.size() ? "'{' is never closed; a brace as such is '{{'"
                                        : "a tag begins with a letter; a brace as such is '{{'");
    while (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == '[')) step(reference.field);
    if (at_ >= text_.size() || text_[at_] != '}')
      fail(at_ >= text_.size() ? opened_ : at_, at_ >= text_.size()
                                                    ? "'{' is never closed; a brace as such is '{{'"
                                                    : "'}' must end the tag here; a brace as such is '{{'");
    ++at_;

    std::string_view lexicon = tag;
    while (is_digit(lexicon.back())) lexicon.remove_suffix(1);
    const bool mask = lexicon == "mask";
    if (!mask && most_fills) fail(name_at, "only a mask has fills to keep, as in {t20:mask}");
    if (mask && !reference.field.empty()) fail(name_at, "a mask has no fields");
    reference.tag = tag_index(name_at, tag, lexicon);
    if (mask) {
      if (!into_.mask) into_.mask = Mask{.tag = reference.tag, .num_words = 0};
      if (most_fills) into_.mask->most_fills = *most_fills;
      reference.field.push_back(std::to_string(num_masks_++));
    }
    const auto known = std::find(into_.references.begin(), into_.references.end(), reference);
    if (known == into_.references.end()) {
      into_.references.push_back(std::move(reference));
      return into_.references.size() - 1;
    }
    return static_cast<size_t>(known - into_.references.begin());
  }

  // ".field" or "[2]"
  void step(Json::json_pointer& field) {
    const size_t at = at_++;
    if (text_[at] == '.') {
      const std::string_view key = name();
      if (key.empty()) fail(at, "'.' must be followed by the name of a field");
      field.push_back(std::string(key));
      return;
    }
    const size_t end = text_.find(']', at_);
    if (end == text_.npos) fail(at, "'[' is never closed");
    field.push_back(std::to_string(number(text_.substr(at_, end - at_), at_)));
    at_ = end + 1;
  }

  size_t tag_index(size_t at, std::string_view tag, std::string_view lexicon) {
    for (size_t i = 0; i < into_.tags.size(); ++i)
      if (into_.tags[i].name == tag) return i;
    if (new_tags_ == NewTags::kRefuse)
      fail(at, fmt::format("the labels' tag '{}' is not in the template", tag));
    if (lexicon == "mask" && into_.mask)
      fail(at, fmt::format("{{{}}} and {{{}}} are two families of masks; a template has one", tag,
                           into_.tags[into_.mask->tag].name));
    into_.tags.push_back({std::string(tag), std::string(lexicon)});
    return into_.tags.size() - 1;
  }

  void check_masks() {
    if (into_.mask->num_words != 0 && into_.mask->num_words != num_masks_)
      fail(opened_, fmt::format("{} masks here and {} in another text of the template; they are filled alike",
                                num_masks_, into_.mask->num_words));
    into_.mask->num_words = num_masks_;
  }

  Template& into_;
  std::string_view text_;
  NewTags new_tags_;
  size_t at_ = 0, opened_ = 0, num_masks_ = 0;
};

// "/0" → "0", "" → "text"
std::string leaf_name(const std::string& pointer) {
  return pointer.empty() ? "text" : pointer.substr(1);
}

std::string text_of(const Json& leaf, const std::string& pointer) {
  if (leaf.is_string()) return leaf.get<std::string>();
  if (leaf.is_number() || leaf.is_boolean()) return leaf.dump();
  throw InputError("a template's leaves must be texts, got {}{}", leaf.dump(),
                   pointer.empty() ? "" : " at " + data::excerpt(pointer));
}

std::vector<Leaf> parse_leaves(Template& into, const Json& value, NewTags new_tags) {
  std::vector<Leaf> leaves;
  // flatten() orders "/10" before "/2": walk instead.
  const std::function<void(const Json&, const std::string&)> walk = [&](const Json& node,
                                                                        const std::string& at) {
    if (!node.is_structured() || node.empty()) {
      const std::string text = text_of(node, at);
      leaves.push_back({leaf_name(at), LeafParser(into, text, new_tags).parse()});
      return;
    }
    for (const auto& [key, child] : node.items()) {
      std::string escaped;
      for (char c : key) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      walk(child, at + '/' + escaped);
    }
  };
  walk(value, "");
  return leaves;
}

}  // namespace

Template parse_template(const Json& value) {
  Template result;
  result.text = value.is_string() ? value.get<std::string>()
                                  : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  result.leaves = parse_leaves(result, value, NewTags::kAdd);
  return result;
}

std::vector<Leaf> parse_with_tags(Template& known, const Json& value) {
  return parse_leaves(known, value, NewTags::kRefuse);
}

}  // namespace lathe::evaluate::checklist
