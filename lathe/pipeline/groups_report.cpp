#include "lathe/pipeline/groups_report.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "lathe/data/npy.h"
#include "lathe/pipeline/details.h"
#include "lathe/pipeline/show_example.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;
using train::invariance::Agreement;
using train::invariance::agreement;
using train::invariance::class_agreement;
using train::invariance::Groups;

constexpr int64_t kExamples = 5000, kFewest = 10;
constexpr int64_t kPicturesPerClass = 8, kClassesShown = 12;

// Of each class and of all together: the share of its examples that are not of its most frequent value of the
// column, and how well the parts find them.
json comparison(const Groups& found, const Groups& given, const data::Dataset& train) {
  const torch::Tensor minority = minority_of(given, train.targets);
  json rows = json::array();
  const auto add = [&](const std::string& name, const torch::Tensor& some, const Agreement& a) {
    rows.push_back({{"name", name},
                    {"minority", some.to(torch::kFloat64).mean().item<double>()},
                    {"precision", a.precision},
                    {"recall", a.recall}});
  };
  const auto by_class =
      class_agreement(found.assignment, minority, train.targets, train.schema.num_classes());
  for (size_t c = 0; c < by_class.size(); ++c)
    add(train.schema.classes[c], minority.masked_select(train.targets.eq(static_cast<int64_t>(c))),
        by_class[c]);
  add("all", minority, agreement(found.assignment, minority));
  return rows;
}

void add_comparison(const json& groups, Section& section) {
  const json& rows = detail(groups, "/compared/rows");
  if (!rows.is_array()) return;
  section.text += fmt::format(
      " Found parts are compared with column {}: examples that do not have the most frequent "
      "value of their class are its minority; precision is the share of them among those found, "
      "recall the share of them that was found.",
      detail_text(groups, "/compared/column"));
  core::Table table({"class", "minority %", "precision %", "recall %"});
  for (const json& row : rows) {
    const auto percent = [&](const char* key) {
      const json& value = detail(row, key);
      return core::Cell(value.is_number() ? 100 * value.get<double>() : std::nan(""), 1);
    };
    table.add({detail_text(row, "/name"), percent("/minority"), percent("/precision"), percent("/recall")});
  }
  section.tables.push_back(std::move(table));
}

}  // namespace

WorstGroup::WorstGroup(nn::Classifier& model, const train::invariance::InvariantTraining& training,
                       const data::Dataset& train)
    : model_(model),
      training_(training),
      rows_(torch::linspace(0, static_cast<double>(train.size() - 1), std::min(kExamples, train.size()),
                            torch::kFloat64)
                .round()
                .to(torch::kInt64)),
      curve_{{"epoch", json::array()}, {"accuracy", json::array()}, {"worst", json::array()}} {
  examples_ = train.select(rows_);
}

void WorstGroup::after_epoch(int64_t epoch) {
  if (!training_.groups()) return;
  const torch::Tensor hits =
      nn::predict(model_, examples_.inputs).argmax(1).eq(examples_.targets).to(torch::kFloat64);
  const torch::Tensor parts = training_.groups()->assignment.cpu().index_select(0, rows_).to(torch::kInt64);
  const torch::Tensor cells = examples_.targets * training_.groups()->num_parts + parts;
  const int64_t num_cells = examples_.schema.num_classes() * training_.groups()->num_parts;
  const torch::Tensor counts = torch::bincount(cells, {}, num_cells);
  const torch::Tensor sums = torch::bincount(cells, hits, num_cells);
  double worst = 1;
  for (int64_t i = 0; i < num_cells; ++i)
    if (const auto count = counts[i].item<int64_t>(); count >= kFewest)
      worst = std::min(worst, sums[i].item<double>() / static_cast<double>(count));
  curve_["epoch"].push_back(epoch);
  curve_["accuracy"].push_back(hits.mean().item<double>());
  curve_["worst"].push_back(worst);
}

json keep_groups(const train::invariance::InvariantTraining& training, const data::Dataset& train,
                 const std::string& compared_with, const std::filesystem::path& staged) {
  if (!training.groups()) return nullptr;
  const auto& groups = *training.groups();
  const torch::Tensor assignment = groups.assignment.cpu();
  data::write_npy(staged / "groups.npy", assignment);
  json classes = json::array();
  const auto& names = train.schema.classes;
  for (size_t c = 0; c < groups.per_class.size(); ++c) {
    const auto& of_class = groups.per_class[c];
    json entry = {{"name", names[c]},
                  {"sizes", of_class.sizes},
                  {"losses", of_class.losses},
                  {"left_whole", of_class.left_whole},
                  {"hard", json::array()}};
    if (static_cast<int64_t>(c) < kClassesShown) {
      const torch::Tensor hard =
          assignment.gt(0).logical_and(train.targets.eq(static_cast<int64_t>(c))).nonzero().flatten();
      for (int64_t i = 0; i < std::min(kPicturesPerClass, hard.numel()); ++i) {
        json shown = json::object();
        show_example(train, hard[i].item<int64_t>(), staged, fmt::format("groups/{:02}_{}.png", c, i), shown);
        entry["hard"].push_back(std::move(shown));
      }
    }
    classes.push_back(std::move(entry));
  }
  json kept = {{"classes", classes}};
  if (training.compared())
    kept["compared"] = {{"column", compared_with}, {"rows", comparison(groups, *training.compared(), train)}};
  return kept;
}

Section groups_section(const Bundle& bundle, const json& train) {
  Section section{.title = "Parts of the classes"};
  const json& groups = detail(train, "/groups");
  if (!groups.is_object()) return section;
  section.text =
      "Each class in two parts or more; part 0 is the majority, the others are what a shortcut gets wrong. "
      "Training tells predictions not to depend on the part.";
  core::Table table({"class", "part", "examples", "mean loss when found", ""});
  std::vector<core::Picture> pictures;
  for (const json& entry : detail(groups, "/classes")) {
    const std::vector<double> sizes = detail_numbers(entry, "/sizes"),
                              losses = detail_numbers(entry, "/losses");
    for (size_t part = 0; part < sizes.size(); ++part)
      table.add({part == 0 ? detail_text(entry, "/name") : "", static_cast<int64_t>(part),
                 static_cast<int64_t>(sizes[part]), part < losses.size() ? losses[part] : std::nan(""),
                 part == 0 ? detail_text(entry, "/left_whole") : ""});
    for (const json& shown : detail(entry, "/hard"))
      if (const std::string png = detail_text(shown, "/png"); !png.empty() && bundle.has(png))
        pictures.push_back({core::read_file(bundle.file(png)), detail_text(entry, "/name")});
  }
  section.tables.push_back(std::move(table));
  add_comparison(groups, section);
  const std::vector<double> epochs = detail_numbers(groups, "/curve/epoch");
  const auto series = [&](const char* name, const std::string& key) {
    core::Series line{.name = name, .x = epochs, .y = detail_numbers(groups, "/curve/" + key)};
    line.y.resize(line.x.size(), std::nan(""));
    for (double& value : line.y) value *= 100;
    return line;
  };
  if (!epochs.empty())
    section.charts.push_back(
        core::line_chart({.title = "Training accuracy, %", .x_label = "epoch", .width = 485, .height = 280},
                         {series("all examples", "accuracy"), series("worst part of a class", "worst")}));
  if (!pictures.empty())
    section.charts.push_back(core::image_grid({.title = "Examples of the hard parts", .width = 1022},
                                              pictures, static_cast<int>(kPicturesPerClass)));
  return section;
}

}  // namespace lathe::pipeline
