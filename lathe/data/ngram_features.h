#pragma once
#include <torch/types.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lathe::data {

struct NgramFeatureOptions {
  int64_t longest = 5;          // n-grams of 1 to so many characters
  int64_t num_features = 1500;  // the most frequent ones of the training texts; fewer where there are fewer
};

// Texts as counts of runs of characters (graphemes of the text in lower case, white space as one space),
// weighted by ln((1 + N) / (1 + texts with it)) + 1 and scaled to length 1 (Salton & Buckley 1988; the
// smoothed form).
class NgramFeatures {
 public:
  // Throws InputError where the texts have no character at all.
  NgramFeatures(const std::vector<std::string>& training_texts, const NgramFeatureOptions& options = {});
  NgramFeatures(NgramFeatures&&) = default;  // not to be copied: it has views of itself
  NgramFeatures(const NgramFeatures&) = delete;
  torch::Tensor operator()(const std::vector<std::string>& texts) const;  // float32 [N, num_features]
  int64_t num_features() const { return static_cast<int64_t>(weights_.size()); }
  const std::vector<std::string>& ngrams() const { return ngrams_; }

 private:
  int64_t longest_;
  std::vector<std::string> ngrams_;  // by how frequent they are, equally frequent ones in alphabetical order
  std::unordered_map<std::string_view, int64_t> numbers_;  // views of ngrams_
  std::vector<double> weights_;
};

}  // namespace lathe::data
