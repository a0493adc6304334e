// `lathe evaluate sharpness`, a method below a verb that takes operands of its own.
#include <torch/torch.h>

#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

class Sharpness : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    for (const char* name : {"fashion-mnist", "other"}) {
      work_->write("pipeline.toml", pipeline_text(name, "idx:idx"));
      work_->lathe({"train", "pipeline.toml", "--threads", "1", "--quiet", "--seed",
                    name == std::string("other") ? "1" : "0"});
    }
  }
  static void TearDownTestSuite() { delete work_; }
  static core::ProcessResult sharpness(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"evaluate", "sharpness"});
    arguments.insert(arguments.end(), {"--threads", "1", "--quiet"});
    return work_->lathe(arguments);
  }
  static Workspace* work_;
};
Workspace* Sharpness::work_ = nullptr;

double value(const Json& table, const std::string& measure, const std::string& rho, const std::string& m,
             const std::string& column) {
  for (const Json& row : table)
    if (row.at("measure") == measure && row.at("rho") == rho && row.at("m") == m &&
        row.at(column).is_number())
      return row.at(column);
  ADD_FAILURE() << "no " << measure << " at rho = " << rho << ", m = " << m << " in " << table.dump(1);
  return 0;
}

TEST_F(Sharpness, ComparesBundles) {
  const auto before = contents(work_->path());
  const Json json = parse_json(sharpness({"fashion-mnist.bundle", "other.bundle", "--examples", "90", "--m",
                                          "32", "--rho", "0.05,0.2", "--json"}));
  const Json& table = json.at("sharpness");
  for (const char* bundle : {"fashion-mnist.bundle", "other.bundle"}) {
    EXPECT_EQ(value(table, "examples n", "", "", bundle), 90);
    EXPECT_EQ(value(table, "parameters k", "", "", bundle), 64 * 32 + 32 + 32 * 3 + 3);
    for (const char* m : {"all", "32"}) {
      const double near = value(table, "SAM sharpness", "0.05", m, bundle),
                   far = value(table, "SAM sharpness", "0.2", m, bundle);
      EXPECT_GT(near, 0);
      EXPECT_GT(far, near);
      EXPECT_GE(value(table, "projected ascent", "0.2", m, bundle), far);
    }
    EXPECT_LT(value(table, "random direction", "0.2", "all", bundle),
              value(table, "SAM sharpness", "0.2", "all", bundle));
    EXPECT_GE(value(table, "eigenvalue 1", "", "all", bundle),
              value(table, "eigenvalue 5", "", "all", bundle));
    EXPECT_LT(value(table, "eigenvalues, largest residual", "", "all", bundle), 1e-3);
  }
  EXPECT_NE(value(table, "loss L(w)", "", "", "fashion-mnist.bundle"),
            value(table, "loss L(w)", "", "", "other.bundle"));
  EXPECT_TRUE(differences(before, contents(work_->path())).empty());  // only read
}

TEST_F(Sharpness, WritesAPage) {
  const auto result = sharpness({"fashion-mnist.bundle", "--split", "test", "--examples", "30", "--slice",
                                 "5", "--output", "page.html", "--draws", "0"});
  ASSERT_TRUE(succeeded(result));
  EXPECT_NE(result.output.find("vacuous"), std::string::npos);
  EXPECT_EQ(result.output.find("random direction"), std::string::npos);
  const std::string page = core::read_file(*work_ / "page.html");
  for (const char* part : {"<html", "Loss slice", "Eigenvalues", "SAM sharpness"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

TEST_F(Sharpness, SameSeedSameNumbers) {
  const auto measure = [](const std::string& seed) {
    return sharpness({"fashion-mnist.bundle", "--examples", "60", "--rho", "0.2", "--eigenvalues", "1",
                      "--seed", seed})
        .output;
  };
  EXPECT_EQ(measure("1"), measure("1"));
  EXPECT_NE(measure("1"), measure("2"));
}

TEST_F(Sharpness, ReadsABundleThatIsBeingWritten) {
  const core::FileLock lock(*work_ / "other.bundle" / ".lock", "held by the test");
  EXPECT_TRUE(
      succeeded(sharpness({"other.bundle", "--examples", "30", "--rho", "0.1", "--eigenvalues", "0"})));
}

// The verb itself goes on taking a file or a bundle.
TEST_F(Sharpness, LeavesTheVerbItsOperand) {
  data::write_npy(*work_ / "logits.npy", torch::eye(3));
  data::write_npy(*work_ / "labels.npy", torch::arange(3));
  EXPECT_TRUE(succeeded(work_->lathe({"evaluate", "logits.npy", "--labels", "labels.npy"})));
  EXPECT_TRUE(failed_with(work_->lathe({"evaluate"}), 2, {"operand is required", "lathe evaluate --help"}));
  EXPECT_TRUE(failed_with(work_->lathe({"evaluate", "other.bundle"}), 2, {"has not been evaluated"}));
}

TEST_F(Sharpness, SaysWhatIsWrong) {
  EXPECT_TRUE(failed_with(sharpness({}), 2, {"bundles is required", "lathe evaluate sharpness --help"}));
  EXPECT_TRUE(failed_with(sharpness({"nothing.bundle"}), 2, {"nothing.bundle"}));
  EXPECT_TRUE(failed_with(sharpness({"other.bundle", "--split", "tset"}), 2, {"--split", "tset"}));
  EXPECT_TRUE(
      failed_with(sharpness({"other.bundle", "--rho", "0.1,-1"}), 2, {"rho must be positive, got -1"}));
  EXPECT_TRUE(
      failed_with(sharpness({"other.bundle", "--slice", "4", "--output", "p.html"}), 2, {"slice", "odd"}));

  write_idx_data(*work_ / "moved");
  EXPECT_TRUE(succeeded(sharpness({"other.bundle", "--set", "data.source=idx:moved", "--examples", "30",
                                   "--eigenvalues", "0", "--rho", "0.1"})));
  std::string images = core::read_file(*work_ / "moved" / "train-images-idx3-ubyte");
  images.back() ^= 1;
  work_->write("moved/train-images-idx3-ubyte", images);
  EXPECT_TRUE(failed_with(sharpness({"other.bundle", "--set", "data.source=idx:moved"}), 2,
                          {"other.bundle was made from other data", "idx:moved"}));
  fs::remove(*work_ / "other.bundle" / "data.json");
  EXPECT_TRUE(failed_with(sharpness({"other.bundle"}), 2, {"other.bundle", "lathe run"}));
}

}  // namespace
}  // namespace lathe::cli::testing
