#include "lathe/pipeline/study.h"

#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::pipeline {
namespace {

StudyResult two_rows(const StudyContext& context) {
  StudyResult result;
  result.rows = {{.metric = "accuracy",
                  .paper = 0.95,
                  .baseline = 0.9,
                  .measured = context.scale == Scale::smoke ? 0.5 : 0.96,
                  .bar = Bar{.least = 0.94}},
                 {.metric = "slowdown",
                  .paper = {},
                  .baseline = {},
                  .measured = 2,
                  .bar = Bar{.most = 1.5},
                  .timing = true},
                 {.metric = "|samples|", .paper = {}, .baseline = {}, .measured = 7, .bar = {}}};
  return result;
}

const bool registered = register_study({.name = "two-rows",
                                        .title = "A study of two rows",
                                        .paper = "nobody",
                                        .claim = "Two.",
                                        .module = "core",
                                        .run = two_rows});

TEST(Study, VerdictsFollowTheBars) {
  ASSERT_TRUE(registered);
  const StudyReport good = run_study(find_study("two-rows"), {.scale = Scale::desk});
  EXPECT_TRUE(good.met());  // the timing's miss does not count
  const auto json = to_json(good);
  EXPECT_EQ(json.at("rows")[0].at("verdict"), "met");
  EXPECT_EQ(json.at("rows")[1].at("verdict"), "missed");
  EXPECT_TRUE(json.at("rows")[2].at("verdict").is_null());
  EXPECT_EQ(json.at("rows")[0].at("bar"), "≥ 0.94");
  EXPECT_FALSE(run_study(find_study("two-rows"), {.scale = Scale::smoke}).met());
}

TEST(Study, NaNMissesItsBar) {
  EXPECT_FALSE(Bar{.least = 0}.met_by(std::nan("")));
}

TEST(Study, AnUnknownNameNamesTheNearest) {
  try {
    find_study("two-row");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean two-rows?"), std::string::npos) << error.what();
  }
}

TEST(Study, RecordedResultsGoStaleWithTheirSources) {
  const core::TemporaryDirectory tree;
  for (const char* folder : {"studies", "lathe/core", "lathe/data"})
    std::filesystem::create_directories(tree.path() / folder);
  core::write_file(tree.path() / "studies/two_rows.cpp", "study");
  core::write_file(tree.path() / "lathe/core/a.cpp", "core");
  core::write_file(tree.path() / "lathe/data/b.cpp", "data");
  record_result(run_study(find_study("two-rows"), {.scale = Scale::desk}), tree.path());
  EXPECT_TRUE(stale_results(tree.path()).empty());
  const std::string page = results_page(tree.path());
  EXPECT_NE(page.find("| accuracy | 0.95 | 0.9 | 0.96 | ≥ 0.94 | met |"), std::string::npos) << page;
  EXPECT_NE(page.find("| \\|samples\\| |  |  | 7 |  |  |"), std::string::npos) << page;
  core::write_file(tree.path() / "lathe/data/b.cpp",
                   "changed");  // above the module that the study depends on
  core::write_file(tree.path() / "studies/two_rows_runs.cpp", "of this study");
  EXPECT_EQ(stale_results(tree.path()).size(), 1u);
  std::filesystem::remove(tree.path() / "studies/two_rows_runs.cpp");
  EXPECT_TRUE(stale_results(tree.path()).empty());
  core::write_file(tree.path() / "studies/timing.h", "of all studies");
  EXPECT_EQ(stale_results(tree.path()).size(), 1u);
  std::filesystem::remove(tree.path() / "studies/timing.h");
  core::write_file(tree.path() / "lathe/core/a.cpp", "changed");
  EXPECT_EQ(stale_results(tree.path()).size(), 1u);
}

}  // namespace
}  // namespace lathe::pipeline
