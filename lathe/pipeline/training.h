#pragma once
#include <filesystem>
#include <memory>

#include "lathe/core/interrupt.h"
#include "lathe/pipeline/setup.h"
#include "lathe/train/invariance/invariant_training.h"

namespace lathe::pipeline {

// What the train stage trains, ready to fit: alike on every process.
struct Training {
  std::shared_ptr<nn::Classifier> model;
  std::shared_ptr<train::Subspace> subspace;                     // with [train.subspace]
  std::shared_ptr<train::invariance::InvariantTraining> groups;  // with [train.groups]
  std::shared_ptr<Multitask> multitask;                          // with [optim.multitask]
  data::Dataset examples;                                        // to train on
  std::unique_ptr<train::Trainer> trainer;
};
Training make_training(const Setup& setup);                          // `setup` must outlive it
std::shared_ptr<train::Subspace> make_subspace(const Setup& setup);  // likewise; for [train.subspace]

// Sets the compute threads: as asked, those of the run that is resumed, or the faster of one and all,
// measured on a model of its own; one for each of several processes. Returns them.
int set_threads(const Setup& setup, const std::filesystem::path& checkpoint);

// Several processes run one pipeline: the first does all stages, the others help it train. It tells them that
// a training starts, or that none will; nothing to do for one process.
void announce_training(const Setup& setup, const std::filesystem::path& checkpoint);
void announce_end(const Setup& setup);
// On the others: waits for the announcement, and trains along.
void train_along(const Setup& setup, const core::StopToken& stop);

}  // namespace lathe::pipeline
