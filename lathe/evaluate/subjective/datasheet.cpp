#include "lathe/evaluate/subjective/datasheet.h"

#include <fmt/format.h>

namespace lathe::evaluate::subjective {

std::string datasheet(const Specification& specification, const CheckReport& report) {
  std::string text = fmt::format(
      "# Datasheet: {}\n", specification.title.empty() ? "annotations of opinions" : specification.title);
  int64_t number = 0;
  for (const Section& section : sections()) {
    text += fmt::format("\n## {}. {}\n\n", ++number, section.title);
    core::Table table({"question", "answer", "why"});
    for (const Field& field : specification.fields)
      if (field.section == section.key)
        table.add({field.question, to_text(field.value), field.rationale.empty() ? "–" : field.rationale});
    text += table.to_markdown();
  }
  core::Table found({"field", "check", "status", "found", "wanted"});
  for (const Check& check : report.checks)
    if (check.what != "stated")
      found.add({check.field, check.what, to_string(check.status), check.found, check.wanted});
  text += "\n## What was checked\n\n" + found.to_markdown();
  text += fmt::format("\n{} checks passed, {} are violated, {} are unknown.\n", report.count(Status::ok),
                      report.count(Status::violated), report.count(Status::unknown));
  return text;
}

}  // namespace lathe::evaluate::subjective
