// Prediction files of all formats.
#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "lathe/evaluate/checklist/prediction_file.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using testing_support::message_of;
using Format = PredictionFormat;

const std::vector<std::string> kTwo = {"no", "yes"}, kThree = {"bad", "so so", "so"}, kTexts = {};

std::vector<Prediction> parse(const std::string& text, Format format, const std::vector<std::string>& classes,
                              int64_t n) {
  return parse_predictions(text, format, classes, n, "p.txt");
}

Prediction make(int64_t label, std::vector<float> confidence = {}) {
  return {.label = label, .text = "", .confidence = std::move(confidence)};
}

TEST(ChecklistPredictions, OfAllFormats) {
  EXPECT_EQ(parse("1\nno\r\n 0 \n", Format::kPredOnly, kTwo, 3),
            (std::vector<Prediction>{make(1), make(0), make(0)}));
  EXPECT_EQ(parse("0.25 0.75\n0.5\t0.5", Format::kSoftmax, kTwo, 2),
            (std::vector<Prediction>{make(1, {.25f, .75f}), make(0, {.5f, .5f})}));
  EXPECT_EQ(parse("0.75\n0.25\n0.5\n", Format::kBinaryConf, kTwo, 3),
            (std::vector<Prediction>{make(1, {.25f, .75f}), make(0, {.75f, .25f}), make(1, {.5f, .5f})}));
  EXPECT_EQ(parse("so so 0.5\nso 1e-60\n2 1\n", Format::kPredAndConf, kThree, 3),
            (std::vector<Prediction>{make(1, {.5f}), make(2, {0}), make(2, {1})}));
  EXPECT_EQ(parse("so so 0.25 0.25 0.5\n", Format::kPredAndSoftmax, kThree, 1),
            (std::vector<Prediction>{make(1, {.25f, .25f, .5f})}));
  EXPECT_EQ(parse("{\"label\": \"yes\", \"confidence\": 0.5}\n{\"confidence\": [1, 0]}\n{\"label\": 1}\n",
                  Format::kJsonl, kTwo, 3),
            (std::vector<Prediction>{make(1, {.5f}), make(0, {1, 0}), make(1)}));
}

TEST(ChecklistPredictions, OfTexts) {
  EXPECT_EQ(parse("in Paris\n\nनमस्ते\n", Format::kPredOnly, kTexts, 3),
            (std::vector<Prediction>{{.text = "in Paris"}, {.text = ""}, {.text = "नमस्ते"}}));
  EXPECT_EQ(parse("in Paris 0.5\n", Format::kPredAndConf, kTexts, 1)[0], (Prediction{-1, "in Paris", {.5f}}));
  EXPECT_EQ(parse("{\"text\": \"x\"}\n", Format::kJsonl, kTexts, 1)[0].text, "x");
  EXPECT_EQ(parse("{\"1\": \"b\", \"0\": \"a\"}", Format::kSquad, kTexts, 2)[1].text, "b");
}

TEST(ChecklistPredictions, WrongLinesAreNamed) {
  for (const auto& [text, format, part] : std::vector<std::tuple<std::string, Format, std::string>>{
           {"0.5 0.5\n", Format::kSoftmax,
            "p.txt:1: the file ends after 1 predictions, and the suite has 2 examples"},
           {"", Format::kSoftmax, "p.txt:0: the file ends after 0"},
           {"1 0\n1 0\n1 0\n", Format::kSoftmax, "p.txt:3: a prediction too many: the suite has 2 examples"},
           {"1 0\n1 0\n\n", Format::kSoftmax, "p.txt:3: a prediction too many"},
           {"1 0\n0.5 x\n", Format::kSoftmax, "p.txt:2: a probability is expected, got 'x'"},
           {"1 0\n0.5 0.5x\n", Format::kSoftmax, "got '0.5x'"},
           {"nan 0\n1 0\n", Format::kSoftmax, "p.txt:1: a probability lies in [0, 1], got nan"},
           {"inf 0\n1 0\n", Format::kSoftmax, "lies in [0, 1], got inf"},
           {"1e99 0\n1 0\n", Format::kSoftmax, "a probability is expected, got '1e99'"},
           {"-0.5 1.5\n1 0\n", Format::kSoftmax, "lies in [0, 1], got -0.5"},
           {"1 0\n0.5 0.498\n", Format::kSoftmax,
            "p.txt:2: the probabilities sum to 0.998, and must to 1 ± 0.001"},
           {"1 0 0\n1 0\n", Format::kSoftmax, "p.txt:1: 2 probabilities are expected, one a class, got 3"},
           {"\n1 0\n", Format::kSoftmax, "p.txt:1: 2 probabilities are expected, one a class, got 0"},
           {"2\n1\n", Format::kPredOnly,
            "p.txt:1: '2' is no class; there are no, yes, and their numbers from 0"},
           {"1\n-1\n", Format::kPredOnly, "p.txt:2: '-1' is no class"},
           {"0.5 0.5\n1\n", Format::kBinaryConf, "p.txt:1: nothing more is expected, got '0.5'"},
           {"1\n1 1\n", Format::kPredAndConf, "p.txt:1: a probability is expected, got ''"},
           {"maybe 1\n1 1\n", Format::kPredAndConf, "'maybe' is no class"},
           {"1 0\n1 0\n", Format::kPredAndSoftmax, "2 probabilities are expected"},
           {"{\"label\": 1}\n{\"labl\": 1}\n", Format::kJsonl, "p.txt:2: the key \"label\" is missing"},
           {"{\"label\": 1}\n{\"label\": 1.5}\n", Format::kJsonl, "p.txt:2: \"label\" must be"},
           {"{\"label\": 1, \"confidence\": [0.5]}\n", Format::kJsonl, "2 probabilities are expected"},
           {"{\"label\": 1, \"confidence\": \"x\"}\n", Format::kJsonl, "must be a number"},
           {"{\"label\": 1\n", Format::kJsonl, "p.txt:1 is damaged"},
           {"[1]\n", Format::kJsonl, "a JSON object is expected"},
           {"{}", Format::kSquad, "squad holds answers that are texts"}}) {
    const std::string message =
        message_of<InputError>([&, text = text, format = format] { parse(text, format, kTwo, 2); });
    EXPECT_NE(message.find(part), std::string::npos) << text << message;
  }
  const auto of_texts = [](const std::string& text, Format format, int64_t n) {
    return message_of<InputError>([&] { parse(text, format, kTexts, n); });
  };
  EXPECT_NE(of_texts("1 0\n", Format::kSoftmax, 1).find("answers are texts"), std::string::npos);
  EXPECT_NE(of_texts("{\"0\": \"a\"}", Format::kSquad, 2).find("has 1 answers, and the suite has 2"),
            std::string::npos);
  EXPECT_NE(of_texts("{\"0\": \"a\", \"2\": \"a\"}", Format::kSquad, 2).find("the answer \"1\" is missing"),
            std::string::npos);
  EXPECT_NE(of_texts("\xff\n", Format::kPredOnly, 1).find("not UTF-8"), std::string::npos);
  EXPECT_THROW(parse("0.5\n", Format::kBinaryConf, kThree, 1), InputError);
  EXPECT_NE(message_of<InputError>([] { parse_prediction_format("sofmax"); }).find("did you mean softmax?"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::checklist
