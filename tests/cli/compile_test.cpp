// A trained model as native code: made, looked at, run from the program, from C and from Python.
#include <torch/torch.h>

#include <fstream>

#include "lathe/data/inputs.h"
#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

// Two convolutions and a linear layer on 8×8 images.
std::string convolutional_pipeline() {
  return "name = \"bands\"\n\n[data]\nsource = \"idx:idx\"\n\n[model]\nkind = \"cnn\"\nchannels = [8, 16]\n"
         "pool_every = 1\n\n[optim]\nlr = 0.02\n\n[train]\nsteps = 40\nbatch_size = 32\n";
}

std::string graph_text(double factor) {
  return fmt::format(
      "graph \"small\"\n"
      "input %0 \"x\" : f32[2,6]\n"
      "constant %1 \"scale\" : f32[2] = {{{}, 0.5}}\n"
      "%2 = reshape(%0) {{shape = [6, 2]}} : f32[6,2]  # rows\n"
      "%3 = softmax(%2) {{axis = 0}} : f32[6,2]  # weights\n"
      "%4 = mul(%3, %1) : f32[6,2]  # scaled\n"
      "%5 \"y\" = sum(%4) {{axes = [0], keepdims = 0}} : f32[2]  # total\n"
      "output %5\n",
      factor);
}

class Compile : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    write_idx_data(*work_ / "idx");
    work_->write("bands.toml", convolutional_pipeline());
    run_ = work_->lathe({"run", "bands.toml", "--threads", "1", "--json", "--quiet"});
    work_->write("small.graph", graph_text(2.0));
    work_->write("other.graph", graph_text(3.0));
    small_ = work_->lathe({"compile", "small.graph", "--quiet"});
    data::write_npy(*work_ / "image.npy", image_of_class(1, 5).unsqueeze(0));
    data::write_npy(*work_ / "x.npy", torch::arange(12, torch::kFloat32).reshape({2, 6}) / 12);
  }
  static void TearDownTestSuite() { delete work_; }
  static Workspace* work_;
  static core::ProcessResult run_, small_;
};
Workspace* Compile::work_ = nullptr;
core::ProcessResult Compile::run_, Compile::small_;

std::map<std::string, double> metrics_of(const Json& rows, const std::string& stage) {
  std::map<std::string, double> metrics;
  for (const Json& m : rows)
    if (m.value("stage", stage) == stage) metrics[m.value("name", m.value("metric", ""))] = m.at("value");
  return metrics;
}

