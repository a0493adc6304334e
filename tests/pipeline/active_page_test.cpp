#include "lathe/pipeline/active_page.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/nn/classifier.h"
#include "lathe/pipeline/active_pool.h"
#include "tests/pipeline/synthetic_bundle.h"
#include "tests/support/message.h"

namespace lathe::pipeline {
namespace {

namespace active = evaluate::active;

active::Report simulated(int64_t budget) {
  torch::manual_seed(4);
  const int64_t n = 400;
  active::Pool pool;
  for (int64_t i = 0; i < n; ++i) pool.ids.push_back("image " + std::to_string(i));
  pool = active::with_probabilities(std::move(pool), (2 * torch::randn({n, 3}, torch::kFloat64)).softmax(1),
                                    {"shirt", "coat", kHostileClass});
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n; ++i) labels.push_back(pool.probabilities[i].multinomial(1).item<int64_t>());
  const active::Truth truth{pool, labels};
  return active::report(active::simulate(pool, labels, {.budget = budget}), {}, &truth);
}

std::vector<std::string> chart_titles(const Page& page) {
  std::vector<std::string> titles;
  for (const Section& section : page.sections)
    for (const core::Chart& chart : section.charts) titles.push_back(chart.title);
  return titles;
}

TEST(ActivePage, ShowsWhatTheLabelsSay) {
  const active::Report report = simulated(80);
  const Page page = active_page(report, "test", "of a model");
  EXPECT_EQ(chart_titles(page),
            (std::vector<std::string>{"Estimated accuracy by labels", "Recall by class",
                                      "Estimated share of the pool", "Weights", "Weight by score"}));
  std::map<std::string, std::string> headline(page.headline.begin(), page.headline.end());
  EXPECT_EQ(headline.at("labels used"), "80 of 400");
  EXPECT_EQ(headline.at("accuracy"), fmt::format("{:.4g}", report.estimates[0].value));
  EXPECT_EQ(headline.at("from all labels"), fmt::format("{:.4g}", *report.estimates[0].truth));
  const std::string html = render_html(page);
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  if (const auto directory = browser_directory(); !directory.empty())
    core::write_file(directory / "active.html", html);
}

// Three series: the estimate with its band, the plain mean, the truth.
TEST(ActivePage, TrajectoryHasTheTruth) {
  const active::Report report = simulated(40);
  const core::Chart chart = active_trajectory(report);
  const std::string spec = chart.spec.dump();
  for (const char* name : {"weighted", "unweighted", "truth"}) EXPECT_NE(spec.find(name), std::string::npos);
}

TEST(ActivePage, OfNoAnswersSaysSo) {
  active::State state;
  state.num_pool = 10;
  const Page page = active_page(active::report(state), "test", "");
  EXPECT_TRUE(chart_titles(page).empty());
  EXPECT_NE(page.sections[0].text.find("no answer yet"), std::string::npos);
}

data::Dataset images(int64_t n) {
  torch::manual_seed(5);
  data::Dataset dataset;
  dataset.inputs = torch::randint(0, 256, {n, 1, 8, 8}, torch::kUInt8);
  dataset.targets = torch::arange(n).remainder(3);
  dataset.schema = {.shape = {1, 8, 8}, .classes = {"a", "b", "c"}};
  return dataset;
}

TEST(ActivePool, HoldsWhatTheModelSays) {
  const data::Dataset dataset = images(12);
  const auto build = [&](const std::string& table) {
    auto model = nn::build(core::Config::parse(table), dataset.schema, core::Seed(1));
    model->fit_inputs(dataset.inputs);
    return model;
  };
  const auto model = build("kind = \"mlp\"\nhidden = [16]\ndropout = 0.5");
  const active::Pool pool = active_pool(*model, dataset, active::Acquisition::kBald, core::Seed(2), 5);
  EXPECT_EQ(pool.members.sizes(), (std::vector<int64_t>{5, 12, 3}));
  EXPECT_TRUE(torch::allclose(pool.probabilities,
                              nn::predict(*model, dataset.inputs).to(torch::kFloat64).softmax(1)));
  const std::vector<double> scores = scores_of(pool, {.acquisition = active::Acquisition::kBald});
  EXPECT_GT(*std::max_element(scores.begin(), scores.end()), 0);
  EXPECT_EQ(labels_of(dataset)[4], 1);
  EXPECT_NE(testing_support::message_of<InputError>([&] {
              active_pool(*build("kind = \"mlp\"\nhidden = [16]"), dataset, active::Acquisition::kBald,
                          core::Seed(2));
            }).find("needs a model with dropout"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::pipeline
