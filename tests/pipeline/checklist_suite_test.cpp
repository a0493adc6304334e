#include "lathe/pipeline/checklist_suite.h"

#include <gtest/gtest.h>

#include <set>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text_encoding.h"
#include "lathe/evaluate/checklist/ready_suites.h"
#include "lathe/evaluate/checklist/suite_json.h"
#include "lathe/nn/initialization.h"
#include "lathe/pipeline/checklist_predictor.h"
#include "tests/support/message.h"

namespace lathe::pipeline {
namespace {

using evaluate::checklist::Suite;
using testing_support::message_of;

const Suite& ready(const std::string& name) {
  static std::map<std::string, Suite> loaded;
  if (!loaded.count(name)) loaded.emplace(name, load_suite(name));
  return loaded.at(name);
}

TEST(ReadySuites, HaveTheirTestsAndAllOfThemRun) {
  const std::map<std::string, size_t> least = {{"comprehension", 20}, {"questions", 35}, {"sentiment", 30}};
  std::vector<std::string> names;
  for (const auto& [name, count] : least) names.push_back(name);
  EXPECT_EQ(evaluate::checklist::ready_suite_names(), names);
  for (const auto& [name, count] : least) {
    const Suite& suite = ready(name);
    EXPECT_EQ(suite.name, name);
    EXPECT_GE(suite.tests.size(), count) << name;
    EXPECT_TRUE(evaluate::checklist::warnings(suite).empty()) << name;
    std::set<std::string> tests;
    for (const auto& test : suite.tests) {
      EXPECT_GE(test.num_run(), 6) << name << ": " << test.name;
      EXPECT_LE(test.num_run(), 500) << name << ": " << test.name;
      EXPECT_TRUE(tests.insert(test.name).second) << name << ": " << test.name;
    }
  }
}

// The rows of the paper's three tables: in these cells of the matrix there are tests.
TEST(ReadySuites, CoverTheCellsOfThePaper) {
  using evaluate::checklist::TestType;
  const auto has = [](const Suite& suite, const std::string& capability, TestType type) {
    return std::any_of(suite.tests.begin(), suite.tests.end(),
                       [&](const auto& test) { return test.capability == capability && test.type == type; });
  };
  const Suite &sentiment = ready("sentiment"), &questions = ready("questions"),
              &comprehension = ready("comprehension");
  for (const char* row : {"Vocabulary", "Temporal", "Negation", "SRL"})
    EXPECT_TRUE(has(sentiment, row, TestType::kMft)) << row;
  for (const char* row : {"Vocabulary", "Robustness", "NER", "Fairness"})
    EXPECT_TRUE(has(sentiment, row, TestType::kInv)) << row;
  EXPECT_TRUE(has(sentiment, "Vocabulary", TestType::kDir));
  for (const char* row : {"Vocabulary", "Taxonomy", "Temporal", "Negation", "Coref", "SRL"})
    EXPECT_TRUE(has(questions, row, TestType::kMft)) << row;
  for (const char* row : {"Taxonomy", "Robustness", "NER", "Logic"})
    EXPECT_TRUE(has(questions, row, TestType::kInv)) << row;
  for (const char* row : {"Robustness", "NER", "Logic"})
    EXPECT_TRUE(has(questions, row, TestType::kDir)) << row;
  for (const char* row : {"Vocabulary", "Taxonomy", "Temporal", "Negation", "Coref", "SRL"})
    EXPECT_TRUE(has(comprehension, row, TestType::kMft)) << row;
  EXPECT_TRUE(has(comprehension, "Robustness", TestType::kInv));
}

TEST(LoadSuite, ReadsReadyOnesAndFiles) {
  const core::TemporaryDirectory directory;
  const auto toml = directory.path() / "mine.toml", json = directory.path() / "mine.json";
  core::write_file(directory.path() / "texts.txt", "It was good.\nIt was bad.\n");
  core::write_file(
      toml,
      "classes = [\"no\", \"yes\"]\n[[tests]]\nname = \"t\"\ncapability = \"Robustness\"\ntype = \"INV\"\n"
      "corpus = \"texts.txt\"\nperturb = \"punctuation\"\n");
  const Suite suite = load_suite(toml.string());
  EXPECT_EQ(suite.tests.at(0).cases.num_cases(), 2);  // the corpus lies beside the suite
  core::write_file(json, evaluate::checklist::to_text(suite));
  EXPECT_EQ(evaluate::checklist::to_text(load_suite(json.string())), evaluate::checklist::to_text(suite));
  EXPECT_EQ(message_of<InputError>([] { load_suite("sentimnt"); }),
            "there is no suite 'sentimnt': neither a file nor one of comprehension, questions, sentiment; "
            "did you mean "
            "sentiment?");
}

TEST(LoadSuite, RunsNoProgramUnlessAllowed) {
  const core::TemporaryDirectory directory;
  const auto toml = directory.path() / "mine.toml", trace = directory.path() / "trace";
  core::write_file(
      toml,
      "classes = [\"no\", \"yes\"]\n[[tests]]\nname = \"t\"\ncapability = \"NER\"\ntype = \"INV\"\n"
      "texts = [\"It was good.\"]\nperturb = \"command(touch " +
          trace.string() + "; echo '[\\\"It was fine.\\\"]')\"\n");
  const std::string refused = message_of<InputError>([&] { load_suite(toml.string()); });
  EXPECT_NE(refused.find("tests[0].perturb runs a program, which must be allowed"), std::string::npos)
      << refused;
  EXPECT_FALSE(std::filesystem::exists(trace));
  const Suite suite = load_suite(toml.string(), {.programs = evaluate::checklist::Programs::run});
  EXPECT_TRUE(std::filesystem::exists(trace));
  EXPECT_EQ(suite.tests.at(0).cases.example(1), std::vector<std::string>{"It was fine."});
}

TEST(LoadSuite, FillsMasks) {
  const core::TemporaryDirectory directory;
  const auto toml = directory.path() / "mine.toml";
  core::write_file(
      toml,
      "classes = [\"no\", \"yes\"]\n[[tests]]\nname = \"t\"\ncapability = \"Vocabulary\"\ntype = \"MFT\"\n"
      "template = \"The {t5:mask} was late.\"\nlabels = \"no\"\n");
  EXPECT_EQ(load_suite(toml.string()).tests.at(0).cases.num_cases(), 5);
}

data::Dataset texts(std::vector<std::string> classes) {
  data::Dataset dataset;
  dataset.schema.fields = {"text"};
  dataset.schema.target = "label";
  dataset.schema.classes = std::move(classes);
  dataset.texts = {{"good food", "bad food", "good seat", "plain seat"}};
  dataset.targets = torch::tensor({0, 1, 0, 2}, torch::kInt64);
  const auto encoding =
      std::make_shared<const data::TextEncoding>(data::TextEncodingOptions{}, dataset.texts);
  return data::encode(std::move(dataset), encoding);
}

std::shared_ptr<nn::Classifier> model_of(const data::Dataset& dataset) {
  return nn::build(core::Config::parse("kind = \"embedding-bag\""), dataset.schema, core::Seed(1));
}

Suite suite_of(std::vector<std::string> classes, std::vector<std::string> fields = {"text"}) {
  Suite suite;
  suite.name = "mine";
  suite.classes = std::move(classes);
  suite.fields = std::move(fields);
  return suite;
}

TEST(ClassifierPredictor, GivesProbabilitiesInTheOrderOfTheSuite) {
  const data::Dataset dataset = texts({"good", "bad", "plain"});
  const auto model = model_of(dataset);
  const torch::NoGradGuard no_grad;
  model->head().weight.normal_(0, 1, nn::generator(core::Seed(2)));
  const auto ask = classifier_predictor(model, suite_of({"plain", "good", "bad"}));
  const auto predictions = ask({{"good food"}, {"words it has never seen"}});
  const torch::Tensor expected = nn::predict(*model, dataset.inputs.slice(0, 0, 1)).softmax(1)[0];
  const std::vector<int64_t> order = {2, 0, 1};
  for (size_t i = 0; i < 3; ++i)
    EXPECT_FLOAT_EQ(predictions.at(0).confidence.at(i), expected[order[i]].item<float>());
  EXPECT_EQ(order[static_cast<size_t>(predictions[0].label)], expected.argmax().item<int64_t>());
  EXPECT_EQ(predictions.size(), 2u);
  EXPECT_TRUE(ask({}).empty());
}

TEST(ClassifierPredictor, RefusesModelsOfOtherData) {
  const auto model = model_of(texts({"good", "bad", "plain"}));
  EXPECT_EQ(
      message_of<InputError>([&] {
        classifier_predictor(model, suite_of({"good", "bad"}));
      }),
      "the classes of the suite mine are good, bad, the model's are good, bad, plain; they must be the same");
  EXPECT_EQ(message_of<InputError>([&] {
              classifier_predictor(model, suite_of({"good", "bad", "plain"}, {"a", "b"}));
            }),
            "the suite mine has inputs of 2 texts, the model's are of 1");
  data::Schema images;
  images.shape = {1, 8, 8};
  images.classes = {"good", "bad", "plain"};
  EXPECT_EQ(message_of<InputError>([&] { check_fits(suite_of(images.classes), images); }),
            "the model takes no texts; behavioural tests are about texts");
}

}  // namespace
}  // namespace lathe::pipeline
