#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/builtin_lexicons.h"
#include "lathe/evaluate/checklist/template.h"
#include "lathe/evaluate/checklist/texts.h"

// Templates to many texts (Ribeiro, Wu, Guestrin & Singh, ACL 2020, §4).
//
//   Editor editor;
//   editor.lexicons["city"] = {"Rome", "Oslo"};
//   Expansion cases = expand(editor, "{first_name} is {a:job} in {city}.", {.labels = "neutral"});
namespace lathe::evaluate::checklist {

// What a language model puts into the gaps of texts: words[i] goes into gap i of every one of them.
struct MaskFill {
  std::vector<std::string> words;
  double score = 0;  // higher is better
};
// A text with gaps: pieces[0] gap pieces[1] gap … pieces[n].
using GappedText = std::vector<std::string>;
// At most `most_fills` fills that suit all of the texts, the best first. All texts have as many gaps.
using MaskFiller = std::function<std::vector<MaskFill>(const std::vector<GappedText>&, int64_t most_fills)>;

using Lexicons = std::map<std::string, Lexicon>;

struct Editor {
  Lexicons lexicons;      // yours; they stand before the built-in ones
  MaskFiller fill_masks;  // for {mask}; none: a template with a mask is refused
};

// Throws InputError unless a lexicon may be called so: letters first, no digit at the end (those tell copies
// apart).
void check_lexicon_name(const std::string& name);

enum class Combine {
  kProduct,  // every combination of values, the last tag fastest
  kZip       // the i-th values of all tags together; all lexicons must be as long
};

struct ExpandOptions {
  Combine combine = Combine::kProduct;
  std::optional<int64_t> num_samples;  // draw as many, each tag independently and with replacement
  // Leaves out combinations in which two tags have the same text.
  bool remove_duplicates = false;
  // null: none. Else one value for all, or a template that is expanded with the same values.
  nlohmann::json labels;
  bool meta = true;                // keep which value each tag had
  int64_t max_cases = 10'000'000;  // more are refused
  uint64_t seed = 0;               // of samples and of the contexts of masks
  Lexicons lexicons;               // of this template only; they stand before the editor's
};

// Which value each tag had, in each case.
struct Meta {
  static constexpr uint32_t kNone = ~uint32_t{0};  // the case has no such tag
  struct Tag {
    std::string name;
    std::vector<std::string> values;
    bool operator==(const Tag& other) const { return name == other.name && values == other.values; }
  };
  std::vector<Tag> tags;
  std::vector<uint32_t> indices;  // [cases × tags], of Tag::values
  // {tag: value} of a case; {} where there is no meta.
  std::map<std::string, std::string> of_case(size_t index) const;
  bool operator==(const Meta& other) const { return tags == other.tags && indices == other.indices; }
};
Meta join(const Meta& first, size_t num_first, const Meta& second, size_t num_second);

struct Expansion {
  std::vector<std::string> leaves;  // their names, as in Leaf
  Texts texts;                      // [cases × leaves]
  size_t labels_per_case = 0;       // 0: none
  // [cases × labels_per_case], or [labels_per_case] where they are the same for all cases.
  Texts labels;
  std::optional<Meta> meta;
  size_t num_cases() const { return leaves.empty() ? 0 : texts.size() / leaves.size(); }
  std::string_view label(size_t index, size_t of_case = 0) const;
};

// Throws InputError for an unknown tag (with the nearest lexicons), a field that an entry does not have, an
// empty lexicon, more than max_cases cases, and what parse_template refuses.
Expansion expand(const Editor& editor, const nlohmann::json& value, const ExpandOptions& options = {});

// The cases of both. Throws InputError where their leaves differ, or only one has labels or meta.
Expansion& operator+=(Expansion& cases, const Expansion& more);

}  // namespace lathe::evaluate::checklist
