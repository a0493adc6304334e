#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluate/checklist/prediction.h"

// Predictions of any model, made anywhere, for the examples that `export` wrote; one line each, in their
// order, values parted by spaces. A class is its name or its index.
//
//   pred_only          2                     or, where answers are texts, the answer
//   softmax            0.1 0.2 0.7           the prediction is the largest, the first of equal ones
//   binary_conf        0.7                   the probability of class 1 of two
//   pred_and_conf      2 0.7                 the confidence in the prediction
//   pred_and_softmax   2 0.1 0.2 0.7
//   jsonl              {"label": 2, "confidence": [0.1, 0.2, 0.7]}; one of the two may be missing where the
//                      other says enough; answers that are texts: {"text": "in Paris", "confidence": 0.9}
//   squad              one JSON object {"0": "in Paris", …}: answers by the ids of the export
namespace lathe::evaluate::checklist {

enum class PredictionFormat {
  kPredOnly,
  kSoftmax,
  kBinaryConf,
  kPredAndConf,
  kPredAndSoftmax,
  kJsonl,
  kSquad
};
PredictionFormat parse_prediction_format(const std::string& name);  // throws InputError with the nearest
std::vector<std::string> prediction_format_names();

// Exactly `num_examples` predictions. `classes` as in the suite, empty: answers are texts. Throws InputError
// with name:line for too many or too few lines, what is no number, not finite, or outside [0, 1],
// probabilities that do not sum to 1 ± 1e-3, another number of classes, and unknown classes.
std::vector<Prediction> parse_predictions(std::string_view text, PredictionFormat format,
                                          const std::vector<std::string>& classes, int64_t num_examples,
                                          const std::string& name);
std::vector<Prediction> read_predictions(const std::filesystem::path& file, PredictionFormat format,
                                         const std::vector<std::string>& classes, int64_t num_examples);

}  // namespace lathe::evaluate::checklist
