#include <torch/torch.h>

#include "lathe/core/files.h"
#include "lathe/pipeline/stages.h"
#include "lathe/pipeline/text_details.h"

namespace lathe::pipeline {
namespace {

std::vector<int64_t> class_counts(const data::Dataset& dataset) {
  if (dataset.size() == 0) return std::vector<int64_t>(static_cast<size_t>(dataset.schema.num_classes()), 0);
  const torch::Tensor counts = torch::bincount(dataset.targets, {}, dataset.schema.num_classes());
  return {counts.data_ptr<int64_t>(), counts.data_ptr<int64_t>() + counts.numel()};
}

}  // namespace

StageReport run_data(const StageContext& context) {
  Job& job = context.job;
  const data::Source& source = job.setup().source();
  const data::Splits& splits = job.splits();
  const nlohmann::json examples = {
      {"train", splits.train.size()}, {"holdout", splits.holdout.size()}, {"test", splits.test.size()}};
  const nlohmann::json description = {{"source", source.name},
                                      {"content_hash", source.content_hash},
                                      {"splits", examples},
                                      {"seed", job.options().seed},
                                      {"label_noise", job.options().label_noise},
                                      {"schema", data::to_json(splits.train.schema)}};
  core::write_file(context.staged / "data.json", description.dump(1) + "\n");

  StageReport report;
  report.details = {{"source", source.name},
                    {"examples", examples},
                    {"class_counts",
                     {{"labels", source.train.schema.classes},
                      {"train", class_counts(splits.train)},
                      {"test", class_counts(splits.test)}}},
                    {"warnings", source.unreadable}};
  if (splits.train.schema.text()) report.details["text"] = text_details(splits);
  for (const std::string& warning : text_warnings(splits)) report.details["warnings"].push_back(warning);
  return report;
}

}  // namespace lathe::pipeline
