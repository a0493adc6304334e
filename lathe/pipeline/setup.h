#pragma once
#include <memory>

#include "lathe/nn/classifier.h"
#include "lathe/pipeline/options.h"

namespace lathe::pipeline {

struct JobOptions {
  std::string threads = "auto";  // a number, or auto: the faster of one and all
  std::string device = "cpu";
  bool fresh = false;                                           // ignore a checkpoint
  std::shared_ptr<optim::Communicator> communicator = nullptr;  // of several processes that train one model
};

// What a pipeline file asks for, read and checked, and its data: the same on every process that trains.
class Setup {
 public:
  // Throws InputError for what is wrong with the configuration, the data or the model's description.
  Setup(core::Config config, JobOptions how);

  const core::Config& config() const { return config_; }
  const PipelineOptions& options() const { return options_; }
  const JobOptions& how() const { return how_; }
  core::Seed seed() const { return core::Seed(options_.seed); }
  const data::Source& source() const { return source_; }
  const data::Splits& splits() const { return splits_; }
  // What models are measured on: with [train.continual], the held-out and test examples of all tasks.
  data::Splits measured_splits() const;
  torch::Device device() const { return device_; }
  // Initialised, inputs fitted, on the device; others than the first are drawn anew.
  std::shared_ptr<nn::Classifier> new_model(int64_t number = 0) const;

 private:
  core::Config config_;
  PipelineOptions options_;
  JobOptions how_;
  data::Source source_;
  data::Splits splits_;
  torch::Device device_;
};

}  // namespace lathe::pipeline
