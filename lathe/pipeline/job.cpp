#include "lathe/pipeline/job.h"

#include "lathe/core/error.h"

namespace lathe::pipeline {

Job::Job(core::Config config, const std::filesystem::path& bundle, JobOptions how)
    : setup_(std::move(config), std::move(how)), bundle_(Bundle::open_for_writing(bundle)) {}

void Job::log(const std::vector<core::Metric>& metrics) {
  if (run_) store_.log(*run_, metrics);
}

void Job::record(const std::function<void()>& work) {
  run_ = store_.start(options().name, "run",
                      {{"pipeline", config().resolved()}, {"bundle", bundle_.path().string()}});
  try {
    work();
    store_.add_artifact(*run_, "bundle", std::filesystem::absolute(bundle_.path()));
    store_.finish(*run_, "finished");
  } catch (const Interrupted& interruption) {
    store_.finish(*run_, "interrupted", interruption.what());
    throw;
  } catch (const std::exception& error) {
    store_.finish(*run_, "failed", error.what());
    throw;
  }
}

}  // namespace lathe::pipeline
