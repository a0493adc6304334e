#include <torch/torch.h>

#include <iostream>
#include <numeric>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/data/cells.h"
#include "lathe/data/csv.h"
#include "lathe/data/npy.h"
#include "lathe/evaluate/conformal/report.h"
#include "lathe/evaluate/logits_file.h"
#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

namespace conformal = evaluate::conformal;
using conformal::Conformal;
using conformal::Examples;

struct ConformalArguments {
  std::string logits, labels, test_logits, test_labels, groups, test_groups, output, fitted;
  std::string method = "raps", tune = "size", randomized = "yes", condition = "none";
  double calibration_fraction = 0.5;
  bool probabilities = false, non_empty = false;
  conformal::Options fit;
};

struct Groups {
  at::Tensor ids;
  std::vector<std::string> names;
};

// Names count in the order of their first appearance, after those that are known.
Groups read_groups(const std::string& file, int64_t num_rows, std::vector<std::string> names) {
  if (std::filesystem::path(file).extension() == ".npy") {
    const at::Tensor ids = data::read_npy(file);
    if (ids.dim() != 1 || !at::isIntegralType(ids.scalar_type(), /*includeBool=*/true) ||
        ids.size(0) != num_rows)
      throw InputError("{} must hold {} integers, one for each row of the logits", file, num_rows);
    return {ids.to(torch::kInt64), std::move(names)};
  }
  const data::CsvFile csv = data::read_csv(file);
  const auto column = data::find_column(csv, "group");
  if (!column) throw InputError("{}:1: the header must have a column named 'group'", file);
  if (static_cast<int64_t>(csv.rows.size()) != num_rows)
    throw InputError("{} has {} groups for {} rows of logits", file, csv.rows.size(), num_rows);
  std::vector<int64_t> ids;
  for (const auto& row : csv.rows) {
    const auto known = std::find(names.begin(), names.end(), row[*column]);
    ids.push_back(known - names.begin());
    if (known == names.end()) names.push_back(row[*column]);
  }
  return {torch::tensor(ids, torch::kInt64), std::move(names)};
}

struct Input {
  Examples examples;
  std::vector<std::string> classes, groups;
};

Input read_input(const ConformalArguments& arguments, const std::string& logits, const std::string& labels,
                 const std::string& groups, const std::vector<std::string>& known_groups) {
  const auto file = evaluate::read_logits(
      logits, labels.empty() ? std::nullopt : std::optional<std::filesystem::path>(labels));
  Input input;
  input.examples.logits =
      arguments.probabilities ? conformal::logits_of_probabilities(file.logits) : file.logits;
  input.examples.labels = file.targets;
  input.classes = file.classes;
  if (groups.empty()) return input;
  Groups read = read_groups(groups, file.logits.size(0), known_groups);
  input.examples.groups = read.ids;
  input.groups = std::move(read.names);
  return input;
}

void warn(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) std::cerr << "lathe: warning: " << warning << "\n";
}

void print_report(const Options& options, const Conformal& fitted, const conformal::Report& report) {
  const auto& f = fitted.fitted();
  core::Table sets({"method", "alpha", "temperature", "k_reg", "lambda", "threshold", "n"});
  sets.add({to_string(f.rule.method), f.alpha, f.temperature, f.rule.k_reg, f.rule.lambda,
            fitted.thresholds().size() == 1
                ? core::Cell(fitted.thresholds()[0])
                : core::Cell(fmt::format("{} by {}", fitted.thresholds().size(), to_string(f.condition))),
            fitted.num_calibration()});
  if (options.json) {
    std::cout << nlohmann::json{{"sets", sets.to_json()}, {"report", to_json(report)}}.dump(
                     1, ' ', false, nlohmann::json::error_handler_t::replace)
              << "\n";
    return;
  }
  std::vector<NamedTable> tables = {
      {"sets", sets},
      {"summary", summary_table(report)},
      {"by_difficulty", slice_table("rank of the true label", report.by_difficulty)},
      {"by_size", slice_table("set size", report.by_size)}};
  if (!report.by_group.empty()) tables.push_back({"by_group", slice_table("group", report.by_group)});
  if (report.by_class.size() <= 20) tables.push_back({"by_class", slice_table("class", report.by_class)});
  print(options, tables);
  const auto& warned = fitted.warnings();
  for (const std::string& note : report.notes)
    if (std::find(warned.begin(), warned.end(), note) == warned.end())
      std::cout << "\nNote: " << note << "\n";
}

