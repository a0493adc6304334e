#include <fmt/ranges.h>

#include <iostream>
#include <numeric>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/compile_stage.h"
#include "lathe/pipeline/predict.h"
#include "lathe/pipeline/prediction_sets.h"

namespace lathe::cli {
namespace {

struct PredictArguments {
  std::string bundle;
  std::vector<std::string> files, texts;
  bool sets = false, compiled = false;
};

// "{Pullover, Coat}".
std::string braces(const std::vector<std::string>& labels) {
  return fmt::format("{{{}}}", fmt::join(labels, ", "));
}

// "Pullover 12.3 %, Coat 4.5 %": what else it might be.
std::string runners_up(const pipeline::Prediction& prediction, const std::vector<std::string>& classes) {
  std::vector<size_t> order(classes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return prediction.probabilities[a] > prediction.probabilities[b];
  });
  std::string text;
  for (size_t i = 1; i < std::min<size_t>(3, order.size()); ++i)
    text += fmt::format("{}{} {:.1f} %", i > 1 ? ", " : "", classes[order[i]],
                        100 * prediction.probabilities[order[i]]);
  return text;
}

struct Predicted {
  std::vector<pipeline::Prediction> predictions;
  std::vector<std::string> classes;
};

// The files' examples, or the texts of the command line: an example each, or the two of one pair.
data::Inputs read(const PredictArguments& arguments, const data::Schema& schema) {
  if (arguments.files.empty() == arguments.texts.empty())
    throw InputError("lathe predict wants files or --text");
  if (!arguments.files.empty())
    return data::read_inputs({arguments.files.begin(), arguments.files.end()}, schema);
  if (schema.fields.size() < 2) return data::text_inputs({arguments.texts}, arguments.texts, schema);
  std::vector<std::vector<std::string>> fields;
  for (const std::string& text : arguments.texts) fields.push_back({text});
  return data::text_inputs(fields, {fmt::format("{}", fmt::join(arguments.texts, " · "))}, schema);
}

Predicted predict_compiled(const pipeline::Bundle& bundle, const PredictArguments& arguments,
                           const evaluate::conformal::Conformal* sets, int threads) {
  if (!bundle.has("compiled"))
    throw InputError("{0} has no compiled/; `lathe compile {0}` makes it", bundle.path().string());
  const data::Schema schema = data::schema_from_json(bundle.json("data.json").at("schema"));
  const data::Inputs inputs = read(arguments, schema);
  const torch::Tensor logits = pipeline::compiled_predict(bundle.file("compiled"), inputs.values, threads);
  return {pipeline::predictions_of(logits, inputs.names, schema.classes, sets), schema.classes};
}

Predicted predict_model(const Options& options, const pipeline::Bundle& bundle,
                        const PredictArguments& arguments, const evaluate::conformal::Conformal* sets) {
  if (!bundle.has("model.pt"))
    throw InputError("{} has no model.pt; `lathe train` makes one", bundle.path().string());
  const auto model = nn::load(bundle.file("model.pt"));
  model->to(pipeline::parse_device(options.device));
  const data::Inputs inputs = read(arguments, model->schema());
  return {pipeline::predict(*model, inputs, sets), model->schema().classes};
}

void predict(const Options& options, const PredictArguments& arguments) {
  const auto bundle = pipeline::Bundle::open(arguments.bundle);
  std::optional<evaluate::conformal::Conformal> sets;
  if (arguments.sets) sets = pipeline::bundle_sets(bundle);
  const evaluate::conformal::Conformal* chosen = sets ? &*sets : nullptr;
  const int threads = options.threads == "auto" ? 1 : std::stoi(options.threads);
  const auto [predictions, classes] = arguments.compiled
                                          ? predict_compiled(bundle, arguments, chosen, threads)
                                          : predict_model(options, bundle, arguments, chosen);
  if (options.json) {
    nlohmann::json json = nlohmann::json::array();
    for (const auto& p : predictions) {
      nlohmann::json probabilities = nlohmann::json::object();
      for (size_t k = 0; k < classes.size(); ++k) probabilities[classes[k]] = p.probabilities[k];
      json.push_back({{"input", p.input},
                      {"label", p.label},
                      {"probability", p.probability},
                      {"probabilities", probabilities}});
      if (p.set) json.back()["set"] = *p.set;
    }
    std::cout << json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  core::Table table({"input", "class", "probability", sets ? "set" : "else"});
  for (const auto& p : predictions)
    table.add({p.input, p.label, fmt::format("{:.1f} %", 100 * p.probability),
               p.set ? braces(*p.set) : runners_up(p, classes)});
  std::cout << table.to_text();
  if (sets)
    std::cout << fmt::format("\nA set holds the true class with a probability of {:g} %.\n",
                             100 * (1 - sets->fitted().alpha));
}

}  // namespace

void add_predict(CLI::App& app, Options& options) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* verb = add_verb(app, options, "predict", "Classify files or texts with a bundle's model",
                            "lathe predict fashion-mnist.bundle shoe.png bag.png");
  verb->add_option("bundle", arguments->bundle, "The bundle")->required();
  verb->add_option("files", arguments->files, "PNG, JPEG, .npy, CSV, .tsv, .jsonl or .txt files");
  verb->add_option("--text", arguments->texts,
                   "A text; for a model of pairs twice, the first and the second");
  verb->add_flag("--sets", arguments->sets,
                 "Sets that hold the true class with a given probability ([evaluate.conformal])");
  verb->add_flag("--compiled", arguments->compiled, "With the bundle's compiled/, one example at a time");
  verb->callback([&options, arguments] { predict(options, *arguments); });
}

}  // namespace lathe::cli
