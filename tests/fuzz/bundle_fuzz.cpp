// A bundle's JSON files and what its page makes of them; then a commit that a killed process left to be
// finished.
#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/bundle_report.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace fs = std::filesystem;

void read(std::string_view bytes) {
  const auto files = split(bytes, 5);
  const fs::path outside = scratch() / "outside", directory = scratch() / "bundle";
  fs::remove_all(directory);
  fs::create_directories(directory / "stages");
  save(outside, "not the bundle's");
  save(directory / "stages" / "data.json", files[0]);
  save(directory / "stages" / "train.json", files[1]);
  if (!files[2].empty()) save(directory / "data.json", files[2]);
  save(directory / "pipeline.toml", files[3]);
  if (!files[4].empty()) {
    fs::create_directories(directory / ".ready-train" / "stages");
    save(directory / ".ready-train" / "stages" / "train.json", files[4]);
    pipeline::Bundle::open_for_writing(directory);
    require(!fs::exists(directory / ".ready-train"), "a finished commit is gone");
    require(fs::exists(outside), "a bundle touches its own files only");
  }
  const pipeline::Bundle bundle = pipeline::Bundle::open(directory);
  require(bundle.stages().size() == 2, "both stages are there");
  const pipeline::Page page = pipeline::bundle_page(bundle);
  for (const pipeline::Section& section : page.sections)
    for (const core::Table& table : section.tables) table.to_html();
  if (!files[2].empty()) bundle.json("data.json");
}

constexpr const char* kData =
    R"({"stage": "data", "inputs_hash": "1", "outputs_hash": "2", "files": ["data.json"],
"sequence": 0, "seconds": 0.1, "metrics": [], "details": {"source": "idx:x", "examples": {"train": 8, "holdout": 2,
"test": 2}, "class_counts": {"labels": ["a", "b"], "train": [4, 4], "test": [1, 1]}, "warnings": ["odd"]}})";
constexpr const char* kTrain =
    R"({"stage": "train", "inputs_hash": "3", "outputs_hash": "4", "files": ["model.pt"],
"sequence": 1, "seconds": 2, "metrics": [{"name": "accuracy", "split": "test", "value": 0.9, "unit": ""}, {"name":
"nll", "split": "holdout", "value": null, "unit": "nats"}], "details": {"model": {"kind": "mlp", "parameters": 10,
"flops": 20}, "curves": {"step": [1, 2], "train_loss": [1.5, 0.5], "lr": [0.1, 0.05]}, "epochs": {"epoch": [1],
"holdout_loss": [0.7], "holdout_accuracy": [0.9]}, "threads": 1, "step_milliseconds": 2.5, "confusion": [[1, 0],
[0, 1]], "classes": ["a", "b"], "per_class": {"precision": [1, 1], "recall": [1, 1], "f1": [1, 1]},
"mistakes": [{"row": 3, "truth": "a", "predicted": "b", "confidence": 0.6}]}})";

std::vector<std::string> seeds() {
  const std::string source = R"({"source": "idx:x", "content_hash": "5", "classes": ["a", "b"]})",
                    toml = "name = 'p'\n";
  return {join({kData, kTrain, source, toml, ""}), join({kTrain, kData, "", toml, ""}),
          join({kData, kTrain, source, "", kTrain})};
}

const bool registered = add_target({"bundle", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
