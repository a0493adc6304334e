#pragma once
#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "lathe/data/annotations.h"

// Models of who answers what, after Balayn & Bozzon 2019 (arXiv 1911.02471) and the usual baselines.
namespace lathe::train::opinion {

// What the models see of a table.
struct OpinionInputs {
  torch::Tensor features;                // float32 [items, F]
  torch::Tensor attributes;              // int64 [annotators, A]; the last value of each is "not known"
  std::vector<int64_t> attribute_sizes;  // [A]
  int64_t num_classes = 0;
  int64_t num_items() const { return features.size(0); }
  int64_t num_annotators() const { return attributes.size(0); }
};
// Features of the items from anywhere (data::NgramFeatures, a trained model's last layer); attributes by
// name, all of them where none is named. Throws InputError for features of another number of items or that
// are not finite, and for labels that are no classes.
OpinionInputs opinion_inputs(const data::Annotations& annotations, const torch::Tensor& features,
                             const std::vector<std::string>& attributes = {});
// The table's own features. Throws InputError where it has none.
torch::Tensor table_features(const data::Annotations& annotations);

// How an answer depends on who is asked. x: the item's features, a: the annotator.
enum class Person {
  none,       // logits = W x + b: one answer to everybody
  attribute,  // + c_a + uₐᵀ V x, u_a and c_a sums over the attributes' embeddings
  own,        // likewise, and a part of its own for each annotator in both sums
  heads,      // logits = W_a x + b_a
  crowd       // logits = T_a softmax(W x + b), T_a [C, C] from the identity: the crowd layer of Rodrigues &
              // Pereira 2018 (arXiv 1709.01779), "MW"
};

struct OpinionNetworkOptions {
  int64_t num_features = 0, num_classes = 2, num_annotators = 0;
  std::vector<int64_t> attribute_sizes;
  Person person = Person::own;
  int64_t rank = 8;  // of u_a; 0: only c_a
};

// Annotators who were not trained on keep own parts of zero, so that they are answered as their attributes
// say; of heads, see fill_unseen().
class OpinionNetwork : public torch::nn::Module {
 public:
  OpinionNetwork(const OpinionNetworkOptions& options, core::Seed seed);
  // Of each answer the item's row of x [U, F] (several people answer about one item), the annotator and the
  // attributes: int64 [B], [B], [B, A] -> logits [B, C].
  torch::Tensor forward(const torch::Tensor& features, const torch::Tensor& item,
                        const torch::Tensor& annotator, const torch::Tensor& attributes);
  // Σ of the squares of the annotators' own parts: u_a and c_a, W_a − W̄ of heads, T_a − I of the crowd layer.
  // A scalar.
  torch::Tensor own_part() const;
  torch::Tensor common_part() const;  // ‖W‖² + ‖V‖², likewise
  // Of annotators who were not trained on, the head becomes the mean of those who were; seen: bool
  // [annotators].
  void fill_unseen(const torch::Tensor& seen);
  const OpinionNetworkOptions& options() const { return options_; }

 private:
  OpinionNetworkOptions options_;
  torch::Tensor weights_, bias_;                                        // W [C, F], b [C]
  torch::Tensor interaction_;                                           // V [rank · C, F]
  std::vector<torch::Tensor> attribute_embeddings_, attribute_biases_;  // [values, rank], [values, C]
  torch::Tensor own_embedding_, own_bias_;                              // [annotators, rank], [annotators, C]
  torch::Tensor head_weights_, head_bias_;                              // [annotators, C, F], [annotators, C]
  torch::Tensor confusion_;                                             // T − I, [annotators, C, C]
};

}  // namespace lathe::train::opinion
