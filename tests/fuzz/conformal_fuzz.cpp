// A fitted conformal object: what is taken writes the same object again, and predicts.
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "lathe/evaluate/conformal/conformal.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace conformal = evaluate::conformal;
using Json = nlohmann::json;

constexpr int64_t kMostClasses = 64;  // more are as good, and need more memory

conformal::Examples examples(int64_t num_classes) {
  conformal::Examples all;
  all.logits = torch::arange(8 * num_classes).remainder(7).to(torch::kFloat32).reshape({8, num_classes});
  all.labels = torch::arange(8).remainder(num_classes);
  return all;
}

void read(std::string_view bytes) {
  const Json json = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return;
  const conformal::Conformal fitted = conformal::conformal_from_json(json);
  const Json written = conformal::to_json(fitted);
  require(conformal::to_json(conformal::conformal_from_json(written)) == written,
          "what was written reads back the same");
  if (fitted.fitted().num_classes > kMostClasses || fitted.fitted().condition == conformal::Condition::kGroup)
    return;
  conformal::Examples all = examples(fitted.fitted().num_classes);
  if (!fitted.fitted().weights.empty()) all.weights = torch::ones({8}, torch::kFloat64);
  const conformal::Sets sets = fitted.predict(all);
  require(sets.sizes().max().item<int64_t>() <= fitted.fitted().num_classes,
          "a set holds each class once at most");
}

std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (const auto condition : {conformal::Condition::kNone, conformal::Condition::kClass}) {
    const auto fitted = conformal::Conformal::fit(examples(3), {.alpha = 0.2,
                                                                .k_reg = 1,
                                                                .lambda = 0.01,
                                                                .temperature = 1,
                                                                .tune = conformal::Tune::kNone,
                                                                .condition = condition});
    texts.push_back(conformal::to_json(fitted).dump());
  }
  return texts;
}

const bool registered = add_target({"conformal", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
