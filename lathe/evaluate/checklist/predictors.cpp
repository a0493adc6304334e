#include "lathe/evaluate/checklist/predictors.h"

#include "lathe/core/error.h"
#include "lathe/core/http.h"
#include "lathe/core/json.h"
#include "lathe/core/process.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const size_t newline = text.rfind('\n');
  return data::excerpt(newline == text.npos ? text : text.substr(newline + 1));
}

std::string lines_of(const Json& predictions) {
  std::string lines;
  for (const Json& prediction : predictions)
    lines += prediction.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  return lines;
}

}  // namespace

Predictor command_predictor(CommandModel model, std::vector<std::string> fields,
                            std::vector<std::string> classes) {
  return [model = std::move(model), fields = std::move(fields),
          classes = std::move(classes)](const std::vector<Example>& examples) {
    const core::ProcessResult result =
        core::run_process({.arguments = {"sh", "-c", model.command},
                           .input = examples_text(fields, examples, model.input),
                           .timeout_seconds = model.timeout_seconds});
    const std::string command = data::excerpt(model.command), said = last_line(result.errors);
    if (result.timed_out)
      throw Error("the command '{}' took longer than {} s for {} examples", command, model.timeout_seconds,
                  examples.size());
    if (result.exit_code != 0)
      throw Error("the command '{}' ended with exit code {}{}", command, result.exit_code,
                  said.empty() ? "" : ": " + said);
    return parse_predictions(result.output, model.output, classes, static_cast<int64_t>(examples.size()),
                             "output of '" + command + "'");
  };
}

Predictor http_predictor(HttpModel model, std::vector<std::string> fields, std::vector<std::string> classes) {
  return [model = std::move(model), fields = std::move(fields),
          classes = std::move(classes)](const std::vector<Example>& examples) {
    Json inputs = Json::array();
    for (const Example& example : examples) inputs.push_back(example_json(fields, example));
    const std::string body =
        Json{{"inputs", std::move(inputs)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    const core::HttpResponse response = core::http_post(
        model.url, body, {.timeout_seconds = model.timeout_seconds, .headers = model.headers});
    if (response.status != 200)
      throw Error("the model's endpoint answered {}: {}", response.status, data::excerpt(response.body));
    const std::string name = "the endpoint's answer", advice = "it is {\"predictions\": [{\"label\": …}, …]}";
    const Json answer = core::parse_json(response.body, name, advice);
    if (!answer.is_object() || !answer.contains("predictions") || !answer["predictions"].is_array())
      throw InputError("{} has no list of predictions; {}", name, advice);
    return parse_predictions(lines_of(answer["predictions"]), PredictionFormat::kJsonl, classes,
                             static_cast<int64_t>(examples.size()), name + ", prediction");
  };
}

}  // namespace lathe::evaluate::checklist
