#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lathe::core {

struct Metric {
  std::string name;  // accuracy, loss, …
  int64_t step = 0;
  double value = 0;
  std::string split;  // train, holdout, test or empty
  std::string unit;   // s, ms, %, … or empty
};

struct Artifact {
  std::string name, path;
};

struct RunRecord {
  int64_t id = 0;
  std::string name, kind;         // kind: train, tune, study, …
  std::string state;              // running, finished, failed, interrupted
  std::string message;            // why it failed
  double started = 0, ended = 0;  // Unix seconds; ended = 0 while running
  nlohmann::json parameters;
};

// What every job did, in one SQLite file (WAL): many processes write at once, nothing is lost, nothing waits
// for a reader. Throws Error with SQLite's reason and the file's path.
class RunStore {
 public:
  explicit RunStore(const std::filesystem::path& file = default_path());  // created if missing
  ~RunStore();
  RunStore(RunStore&&) noexcept;
  static std::filesystem::path default_path();  // home_directory()/runs.db

  int64_t start(const std::string& name, const std::string& kind, const nlohmann::json& parameters);
  void log(int64_t run, const std::vector<Metric>& metrics);  // one transaction
  void add_artifact(int64_t run, const std::string& name, const std::filesystem::path& path);
  void finish(int64_t run, const std::string& state, const std::string& message = "");

  RunRecord run(int64_t id) const;                         // throws InputError when there is none
  std::vector<RunRecord> runs(int64_t limit = 100) const;  // newest first
  std::vector<Metric> metrics(int64_t run, const std::string& name = "") const;  // in the order they came
  std::vector<Metric> last_metrics(int64_t run) const;  // the last value of each (name, split)
  std::vector<Artifact> artifacts(int64_t run) const;

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace lathe::core
