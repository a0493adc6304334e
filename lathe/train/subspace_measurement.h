#pragma once
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/subspace.h"

namespace lathe::train {

// What networks of a trained subspace do on labelled examples.
struct SubspaceMember {
  std::string name;
  double accuracy = 0, nll = 0, ece = 0;  // ECE with the paper's 20 bins (§4)
};
SubspaceMember measure(const std::string& name, const torch::Tensor& probabilities,
                       const torch::Tensor& targets);

// Along the subspace. A line or curve at α: the network there, and the ensemble of it and the one at 1 − α;
// the share of examples that these two disagree on. A simplex at t: weight t on one endpoint and (1 − t)/(n −
// 1) on the others; means over endpoints, and the ensemble of all n. Ensembles average probabilities.
struct SubspaceProfile {
  std::string kind;
  std::vector<double> position, accuracy, ensemble_accuracy, disagreement, ece;
};

// What an ensemble averages: its networks' probabilities, or their logits, as the authors' code does.
enum class EnsembleMean { probabilities, logits };

class SubspaceMeasurement {
 public:
  // Batch norm's statistics come from at most 5,000 of `training_inputs`.
  SubspaceMeasurement(Subspace& subspace, const torch::Tensor& training_inputs,
                      const data::Dataset& examples);
  SubspaceProfile profile(int64_t points = 11);
  SubspaceMember member(const std::string& name, const std::vector<double>& coefficients);
  SubspaceMember ensemble(const std::string& name, const std::vector<std::vector<double>>& points,
                          EnsembleMean mean = EnsembleMean::probabilities);
  std::shared_ptr<nn::Classifier> network(const std::vector<double>& coefficients);

 private:
  const torch::Tensor& probabilities(const std::vector<double>& coefficients);

  Subspace& subspace_;
  torch::Tensor training_inputs_;
  data::Dataset examples_;
  std::map<std::vector<double>, torch::Tensor> known_;
};

nlohmann::json to_json(const SubspaceProfile& profile);

}  // namespace lathe::train
