#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/export.h"
#include "lathe/evaluate/checklist/prediction_file.h"

// Models that are programs or services. `fields` and `classes` are the suite's.
namespace lathe::evaluate::checklist {

struct CommandModel {
  std::string command;  // for the shell; a batch on its standard input, predictions on its standard output
  ExportFormat input = ExportFormat::kLines;
  PredictionFormat output = PredictionFormat::kPredOnly;
  double timeout_seconds = 600;  // of a batch
};
// Throws Error with exit code and the last line of stderr where the command fails or takes too long,
// InputError for what it prints (prediction_file.h).
Predictor command_predictor(CommandModel model, std::vector<std::string> fields,
                            std::vector<std::string> classes);

struct HttpModel {
  std::string url;
  double timeout_seconds = 60;       // of a batch
  std::vector<std::string> headers;  // "Authorization: Bearer …"
};
// Posts {"inputs": [{"text": …}, …]} and expects {"predictions": [{"label": …, "confidence": …}, …]}, each as
// a line of jsonl in prediction_file.h. Throws Error for no answer and for a status other than 200,
// InputError for another answer.
Predictor http_predictor(HttpModel model, std::vector<std::string> fields, std::vector<std::string> classes);

}  // namespace lathe::evaluate::checklist
