#pragma once
#include <functional>
#include <optional>

#include "lathe/core/interrupt.h"
#include "lathe/core/run_store.h"
#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/setup.h"

namespace lathe::pipeline {

// What the stages of one pipeline share: what they are to do, the bundle, the run store.
class Job {
 public:
  // Throws InputError as Setup and Bundle::open_for_writing do; where Setup throws no bundle is made.
  Job(core::Config config, const std::filesystem::path& bundle, JobOptions how);

  const Setup& setup() const { return setup_; }
  const core::Config& config() const { return setup_.config(); }
  const PipelineOptions& options() const { return setup_.options(); }
  const data::Splits& splits() const { return setup_.splits(); }
  Bundle& bundle() { return bundle_; }
  core::StopToken stop() const { return core::process_stop_token(); }

  void log(const std::vector<core::Metric>& metrics);  // to the run store

  // Records the job in the run store while `work` runs: running, then finished, interrupted or failed.
  void record(const std::function<void()>& work);

 private:
  Setup setup_;
  Bundle bundle_;
  core::RunStore store_;
  std::optional<int64_t> run_;
};

}  // namespace lathe::pipeline
