#include "lathe/pipeline/setup.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/pipeline/active_stage.h"
#include "lathe/pipeline/checklist_stage.h"
#include "lathe/pipeline/continual_stage.h"
#include "lathe/pipeline/opinion_stage.h"
#include "lathe/pipeline/text_data.h"

namespace lathe::pipeline {

// Reads the model's table too, so that a typo anywhere leaves no trace.
Setup::Setup(core::Config config, JobOptions how)
    : config_(std::move(config)),
      options_(pipeline_options(config_)),
      how_(std::move(how)),
      source_(data::load_source(options_.source, options_.source_options)),
      splits_(encode_texts(splits_of(source_, options_), config_)),
      device_(parse_device(how_.device)) {
  check_texts(config_, options_, splits_.train.schema);
  if (options_.evaluate.checklist) check_checklist(*options_.evaluate.checklist, splits_.train.schema);
  if (options_.evaluate.opinion) check_opinion(*options_.evaluate.opinion, splits_.train.schema);
  const auto model = new_model();
  if (options_.evaluate.active) check_active(*options_.evaluate.active, *model);
  if (const int64_t classes = source_.train.schema.num_classes();
      options_.calibration == Calibration::platt && classes != 2)
    config_.section("train").fail(
        "calibration",
        fmt::format("= \"platt\" is for two classes, there are {}; \"vector\" takes any", classes));
  if (options_.continual) check_continual(*this);
  config_.reject_unknown();
}

data::Splits Setup::measured_splits() const {
  if (!options_.continual) return splits_;
  return measured_together(splits_, options_.continual->tasks, seed().stream("tasks"));
}

std::shared_ptr<nn::Classifier> Setup::new_model(int64_t number) const {
  core::Seed stream = seed().stream("model");
  if (number > 0) stream = stream.stream(static_cast<uint64_t>(number));
  auto model = nn::build(config_.section("model"), splits_.train.schema, stream);
  model->fit_inputs(splits_.train.inputs);
  model->to(device_);
  return model;
}

}  // namespace lathe::pipeline
