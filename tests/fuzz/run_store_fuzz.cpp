// The run store's SQLite file.
#include "lathe/core/database.h"
#include "lathe/core/files.h"
#include "lathe/core/run_store.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void remove_store(const std::filesystem::path& file) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + suffix);
}

void read(std::string_view bytes) {
  const std::filesystem::path file = scratch() / "runs.db";
  remove_store(file);
  save(file, bytes);
  core::RunStore store(file);
  for (const core::RunRecord& run : store.runs()) {
    store.metrics(run.id);
    store.last_metrics(run.id);
    store.artifacts(run.id);
  }
  const int64_t run = store.start("next", "train", {{"lr", 0.1}});
  store.log(run, {{"loss", 1, 0.5, "train", ""}});
  store.finish(run, "finished");
  require(store.run(run).state == "finished", "what was recorded is there");
}

std::vector<std::string> seeds() {
  const std::filesystem::path file = scratch() / "seed.db";
  remove_store(file);
  {
    core::RunStore store(file);
    const int64_t run = store.start("first", "train", {{"train", {{"steps", 3}}}});
    store.log(run, {{"loss", 0, 1.5, "train", ""}, {"time", 1, 3, "", "ms"}});
    store.add_artifact(run, "model", "model.pt");
    store.finish(run, "failed", "disk full");
  }
  core::Database(file).execute("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM");
  return {core::read_file(file)};
}

const bool registered = add_target({"run_store", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
