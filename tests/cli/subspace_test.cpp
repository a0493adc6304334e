// A bundle that was trained as a subspace is a bundle like any other, and more.
#include <torch/torch.h>

#include "lathe/data/inputs.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

class Subspace : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    work_->write("line.toml", pipeline_text("line", "idx:idx") + "\n[train.subspace]\nkind = \"line\"\n");
    ASSERT_TRUE(succeeded(work_->lathe({"run", "line.toml", "--threads", "1", "--quiet"})));
  }
  static void TearDownTestSuite() { delete work_; }
  static Workspace* work_;
};
Workspace* Subspace::work_ = nullptr;

TEST_F(Subspace, FlowsThroughTheBundle) {
  EXPECT_TRUE(fs::exists(*work_ / "line.bundle" / "subspace.pt"));
  const std::string page = core::read_file(*work_ / "line.bundle" / "report.html");
  for (const char* text : {"Along the subspace", "disagree", "Cosine squared"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  EXPECT_GT(parse_json(work_->lathe({"evaluate", "line.bundle", "--json"})).at("metrics").size(), 3u);
  core::write_file(*work_ / "image.png", data::encode_png(image_of_class(1, 5)));
  EXPECT_EQ(parse_json(work_->lathe({"predict", "line.bundle", "image.png", "--json"})).size(), 1u);
}

TEST_F(Subspace, ShowsItsNetworks) {
  const Json table = parse_json(work_->lathe({"evaluate", "subspace", "line.bundle", "--ensemble", "3",
                                              "--sample", "2", "-o", "net", "--threads", "1", "--json"}))
                         .at("networks");
  ASSERT_EQ(table.size(), 7u);  // midpoint, two endpoints, their ensemble, that of three, two samples
  EXPECT_EQ(table[0].at("network"), "midpoint");
  EXPECT_GT(table[0].at("accuracy"), 0.8);
  // A saved network is the one that was measured.
  const Json metrics = Json::parse(core::read_file(*work_ / "line.bundle" / "metrics.json"));
  for (const Json& m : metrics)
    if (m.at("name") == "accuracy" && m.at("split") == "test")
      EXPECT_EQ(m.at("value"), table[0].at("accuracy"));
  for (const char* name : {"net0.pt", "net1.pt"}) EXPECT_TRUE(fs::exists(*work_ / name));

  const Json logits = parse_json(work_->lathe({"evaluate", "subspace", "line.bundle", "--average", "logits",
                                               "--threads", "1", "--json"}))
                          .at("networks");
  EXPECT_EQ(logits[0], table[0]);                      // one network is the same either way,
  EXPECT_NE(logits[3].at("nll"), table[3].at("nll"));  // an ensemble is not
  EXPECT_NEAR(logits[3].at("accuracy").get<double>(), table[3].at("accuracy").get<double>(), 0.1);
}

// Early stopping keeps the best midpoint, and the endpoints as they were in the end: the report says so.
TEST_F(Subspace, StoppedEarlyIsFlagged) {
  ASSERT_TRUE(succeeded(work_->lathe({"run", "line.toml", "--bundle", "early.bundle", "--threads", "1",
                                      "--quiet", "--set", "train.patience=1", "--set", "train.steps=2000"})));
  const Json details =
      Json::parse(core::read_file(*work_ / "early.bundle" / "stages" / "train.json")).at("details");
  EXPECT_EQ(details.at("stopped_early"), true);
  EXPECT_NE(
      core::read_file(*work_ / "early.bundle" / "report.html").find("the best midpoint that early stopping"),
      std::string::npos);
  EXPECT_TRUE(succeeded(work_->lathe({"evaluate", "subspace", "early.bundle", "--threads", "1"})));
}

TEST_F(Subspace, OfOneEndpointHasNoPair) {
  ASSERT_TRUE(succeeded(
      work_->lathe({"train", "line.toml", "--bundle", "one.bundle", "--threads", "1", "--quiet", "--set",
                    "train.subspace.kind=simplex", "--set", "train.subspace.endpoints=1"})));
  const auto shown = work_->lathe({"evaluate", "subspace", "one.bundle", "--threads", "1"});
  ASSERT_TRUE(succeeded(shown));
  EXPECT_EQ(shown.output.find("cos²"), std::string::npos);
}

TEST_F(Subspace, StochasticWeightAveragingIsATableToo) {
  work_->write("swa.toml",
               pipeline_text("swa", "idx:idx") + "\n[train.swa]\nmode = \"cyclic\"\ncycles = 2\n");
  ASSERT_TRUE(succeeded(work_->lathe({"run", "swa.toml", "--threads", "1", "--quiet"})));
  EXPECT_NE(core::read_file(*work_ / "swa.bundle" / "pipeline.toml").find("lr = "), std::string::npos);
  EXPECT_TRUE(failed_with(work_->lathe({"train", "swa.toml", "--set", "train.schedule.kind=cosine"}), 2,
                          {"train.schedule"}));
  EXPECT_TRUE(failed_with(work_->lathe({"train", "line.toml", "--set", "train.swa.start=0.5"}), 2,
                          {"train.swa.mode", "[train.subspace]"}));
}

TEST_F(Subspace, SaysWhatIsWrong) {
  work_->write("plain.toml", pipeline_text("plain", "idx:idx"));
  ASSERT_TRUE(succeeded(work_->lathe({"train", "plain.toml", "--threads", "1", "--quiet"})));
  EXPECT_TRUE(failed_with(work_->lathe({"evaluate", "subspace", "plain.bundle"}), 2,
                          {"subspace.pt", "[train.subspace]"}));
  EXPECT_TRUE(
      failed_with(work_->lathe({"evaluate", "subspace", "line.bundle", "--sample", "2"}), 2, {"--output"}));
  const auto run = [&](const std::string& set) { return work_->lathe({"train", "line.toml", "--set", set}); };
  EXPECT_TRUE(
      failed_with(run("train.subspace.endpoints=3"), 2, {"train.subspace.endpoints of a line must be 2"}));
  EXPECT_TRUE(failed_with(run("train.average_decay=0.9"), 2, {"train.subspace.kind", "train.average_decay"}));
  EXPECT_TRUE(failed_with(run("train.subspace.samples=5"), 2, {"must divide train.batch_size = 32, got 5"}));
  const std::string archive = core::read_file(*work_ / "line.bundle" / "subspace.pt");
  fs::copy(*work_ / "line.bundle", *work_ / "damaged.bundle", fs::copy_options::recursive);
  core::write_file(*work_ / "damaged.bundle" / "subspace.pt", archive.substr(0, archive.size() / 2));
  EXPECT_TRUE(
      failed_with(work_->lathe({"evaluate", "subspace", "damaged.bundle"}), 2, {"subspace.pt", "damaged"}));
}

}  // namespace
}  // namespace lathe::cli::testing
