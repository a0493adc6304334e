#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/core/files.h"

namespace lathe::pipeline {

// One number that a stage reported: standard names (accuracy, nll, ece, coverage, …), unit "" for shares.
struct BundleMetric {
  std::string name, split;
  double value = 0;
  std::string unit;
};

// What a stage did: stages/NAME.json in the bundle.
struct StageReport {
  std::string stage;
  std::string
      inputs_hash;  // configuration it read + hashes of the stages before it; equal: the stage is skipped
  std::string outputs_hash;        // of the files that it wrote
  std::vector<std::string> files;  // that it wrote, relative to the bundle
  int64_t sequence = 0;            // counts the bundle's commits
  double seconds = 0;
  std::vector<BundleMetric> metrics;
  nlohmann::json details;  // for the report: curves, confusion matrix, …; any shape
};

// The directory that passes through the lathe.
//
// A stage writes into a staging directory inside the bundle; commit() renames that to a ready directory and
// moves its files into place. A process killed before the rename leaves the bundle as it was; one killed
// after it leaves a ready directory that the next open() finishes. One process holds a bundle for writing at
// a time.
class Bundle {
 public:
  // Opens for reading; throws InputError when there is no bundle.
  static Bundle open(const std::filesystem::path& directory);
  // Opens for writing, created if missing, locked until the object dies. Throws InputError when another
  // process holds it and Error when it cannot be written.
  static Bundle open_for_writing(const std::filesystem::path& directory);

  const std::filesystem::path& path() const { return directory_; }
  std::filesystem::path file(const std::string& name) const { return directory_ / name; }
  bool has(const std::string& name) const { return std::filesystem::exists(file(name)); }

  std::optional<StageReport> stage(const std::string& name) const;  // the last committed report of the stage
  std::vector<StageReport> stages() const;                          // in the order they ended
  nlohmann::json json(const std::string& name) const;  // data.json, metrics.json …; throws InputError

  // A fresh directory for a stage's files, on the bundle's file system. For writers.
  std::unique_ptr<core::TemporaryDirectory> stage_directory(const std::string& stage) const;
  // Moves the staged files into place, writes stages/NAME.json and metrics.json. All or nothing.
  void commit(const core::TemporaryDirectory& staged, StageReport report);

 private:
  Bundle(std::filesystem::path directory, std::unique_ptr<core::FileLock> lock);
  void finish_pending_commits();
  std::filesystem::path directory_;
  std::unique_ptr<core::FileLock> lock_;
};

}  // namespace lathe::pipeline