TEST_F(Compile, IsAStageOfThePipeline) {
  const Json run = parse_json(run_);
  EXPECT_EQ(run.at("stages").at(2).at("stage"), "compile");
  EXPECT_EQ(run.at("stages").at(2).at("state"), "done");
  for (const char* file : {"plan.bin", "params.bin", "module.so", "graph.json"})
    EXPECT_TRUE(fs::exists(*work_ / "bands.bundle" / "compiled" / file)) << file;
  auto metrics =
      metrics_of(Json::parse(core::read_file(*work_ / "bands.bundle" / "metrics.json")), "compile");
  for (const char* name :
       {"compile_time", "compiled_latency", "libtorch_latency", "speedup", "arena_bytes", "num_kernels"})
    EXPECT_GT(metrics[name], 0) << name;
  EXPECT_LE(metrics["compiled_max_error"], 1e-4);
  EXPECT_LE(metrics["arena_lower_bound"], metrics["arena_bytes"]);
  EXPECT_NEAR(metrics["speedup"], metrics["libtorch_latency"] / metrics["compiled_latency"], 1e-6);
  const std::string page = core::read_file(*work_ / "bands.bundle" / "report.html");
  for (const char* text : {"Compiled", "Latency of one example", "slowest operations"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

TEST_F(Compile, CanBeTurnedOff) {
  const Json run = parse_json(work_->lathe({"run", "bands.toml", "--bundle", "off.bundle", "--threads", "1",
                                            "--json", "--quiet", "--set", "compile.enabled=false"}));
  EXPECT_EQ(run.at("stages").at(2).at("state"), "skipped");
  EXPECT_FALSE(fs::exists(*work_ / "off.bundle" / "compiled"));
  EXPECT_TRUE(failed_with(work_->lathe({"predict", "off.bundle", "image.npy", "--compiled"}), 2,
                          {"off.bundle has no compiled/", "lathe compile off.bundle"}));
  // By hand, then: the bundle has what the stage would have made.
  const Json metrics = parse_json(work_->lathe({"compile", "off.bundle", "--opt", "2", "--json", "--quiet"}));
  EXPECT_LE(metrics_of(metrics.at("metrics"), "").at("compiled_max_error"), 1e-4);
  EXPECT_TRUE(fs::exists(*work_ / "off.bundle" / "stages" / "compile.json"));
}

// The run goes on without it, and says why.
TEST_F(Compile, SkipsAModelThatItCannotRead) {
  work_->write("make.py",
               "import torch\n"
               "class Net(torch.nn.Module):\n"
               "    def __init__(self):\n"
               "        super().__init__()\n"
               "        self.last = torch.nn.Linear(64, 3)\n"
               "    def forward(self, x):\n"
               "        return self.last(torch.lgamma(x.flatten(1) + 1))\n"
               "torch.jit.script(Net()).save('waves.pt')\n");
  ASSERT_TRUE(succeeded(work_->shell("/usr/bin/python3 make.py")));
  const auto result = work_->lathe({"run", "bands.toml", "--bundle", "waves.bundle", "--threads", "1",
                                    "--json", "--set", "model={kind = 'torchscript', path = 'waves.pt'}"});
  EXPECT_EQ(parse_json(result).at("stages").at(2).at("state"), "skipped");
  const size_t line = result.errors.find("compile: skipped: ");
  ASSERT_NE(line, std::string::npos) << result.errors;
  EXPECT_NE(result.errors.find("lgamma", line), std::string::npos) << result.errors;
  EXPECT_NE(core::read_file(*work_ / "waves.bundle" / "report.html").find("Not compiled"), std::string::npos);
}

TEST_F(Compile, PredictsAsTheModelDoes) {
  torch::Tensor images = torch::empty({20, 8, 8}, torch::kUInt8);
  for (int64_t i = 0; i < 20; ++i) images[i] = image_of_class(i % 3, static_cast<uint64_t>(1000 + i))[0];
  data::write_npy(*work_ / "images.npy", images);
  const Json model = parse_json(work_->lathe({"predict", "bands.bundle", "images.npy", "--json"}));
  const Json compiled =
      parse_json(work_->lathe({"predict", "bands.bundle", "images.npy", "--json", "--compiled"}));
  ASSERT_EQ(compiled.size(), 20u);
  for (size_t i = 0; i < compiled.size(); ++i) {
    EXPECT_EQ(compiled[i].at("input"), model[i].at("input"));
    EXPECT_EQ(compiled[i].at("label"), model[i].at("label"));
    for (const auto& [label, probability] : model[i].at("probabilities").items())
      EXPECT_NEAR(compiled[i].at("probabilities").at(label).get<double>(), probability.get<double>(), 1e-4);
  }
}

TEST_F(Compile, ProcessesWriteEqualFiles) {
  for (const char* directory : {"first", "second"})
    ASSERT_TRUE(
        succeeded(work_->lathe({"compile", "bands.bundle", "-o", directory, "--no-cache", "--quiet"})));
  EXPECT_EQ(differences(contents(*work_ / "first"), contents(*work_ / "second")), std::vector<std::string>{});
}

TEST_F(Compile, TakesKernelsOfOtherLibrariesWhereAsked) {
  EXPECT_TRUE(failed_with(work_->lathe({"compile", "bands.bundle", "--externals", "some"}), 2,
                          {"--externals", "some"}));
  const auto always =
      work_->lathe({"compile", "bands.bundle", "-o", "always", "--externals", "always", "--json", "--quiet"});
  if (always.exit_code == 2 && always.errors.find("libdnnl-dev") != std::string::npos)
    GTEST_SKIP() << "this build has no oneDNN (libdnnl-dev)";
  EXPECT_GE(parse_json(always).at("external_operations").get<int>(), 2);
  const auto explained = work_->lathe({"compile", "explain", "always"});
  EXPECT_NE(explained.output.find("oneDNN"), std::string::npos) << explained.output;
  const Json none = parse_json(work_->lathe(
      {"compile", "bands.bundle", "-o", "none", "--externals", "none", "--measure", "--json", "--quiet"}));
  EXPECT_EQ(none.at("external_operations"), 0);
}

TEST_F(Compile, ExplainsAndTimes) {
  const Json explained = parse_json(work_->lathe({"compile", "explain", "bands.bundle", "--json"}));
  EXPECT_GE(explained.at("operations").size(), 3u);
  bool convolution = false;
  for (const Json& row : explained.at("operations")) {
    EXPECT_NE(row.at("operation"), "");
    convolution = convolution || row.at("MFLOP").get<double>() > 0.02;
  }
  EXPECT_TRUE(convolution) << explained;
  const Json benched = parse_json(work_->lathe({"compile", "bench", "bands.bundle", "--json"}));
  EXPECT_EQ(benched.at("operations").size(), explained.at("operations").size());
  double share = 0;
  for (const Json& row : benched.at("operations")) share += row.at("%").get<double>();
  EXPECT_NEAR(share, 100, 1e-6);
  EXPECT_LE(benched.at("latency").at(0).at("fastest ms"), benched.at("latency").at(0).at("median ms"));

  const auto passes = work_->lathe({"compile", "explain", "small.graph", "--passes"});
  ASSERT_TRUE(succeeded(passes));
  for (const char* text : {"== as read", "softmax", "== choose_layouts", "== fuse"})
    EXPECT_NE(passes.output.find(text), std::string::npos) << passes.output;
}

TEST_F(Compile, RunsOnArrays) {
  ASSERT_TRUE(succeeded(small_));
  ASSERT_TRUE(
      succeeded(work_->lathe({"compile", "run", "small.compiled", "--input", "x=x.npy", "-o", "y.npy"})));
  const torch::Tensor y = data::read_npy(*work_ / "y.npy");
  EXPECT_TRUE(torch::allclose(y, torch::tensor({2.0f, 0.5f}), 1e-5)) << y;
}

// What was compiled is the model, and where it is another's, the first operation that differs is named.
TEST_F(Compile, VerifiesLayerByLayer) {
  EXPECT_TRUE(succeeded(work_->lathe({"compile", "verify", "bands.bundle", "bands.bundle/compiled"})));
  // Without fusion every operator is an operation of its own.
  ASSERT_TRUE(
      succeeded(work_->lathe({"compile", "small.graph", "-o", "plain.compiled", "--opt", "0", "--quiet"})));
  const auto other = work_->lathe({"compile", "verify", "other.graph", "plain.compiled"});
  EXPECT_TRUE(failed_with(other, 1, {"diverges first at scaled"}));
  EXPECT_NE(other.output.find("first, reference"), std::string::npos) << other.output;
}

TEST_F(Compile, IsCalledFromCAndPython) {
  const auto libraries =
      work_->shell("ldd " LATHE_BINARY_DIR "/bin/example_run_compiled bands.bundle/compiled/module.so");
  EXPECT_NE(libraries.output.find("libc.so"), std::string::npos) << libraries.output;
  for (const char* name : {"libtorch", "libHalide", "libdnnl", "libc10"})
    EXPECT_EQ(libraries.output.find(name), std::string::npos) << libraries.output;
  if (libraries.output.find("asan") == std::string::npos)
    EXPECT_EQ(libraries.output.find("libstdc++"), std::string::npos) << libraries.output;
  const auto c = work_->shell("example_run_compiled small.compiled x.npy");
  ASSERT_TRUE(succeeded(c));
  EXPECT_EQ(c.output, "y: 2 0.5\n");
  EXPECT_EQ(work_->shell("example_run_compiled bands.bundle image.npy").exit_code, 1);

  if (work_->shell("/usr/bin/python3 -c 'import numpy'").exit_code != 0)
    GTEST_SKIP() << "python3-numpy is not installed";
  const std::string python = "/usr/bin/python3 " LATHE_SOURCE_DIR
                             "/examples/run_compiled.py " LATHE_BINARY_DIR "/liblathe_runtime.so ";
  const auto result = work_->shell(python + "small.compiled x.npy");
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(result.output, "y: 2 0.5\n");
  const auto wrong = work_->shell(python + "small.compiled image.npy");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_NE(wrong.errors.find("x must be float32 (2, 6), got uint8 (1, 1, 8, 8)"), std::string::npos)
      << wrong.errors;
}

// Kernels of the first are used by the second; what is damaged is made again.
TEST_F(Compile, KeepsKernels) {
  const auto compiled = [&](const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"compile", "other.graph", "-o",     name,
                                          "--opt",   "0",           "--json", "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return parse_json(work_->lathe(arguments)).at("found_kernels").get<int>();
  };
  parse_json(work_->lathe({"compile", "cache", "--clear", "--json"}));
  EXPECT_EQ(compiled("first"), 0);
  const Json cache = parse_json(work_->lathe({"compile", "cache", "--json"})).at("cache").at(0);
  EXPECT_EQ(cache.at("directory").get<fs::path>(), *work_ / "cache" / "lathe" / "kernels");
  const int kernels = cache.at("kernels");
  EXPECT_GE(kernels, 3);
  EXPECT_EQ(compiled("second"), kernels);
  EXPECT_EQ(differences(contents(*work_ / "first"), contents(*work_ / "second")), std::vector<std::string>());
  EXPECT_EQ(compiled("none", {"--no-cache"}), 0);

  int damaged = 0;
  for (const auto& entry : fs::directory_iterator(cache.at("directory").get<std::string>())) {
    std::string bytes = core::read_file(entry.path());
    if (damaged == 0) bytes.clear();
    if (damaged == 1) bytes.resize(bytes.size() / 2);
    if (damaged == 2) bytes[bytes.size() / 2] ^= 1;
    std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << bytes;
    if (++damaged == 3) break;
  }
  EXPECT_EQ(compiled("third"), kernels - 3);
  EXPECT_EQ(differences(contents(*work_ / "first"), contents(*work_ / "third")), std::vector<std::string>());
}

// The kernels are there all the same, and a pipeline goes on.
TEST_F(Compile, SaysThatThereIsNoLinker) {
  core::ProcessOptions command = work_->command({"compile", "small.graph", "-o", "unlinked", "--quiet"});
  command.environment["PATH"] = "/nowhere";
  EXPECT_TRUE(
      failed_with(core::run_process(command), 2, {"no linker: install lld or binutils", "unlinked.objects"}));
  EXPECT_FALSE(fs::exists(*work_ / "unlinked"));
  int objects = 0;
  for (const auto& entry : fs::directory_iterator(*work_ / "unlinked.objects")) {
    EXPECT_EQ(core::read_file(entry.path()).substr(1, 3), "ELF");
    ++objects;
  }
  EXPECT_GE(objects, 1);
  EXPECT_EQ(
      core::run_process(work_->command({"compile", "small.graph", "-o", "unlinked", "--quiet"})).exit_code,
      0);
  EXPECT_FALSE(fs::exists(*work_ / "unlinked.objects")) << "a later compile that links removes them";

  command = work_->command({"run", "bands.toml", "--bundle", "unlinked.bundle", "--threads", "1", "--json"});
  command.environment["PATH"] = "/nowhere";
  const auto run = core::run_process(command);
  EXPECT_EQ(parse_json(run).at("stages").at(2).at("state"), "skipped");
  EXPECT_NE(run.errors.find("compile: skipped: no linker: install lld or binutils"), std::string::npos)
      << run.errors;
  command = work_->command({"compile", "unlinked.bundle", "--quiet"});
  command.environment["PATH"] = "";
  EXPECT_TRUE(failed_with(core::run_process(command), 2, {"no linker: install lld or binutils"}));
  // Installed meanwhile: the next run finds it.
  const auto again = parse_json(work_->lathe(
      {"run", "bands.toml", "--bundle", "unlinked.bundle", "--threads", "1", "--json", "--quiet"}));
  EXPECT_EQ(again.at("stages").at(2).at("state"), "done");
  EXPECT_TRUE(fs::exists(*work_ / "unlinked.bundle" / "compiled" / "module.so"));
}

// The pages that say how they were written are what the program writes.
TEST_F(Compile, WritesThePages) {
  const auto page = [&](std::vector<std::string> arguments, const std::string& name) {
    arguments.insert(arguments.end(), {"--output", "docs/" + name});
    ASSERT_TRUE(succeeded(work_->lathe(arguments)));
    EXPECT_EQ(core::read_file(*work_ / "docs" / name),
              core::read_file(fs::path(LATHE_SOURCE_DIR) / "docs" / name))
        << name << " is stale; the page says what writes it";
  };
  fs::create_directory(*work_ / "docs");
  fs::create_directory_symlink(LATHE_SOURCE_DIR "/examples", *work_ / "examples");
  page({"compile", "explain", "examples/residual.graph", "--passes", "--check-passes", "--target",
        "x86-64-avx2"},
       "compile-passes.md");
  if (parse_json(work_->lathe({"compile", "operators", "--json"})).at("onnx").empty())
    GTEST_SKIP() << "built without ONNX (libonnx-dev)";
  page({"compile", "operators", "--conformance"}, "operators.md");
}

TEST_F(Compile, ListsOperators) {
  const Json operators = parse_json(work_->lathe({"compile", "operators", "--json"}));
  EXPECT_GE(operators.at("operators").size(), 70u);
}

TEST_F(Compile, SaysWhatIsWrong) {
  const auto lathe = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "compile");
    return work_->lathe(arguments);
  };
  work_->write("kept/precious.txt", "");
  work_->write("broken.graph",
               "graph \"x\"\ninput %0 \"x\" : f32[2]\n%1 = frobnicate(%0) : f32[2]\noutput %1\n");
  work_->write("broken.pt", "not an archive");
  data::write_npy(*work_ / "wide.npy", torch::zeros({2, 7}));
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> mistakes = {
      {{}, {"model is required", "lathe compile --help"}},
      {{"bands.toml"}, {"bands.toml is no model"}},
      {{"kept"}, {"kept is not a bundle"}},
      {{"small.graph", "--target", "pentium"}, {"unknown target 'pentium'", "x86-64-avx2"}},
      {{"small.graph", "-o", "kept"}, {"kept exists and is not a compiled directory"}},
      {{"broken.graph"}, {"broken.graph", "line 3"}},
      {{"broken.pt"}, {"broken.pt"}},
      {{"bands.bundle/model.pt", "--input", "f33:1,3"}, {"f33"}},
      {{"run", "small.compiled", "--input", "wide.npy"}, {"input x must be f32[2,6], got f32[2,7]"}},
      {{"run", "small.compiled", "--input", "z=x.npy"}, {"no input z", "x"}},
      {{"run", "small.compiled", "--input", "x.npy", "-o", "a.npy", "-o", "b.npy"}, {"1 outputs", "2 files"}},
      {{"bench", "nowhere"}, {"nowhere is not a compiled directory"}},
      {{"explain", "small.graph", "--output", "page.md"}, {"--passes"}},
      {{"operators", "--output", "page.md"}, {"--conformance"}},
      {{"operators", "--conformance", "nowhere"}, {"nowhere: no such folder", "libonnx-testdata"}},
  };
  for (const auto& [arguments, parts] : mistakes)
    EXPECT_TRUE(failed_with(lathe(arguments), 2, parts)) << fmt::format("{}", fmt::join(arguments, " "));
  EXPECT_TRUE(fs::exists(*work_ / "kept" / "precious.txt"));
  EXPECT_TRUE(failed_with(work_->lathe({"run", "bands.toml", "--set", "compile.target=pentium"}), 2,
                          {"compile.target", "pentium"}));
}

TEST_F(Compile, RefusesDamage) {
  for (const char* file : {"plan.bin", "params.bin", "module.so", "graph.json"}) {
    fs::remove_all(*work_ / "damaged.bundle");
    fs::copy(*work_ / "bands.bundle", *work_ / "damaged.bundle", fs::copy_options::recursive);
    const fs::path path = *work_ / "damaged.bundle" / "compiled" / file;
    const std::string bytes = core::read_file(path);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes.substr(0, bytes.size() / 2);
    const std::vector<std::string> predict = {"predict", "damaged.bundle", "image.npy", "--compiled"},
                                   bench = {"compile", "bench", "damaged.bundle"};
    EXPECT_TRUE(failed_with(work_->lathe(file == std::string("graph.json") ? bench : predict), 2,
                            {"damaged", "compile the model again"}))
        << file;
  }
}

}  // namespace
}  // namespace lathe::cli::testing
