// What goes wrong, goes wrong in one line, and leaves the bundle as it was.
#include <torch/torch.h>
#include <unistd.h>

#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"
#include "tests/support/gzip.h"

namespace lathe::cli::testing {
namespace {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using testing_support::gzip;

// Scripts that mount exit with 77 where that is not permitted; unshare says its own name.
bool no_mount(const core::ProcessResult& result) {
  return result.exit_code == 77 || result.errors.rfind("unshare", 0) == 0;
}

class BadInput : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    write_idx_data(*work_ / "good");
    work_->write("p.toml", pipeline_text("p", "idx:idx"));
    ASSERT_TRUE(succeeded(work_->lathe({"run", "p.toml", "--threads", "1", "--quiet"})));
    bundle_ = contents(*work_ / "p.bundle");
  }
  static void TearDownTestSuite() { delete work_; }

  void TearDown() override {
    EXPECT_EQ(differences(bundle_, contents(*work_ / "p.bundle")), std::vector<std::string>());
    for (const auto& entry : fs::directory_iterator(*work_ / "good"))
      fs::copy_file(entry.path(), *work_ / "idx" / entry.path().filename(),
                    fs::copy_options::overwrite_existing);
    fs::remove(*work_ / "idx" / "train-images-idx3-ubyte.gz");
  }

