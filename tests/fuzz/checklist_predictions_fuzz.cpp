// Prediction files of all formats: what is taken has as many predictions as examples, of known classes, with
// probabilities.
#include "lathe/evaluate/checklist/prediction_file.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace checklist = evaluate::checklist;

constexpr int64_t kExamples = 2;

void read(std::string_view bytes, checklist::PredictionFormat format,
          const std::vector<std::string>& classes) {
  const auto predictions = checklist::parse_predictions(bytes, format, classes, kExamples, "p.txt");
  require(predictions.size() == kExamples, "a prediction for each example");
  for (const checklist::Prediction& one : predictions) {
    require(classes.empty() ? one.label == -1
                            : one.label >= 0 && one.label < static_cast<int64_t>(classes.size()),
            "the class is one of the suite's");
    require(one.confidence.size() <= 1 || one.confidence.size() == classes.size(), "one probability a class");
    for (float p : one.confidence) require(p >= 0 && p <= 1, "probabilities lie in [0, 1]");
  }
}

const std::vector<std::string> kTwo = {"no", "yes"}, kThree = {"bad", "so so", "so"}, kTexts = {};

template <checklist::PredictionFormat format>
void read_classes(std::string_view bytes) {
  read(bytes, format, format == checklist::PredictionFormat::kBinaryConf ? kTwo : kThree);
}
template <checklist::PredictionFormat format>
void read_texts(std::string_view bytes) {
  read(bytes, format, kTexts);
}

using Format = checklist::PredictionFormat;
using Texts = std::vector<std::string>;
const bool registered[] = {
    add_target({"checklist_pred_only", read_classes<Format::kPredOnly>,
                [] {
                  return Texts{"1\nso so\n", "bad\r\n 2"};
                }}),
    add_target({"checklist_softmax", read_classes<Format::kSoftmax>,
                [] { return Texts{"0.5 0.25 0.25\n1 0 1e-9\n"}; }}),
    add_target(
        {"checklist_binary_conf", read_classes<Format::kBinaryConf>, [] { return Texts{"0.5\n1e-60\n"}; }}),
    add_target({"checklist_pred_and_conf", read_classes<Format::kPredAndConf>,
                [] { return Texts{"so so 0.5\n2\t1\n"}; }}),
    add_target({"checklist_pred_and_softmax", read_classes<Format::kPredAndSoftmax>,
                [] { return Texts{"so so 0.5 0.25 0.25\n0 1 0 0\n"}; }}),
    add_target(
        {"checklist_jsonl", read_classes<Format::kJsonl>,
         [] { return Texts{"{\"label\": 1, \"confidence\": 0.5}\n{\"confidence\": [0.5, 0.25, 0.25]}\n"}; }}),
    add_target({"checklist_jsonl_texts", read_texts<Format::kJsonl>,
                [] { return Texts{"{\"text\": \"a\"}\n{\"text\": \"b\", \"confidence\": 1}\n"}; }}),
    add_target({"checklist_squad", read_texts<Format::kSquad>,
                [] { return Texts{"{\"0\": \"a\", \"1\": \"b\"}"}; }})};

}  // namespace
}  // namespace lathe::fuzz
