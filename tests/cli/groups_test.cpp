// [train.groups]: found or given parts of classes, in a bundle like any other.
#include <torch/torch.h>

#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

class Groups : public ::testing::Test {
 protected:
  void SetUp() override {
    write_idx_data(work_ / "idx");
    work_.write("table.csv", table_text());
  }
  std::string with_groups(const std::string& source, const std::string& groups) {
    return pipeline_text("groups", source) + "\n[train.groups]\n" + groups;
  }
  Workspace work_;
};

TEST_F(Groups, AreFoundShownAndKept) {
  work_.write("groups.toml",
              with_groups("idx:idx", "infer = \"loss\"\nstart_epoch = 1\nramp_epochs = 1\nweight = 0.1\n"));
  ASSERT_TRUE(succeeded(work_.lathe({"run", "groups.toml", "--threads", "1", "--quiet"})));
  const torch::Tensor assignment = data::read_npy(work_ / "groups.bundle" / "groups.npy");
  EXPECT_EQ(assignment.numel(), 216);  // 240 less the held-out tenth
  EXPECT_LE(assignment.max().item<int64_t>(), 1);
  const std::string page = core::read_file(work_ / "groups.bundle" / "report.html");
  for (const char* text : {"Parts of the classes", "worst part of a class", "Invariance.penalty"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  EXPECT_TRUE(succeeded(work_.lathe({"evaluate", "groups.bundle"})));
}

TEST_F(Groups, GoWithASubspaceSamAndAdaScale) {
  work_.write(
      "all.toml",
      with_groups("idx:idx", "infer = \"loss\"\nweight = 0.1\n") +
          "[train.subspace]\nkind = \"line\"\n[optim.sam]\nrho = 0.05\n[optim.adascale]\nscale = 2\n");
  ASSERT_TRUE(succeeded(
      work_.lathe({"run", "all.toml", "--threads", "1", "--quiet", "--set", "data.label_noise=0.1"})));
  EXPECT_TRUE(fs::exists(work_ / "groups.bundle" / "subspace.pt"));
  EXPECT_TRUE(fs::exists(work_ / "groups.bundle" / "groups.npy"));
}

// The report's numbers are those of groups.npy and the table.
TEST_F(Groups, AreComparedWithAColumn) {
  std::string table = "width,place,kind\n";
  for (int i = 0; i < 120; ++i) {
    const bool oak = i % 2 == 0, elsewhere = i % 10 < 2;
    table += fmt::format("{:.1f},{},{}\n", i % 7 + (oak ? 5.0 : 0.0), oak != elsewhere ? "wood" : "field",
                         oak ? "oak" : "ash");
  }
  work_.write("places.csv", table);
  work_.write("compare.toml", with_groups("csv:places.csv?target=kind",
                                          "infer = \"loss\"\nweight = 0.1\ncompare = \"column:place\"\n"));
  ASSERT_TRUE(succeeded(work_.lathe({"run", "compare.toml", "--threads", "1", "--quiet"})));
  const Json compared = Json::parse(core::read_file(work_ / "groups.bundle" / "stages" / "train.json"))
                            .at("details")
                            .at("groups")
                            .at("compared");
  EXPECT_EQ(compared.at("column"), "place");
  ASSERT_EQ(compared.at("rows").size(), 3u);
  for (const Json& row : compared.at("rows")) EXPECT_NEAR(row.at("minority"), 0.2, 0.1);
  const std::string page = core::read_file(work_ / "groups.bundle" / "report.html");
  for (const char* text : {"compared with column place", "minority %", "recall %"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  const auto refused = [&](const std::string& set, const std::vector<std::string>& parts) {
    return failed_with(work_.lathe({"train", "compare.toml", "--set", "train.groups." + set}), 2, parts);
  };
  EXPECT_TRUE(refused("compare=column:hue", {"train.groups.compare", "column:hue", "no such column"}));
  EXPECT_TRUE(refused("compare=place", {"train.groups.compare", "must be \"column:NAME\""}));
}

TEST_F(Groups, OfAColumn) {
  const std::string source = "csv:table.csv?target=species";
  work_.write("column.toml", with_groups(source, "groups = \"column:color\"\nstart_epoch = 0\n"));
  EXPECT_TRUE(failed_with(work_.lathe({"train", "column.toml", "--set", "train.groups.groups=column:hue"}), 2,
                          {"column:hue", "no such column"}));
  EXPECT_TRUE(failed_with(work_.lathe({"train", "column.toml", "--set", "train.label_smoothing=0.1"}), 2,
                          {"train.groups", "train.label_smoothing"}));
  EXPECT_TRUE(failed_with(work_.lathe({"train", "column.toml", "--set", "train.groups.weight=-1"}), 2,
                          {"train.groups.weight"}));
}

}  // namespace
}  // namespace lathe::cli::testing
