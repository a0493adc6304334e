// A study's recorded result, as docs/results.md and the check for stale ones read it.
#include "lathe/pipeline/study.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  static const bool known = pipeline::register_study(
      {.name = "fuzzed", .title = "", .paper = "", .claim = "", .module = "core", .run = nullptr});
  require(known, "the study is registered once");
  const std::filesystem::path tree = scratch() / "tree";
  std::filesystem::create_directories(tree / "docs" / "results");
  std::filesystem::create_directories(tree / "studies");
  save(tree / "studies" / "fuzzed.cpp", "");
  save(tree / "docs" / "results" / "fuzzed-desk.json", bytes);
  pipeline::results_page(tree);
  pipeline::stale_results(tree);
}

std::vector<std::string> seeds() {
  return {
      R"({"study": "fuzzed", "scale": "desk", "seed": 1, "seconds": 61.5, "commit": "abc", "sources": "def", "notes":
["left out: nothing"], "rows": [{"metric": "accuracy", "paper": 0.93, "baseline": null, "measured": 0.92, "bar": "≥ 0.9",
"verdict": "met", "timing": false}, {"metric": "time", "paper": null, "baseline": 2, "measured": 3, "bar": null,
"verdict": null, "timing": true}]})"};
}

const bool registered = add_target({"results", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
