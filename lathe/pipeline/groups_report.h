#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/nn/classifier.h"
#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/report.h"
#include "lathe/train/invariance/invariant_training.h"

namespace lathe::pipeline {

// The worst accuracy of a part of a class, over training, on at most 5,000 training examples. Parts of fewer
// than 10 of them are left out.
class WorstGroup {
 public:
  WorstGroup(nn::Classifier& model, const train::invariance::InvariantTraining& training,
             const data::Dataset& train);
  void after_epoch(int64_t epoch);                        // nothing to measure before there are groups
  const nlohmann::json& curve() const { return curve_; }  // {"epoch", "accuracy", "worst"}

 private:
  nn::Classifier& model_;
  const train::invariance::InvariantTraining& training_;
  data::Dataset examples_;
  torch::Tensor rows_;
  nlohmann::json curve_;
};

// Writes groups.npy (uint8 [N], of the training examples) and pictures of each class's hard part below
// `staged`; what they are, for the stage's details, and how they agree with the column that they are compared
// with. Null where the training ended before there were groups.
nlohmann::json keep_groups(const train::invariance::InvariantTraining& training, const data::Dataset& train,
                           const std::string& compared_with, const std::filesystem::path& staged);

// The report's section of a train stage's details; empty where there are no groups.
Section groups_section(const Bundle& bundle, const nlohmann::json& train);

}  // namespace lathe::pipeline
