#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "cli/subjective.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/parallel.h"
#include "lathe/evaluate/subjective/assignment.h"
#include "lathe/evaluate/subjective/check.h"
#include "lathe/evaluate/subjective/design.h"

namespace lathe::cli {
namespace {

namespace subjective = evaluate::subjective;

struct CheckArguments {
  std::string specification;
  AnnotationArguments annotations;
  bool gate = false, all = false;
};

void check(const Options& options, const CheckArguments& arguments) {
  if (options.threads != "auto") core::set_num_threads(std::stoi(options.threads));
  const subjective::Specification specification = subjective::read_specification(arguments.specification);
  subjective::CheckOptions how{.today = today()};
  how.bootstrap.seed = core::Seed(options.seed.value_or(0));
  const subjective::CheckReport report =
      arguments.annotations.annotations.empty()
          ? subjective::check(specification, how)
          : subjective::check(specification, open_annotations(arguments.annotations, specification), how);
  core::Table summary({"status", "checks"});
  for (const auto status :
       {subjective::Status::ok, subjective::Status::violated, subjective::Status::unknown})
    summary.add({to_string(status), report.count(status)});
  print(options, {{"checks", check_table(arguments.all || options.json ? report : worth_telling(report))},
                  {"summary", summary}});
  const int64_t violated = report.count(subjective::Status::violated);
  if (arguments.gate && violated > 0) throw GateError("{} checks are violated", violated);
}

struct DesignArguments {
  std::string specification, assignments;
  AnnotationArguments pilot;
  std::vector<std::string> groups;  // name or name=annotators
  std::optional<double> sample_correlation, annotator_correlation;
  subjective::DesignOptions design;
};

std::vector<subjective::DesignGroup> groups_of(const DesignArguments& arguments,
                                               const subjective::Specification& specification) {
  std::vector<subjective::DesignGroup> groups;
  for (const std::string& text : arguments.groups) {
    const size_t equals = text.rfind('=');
    subjective::DesignGroup& group = groups.emplace_back();
    group.name = text.substr(0, equals);
    if (equals == std::string::npos) continue;
    const std::string count = text.substr(equals + 1);
    if (count.empty() || count.size() > 9 || count.find_first_not_of("0123456789") != std::string::npos ||
        std::stoll(count) == 0)
      throw InputError("--groups must be NAME or NAME=ANNOTATORS, got {}", text);
    group.num_annotators = std::stoll(count);
  }
  const auto shares = subjective::shares(specification, "users.shares");
  if (groups.empty() && !shares.empty())
    for (const auto& [name, share] : shares[0].of)
      if (share > 0) groups.push_back({name, 0});
  if (groups.empty()) groups.push_back({"all", 0});
  return groups;
}

// What the specification states is taken from it.
subjective::DesignOptions design_options(const DesignArguments& arguments,
                                         const subjective::Specification& specification) {
  subjective::DesignOptions design = arguments.design;
  design.groups = groups_of(arguments, specification);
  const auto stated = [&](const char* path, auto& value) {
    if (const auto number = subjective::number(specification, path))
      value = static_cast<std::decay_t<decltype(value)>>(*number);
  };
  stated("annotators.repeat_rate", design.repeat_rate);
  stated("annotators.annotations_per_sample", design.min_annotators_per_sample);
  stated("annotators.samples_per_annotator", design.samples_per_annotator);
  stated("acceptance.expected_accuracy", design.accuracy);
  stated("acceptance.confidence", design.test.confidence);
  stated("acceptance.power", design.test.power);
  design.max_annotators_per_sample =
      std::max(design.max_annotators_per_sample, design.min_annotators_per_sample);
  if (!arguments.pilot.annotations.empty())
    design.correlations = subjective::pilot_of_agreement(open_annotations(arguments.pilot, specification));
  if (arguments.sample_correlation) design.correlations.sample_correlation = *arguments.sample_correlation;
  if (arguments.annotator_correlation)
    design.correlations.annotator_correlation = *arguments.annotator_correlation;
  return design;
}

// Samples of the first attribute of samples.shares, as near to its shares as whole samples come.
struct Strata {
  std::vector<std::string> names;
  std::vector<int32_t> of_samples;
};

Strata strata_of(const subjective::Specification& specification, int64_t num_samples) {
  Strata strata;
  const auto all = subjective::shares(specification, "samples.shares");
  if (all.empty()) return {{"all"}, std::vector<int32_t>(static_cast<size_t>(num_samples), 0)};
  double sum = 0;
  for (const auto& [name, share] : all[0].of) {
    strata.names.push_back(name);
    sum += share;
    const auto until = static_cast<size_t>(std::llround(sum * static_cast<double>(num_samples)));
    while (strata.of_samples.size() < std::min(until, static_cast<size_t>(num_samples)))
      strata.of_samples.push_back(static_cast<int32_t>(strata.names.size() - 1));
  }
  return strata;
}

// sample_00017, group_003: places to be taken by real samples and people.
core::Table assignment_table(const subjective::DesignPlan& plan,
                             const subjective::Specification& specification, double repeat_rate,
                             core::Seed seed) {
  const Strata strata = strata_of(specification, plan.num_samples);
  subjective::AssignmentOptions how{.groups = {}, .repeat_rate = repeat_rate, .seed = seed};
  std::vector<std::string> people, groups;
  for (const subjective::GroupPlan& group : plan.groups) {
    how.groups.push_back({group.num_annotators, group.quota});
    for (int64_t a = 1; a <= group.num_annotators; ++a) {
      people.push_back(fmt::format("{}_{:03}", group.name, a));
      groups.push_back(group.name);
    }
  }
  const subjective::Assignment assignment = subjective::assign(strata.of_samples, how);
  for (const int32_t small : assignment.small_strata)
    std::cerr << fmt::format(
        "lathe: warning: stratum '{}' has too few samples for every annotator to meet it\n",
        strata.names[static_cast<size_t>(small)]);
  core::Table table({"item", "annotator", "pass", "position", "stratum", "group"});
  for (const subjective::AssignedSample& row : assignment.rows) {
    const auto sample = static_cast<size_t>(row.sample), person = static_cast<size_t>(row.annotator);
    table.add({fmt::format("sample_{:05}", row.sample + 1), people[person], row.pass, row.position,
               strata.names[static_cast<size_t>(strata.of_samples[sample])], groups[person]});
  }
  return table;
}

void print_design(const Options& options, const DesignArguments& arguments) {
  const subjective::Specification specification = subjective::read_specification(arguments.specification);
  const subjective::DesignOptions how = design_options(arguments, specification);
  const subjective::DesignPlan plan = subjective::design(how);
  core::Table groups({"group", "annotators of a sample", "annotators", "annotations", "design effect"});
  for (const subjective::GroupPlan& group : plan.groups)
    groups.add({group.name, group.quota, group.num_annotators, group.num_labels, group.design_effect});
  core::Table summary({"", "value"});
  summary.add({"samples", plan.num_samples})
      .add({"annotations, repeats included", plan.num_labels})
      .add({"cost", plan.cost})
      .add({"correlation within samples", how.correlations.sample_correlation})
      .add({"correlation within annotators", how.correlations.annotator_correlation})
      .add({"smallest gap it finds", plan.detectable_gap});
  if (const auto wanted = subjective::number(specification, "acceptance.detectable_gap")) {
    summary.add({"smallest gap wanted", *wanted});
    summary.add({"enough", plan.detectable_gap <= *wanted ? "yes" : "no"});
    if (how.accuracy - *wanted > 0)
      summary.add({"independent answers of each of two groups that would do",
                   static_cast<int64_t>(std::ceil(
                       subjective::answers_for_gap(how.accuracy, how.accuracy - *wanted, 1, how.test)))});
  }
  if (!arguments.assignments.empty())
    core::write_file(arguments.assignments,
                     assignment_table(plan, specification, how.repeat_rate,
                                      core::Seed(options.seed.value_or(0)).stream("assignment"))
                         .to_csv());
  print(options, {{"plan", summary}, {"groups", groups}});
}

}  // namespace

void add_subjective_check(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* verb = add_verb(parent, options, "check",
                            "Confronts a specification with itself, and with the annotations there are",
                            "lathe data opinions opinions && lathe evaluate subjective init opinions.toml && "
                            "lathe evaluate subjective check opinions.toml --annotations opinions");
  add_specification_operand(*verb, arguments->specification);
  add_annotation_options(*verb, arguments->annotations);
  verb->get_option("--annotations")->required(false);
  verb->add_flag("--all", arguments->all, "Also the fields that are stated as they should be");
  verb->add_flag("--gate", arguments->gate, "Exit with 3 where a check is violated");
  verb->callback([&options, arguments] { check(options, *arguments); });
}

void add_subjective_design(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<DesignArguments>();
  subjective::DesignOptions& design = arguments->design;
  CLI::App* verb =
      add_verb(parent, options, "design",
               "How many samples, and how many annotators of each group, a budget should buy",
               "lathe evaluate subjective init opinions.toml && lathe evaluate subjective design "
               "opinions.toml --budget 20000 --groups women,men --assignments assignments.csv");
  add_specification_operand(*verb, arguments->specification);
  add_annotation_options(*verb, arguments->pilot);
  verb->get_option("--annotations")
      ->required(false)
      ->description("A pilot, from which correlations are estimated: as the other methods take annotations");
  verb->add_option("--budget", design.budget, "Of all costs")->check(CLI::PositiveNumber)->required();
  verb->add_option("--label-cost", design.label_cost, "Of an annotation")->capture_default_str();
  verb->add_option("--sample-cost", design.sample_cost, "Of a sample, without annotations")
      ->capture_default_str();
  verb->add_option("--groups", arguments->groups,
                   "NAME, or NAME=ANNOTATORS where no more can be had (default: those of users.shares)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--max-annotators-per-sample", design.max_annotators_per_sample)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--sample-correlation", arguments->sample_correlation,
                   "Of right answers within samples (default: the pilot's, or 0)")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--annotator-correlation", arguments->annotator_correlation,
                   "And within annotators (default: the pilot's, or 0)")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--assignments", arguments->assignments, "Write who is asked about what, in which order")
      ->type_name("FILE.csv");
  verb->callback([&options, arguments] { print_design(options, *arguments); });
}

}  // namespace lathe::cli
