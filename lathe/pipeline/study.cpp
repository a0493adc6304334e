#include "lathe/pipeline/study.h"

#include <fmt/format.h>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/core/printable.h"
#include "lathe/core/process.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/study_sources.h"

namespace lathe::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::map<std::string, Study>& registry() {
  static std::map<std::string, Study> studies;
  return studies;
}

Json optional_number(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string verdict(const StudyRow& row) {
  if (!row.bar) return "";
  return row.bar->met_by(row.measured) ? "met" : "missed";
}

core::Cell cell(const std::optional<double>& value) {
  return value ? core::Cell(*value) : core::Cell("");
}

// "unknown" where there is no git, or no repository.
std::string current_commit(const fs::path& tree) {
  const auto git = core::run_process(
      {.arguments = {"sh", "-c", "git -C \"$1\" rev-parse --short=12 HEAD", "sh", tree.string()}});
  return git.exit_code == 0 ? git.output.substr(0, git.output.find('\n')) : "unknown";
}

// Calls visit(result) for each.
template <typename Visit>
void for_each_recorded_result(const fs::path& tree, const Visit& visit) {
  std::vector<fs::path> files;
  if (fs::is_directory(tree / "docs" / "results"))
    for (const auto& entry : fs::directory_iterator(tree / "docs" / "results"))
      if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const std::string advice = "run the study again with --record";
    try {
      visit(core::parse_json(core::read_file(file), file.string(), advice));
    } catch (const Json::exception& error) {
      throw InputError("{} is damaged: {}; {}", file.string(), error.what(), advice);
    }
  }
}

// A cell of a Markdown table: a bar would end it.
std::string markdown_cell(const std::string& text) {
  std::string cell;
  for (char c : text) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

std::string markdown_number(const Json& value) {
  return value.is_number() ? fmt::format("{:.4g}", value.get<double>()) : "";
}

}  // namespace

std::string to_string(Scale scale) {
  return scale == Scale::smoke ? "smoke" : scale == Scale::desk ? "desk" : "paper";
}

Scale parse_scale(const std::string& name) {
  for (Scale scale : {Scale::smoke, Scale::desk, Scale::paper})
    if (to_string(scale) == name) return scale;
  throw InputError("--scale must be smoke, desk or paper, got {}", name);
}

std::string Bar::text() const {
  if (std::isinf(least)) return fmt::format("≤ {:g}", most);
  if (std::isinf(most)) return fmt::format("≥ {:g}", least);
  return fmt::format("{:g} … {:g}", least, most);
}

bool register_study(Study study) {
  const std::string name = study.name;
  return registry().emplace(name, std::move(study)).second;
}

std::vector<Study> studies() {
  std::vector<Study> all;
  for (const auto& [name, study] : registry()) all.push_back(study);
  return all;
}

const Study& find_study(const std::string& name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, study] : registry()) names.push_back(known);
  const auto nearest = core::nearest(name, names);
  throw InputError("there is no study {}{}; `lathe study list` shows all", core::printable(name),
                   nearest ? "; did you mean " + *nearest + "?" : "");
}

bool StudyReport::met() const {
  return std::all_of(result.rows.begin(), result.rows.end(), [](const StudyRow& row) {
    return row.timing || !row.bar || row.bar->met_by(row.measured);
  });
}

StudyReport run_study(const Study& study, const StudyContext& context) {
  const auto started = std::chrono::steady_clock::now();
  StudyReport report{.study = study.name,
                     .scale = context.scale,
                     .seed = context.seed.value(),
                     .seconds = 0,
                     .result = study.run(context)};
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return report;
}

core::Table rows_table(const StudyReport& report) {
  core::Table table({"metric", "paper", "baseline", "measured", "bar", "verdict"});
  for (const StudyRow& row : report.result.rows)
    table.add({row.metric, cell(row.paper), cell(row.baseline), row.measured, row.bar ? row.bar->text() : "",
               verdict(row)});
  return table;
}

Json to_json(const StudyReport& report) {
  Json rows = Json::array();
  for (const StudyRow& row : report.result.rows)
    rows.push_back({{"metric", row.metric},
                    {"paper", optional_number(row.paper)},
                    {"baseline", optional_number(row.baseline)},
                    {"measured", row.measured},
                    {"bar", row.bar ? Json(row.bar->text()) : Json(nullptr)},
                    {"verdict", row.bar ? Json(verdict(row)) : Json(nullptr)},
                    {"timing", row.timing}});
  return {{"study", report.study}, {"scale", to_string(report.scale)},
          {"seed", report.seed},   {"seconds", report.seconds},
          {"rows", rows},          {"notes", report.result.notes}};
}

void record_result(const StudyReport& report, const fs::path& tree) {
  const fs::path file = tree / "docs" / "results" / (report.study + "-" + to_string(report.scale) + ".json");
  if (!fs::is_directory(tree / "studies"))
    throw InputError("{} is not lathe's source tree; --record wants to run there", tree.string());
  Json json = to_json(report);
  json["commit"] = current_commit(tree);
  json["sources"] = sources_hash(find_study(report.study), tree);
  fs::create_directories(file.parent_path());
  core::write_file(file, json.dump(1) + "\n");
}

std::string results_page(const fs::path& tree) {
  std::string page =
      "# Results\n\nMade by `lathe study report` from what `lathe study run NAME --record` measured. A "
      "timing's verdict informs; it fails "
      "nothing.\n";
  for_each_recorded_result(tree, [&](const Json& result) {
    const Study& study = find_study(result.at("study"));
    page += fmt::format("\n## {}\n\n{} {}\n\nScale {}, seed {}, {}, commit {}.\n\n", study.name, study.claim,
                        study.paper, result.at("scale").get<std::string>(), result.at("seed").get<uint64_t>(),
                        core::human_seconds(result.at("seconds")), result.at("commit").get<std::string>());
    page += "| metric | paper | baseline | measured | bar | verdict |\n|---|---:|---:|---:|---|---|\n";
    for (const Json& row : result.at("rows"))
      page += fmt::format("| {} | {} | {} | {} | {} | {} |\n", markdown_cell(row.at("metric")),
                          markdown_number(row.at("paper")), markdown_number(row.at("baseline")),
                          markdown_number(row.at("measured")),
                          row.at("bar").is_null() ? "" : row.at("bar").get<std::string>(),
                          row.at("verdict").is_null() ? "" : row.at("verdict").get<std::string>());
    for (const Json& note : result.at("notes")) page += fmt::format("\n{}\n", note.get<std::string>());
  });
  return page;
}

std::vector<std::string> stale_results(const fs::path& tree) {
  std::vector<std::string> stale;
  for_each_recorded_result(tree, [&](const Json& result) {
    const Study& study = find_study(result.at("study"));
    if (result.at("sources") != sources_hash(study, tree))
      stale.push_back(fmt::format(
          "{} at scale {} was measured at commit {}, its sources have changed since: lathe study run {} "
          "--scale {} --record",
          study.name, result.at("scale").get<std::string>(), result.at("commit").get<std::string>(),
          study.name, result.at("scale").get<std::string>()));
  });
  return stale;
}

}  // namespace lathe::pipeline
