// Models with layers in bytes: from a bundle with its own examples, and from a file with examples that are
// given.
#include <torch/torch.h>

#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

constexpr const char* kPerceptron =
    "graph \"perceptron\"\n"
    "input %0 \"x\" : f32[1,4]\n"
    "constant %1 \"w\" : f32[2,4] = {0.5, -1, 0.25, 2, -0.5, 1, 1.5, -2}\n"
    "%2 \"y\" = linear(%0, %1) : f32[1,2]  # head\n"
    "output %2\n";

TEST(QuantizedModel, FromABundle) {
  Workspace work;
  write_idx_data(work / "idx");
  work.write("bands.toml",
             "name = \"bands\"\n[data]\nsource = \"idx:idx\"\n[model]\nkind = \"cnn\"\nchannels = [8, 16]\n"
             "pool_every = 1\n[optim]\nlr = 0.02\n[train]\nsteps = 60\nbatch_size = 32\n"
             "[compile]\nquantize = \"int8\"\ncalibration_examples = 32\n");
  const auto run = work.lathe({"run", "bands.toml", "--threads", "1", "--quiet"});
  ASSERT_EQ(run.exit_code, 0) << run.output;
  const Json report = Json::parse(core::read_file(work / "bands.bundle" / "stages" / "compile.json"));
  const Json& int8 = report.at("details").at("int8");
  EXPECT_GT(int8.at("share").get<double>(), 0.5);
  EXPECT_LE(int8.at("loss").get<double>(), 0.01);
  EXPECT_EQ(int8.at("layers").size(), 2u);  // the first convolution has one channel
  const auto again = work.lathe({"compile", "bands.bundle", "--quantize", "none", "--quiet"});
  ASSERT_EQ(again.exit_code, 0) << again.output;
  EXPECT_FALSE(Json::parse(core::read_file(work / "bands.bundle" / "stages" / "compile.json"))
                   .at("details")
                   .contains("int8"));
}

TEST(QuantizedModel, FromAFileWithExamples) {
  Workspace work;
  work.write("perceptron.graph", kPerceptron);
  torch::manual_seed(1);
  data::write_npy(work / "examples.npy", torch::randn({64, 4}));
  const auto made = work.lathe({"compile", "perceptron.graph", "--quantize", "int8", "--calibrate",
                                "examples.npy", "--max-loss", "0.1", "--quiet"});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  EXPECT_NE(made.output.find("1 of 1 layers in bytes, 100.0 % of the multiply-adds"), std::string::npos)
      << made.output;
  data::write_npy(work / "x.npy", torch::tensor({{0.5f, -0.25f, 1.f, 0.125f}}));
  const auto run = work.lathe({"compile", "run", "perceptron.compiled", "--input", "x.npy", "-o", "y.npy"});
  ASSERT_EQ(run.exit_code, 0) << run.output;
  const torch::Tensor y = data::read_npy(work / "y.npy");
  EXPECT_NEAR(y[0][0].item<float>(), 1.0, 0.05);
  EXPECT_NEAR(y[0][1].item<float>(), 0.75, 0.05);

  const auto refused = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"compile", "perceptron.graph", "--quantize", "int8"});
    const auto result = work.lathe(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    return result.errors;
  };
  EXPECT_NE(refused({}).find("wants a --calibrate FILE.npy for each of the 1 inputs"), std::string::npos);
  data::write_npy(work / "wide.npy", torch::randn({64, 5}));
  EXPECT_NE(refused({"--calibrate", "wide.npy"}).find("holds 64×5, the input x wants f32[1,4]"),
            std::string::npos);
  data::write_npy(work / "constant.npy", torch::full({64, 4}, 2.f));
  EXPECT_NE(refused({"--calibrate", "constant.npy"}).find("are 2 throughout"), std::string::npos);
}

}  // namespace
}  // namespace lathe::cli::testing
