#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/opinions.h"
#include "lathe/train/opinion/fit.h"
#include "tests/support/message.h"

namespace lathe::train::opinion {
namespace {

using testing_support::message_of;

struct World {
  data::Opinions opinions;
  OpinionInputs inputs;
  data::AnnotationSplit split;
};

World make_world(data::OpinionOptions options = {.num_items = 300, .num_annotators = 30, .num_features = 6}) {
  World world{data::generate_opinions(options, core::Seed(5)), {}, {}};
  const data::Annotations& table = world.opinions.annotations;
  world.inputs = opinion_inputs(table, table_features(table), {"group"});
  world.split = data::split(table, data::SplitBy::item, 0.25, core::Seed(6));
  return world;
}

FitOptions quick(Kind kind) {
  return {.kind = kind, .rank = 3, .max_epochs = 3, .holdout = 0};
}

evaluate::OpinionPredictions fit_and_predict(const World& world, const FitOptions& options) {
  const auto& table = world.opinions.annotations;
  return predict(fit(world.inputs, table, world.split.train, options, core::Seed(1)), world.inputs, table,
                 world.split.test);
}

double accuracy(const World& world, const evaluate::OpinionPredictions& predictions) {
  const std::vector<int32_t> labels = evaluate::predicted_labels(predictions);
  double right = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    right += labels[i] == world.opinions.annotations.label[static_cast<size_t>(predictions.rows[i])];
  return right / static_cast<double>(labels.size());
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  return (torch::tensor(a) - torch::tensor(b)).abs().max().item<double>();
}

// With rank 0 only offsets of people are left; held at zero they leave one answer to everybody.
TEST(OpinionModel, PersonWithoutVectorsAndOffsetsIsAll) {
  const World world = make_world();
  OpinionInputs nobody = world.inputs;
  nobody.attributes = torch::zeros({30, 0}, torch::kInt64);
  nobody.attribute_sizes = {};
  FitOptions options = quick(Kind::person);
  options.rank = 0;
  options.own_l2 = 1e9;
  options.learning_rate = 1e-3;
  const auto& table = world.opinions.annotations;
  const OpinionModel person = fit(nobody, table, world.split.train, options, core::Seed(1));
  for (const auto& parameter : person.network->named_parameters())
    if (parameter.key() == "own_bias") {
      torch::NoGradGuard no_grad;
      EXPECT_LT(parameter.value().abs().max().item<double>(), 0.01);
      parameter.value().zero_();
    }
  FitOptions all = options;
  all.kind = Kind::all;
  const OpinionModel one = fit(nobody, table, world.split.train, all, core::Seed(1));
  EXPECT_LT(distance(predict(person, nobody, table, world.split.test).probabilities,
                     predict(one, nobody, table, world.split.test).probabilities),
            2e-3);
}

TEST(OpinionModel, PersonWithoutOwnPartsIsGroup) {
  const World world = make_world();
  const OpinionNetworkOptions options{
      .num_features = 6, .num_annotators = 30, .attribute_sizes = {4}, .rank = 3};
  OpinionNetworkOptions of_group = options;
  of_group.person = Person::attribute;
  OpinionNetwork person(options, core::Seed(2)), group(of_group, core::Seed(2));
  torch::NoGradGuard no_grad;
  for (auto& parameter : group.named_parameters()) {
    parameter.value().copy_(torch::randn_like(parameter.value()));
    person.named_parameters()[parameter.key()].copy_(parameter.value());
  }
  const torch::Tensor annotator = torch::arange(30), x = world.inputs.features.slice(0, 0, 30);
  EXPECT_TRUE(torch::equal(person.forward(x, torch::arange(30), annotator, world.inputs.attributes),
                           group.forward(x, torch::arange(30), annotator, world.inputs.attributes)));
  person.named_parameters()["own_bias"].fill_(1);
  EXPECT_FALSE(torch::equal(person.forward(x, torch::arange(30), annotator, world.inputs.attributes),
                            group.forward(x, torch::arange(30), annotator, world.inputs.attributes)));
}

TEST(OpinionModel, OneHeadIsAll) {
  const World world = make_world(
      {.num_items = 200, .num_annotators = 1, .annotations_per_item = 1, .num_features = 5, .groups = {1}});
  EXPECT_LT(distance(fit_and_predict(world, quick(Kind::heads)).probabilities,
                     fit_and_predict(world, quick(Kind::all)).probabilities),
            1e-5);
}

TEST(OpinionModel, CrowdBeginsAsTheAnswerItself) {
  const OpinionNetworkOptions options{
      .num_features = 4, .num_classes = 3, .num_annotators = 2, .person = Person::crowd};
  OpinionNetwork crowd(options, core::Seed(0));
  torch::NoGradGuard no_grad;
  crowd.named_parameters()["weights"].copy_(torch::randn({3, 4}));
  const torch::Tensor x = torch::randn({5, 4}),
                      shares = torch::mm(x, crowd.named_parameters()["weights"].t()).softmax(1);
  EXPECT_TRUE(torch::allclose(crowd.forward(x, torch::arange(5), torch::zeros({5}, torch::kInt64),
                                            torch::zeros({5, 0}, torch::kInt64)),
                              shares));
}

TEST(OpinionModel, PeopleWithoutLabelsAreAnsweredAsTheirGroup) {
  const World world = make_world();
  const auto& table = world.opinions.annotations;
  const data::AnnotationSplit people = data::split(table, data::SplitBy::annotator, 0.3, core::Seed(3));
  const OpinionModel model = fit(world.inputs, table, people.train, quick(Kind::person), core::Seed(1));
  const auto own = model.network->named_parameters()["own_bias"];
  for (const int64_t row : people.test)
    EXPECT_EQ(own[table.annotator[static_cast<size_t>(row)]].abs().sum().item<double>(), 0);
  const OpinionModel heads = fit(world.inputs, table, people.train, quick(Kind::heads), core::Seed(1));
  const auto weights = heads.network->named_parameters()["head_weights"];
  EXPECT_GT(weights[table.annotator[static_cast<size_t>(people.test[0])]].abs().sum().item<double>(), 0);
}

TEST(OpinionModel, PeopleAreServedBetterByModelsThatKnowThem) {
  const World world = make_world({.num_items = 600, .num_annotators = 30, .num_features = 8});
  FitOptions options{.kind = Kind::majority};
  const double majority = accuracy(world, fit_and_predict(world, options));
  options.kind = Kind::person;
  const double person = accuracy(world, fit_and_predict(world, options));
  options.kind = Kind::group;
  const double group = accuracy(world, fit_and_predict(world, options));
  EXPECT_GT(group, majority);
  EXPECT_GT(person, majority + 0.05);
}

TEST(OpinionModel, EveryKindAnswersWithDistributionsAndTheSameBits) {
  const World world = make_world();
  for (const Kind kind : all_kinds()) {
    const auto predictions = fit_and_predict(world, quick(kind));
    const torch::Tensor p = torch::tensor(predictions.probabilities).view({-1, 2});
    EXPECT_EQ(p.size(0), static_cast<int64_t>(world.split.test.size())) << to_string(kind);
    EXPECT_TRUE(torch::allclose(p.sum(1), torch::ones({p.size(0)}))) << to_string(kind);
    EXPECT_EQ(predictions.probabilities, fit_and_predict(world, quick(kind)).probabilities)
        << to_string(kind);
    EXPECT_EQ(parse_kind(to_string(kind)), kind);
  }
}

TEST(OpinionModel, OwnPriorIsWhatSomebodyMostlySays) {
  const World world = make_world();
  const auto& table = world.opinions.annotations;
  const auto predictions = fit_and_predict(world, {.kind = Kind::own_prior});
  std::vector<std::array<int64_t, 2>> counts(30);
  for (const int64_t row : world.split.train)
    ++counts[static_cast<size_t>(table.annotator[static_cast<size_t>(row)])]
            [static_cast<size_t>(table.label[static_cast<size_t>(row)])];
  const std::vector<int32_t> labels = evaluate::predicted_labels(predictions);
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto& count =
        counts[static_cast<size_t>(table.annotator[static_cast<size_t>(predictions.rows[i])])];
    EXPECT_EQ(labels[i], count[1] > count[0] ? 1 : 0);
  }
}

// A group of the whole loss that is weighted by n is trained on as if its annotations were there n times.
TEST(OpinionModel, WholeWeightsAreCopies) {
  const World world =
      make_world({.num_items = 40, .num_annotators = 6, .annotations_per_item = 3, .num_features = 3});
  const auto& table = world.opinions.annotations;
  std::vector<int64_t> rows(60), doubled;
  FitOptions options{.kind = Kind::all, .batch_size = 1000, .max_epochs = 20, .holdout = 0};
  for (int64_t i = 0; i < 60; ++i) {
    rows[static_cast<size_t>(i)] = i;
    options.weights.push_back(i % 2 == 0 ? 4.0 / 3 : 2.0 / 3);  // mean 1
    for (int64_t copy = 0; copy < (i % 2 == 0 ? 2 : 1); ++copy) doubled.push_back(i);
  }
  FitOptions copies{.kind = Kind::all, .batch_size = 1000, .max_epochs = 20, .holdout = 0};
  const auto a = predict(fit(world.inputs, table, rows, options, core::Seed(1)), world.inputs, table, rows);
  const auto b = predict(fit(world.inputs, table, doubled, copies, core::Seed(1)), world.inputs, table, rows);
  EXPECT_LT(distance(a.probabilities, b.probabilities), 1e-4);
}

TEST(OpinionModel, RobustTrainingLowersTheLargestLossOfAGroup) {
  const World world = make_world({.num_items = 800,
                                  .num_annotators = 20,
                                  .num_features = 4,
                                  .groups = {0.85, 0.15},
                                  .group_strength = 3,
                                  .person_strength = 0});
  const auto& table = world.opinions.annotations;
  const auto group_of = [&](int64_t row) {
    return world.opinions.group[static_cast<size_t>(table.annotator[static_cast<size_t>(row)])];
  };
  FitOptions options{.kind = Kind::all, .max_epochs = 12, .holdout = 0};
  const auto largest_loss = [&] {
    const auto predictions = fit_and_predict(world, options);
    double loss[2] = {0, 0}, count[2] = {0, 0};
    for (size_t i = 0; i < predictions.rows.size(); ++i) {
      const int64_t row = predictions.rows[i];
      const auto group = static_cast<size_t>(group_of(row));
      loss[group] -= std::log(predictions.of(static_cast<int64_t>(i))[table.label[static_cast<size_t>(row)]]);
      ++count[group];
    }
    return std::max(loss[0] / count[0], loss[1] / count[1]);
  };
  const double plain = largest_loss();
  for (const int64_t row : world.split.train) options.dro_groups.push_back(group_of(row));
  EXPECT_LT(largest_loss(), plain - 0.05);
}

TEST(OpinionModel, IsSavedAndLoaded) {
  const World world = make_world();
  const auto& table = world.opinions.annotations;
  const core::TemporaryDirectory directory;
  for (const Kind kind : {Kind::own_prior, Kind::person, Kind::heads, Kind::crowd}) {
    const OpinionModel model = fit(world.inputs, table, world.split.train, quick(kind), core::Seed(1));
    save(model, directory.path() / "m.pt");
    const OpinionModel loaded = load(directory.path() / "m.pt");
    EXPECT_EQ(loaded.kind, kind);
    EXPECT_EQ(predict(model, world.inputs, table, world.split.test).probabilities,
              predict(loaded, world.inputs, table, world.split.test).probabilities);
  }
  std::string bytes = core::read_file(directory.path() / "m.pt");
  bytes.resize(bytes.size() / 2);
  core::write_file(directory.path() / "m.pt", bytes);
  EXPECT_NE(message_of<InputError>([&] { load(directory.path() / "m.pt"); }).find("train again"),
            std::string::npos);
}

TEST(OpinionModel, WrittenPredictionsAreRead) {
  const World world = make_world({.num_items = 60,
                                  .num_annotators = 8,
                                  .annotations_per_item = 4,
                                  .num_features = 3,
                                  .repeat_rate = 0.3});
  const core::TemporaryDirectory directory;
  const auto predictions = fit_and_predict(world, quick(Kind::person));
  write_predictions(predictions, world.opinions.annotations, directory.path() / "p.csv");
  const auto read =
      evaluate::read_opinion_predictions(directory.path() / "p.csv", world.opinions.annotations).predictions;
  EXPECT_EQ(read.rows, predictions.rows);
  EXPECT_LT(distance(read.probabilities, predictions.probabilities), 1e-6);
}

TEST(OpinionModel, SaysWhatIsWrong) {
  const World world = make_world();
  const auto& table = world.opinions.annotations;
  const auto refusal = [&](const FitOptions& options) {
    return message_of<InputError>(
        [&] { fit(world.inputs, table, world.split.train, options, core::Seed(0)); });
  };
  EXPECT_EQ(refusal({.l2 = -1}), "opinion model: l2 must not be negative, got -1");
  EXPECT_EQ(refusal({.kind = Kind::majority, .weights = {1}}),
            "opinion model majority: it is trained on items; weights and groups are of annotations");
  EXPECT_NE(refusal({.weights = {1}}).find("1 weights for"), std::string::npos);
  EXPECT_EQ(message_of<InputError>([] { parse_kind("persn"); }),
            "no opinion model 'persn'; did you mean 'person'?");
  EXPECT_NE(message_of<InputError>([&] {
              opinion_inputs(table, torch::zeros({3, 2}));
            }).find("a row for each of 300 items"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              fit(world.inputs, table, {}, {}, core::Seed(0));
            }).find("no annotations to train on"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::train::opinion
