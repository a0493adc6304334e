#include "lathe/pipeline/comparison.h"

#include <gtest/gtest.h>

#include "lathe/core/files.h"
#include "tests/pipeline/synthetic_bundle.h"

namespace lathe::pipeline {
namespace {

TEST(Comparison, HasARowForEachBundleAndACurveWhereTheyTell) {
  const core::TemporaryDirectory directory;
  {
    Bundle first = Bundle::open_for_writing(directory.path() / "first");
    commit_synthetic_stages(first);
    std::filesystem::create_directories(directory.path() / "bare" / "stages");
  }
  std::vector<Bundle> bundles;
  for (const char* name : {"first", "bare"}) bundles.push_back(Bundle::open(directory.path() / name));
  const Section section = comparison(bundles);
  ASSERT_EQ(section.tables.size(), 1u);
  const nlohmann::json rows = section.tables[0].to_json();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("bundle"), "first");
  EXPECT_EQ(rows[1].at("bundle"), "bare");
  EXPECT_EQ(rows[0].at("test accuracy %"), 93.31);
  EXPECT_EQ(rows[0].at("holdout accuracy %"), 93.44);
  EXPECT_EQ(rows[1].at("test accuracy %"), "");
  EXPECT_TRUE(section.charts.empty());  // it does not say when its epochs ended
}

}  // namespace
}  // namespace lathe::pipeline
