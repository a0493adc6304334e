#include "lathe/pipeline/study.h"

#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/pipeline/study_sources.h"

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
  core::write_file(tree.path() / "studies/two_rows.cpp",
                   "#include \"lathe/core/a.h\"\n#include \"lathe/data/b.h\"\n");
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
  core::write_file(tree.path() / "lathe/core/a.h", "now there is one");
  EXPECT_EQ(stale_results(tree.path()).size(), 1u);
}

TEST(StudySources, AreThoseThatAreReached) {
  const core::TemporaryDirectory tree;
  for (const char* folder : {"studies", "lathe/core/parts", "lathe/math"})
    std::filesystem::create_directories(tree.path() / folder);
  const auto write = [&](const std::string& name, const std::string& text) {
    core::write_file(tree.path() / name, text);
  };
  write("studies/two_rows.cpp", "#include \"lathe/math/solver.h\"\n");
  write("lathe/math/solver.h", "");
  write("lathe/math/solver.cpp", "#include \"lathe/math/solver.h\"\n#include \"lathe/core/table.h\"\n");
  write("lathe/core/table.h", "");
  write("lathe/core/parts/rows.cpp", "#include \"lathe/core/table.h\"\n");  // no namesake: implements table.h
  write("lathe/core/other.h", "");
  write("lathe/core/other.cpp", "#include \"lathe/core/other.h\"\n#include \"lathe/core/table.h\"\n");
  write("lathe/math/user.cpp", "#include \"lathe/core/table.h\"\n");  // of another module: only uses it
  Study study = find_study("two-rows");
  study.module = "math";
  const auto hash = [&] { return sources_hash(study, tree.path()); };
  for (const char* name : {"studies/two_rows.cpp", "lathe/math/solver.h", "lathe/math/solver.cpp",
                           "lathe/core/table.h", "lathe/core/parts/rows.cpp"}) {
    const std::string before = hash(), text = core::read_file(tree.path() / name);
    write(name, text + "// changed\n");
    EXPECT_NE(hash(), before) << name;
    write(name, text);
    EXPECT_EQ(hash(), before) << name;
  }
  const std::string before = hash();
  for (const char* name : {"lathe/core/other.h", "lathe/core/other.cpp", "lathe/math/user.cpp"})
    write(name, core::read_file(tree.path() / name) + "// changed\n");
  EXPECT_EQ(hash(), before);
  study.module = "core";  // solver.h lies above it
  write("lathe/math/solver.h", "changed");
  const std::string of_core = hash();
  write("lathe/math/solver.h", "changed again");
  EXPECT_EQ(hash(), of_core);
}

}  // namespace
}  // namespace lathe::pipeline
