#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/core/json.h"
#include "lathe/core/process.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/perturbations.h"

namespace lathe::evaluate::checklist {

Variants run_command(const std::string& text, const std::string& command) {
  constexpr double kTimeoutSeconds = 60;
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  const core::ProcessResult result = core::run_process(
      {.arguments = {"sh", "-c", command}, .input = line + "\n", .timeout_seconds = kTimeoutSeconds});
  if (result.timed_out) throw Error("'{}' took longer than {} s for one text", command, kTimeoutSeconds);
  if (result.exit_code != 0)
    throw Error("'{}' ended with exit code {}: {}", command, result.exit_code, data::excerpt(result.errors));
  const auto json =
      core::parse_json(result.output, "the output of '" + command + "'", "print a list of texts, [\"…\"]");
  if (!json.is_array())
    throw InputError("'{}' printed {}, not a JSON list of texts", command, json.type_name());
  Variants variants;
  for (const auto& value : json) {
    if (!value.is_string())
      throw InputError("'{}' printed a list with {}, not of texts", command, value.type_name());
    variants.push_back({value.get<std::string>(), "", ""});
  }
  return variants;
}

}  // namespace lathe::evaluate::checklist
