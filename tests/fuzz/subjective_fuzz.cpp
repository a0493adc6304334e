// Specifications of evaluations where labels are opinions.
#include "lathe/evaluate/subjective/check.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace subjective = evaluate::subjective;

void read(std::string_view bytes) {
  const subjective::Specification specification = subjective::parse_specification(bytes, "s.toml");
  require(specification.fields.size() == subjective::empty_specification().fields.size(),
          "all fields are there");
  for (const subjective::Shares& shares : subjective::shares(specification, "users.shares")) {
    double sum = 0;
    for (const auto& [name, share] : shares.of) sum += share;
    require(sum > 0.999 && sum < 1.001, "shares sum to 1");
  }
  const subjective::CheckReport report = subjective::check(specification, {.today = "2026-11-30"});
  require(report.checks.size() >= specification.fields.size(), "every field is checked");
}

// The template, and the template with its examples taken for values.
std::vector<std::string> seeds() {
  const std::string begun = subjective::new_specification("a title");
  std::string filled = begun;
  for (size_t at = 0; (at = filled.find("\n#", at)) != std::string::npos; ++at)
    if (filled.compare(at, 3, "\n# ") != 0) filled.erase(at + 1, 1);
  return {begun, filled, "[users.shares.value.sex]\nf = 0.5\nm = 0.5\n"};
}

const bool registered = add_target({"subjective", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