std::string class_name(const std::vector<std::string>& classes, int64_t label) {
  return classes.empty() ? std::to_string(label) : classes[static_cast<size_t>(label)];
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

enum class SetsFormat { kJsonLines, kCsv };

// One line an example: {"example": 0, "labels": ["cat", "dog"]}, or example,size,labels with | between
// labels.
std::string sets_text(const conformal::Sets& sets, const std::vector<std::string>& classes,
                      SetsFormat format) {
  const bool csv = format == SetsFormat::kCsv;
  std::string text = csv ? "example,size,labels\n" : "";
  const int64_t* offsets = sets.offsets.data_ptr<int64_t>();
  const int64_t* labels = sets.labels.data_ptr<int64_t>();
  for (int64_t i = 0; i + 1 < sets.offsets.size(0); ++i) {
    auto names = nlohmann::json::array();
    std::string joined;
    for (int64_t j = offsets[i]; j < offsets[i + 1]; ++j) {
      const std::string name = class_name(classes, labels[j]);
      joined += (j > offsets[i] ? "|" : "") + name;
      names.push_back(classes.empty() ? nlohmann::json(labels[j]) : nlohmann::json(name));
    }
    text += csv ? fmt::format("{},{},{}\n", i, offsets[i + 1] - offsets[i], csv_cell(joined))
                : nlohmann::json{{"example", i}, {"labels", names}}.dump(
                      -1, ' ', false, nlohmann::json::error_handler_t::replace) +
                      "\n";
  }
  return text;
}

Conformal load(const std::string& file) {
  const auto json = nlohmann::json::parse(core::read_file(file), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw InputError("{} is no JSON", file);
  try {
    return conformal::conformal_from_json(json);
  } catch (const InputError& error) {
    throw InputError("{}: {}", file, error.what());
  }
}

void apply_fitted(const Options& options, const ConformalArguments& arguments) {
  const Conformal fitted = load(arguments.fitted);
  const Input input =
      read_input(arguments, arguments.logits, arguments.labels, arguments.groups, fitted.fitted().groups);
  const auto extension = std::filesystem::path(arguments.output).extension();
  if (!arguments.output.empty() && extension != ".jsonl" && extension != ".csv")
    throw InputError("sets are written to a .jsonl or a .csv file, got {}", arguments.output);
  warn(fitted.warnings());
  if (arguments.output.empty() && input.examples.labels.defined())
    return print_report(options, fitted, report(fitted, input.examples));
  const std::string text = sets_text(fitted.predict(input.examples), fitted.fitted().classes,
                                     extension == ".csv" ? SetsFormat::kCsv : SetsFormat::kJsonLines);
  if (arguments.output.empty()) {
    std::cout << text;
    return;
  }
  core::write_file(arguments.output, text);
  if (input.examples.labels.defined()) print_report(options, fitted, report(fitted, input.examples));
}

struct Halves {
  at::Tensor calibration, test;
};

Halves split(int64_t n, double fraction, core::Seed seed) {
  const std::vector<int64_t> order = seed.stream("halves").random().permutation(n);
  const auto count = static_cast<int64_t>(std::llround(fraction * static_cast<double>(n)));
  if (count == 0 || count == n)
    throw InputError("--calibration-fraction {} of {} examples leaves none to {}", fraction, n,
                     count == 0 ? "calibrate" : "test");
  const at::Tensor rows = torch::tensor(order, torch::kInt64);
  return {rows.slice(0, 0, count), rows.slice(0, count)};
}

void fit(const Options& options, ConformalArguments arguments) {
  Input input = read_input(arguments, arguments.logits, arguments.labels, arguments.groups, {});
  if (!input.examples.labels.defined())
    throw InputError("{} has no labels; name them with --labels FILE", arguments.logits);
  Examples test = input.examples;
  std::vector<std::string> groups = input.groups;
  if (arguments.test_logits.empty()) {
    const Halves halves = split(input.examples.logits.size(0), arguments.calibration_fraction,
                                core::Seed(options.seed.value_or(0)));
    input.examples.rows = halves.calibration;
    test.rows = halves.test;
  } else {
    test = read_input(arguments, arguments.test_logits, arguments.test_labels, arguments.test_groups, groups)
               .examples;
  }
  arguments.fit.classes = input.classes;
  arguments.fit.groups = groups;
  arguments.fit.seed = options.seed.value_or(0);
  const Conformal fitted = Conformal::fit(input.examples, arguments.fit);
  warn(fitted.warnings());
  const conformal::Report result = report(fitted, test);
  if (!arguments.output.empty()) {
    nlohmann::json json = to_json(fitted);
    json["lathe"] = LATHE_VERSION;
    core::write_file(arguments.output, json.dump() + "\n");
  }
  print_report(options, fitted, result);
}

void conformal_sets(const Options& options, ConformalArguments arguments) {
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  if (!arguments.fitted.empty()) return apply_fitted(options, arguments);
  arguments.fit.method = conformal::parse_method(arguments.method);
  arguments.fit.tune = conformal::parse_tune(arguments.tune);
  arguments.fit.randomized = conformal::parse_randomized(arguments.randomized);
  arguments.fit.condition = conformal::parse_condition(arguments.condition);
  arguments.fit.allow_empty = !arguments.non_empty;
  fit(options, arguments);
}

}  // namespace

void add_conformal(CLI::App& evaluate, Options& options) {
  auto arguments = std::make_shared<ConformalArguments>();
  conformal::Options& fit = arguments->fit;
  CLI::App* verb =
      add_verb(evaluate, options, "conformal",
               "Sets of labels that hold the true one with a given probability, from any logits",
               "lathe evaluate conformal logits.npy --labels labels.npy --alpha 0.05 -o sets.json");
  verb->add_option("logits", arguments->logits, "Logits as .npy [N, K] or CSV (one column a class)")
      ->required();
  verb->add_option("--labels", arguments->labels, "Labels: .npy [N], or CSV with a column `label`");
  verb->add_option("--alpha", fit.alpha, "Miscoverage")->capture_default_str();
  verb->add_option("--method", arguments->method, "raps, aps, lac, topk or naive")->capture_default_str();
  verb->add_option("--tune", arguments->tune, "What chooses lambda: size, adaptiveness, cross or none")
      ->capture_default_str();
  verb->add_option("--tune-fraction", fit.tune_fraction, "Of the calibration examples")
      ->capture_default_str();
  verb->add_option("--k-reg", fit.k_reg, "Labels free of the penalty (default: tuned)");
  verb->add_option("--lambda", fit.lambda, "The penalty of every further label (default: tuned)");
  verb->add_option("--temperature", fit.temperature, "Of the softmax (default: fitted)");
  verb->add_option("--randomized", arguments->randomized, "yes, no or calibration-only")
      ->capture_default_str();
  verb->add_flag("--non-empty", arguments->non_empty, "At least one label in a set");
  verb->add_option("--condition", arguments->condition, "A threshold for each: none, group, class or cluster")
      ->capture_default_str();
  verb->add_option("--groups", arguments->groups, "Groups: .npy [N], or CSV with a column `group`");
  verb->add_option("--calibration-fraction", arguments->calibration_fraction, "The rest is tested")
      ->capture_default_str();
  verb->add_option("--test-logits", arguments->test_logits, "Test on these, calibrate on all of the others");
  verb->add_option("--test-labels", arguments->test_labels, "Their labels")->needs("--test-logits");
  verb->add_option("--test-groups", arguments->test_groups, "Their groups")->needs("--test-logits");
  verb->add_flag("--probabilities", arguments->probabilities, "The files hold probabilities, not logits");
  verb->add_option("--training-accuracy", fit.training_accuracy,
                   "Where known: warns if the calibration examples look like training examples");
  verb->add_option("--fitted", arguments->fitted, "Apply this result of -o instead of fitting one")
      ->type_name("SETS.json");
  verb->add_option("-o,--output", arguments->output,
                   "Write what was fitted (JSON); with --fitted the sets (.jsonl or .csv)");
  verb->callback([&options, arguments] { conformal_sets(options, *arguments); });
}

}  // namespace lathe::cli
