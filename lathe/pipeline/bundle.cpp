#include "lathe/pipeline/bundle.h"

#include "lathe/core/error.h"
#include "lathe/core/json.h"

namespace lathe::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kReadyPrefix = ".ready-";
constexpr const char* kStagePrefix = ".stage-";

std::vector<std::string> files_below(const fs::path& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), directory).string());
  std::sort(files.begin(), files.end());
  return files;
}

std::string hash_of(const fs::path& directory, const std::vector<std::string>& files) {
  std::string digests;
  for (const std::string& file : files) digests += file + "\n" + core::sha256_file(directory / file) + "\n";
  return core::sha256(digests);
}

Json to_json(const StageReport& report) {
  Json metrics = Json::array();
  for (const BundleMetric& m : report.metrics)
    metrics.push_back({{"name", m.name}, {"split", m.split}, {"value", m.value}, {"unit", m.unit}});
  return {{"stage", report.stage},
          {"inputs_hash", report.inputs_hash},
          {"outputs_hash", report.outputs_hash},
          {"files", report.files},
          {"sequence", report.sequence},
          {"seconds", report.seconds},
          {"metrics", std::move(metrics)},
          {"details", report.details}};
}

StageReport report_from_json(const Json& json) {
  StageReport report{.stage = json.at("stage"),
                     .inputs_hash = json.at("inputs_hash"),
                     .outputs_hash = json.at("outputs_hash"),
                     .files = json.at("files"),
                     .sequence = json.at("sequence"),
                     .seconds = json.at("seconds"),
                     .metrics = {},
                     .details = json.at("details")};
  for (const Json& m : json.at("metrics"))
    report.metrics.push_back({.name = m.at("name"),
                              .split = m.at("split"),
                              .value = m.at("value").is_null() ? std::nan("") : m.at("value").get<double>(),
                              .unit = m.at("unit")});
  return report;
}

Json read_json(const fs::path& file) {
  return core::parse_json(core::read_file(file), file.string(), "run the stage again");
}

// Old files are removed by these names: none may lead out of the bundle.
bool is_inside(const fs::path& name) {
  const fs::path normal = name.lexically_normal();
  return !normal.empty() && normal.is_relative() && *normal.begin() != ".." && *normal.begin() != ".";
}

StageReport read_report(const fs::path& file) {
  try {
    StageReport report = report_from_json(read_json(file));
    for (const std::string& name : report.files)
      if (!is_inside(name))
        throw InputError(
            "{} is damaged: it names files outside of the bundle; remove it and run the stage again",
            file.string());
    return report;
  } catch (const Json::exception& error) {
    throw InputError("{} is damaged: {}; remove it and run the stage again", file.string(), error.what());
  }
}

std::string dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json metrics_json(const std::vector<StageReport>& reports) {
  Json metrics = Json::array();
  for (const StageReport& report : reports)
    for (const BundleMetric& m : report.metrics)
      metrics.push_back({{"stage", report.stage},
                         {"name", m.name},
                         {"split", m.split},
                         {"value", m.value},
                         {"unit", m.unit}});
  return metrics;
}

// Moves a ready directory's files into the bundle; may be repeated after any interruption. The stage's report
// comes last: until it is there, the old one says which of the old files are no longer wanted.
void move_into_place(const fs::path& bundle, const fs::path& ready) {
  const std::string stage = ready.filename().string().substr(std::string(kReadyPrefix).size());
  const fs::path report_name = fs::path("stages") / (stage + ".json");
  if (fs::exists(ready / report_name)) {
    const StageReport report = read_report(ready / report_name);
    for (const std::string& file : files_below(ready)) {
      if (file == report_name) continue;
      fs::create_directories((bundle / file).parent_path());
      fs::rename(ready / file, bundle / file);
    }
    if (fs::exists(bundle / report_name))
      for (const std::string& old : read_report(bundle / report_name).files)
        if (std::find(report.files.begin(), report.files.end(), old) == report.files.end())
          fs::remove(bundle / old);
    fs::create_directories(bundle / "stages");
    fs::rename(ready / report_name, bundle / report_name);
  }
  fs::remove_all(ready);
}

}  // namespace

Bundle::Bundle(fs::path directory, std::unique_ptr<core::FileLock> lock)
    : directory_(std::move(directory)), lock_(std::move(lock)) {}

Bundle Bundle::open(const fs::path& directory) {
  if (!fs::is_directory(directory / "stages"))
    throw InputError("{} is not a bundle (it has no stages/); `lathe run P.toml --bundle {}` makes one",
                     directory.string(), directory.string());
  return Bundle(directory, nullptr);
}

Bundle Bundle::open_for_writing(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw Error("cannot create the bundle {}: {}", directory.string(), error.message());
  Bundle bundle(directory, std::make_unique<core::FileLock>(
                               directory / ".lock",
                               "bundle " + directory.string() +
                                   " is in use by another lathe; wait for it or name another with --bundle"));
  core::remove_unfinished_writes(directory);
  bundle.finish_pending_commits();
  return bundle;
}

void Bundle::finish_pending_commits() {
  std::vector<fs::path> ready, abandoned;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kReadyPrefix, 0) == 0) ready.push_back(entry.path());
    if (name.rfind(kStagePrefix, 0) == 0) abandoned.push_back(entry.path());
  }
  for (const fs::path& directory : abandoned) fs::remove_all(directory);
  for (const fs::path& directory : ready) move_into_place(directory_, directory);
}

std::optional<StageReport> Bundle::stage(const std::string& name) const {
  const fs::path file = directory_ / "stages" / (name + ".json");
  if (!fs::exists(file)) return std::nullopt;
  return read_report(file);
}

std::vector<StageReport> Bundle::stages() const {
  std::vector<StageReport> reports;
  if (!fs::exists(directory_ / "stages")) return reports;
  for (const auto& entry : fs::directory_iterator(directory_ / "stages"))
    if (entry.path().extension() == ".json") reports.push_back(read_report(entry.path()));
  std::sort(reports.begin(), reports.end(),
            [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  return reports;
}

Json Bundle::json(const std::string& name) const {
  return read_json(file(name));
}

std::unique_ptr<core::TemporaryDirectory> Bundle::stage_directory(const std::string& stage) const {
  return std::make_unique<core::TemporaryDirectory>(kStagePrefix + stage + "-", directory_);
}

// Whatever needs space on the disk is written before the commit, which then only renames.
void Bundle::commit(const core::TemporaryDirectory& staged, StageReport report) {
  std::vector<StageReport> reports = stages();
  if (!reports.empty()) report.sequence = reports.back().sequence + 1;
  report.files = files_below(staged.path());
  report.outputs_hash = hash_of(staged.path(), report.files);
  fs::create_directories(staged.path() / "stages");
  core::write_file(staged.path() / "stages" / (report.stage + ".json"), dump(to_json(report)));
  reports.erase(std::remove_if(reports.begin(), reports.end(),
                               [&](const StageReport& other) { return other.stage == report.stage; }),
                reports.end());
  reports.push_back(report);
  core::write_file(staged.path() / "metrics.json", dump(metrics_json(reports)));

  const fs::path ready = directory_ / (kReadyPrefix + report.stage);
  fs::rename(staged.path(), ready);
  move_into_place(directory_, ready);
}

}  // namespace lathe::pipeline