  static AssertionResult run_fails(int exit_code, const std::vector<std::string>& parts,
                                   const std::vector<std::string>& arguments = {"p.toml"}) {
    std::vector<std::string> all = {"run", "--threads", "1", "--quiet"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return failed_with(work_->lathe(all), exit_code, parts);
  }

  static std::string images() { return core::read_file(*work_ / "good" / "train-images-idx3-ubyte"); }
  static void replace_images(const std::string& name, const std::string& bytes) {
    fs::remove(*work_ / "idx" / "train-images-idx3-ubyte");
    work_->write("idx/" + name, bytes);
  }

  // A copy of the bundle with one of its files damaged.
  static void damage_copy(const std::string& name, const std::string& bytes) {
    fs::remove_all(*work_ / "copy.bundle");
    fs::copy(*work_ / "p.bundle", *work_ / "copy.bundle", fs::copy_options::recursive);
    work_->write("copy.bundle/" + name, bytes);
  }

  static Workspace* work_;
  static std::map<std::string, std::string> bundle_;
};
Workspace* BadInput::work_ = nullptr;
std::map<std::string, std::string> BadInput::bundle_;

TEST_F(BadInput, TruncatedGzip) {
  const std::string packed = gzip(images());
  replace_images("train-images-idx3-ubyte.gz", packed.substr(0, packed.size() / 2));
  EXPECT_TRUE(run_fails(2, {"train-images-idx3-ubyte.gz"}));
}

TEST_F(BadInput, FlippedBitInGzip) {
  std::string packed = gzip(images());
  packed[packed.size() / 2] ^= 0x10;
  replace_images("train-images-idx3-ubyte.gz", packed);
  EXPECT_TRUE(run_fails(2, {"train-images-idx3-ubyte.gz"}));
}

TEST_F(BadInput, TruncatedIdx) {
  const std::string bytes = images();
  replace_images("train-images-idx3-ubyte", bytes.substr(0, bytes.size() - 100));
  EXPECT_TRUE(run_fails(2, {"train-images-idx3-ubyte"}));
}

TEST_F(BadInput, LabelOfTestSetThatTrainingSetHasNot) {
  std::string labels = core::read_file(*work_ / "good" / "t10k-labels-idx1-ubyte");
  labels.back() = '\xf0';
  work_->write("idx/t10k-labels-idx1-ubyte", labels);
  EXPECT_TRUE(run_fails(2, {"t10k-labels-idx1-ubyte", "240"}));
}

TEST_F(BadInput, RaggedRow) {
  work_->write("ragged.csv", table_text() + "1.0,2.0,red\n");
  EXPECT_TRUE(
      run_fails(2, {"ragged.csv:152"}, {"p.toml", "--set", "data.source=\"csv:ragged.csv?target=species\""}));
  EXPECT_TRUE(failed_with(work_->lathe({"init", "--csv", "ragged.csv", "--target", "species"}), 2,
                          {"ragged.csv:152"}));
}

TEST_F(BadInput, CorruptPicture) {
  write_image_folders(*work_ / "photos");
  std::string png = core::read_file(*work_ / "photos" / "low" / "4.png");
  png.resize(png.size() / 2);
  work_->write("photos/low/4.png", png);
  EXPECT_TRUE(run_fails(2, {"photos/low/4.png"}, {"p.toml", "--set", "data.source=\"images:photos\""}));
  work_->write("photos.toml", pipeline_text("photos", "images:photos"));
  const auto check = parse_json(work_->lathe({"data", "check", "photos.toml", "--json"}));
  EXPECT_NE(check.at("warnings").dump().find("photos/low/4.png"), std::string::npos) << check.at("warnings");
}

TEST_F(BadInput, Typo) {
  work_->write("typo.toml", pipeline_text("p", "idx:idx") + "epoch = 3\n");
  EXPECT_TRUE(run_fails(2, {"train.epoch", "train.epochs", "typo.toml:17"}, {"typo.toml"}));
  work_->write("model.toml", "[model]\nkind = \"mlp\"\nhiden = [3]\n[data]\nsource = \"idx:idx\"\n");
  EXPECT_TRUE(run_fails(2, {"model.hiden", "model.hidden", "model.toml:3"}, {"model.toml"}));
}

TEST_F(BadInput, WrongType) {
  EXPECT_TRUE(
      run_fails(2, {"train.batch_size", "at least 1", "-3"}, {"p.toml", "--set", "train.batch_size=-3"}));
  EXPECT_TRUE(run_fails(2, {"optim.lr", "number", "fast"}, {"p.toml", "--set", "optim.lr=\"fast\""}));
}

TEST_F(BadInput, BrokenToml) {
  work_->write("broken.toml", "name = \"p\"\n[data\n");
  EXPECT_TRUE(run_fails(2, {"broken.toml:2"}, {"broken.toml"}));
  EXPECT_TRUE(run_fails(2, {"nowhere.toml"}, {"nowhere.toml"}));
}

TEST_F(BadInput, MissingSource) {
  EXPECT_TRUE(run_fails(2, {"nowhere"}, {"p.toml", "--set", "data.source=\"idx:nowhere\""}));
  EXPECT_TRUE(run_fails(2, {"empty"}, {"p.toml", "--set", "data.source=\"fashion-mnist:empty\""}));
  EXPECT_TRUE(run_fails(2, {"fashon-mnist"}, {"p.toml", "--set", "data.source=\"fashon-mnist\""}));
}

TEST_F(BadInput, MissingPackages) {
  const auto result = work_->shell(
      "exec unshare $([ $(id -u) = 0 ] || echo --map-root-user) --mount bash -c '\n"
      "mkdir -p /usr/share/datasets && mount -t tmpfs none /usr/share/datasets || exit 77\n"
      "lathe run p.toml --bundle p.bundle --set data.source=fashion-mnist'");
  if (no_mount(result)) GTEST_SKIP() << "no tmpfs can be mounted here: " << result.errors;
  EXPECT_TRUE(failed_with(result, 2, {"dataset-fashion-mnist"}));
}

TEST_F(BadInput, RunStoreThatCannotBe) {
  work_->write("home-file", "");
  EXPECT_TRUE(
      failed_with(work_->shell("LATHE_HOME=home-file lathe run p.toml --bundle p.bundle"), 2, {"home-file"}));
}

TEST_F(BadInput, DeviceThatIsNotThere) {
  EXPECT_TRUE(run_fails(2, {"--device", "warp"}, {"p.toml", "--device", "warp"}));
}

TEST_F(BadInput, InputsThatTheModelCannotTake) {
  data::write_npy(*work_ / "nan.npy", torch::full({2, 8, 8}, std::nan("")));
  EXPECT_TRUE(failed_with(work_->lathe({"predict", "p.bundle", "nan.npy"}), 2, {"nan.npy"}));
  data::write_npy(*work_ / "wide.npy", torch::zeros({2, 8, 9}, torch::kUInt8));
  EXPECT_TRUE(failed_with(work_->lathe({"predict", "p.bundle", "wide.npy"}), 2, {"wide.npy"}));
  work_->write("text.png", "not a picture");
  EXPECT_TRUE(failed_with(work_->lathe({"predict", "p.bundle", "text.png"}), 2, {"text.png"}));
  data::write_npy(*work_ / "nan_logits.npy", torch::full({2, 3}, std::nan("")));
  data::write_npy(*work_ / "two_labels.npy", torch::zeros({2}, torch::kInt64));
  EXPECT_TRUE(
      failed_with(work_->lathe({"evaluate", "nan_logits.npy", "--labels", "two_labels.npy"}), 2, {"row 0"}));
}

TEST_F(BadInput, NoBundle) {
  fs::create_directories(*work_ / "empty");
  EXPECT_TRUE(
      failed_with(work_->lathe({"predict", "empty", "x.png"}), 2, {"empty is not a bundle", "lathe run"}));
  EXPECT_TRUE(failed_with(work_->lathe({"report", "nowhere.bundle"}), 2, {"nowhere.bundle is not a bundle"}));
  work_->write("file.bundle", "a file");
  const auto result = work_->lathe({"run", "p.toml", "--bundle", "file.bundle"});
  EXPECT_TRUE(failed_with(result, 1, {"file.bundle"}) || failed_with(result, 2, {"file.bundle"}))
      << result.errors;
  EXPECT_EQ(core::read_file(*work_ / "file.bundle"), "a file");
}

TEST_F(BadInput, DamagedModel) {
  std::string model = bundle_.at("model.pt");
  damage_copy("model.pt", model.substr(0, model.size() / 2));
  const auto damaged = contents(*work_ / "copy.bundle");
  EXPECT_TRUE(failed_with(work_->lathe({"predict", "copy.bundle", "text.png"}), 2, {"copy.bundle/model.pt"}));
  EXPECT_TRUE(run_fails(2, {"copy.bundle/model.pt"},
                        {"p.toml", "--bundle", "copy.bundle", "--set", "evaluate.top_k=2"}));
  EXPECT_EQ(differences(damaged, contents(*work_ / "copy.bundle")), std::vector<std::string>());
}

TEST_F(BadInput, DamagedStageReport) {
  for (const char* bytes : {"{\"stage\": \"tra", "{}"}) {
    damage_copy("stages/train.json", bytes);
    const auto damaged = contents(*work_ / "copy.bundle");
    EXPECT_TRUE(
        run_fails(2, {"copy.bundle/stages/train.json is damaged"}, {"p.toml", "--bundle", "copy.bundle"}))
        << bytes;
    EXPECT_EQ(differences(damaged, contents(*work_ / "copy.bundle")), std::vector<std::string>()) << bytes;
  }
}

TEST_F(BadInput, StandardOutputThatIsFull) {
  const auto result = work_->shell("lathe evaluate p.bundle --json > /dev/full");
  EXPECT_TRUE(failed_with(result, 1, {"standard output", "No space left on device"}));
}

// Two at once: the second one says so and touches nothing.
TEST_F(BadInput, BundleInUse) {
  const auto other = work_->command(
      {"train", "p.toml", "--bundle", "busy.bundle", "--quiet", "--set", "train.steps=1000000"});
  core::Process process(other);
  for (int i = 0; i < 1000 && !fs::exists(*work_ / "busy.bundle" / "pipeline.toml"); ++i) usleep(10000);
  ASSERT_TRUE(process.running());
  const auto before = contents(*work_ / "busy.bundle");
  EXPECT_TRUE(run_fails(2, {"busy.bundle is in use"}, {"p.toml", "--bundle", "busy.bundle"}));
  EXPECT_EQ(differences(before, contents(*work_ / "busy.bundle")), std::vector<std::string>());
}

// `prepare` runs with a fresh file system of the size at "small", which then holds the bundle; `lathe run`
// changes its evaluation; what the file system holds afterwards is copied to "after".
core::ProcessResult run_on_small_disk(const Workspace& work, const std::string& size,
                                      const std::string& prepare) {
  fs::create_directories(work / "small");
  fs::remove_all(work / "after");
  return work.shell(
      "exec unshare $([ $(id -u) = 0 ] || echo --map-root-user) --mount bash -c '\n"
      "mount -t tmpfs -o size=" +
      size + " none small && cp -a p.bundle small/ || exit 77\n" + prepare +
      "\nlathe run p.toml --threads 1 --quiet --bundle small/p.bundle --set evaluate.top_k=2 --set "
      "data.holdout=0.2\n"
      "code=$?\n"
      "cp -a small/p.bundle after\n"
      "exit $code'");
}

TEST_F(BadInput, FullDisk) {
  const auto result = run_on_small_disk(*work_, "2m", "head -c 4m /dev/zero > small/filler 2>/dev/null");
  if (no_mount(result)) GTEST_SKIP() << "no tmpfs can be mounted here: " << result.errors;
  EXPECT_TRUE(failed_with(result, 1, {"No space left on device"}));
  EXPECT_EQ(differences(bundle_, contents(*work_ / "after")), std::vector<std::string>());
}

TEST_F(BadInput, DiskThatFillsUp) {
  // Room for some of what is written, not for all of it.
  for (const char* room : {"8k", "64k", "300k"}) {
    const auto result = run_on_small_disk(*work_, "3m",
                                          "head -c 4m /dev/zero > small/filler 2>/dev/null; truncate -s -" +
                                              std::string(room) + " small/filler");
    if (no_mount(result)) GTEST_SKIP() << "no tmpfs can be mounted here: " << result.errors;
    EXPECT_TRUE(failed_with(result, 1, {"No space left on device"})) << room;
    // Stages that ended are kept, whole; the others are as they were.
    for (const auto& entry : fs::directory_iterator(*work_ / "after"))
      EXPECT_TRUE(entry.path().filename() == ".lock" || entry.path().filename().string()[0] != '.')
          << entry.path();
    fs::remove_all(*work_ / "grown.bundle");
    fs::copy(*work_ / "after", *work_ / "grown.bundle", fs::copy_options::recursive);
    EXPECT_TRUE(succeeded(work_->lathe({"evaluate", "grown.bundle"})));
  }
}

TEST_F(BadInput, ReadOnlyBundle) {
  const auto result = run_on_small_disk(*work_, "4m", "mount -o remount,bind,ro small || exit 77");
  if (no_mount(result)) GTEST_SKIP() << "no tmpfs can be mounted here: " << result.errors;
  const bool one_line =
      failed_with(result, 1, {"Read-only file system"}) || failed_with(result, 2, {"Read-only file system"});
  EXPECT_TRUE(one_line) << result.exit_code << result.errors;
  EXPECT_EQ(differences(bundle_, contents(*work_ / "after")), std::vector<std::string>());
}

}  // namespace
}  // namespace lathe::cli::testing
