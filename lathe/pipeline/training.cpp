#include "lathe/pipeline/training.h"

#include <torch/torch.h>

#include <cstring>

#include "lathe/core/error.h"
#include "lathe/train/continual/train_tasks.h"
#include "lathe/train/subspace_training.h"
#include "lathe/train/threads.h"

namespace lathe::pipeline {
namespace {

constexpr int64_t kLongestPath = 4096;
enum Announcement : int64_t { kEnd, kTraining };

// The first process's words reach all: the others add zeros.
torch::Tensor broadcast(optim::Communicator& communicator, torch::Tensor words) {
  if (communicator.rank() > 0) words.zero_();
  communicator.all_reduce_sum({words});
  return words;
}

bool several(const Setup& setup) {
  return setup.how().communicator && setup.how().communicator->size() > 1;
}

}  // namespace

std::shared_ptr<train::Subspace> make_subspace(const Setup& setup) {
  return std::make_shared<train::Subspace>([&setup](int64_t i) { return setup.new_model(i); },
                                           *setup.options().subspace);
}

Training make_training(const Setup& setup) {
  const PipelineOptions& options = setup.options();
  Training training;
  std::vector<torch::Tensor> parameters;
  std::vector<std::shared_ptr<train::Method>> methods;
  const core::Seed seed = setup.seed().stream("train");
  if (options.subspace) {
    training.subspace = make_subspace(setup);
    training.model = std::dynamic_pointer_cast<nn::Classifier>(training.subspace->module());
    parameters = training.subspace->parameters();
    methods.push_back(std::make_shared<train::SubspaceTraining>(training.subspace, training.model,
                                                                seed.stream("subspace")));
  } else {
    training.model = setup.new_model();
    parameters = training.model->parameters();
  }
  training.examples = setup.splits().train;
  std::shared_ptr<nn::Model> trained = training.model;
  optim::StepSlots slots;
  if (options.multitask) {
    training.multitask = std::make_shared<Multitask>(make_multitask(setup, training.model));
    trained = training.multitask->model;
    parameters = trained->parameters();
    training.examples = training.multitask->examples;
    slots.combine = training.multitask->rule;
  }
  training.trainer = std::make_unique<train::Trainer>(
      trained, optim::make_step(parameters, options.optim, slots), options.train, seed);
  if (training.multitask) {
    training.trainer->set_tasks(training.multitask->tasks, options.multitask->temperature);
    methods.push_back(training.multitask->similarity);
    if (training.multitask->heads) {
      training.trainer->set_objective(training.multitask->objective);
      methods.push_back(std::make_shared<FirstTask>(*training.multitask));
    }
  }
  if (options.groups) {
    training.groups =
        std::make_shared<train::invariance::InvariantTraining>(*options.groups, seed.stream("groups"));
    training.trainer->set_objective(training.groups->objective());
    methods.push_back(training.groups);
  }
  if (options.swa) methods.push_back(std::make_shared<train::SwaTraining>(*options.swa));
  for (const auto& method : methods) training.trainer->add_method(method);
  if (setup.how().communicator) training.trainer->set_communicator(setup.how().communicator);
  return training;
}

int set_threads(const Setup& setup, const std::filesystem::path& checkpoint) {
  std::optional<int> threads = setup.options().continual ? train::continual::sequence_threads(checkpoint)
                                                         : train::checkpoint_threads(checkpoint);
  if (setup.how().threads != "auto")
    threads = std::stoi(setup.how().threads);
  else if (!threads && several(setup))
    threads = 1;
  if (threads) {
    train::set_compute_threads(*threads);
    return *threads;
  }
  const auto model = setup.new_model();
  const optim::Objective objective = optim::cross_entropy();
  const data::Dataset& dataset = setup.splits().train;
  const int64_t size = std::min(setup.options().train.batch_size, dataset.size());
  const data::Batch batch{dataset.inputs.slice(0, 0, size).to(setup.device()),
                          dataset.targets.slice(0, 0, size).to(setup.device()),
                          {}};
  return train::choose_threads([&] { objective(*model, batch).backward(); }).threads;
}

void announce_training(const Setup& setup, const std::filesystem::path& checkpoint) {
  if (!several(setup)) return;
  const std::string path = std::filesystem::absolute(checkpoint).string();
  if (static_cast<int64_t>(path.size()) >= kLongestPath) throw InputError("the path {} is too long", path);
  torch::Tensor words = torch::zeros({1 + kLongestPath}, torch::kInt64);
  words[0] = static_cast<int64_t>(kTraining);
  for (size_t i = 0; i < path.size(); ++i)
    words[static_cast<int64_t>(i + 1)] = static_cast<int64_t>(static_cast<unsigned char>(path[i]));
  broadcast(*setup.how().communicator, words);
}

void announce_end(const Setup& setup) {
  if (several(setup)) broadcast(*setup.how().communicator, torch::full({1 + kLongestPath}, int64_t{kEnd}));
}

void train_along(const Setup& setup, const core::StopToken& stop) {
  const torch::Tensor words =
      broadcast(*setup.how().communicator, torch::zeros({1 + kLongestPath}, torch::kInt64));
  if (words[0].item<int64_t>() == kEnd) return;
  std::string checkpoint;
  for (int64_t i = 1; words[i].item<int64_t>() != 0; ++i)
    checkpoint += static_cast<char>(words[i].item<int64_t>());
  set_threads(setup, checkpoint);
  const Training training = make_training(setup);
  training.trainer->fit(training.examples, setup.splits().holdout, checkpoint, stop);
}

}  // namespace lathe::pipeline
