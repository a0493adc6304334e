#include "lathe/evaluate/active/options.h"

#include <nlohmann/json.hpp>

#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/active/json_integer.h"

namespace lathe::evaluate::active {
namespace {

constexpr int64_t kMostLabels = 1'000'000'000;

const std::vector<std::string> kZeroScores = {"refuse", "uniform"};

ZeroScores parse_zero_scores(const std::string& text) {
  if (text != kZeroScores[0] && text != kZeroScores[1])
    throw InputError("zero_scores must be refuse or uniform, got {}", data::excerpt(text));
  return text == kZeroScores[0] ? ZeroScores::kRefuse : ZeroScores::kUniform;
}

std::string to_string(ZeroScores zero_scores) {
  return kZeroScores[static_cast<size_t>(zero_scores)];
}

}  // namespace

ActiveOptions read_options(const core::Config& table, const ActiveOptions& defaults) {
  ActiveOptions o = defaults;
  const auto parsed = [&](const char* key, const std::string& fallback, const auto& parse) {
    const std::string text = table.text(key, fallback);
    try {
      return parse(text);
    } catch (const InputError& error) {
      table.fail(key, std::string("is wrong: ") + error.what());
    }
  };
  const core::Range count = {.min = 1, .max = static_cast<double>(kMostLabels)};
  o.acquisition = parsed("acquisition", to_string(o.acquisition), parse_acquisition);
  o.loss = parsed("loss", to_string(o.loss), parse_loss);
  o.proposal.kind = parsed("proposal", to_string(o.proposal.kind), parse_proposal);
  o.proposal.temperature = table.number("temperature", o.proposal.temperature, core::Range::at_least(0));
  o.proposal.floor = table.number("floor", o.proposal.floor, core::Range::unit());
  o.proposal.zero_scores = parsed("zero_scores", to_string(o.proposal.zero_scores), parse_zero_scores);
  o.estimator = parsed("estimator", to_string(o.estimator), parse_estimator);
  o.start = table.integer("start", o.start, {.min = 0, .max = count.max});
  o.budget = table.integer("budget", o.budget, count);
  o.batch = table.integer("batch", o.batch, count);
  if (o.proposal.kind == ProposalKind::kGreedy && o.estimator != Estimator::kNone)
    table.fail("proposal",
               "= \"greedy\" goes with estimator = \"none\" only: other points had probability 0");
  return o;
}

void check(const ActiveOptions& options) {
  if (options.proposal.kind == ProposalKind::kGreedy && options.estimator != Estimator::kNone)
    throw InputError(
        "weights undefined for the proposal greedy with the estimator {}: other points had probability 0; "
        "use "
        "another proposal, or the estimator none, which is biased",
        to_string(options.estimator));
  if (options.start < 0 || options.budget < 1 || options.batch < 1)
    throw InputError("start must be at least 0, budget and batch at least 1, got {}, {} and {}",
                     options.start, options.budget, options.batch);
}

nlohmann::json to_json(const ActiveOptions& options) {
  return {{"acquisition", to_string(options.acquisition)},
          {"loss", to_string(options.loss)},
          {"proposal", to_string(options.proposal.kind)},
          {"temperature", options.proposal.temperature},
          {"floor", options.proposal.floor},
          {"zero_scores", to_string(options.proposal.zero_scores)},
          {"estimator", to_string(options.estimator)},
          {"start", options.start},
          {"budget", options.budget},
          {"batch", options.batch},
          {"seed", options.seed}};
}

ActiveOptions options_from_json(const nlohmann::json& json) {
  const auto text = [&](const char* key) { return json.at(key).get<std::string>(); };
  ActiveOptions o;
  try {
    o = {.acquisition = parse_acquisition(text("acquisition")),
         .loss = parse_loss(text("loss")),
         .proposal = {.kind = parse_proposal(text("proposal")),
                      .temperature = json.at("temperature").get<double>(),
                      .floor = json.at("floor").get<double>(),
                      .zero_scores = parse_zero_scores(text("zero_scores"))},
         .estimator = parse_estimator(text("estimator")),
         .start = json_integer(json, "start"),
         .budget = json_integer(json, "budget"),
         .batch = json_integer(json, "batch"),
         .seed = json_integer<uint64_t>(json, "seed")};
  } catch (const nlohmann::json::exception& error) {
    throw InputError("its options are incomplete: {}", error.what());
  }
  check(o);
  return o;
}

}  // namespace lathe::evaluate::active
