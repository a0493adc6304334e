// Templates of behavioural tests. What is taken expands, and every case has its texts.
#include "lathe/core/error.h"
#include "lathe/evaluate/checklist/editor.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace checklist = evaluate::checklist;

// Two lines: a template and its labels.
void read(std::string_view bytes) {
  const size_t newline = bytes.find('\n');
  const std::string text(bytes.substr(0, newline));
  checklist::Editor editor;
  editor.lexicons = {{"x", {"a", "b", "é"}},
                     {"r", {nlohmann::json{{"f", "g"}, {"n", {{"m", 3}}}}}},
                     {"t", {nlohmann::json::array({"u", "v"})}}};
  editor.fill_masks = [](const std::vector<checklist::GappedText>& texts, int64_t) {
    return std::vector<checklist::MaskFill>{{std::vector<std::string>(texts.at(0).size() - 1, "fill"), 0}};
  };
  checklist::ExpandOptions options;
  options.max_cases = 1000;
  if (newline != bytes.npos) options.labels = std::string(bytes.substr(newline + 1));
  const checklist::Expansion cases = checklist::expand(editor, text, options);
  require(cases.texts.size() == cases.num_cases() && cases.num_cases() >= 1, "every case has its text");
  require(cases.meta && cases.meta->indices.size() == cases.num_cases() * cases.meta->tags.size(),
          "every case has its meta");
  for (size_t i = 0; i < cases.num_cases() && cases.labels_per_case > 0; ++i) cases.label(i);
  if (text.find_first_of("{}") == text.npos) require(cases.texts[0] == text, "plain text stays as it is");
}

std::vector<std::string> seeds() {
  return {"{x} and {a:x2} of {x}", "{{{r.f}}} {r.n.m} {t[1]}\n{r.f}", "{A:mask} is {t5:mask}.\nlabel",
          "plain\n3"};
}

const bool registered = add_target({"checklist_template", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
