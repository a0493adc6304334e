#include "lathe/pipeline/bundle_report.h"

#include <gtest/gtest.h>

#include "lathe/core/files.h"
#include "tests/pipeline/synthetic_bundle.h"

namespace lathe::pipeline {
namespace {

const Section* find(const Page& page, const std::string& title) {
  for (const Section& section : page.sections) {
    if (section.title == title) return &section;
  }
  return nullptr;
}

class BundleReport : public testing::Test {
 protected:
  core::TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "fashion";
};

TEST_F(BundleReport, ShowsWhatTheStagesLeft) {
  Bundle bundle = Bundle::open_for_writing(path_);
  commit_synthetic_stages(bundle);
  const Page page = bundle_page(bundle);
  EXPECT_EQ(page.title, "fashion");
  EXPECT_EQ(page.subtitle, "fashion-mnist · cnn");
  ASSERT_GE(page.headline.size(), 3u);
  EXPECT_EQ(page.headline[0], (std::pair<std::string, std::string>{"test accuracy", "93.31 %"}));

  const Section* curves = find(page, "Learning curves");
  ASSERT_NE(curves, nullptr);
  ASSERT_EQ(curves->charts.size(), 3u);
  EXPECT_EQ(curves->charts[0].num_marks, 1 + 1 + 1 + 10);  // training line and band, holdout line and points

  const Section* classes = find(page, "Results by class");
  ASSERT_NE(classes, nullptr);
  EXPECT_EQ(classes->charts.at(0).num_marks, 100);
  EXPECT_EQ(classes->tables.at(0).size(), 10u);
  EXPECT_EQ(find(page, "Worst mistakes")->charts.at(0).num_marks, 24);
  EXPECT_NE(find(page, "Results")->tables.at(0).to_text().find("robust_accuracy"), std::string::npos);
  EXPECT_EQ(find(page, "Time by stage")->charts.at(0).num_marks, 4);
  EXPECT_NE(find(page, "Configuration")->code.find("batch_size = 128"), std::string::npos);

  if (!browser_directory().empty()) core::write_file(browser_directory() / "bundle.html", render_html(page));
}

TEST_F(BundleReport, LeavesOutWhatHasAnotherShape) {
  Bundle bundle = Bundle::open_for_writing(path_);
  const auto commit = [&](const std::string& stage, nlohmann::json details) {
    const auto staged = bundle.stage_directory(stage);
    bundle.commit(*staged, {.stage = stage, .seconds = 1, .details = std::move(details)});
  };
  commit("data",
         {{"examples", "many"}, {"class_counts", {{"labels", {"a", "b"}}, {"train", {1}}}}, {"warnings", 3}});
  commit("train",
         {{"model", nullptr}, {"curves", {{"step", {1, 2}}, {"train_loss", {0.5}}}}, {"epochs", {1, 2}}});
  commit("evaluate", {{"classes", {"a", "b"}},
                      {"confusion", {{1, 2}}},
                      {"per_class", "good"},
                      {"mistakes", {7, {{"png", "none.png"}}}}});
  const Page page = bundle_page(bundle);
  EXPECT_TRUE(page.headline.size() == 1 && page.headline[0].first == "training time");
  ASSERT_EQ(page.sections.size(), 1u);
  EXPECT_EQ(page.sections[0].title, "Time by stage");
  EXPECT_NO_THROW(render_html(page));
}

TEST_F(BundleReport, ShowsMistakesOfTablesAsRows) {
  Bundle bundle = Bundle::open_for_writing(path_);
  const auto staged = bundle.stage_directory("evaluate");
  bundle.commit(
      *staged,
      {.stage = "evaluate",
       .details = {
           {"mistakes", {{{"row", "age=3"}, {"truth", "no"}, {"predicted", "yes"}, {"confidence", 0.75}}}}}});
  const Page page = bundle_page(bundle);
  const Section* mistakes = find(page, "Worst mistakes");
  ASSERT_NE(mistakes, nullptr);
  EXPECT_TRUE(mistakes->charts.empty());
  EXPECT_NE(mistakes->tables.at(0).to_text().find("75.0 %"), std::string::npos);
}

TEST_F(BundleReport, ShowsWhatWasCompiled) {
  Bundle bundle = Bundle::open_for_writing(path_);
  const auto commit = [&](nlohmann::json details, std::vector<BundleMetric> metrics) {
    const auto staged = bundle.stage_directory("compile");
    bundle.commit(*staged,
                  {.stage = "compile", .metrics = std::move(metrics), .details = std::move(details)});
    return bundle_page(bundle);
  };
  const auto operation = [](const char* source, double milliseconds) {
    return nlohmann::json{{"source", source}, {"variant", "direct 6x2"}, {"milliseconds", milliseconds}};
  };
  const Page page = commit({{"target", "x86-64-avx2"},
                            {"threads", 1},
                            {"operations", {operation("body.0", 0.25), operation("body.3", 0.75)}}},
                           {{"compiled_latency", "", 1.0, "ms"}, {"libtorch_latency", "", 2.5, "ms"}});
  const Section* section = find(page, "Compiled");
  ASSERT_NE(section, nullptr);
  EXPECT_NE(section->text.find("2.5 times as long"), std::string::npos) << section->text;
  EXPECT_EQ(section->charts.at(0).num_marks, 2);
  const std::string table = section->tables.at(0).to_text();
  EXPECT_LT(table.find("body.3"), table.find("body.0")) << table;  // the slowest first

  const Page without = commit({{"skipped", "no kernels for frobnicate (2×)"}}, {});
  ASSERT_NE(find(without, "Compiled"), nullptr);
  EXPECT_NE(find(without, "Compiled")->text.find("frobnicate"), std::string::npos);
  EXPECT_EQ(find(commit({{"skipped", "compile.enabled is false"}}, {}), "Compiled"), nullptr);
}

TEST_F(BundleReport, ShowsCalibrationAndSets) {
  Bundle bundle = Bundle::open_for_writing(path_);
  const auto staged = bundle.stage_directory("evaluate");
  const nlohmann::json report = {
      {"alpha", 0.1},
      {"coverage", 0.87},
      {"mean_size", 1.5},
      {"num_examples", 100},
      {"num_calibration", 70},
      {"observed_band", {0.88, 0.95}},
      {"size_counts", {0, 60, 30, 10}},
      {"by_class", {{{"name", "cat"}, {"count", 5}, {"coverage", 0.8}, {"mean_size", 2}}}},
      {"notes", {"beware"}}};
  bundle.commit(
      *staged,
      {.stage = "evaluate",
       .details = {{"reliability",
                    {{"after", {{"confidence", {0.5, 0.9}}, {"accuracy", {0.5, 0.8}}, {"count", {3, 4}}}}}},
                   {"conformal",
                    {{"report", report},
                     {"large", {{{"row", "age=3"}, {"truth", "no"}, {"labels", {"yes", "no"}}}}}}}}});
  const Page page = bundle_page(bundle);
  const Section* section = find(page, "Calibration and prediction sets");
  ASSERT_NE(section, nullptr);
  for (const char* text :
       {"probability of 90 %", "87.00 %", "1.50 classes", "outside the band", "Note: beware."})
    EXPECT_NE(section->text.find(text), std::string::npos) << section->text;
  ASSERT_EQ(section->charts.size(), 2u);
  EXPECT_EQ(section->charts[1].num_marks, 3);  // three sizes occur
  ASSERT_EQ(section->tables.size(), 2u);
  EXPECT_NE(section->tables[1].to_text().find("{yes, no}"), std::string::npos);
}

TEST_F(BundleReport, OfAnEmptyBundleIsEmpty) {
  EXPECT_TRUE(bundle_page(Bundle::open_for_writing(path_)).sections.empty());
}

}  // namespace
}  // namespace lathe::pipeline
