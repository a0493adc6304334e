#pragma once
#include <torch/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluate/active/options.h"

namespace lathe::evaluate::active {

// The points that may be labelled, and what is known of them.
struct Pool {
  std::vector<std::string> ids = {};
  std::vector<double> scores = {};            // of each, or none
  std::vector<std::string> predictions = {};  // the class that the model under test gives each, or none
  at::Tensor probabilities = {};              // of the model under test, [N, C] …
  at::Tensor members = {};                    // … and of members of its posterior, [K, N, C], for BALD
  std::vector<std::string> classes = {};      // names of the columns; "0", "1", … where nobody named them

  int64_t size() const { return static_cast<int64_t>(ids.size()); }
};

// A CSV file with a column `id`, and `score` or `prediction` where there are such. Throws InputError with
// file:line for an empty or repeated id and a score that is no number or negative, NaN or infinite.
Pool read_pool(const std::filesystem::path& file);
Pool parse_pool(std::string_view text, const std::string& name);

// Logits or probabilities of the pool's points in their order: .npy [N, C], or [K, N, C] of K members, whose
// mean is under test then, or a CSV file with a column a class. Throws InputError for another number of
// points, and for rows that are no distribution.
enum class Outputs { kLogits, kProbabilities };
Pool with_outputs(Pool pool, const std::filesystem::path& file, Outputs outputs);
// [N, C] or [K, N, C]; sets the predictions too.
Pool with_probabilities(Pool pool, const at::Tensor& probabilities, std::vector<std::string> classes);

// As the options ask: made of the probabilities or the members, or those that the pool has (kGiven).
std::vector<double> scores_of(const Pool& pool, const ActiveOptions& options);

std::optional<double> parse_double(std::string_view text);  // all of the text is one, or nothing

// SHA-256 of the ids in their order.
std::string hash_of(const Pool& pool);

}  // namespace lathe::evaluate::active
