// Calls of perturbations, and what perturbations make of texts.
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/perturbation.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

using evaluate::checklist::parse_perturbation;

void perturb(const std::string& call, const std::string& text) {
  core::Random random(1);
  for (const auto& variant : parse_perturbation(call)(text, random)) {
    require(variant.text != text, "a variant differs");
    require(!data::is_utf8(text) || data::is_utf8(variant.text), "UTF-8 stays UTF-8");
  }
}

// Not the user's own command; not those that train a language model first.
void read_text(std::string_view bytes) {
  const std::string text(bytes);
  for (const char* call :
       {"typos(2)", "keyboard_typo", "punctuation", "lowercase", "uppercase", "contractions", "change_names",
        "change_locations", "change_numbers", "change_pronouns", "negate", "remove_negation", "swap_args",
        "active_passive", "add_random_url_handle", "add_sentence(x)", "strip(.)"})
    perturb(call, text);
}

std::vector<std::string> text_seeds() {
  return {"John Smith didn't fly from Paris to the United States on May 10, he's at home.",
          "Is she taller than Mary?",
          "Did the dog chase the cat?",
          "नमस्ते 👍🏽",
          "The window was broken by the boys.",
          "\xff\xfe 10 of 14000"};
}

void read_call(std::string_view bytes) {
  parse_perturbation(std::string(bytes));
}

std::vector<std::string> call_seeds() {
  return {"typos(1)", "change_names(part=first_only, n=5)", "add_sentence(\"a \\\"b\\\", (c)\", before)",
          "negate", "command(cat)"};
}

const bool registered = add_target({"perturbation", read_text, text_seeds}) &&
                        add_target({"perturbation_call", read_call, call_seeds});

}  // namespace
}  // namespace lathe::fuzz
