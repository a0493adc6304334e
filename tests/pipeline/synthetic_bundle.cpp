#include "tests/pipeline/synthetic_bundle.h"

#include <torch/types.h>

#include <cmath>
#include <cstdlib>

#include "lathe/core/seed.h"
#include "lathe/data/inputs.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;

const std::vector<std::string> kClasses = {"T-shirt/top", "Trouser", "Pullover",      "Dress", kHostileClass,
                                           "Sandal",      "Shirt",   "Sneaker \"x\"", "Bag",   "Ankle boot"};

void commit(Bundle& bundle, StageReport report,
            const std::vector<std::pair<std::string, std::string>>& files = {}) {
  const auto directory = bundle.stage_directory(report.stage);
  for (const auto& [name, bytes] : files) {
    std::filesystem::create_directories((directory->path() / name).parent_path());
    core::write_file(directory->path() / name, bytes);
  }
  bundle.commit(*directory, std::move(report));
}

json train_details(core::Random& random) {
  json details = {{"model", {{"kind", "cnn"}, {"parameters", 421642}, {"flops", 11235840}}},
                  {"threads", 2},
                  {"step_milliseconds", 43.2}};
  for (int step = 0; step < 4290; ++step) {
    const double progress = step / 4290.0;
    details["curves"]["step"].push_back(step);
    details["curves"]["train_loss"].push_back(0.15 + 2.1 * std::exp(-12 * progress) + 0.1 * random.uniform());
    details["curves"]["lr"].push_back(0.2 * (progress < 0.1 ? progress / 0.1 : 1 - (progress - 0.1) / 0.9));
  }
  for (int epoch = 1; epoch <= 10; ++epoch) {
    details["epochs"]["epoch"].push_back(epoch);
    details["epochs"]["holdout_loss"].push_back(0.21 + 0.4 / epoch);
    details["epochs"]["holdout_accuracy"].push_back(0.935 - 0.15 / epoch);
  }
  return details;
}

json evaluate_details(core::Random& random) {
  json details = {{"classes", kClasses}};
  for (size_t i = 0; i < kClasses.size(); ++i) {
    for (size_t j = 0; j < kClasses.size(); ++j) {
      const bool garments = i % 2 == 0 && j % 2 == 0;
      details["confusion"][i].push_back(i == j ? 880 + 12 * i
                                               : static_cast<size_t>(random.uniform() * (garments ? 40 : 4)));
    }
    details["per_class"]["precision"].push_back(0.8 + 0.02 * i);
    details["per_class"]["recall"].push_back(0.99 - 0.015 * i);
    details["per_class"]["f1"].push_back(0.88 + 0.005 * i);
  }
  for (size_t i = 0; i < 24; ++i) {
    details["mistakes"].push_back({{"png", "evaluate/mistakes/" + std::to_string(i) + ".png"},
                                   {"truth", kClasses[i % 10]},
                                   {"predicted", kClasses[(i + 2) % 10]},
                                   {"confidence", 0.999 - 0.004 * i}});
  }
  return details;
}

}  // namespace

std::string synthetic_png(uint64_t seed) {
  core::Random random = core::Seed(seed).random();
  torch::Tensor image = torch::empty({1, 28, 28}, torch::kUInt8);
  const double row = 8 + 12 * random.uniform(), column = 8 + 12 * random.uniform();
  for (int64_t y = 0; y < 28; ++y) {
    for (int64_t x = 0; x < 28; ++x) {
      const double distance = std::hypot(y - row, x - column);
      image[0][y][x] =
          static_cast<int64_t>(200 * std::exp(-distance * distance / 40) + 50 * random.uniform());
    }
  }
  return data::encode_png(image);
}

void commit_synthetic_stages(Bundle& bundle) {
  core::Random random = core::Seed(7).random();
  commit(bundle,
         {.stage = "data",
          .seconds = 1.9,
          .details = {{"source", "fashion-mnist"},
                      {"examples", {{"train", 55000}, {"holdout", 5000}, {"test", 10000}}},
                      {"class_counts",
                       {{"labels", kClasses},
                        {"train", {5500, 5510, 5480, 5500, 5490, 5505, 5515, 5470, 5530, 5500}},
                        {"test", {1000, 990, 1010, 1000, 1000, 1005, 995, 1000, 1000, 1000}}}},
                      {"warnings", {"12 pictures appear twice in train"}}}},
         {{"pipeline.toml",
           "[data]\nsource = \"fashion-mnist\"  # <&>\n\n[train]\nepochs = 10\nbatch_size = 128\n"}});
  commit(bundle, {.stage = "train",
                  .seconds = 184.3,
                  .metrics = {{"loss", "train", 0.1621, ""}, {"accuracy", "holdout", 0.9344, ""}},
                  .details = train_details(random)});
  std::vector<std::pair<std::string, std::string>> pictures;
  for (size_t i = 0; i < 24; ++i) {
    pictures.emplace_back("evaluate/mistakes/" + std::to_string(i) + ".png", synthetic_png(i));
  }
  commit(bundle,
         {.stage = "evaluate",
          .seconds = 4.1,
          .metrics = {{"accuracy", "test", 0.9331, ""}, {"nll", "test", 0.2039, "nats"}},
          .details = evaluate_details(random)},
         pictures);
  commit(bundle, {.stage = "harden",
                  .seconds = 12.5,
                  .metrics = {{"robust_accuracy", "test", 0.4127, ""}},
                  .details = {"any", "shape", 7}});
}

std::filesystem::path browser_directory() {
  const char* directory = std::getenv("LATHE_REPORT_DIRECTORY");
  return directory == nullptr ? "" : directory;
}

}  // namespace lathe::pipeline
