// The grammar of the command line: help, examples, mistakes, completion.
#include <torch/torch.h>

#include "lathe/compile/compile.h"
#include "lathe/data/inputs.h"
#include "lathe/data/npy.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

// A place where everything that the examples name is there.
void furnish(const Workspace& work) {
  write_idx_data(work / "idx");
  work.write("examples/fashion_mnist.toml", pipeline_text("fashion-mnist", "idx:idx"));
  work.write("examples/continual.toml", core::read_file(LATHE_SOURCE_DIR "/examples/continual.toml"));
  work.write("iris.csv", table_text());
  work.write("shoe.png", data::encode_png(image_of_class(0, 1)));
  work.write("bag.png", data::encode_png(image_of_class(1, 2)));
  data::write_npy(work / "logits.npy", torch::eye(3));
  data::write_npy(work / "labels.npy", torch::arange(3));
  data::write_npy(work / "x.npy", image_of_class(2, 3).unsqueeze(0));
}

std::string example(const std::string& help) {
  const std::string heading = "Example:\n  ";
  const size_t begin = help.find(heading);
  if (begin == std::string::npos) return "";
  return help.substr(begin + heading.size(),
                     help.find('\n', begin + heading.size()) - begin - heading.size());
}

class Usage : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    furnish(*work_);
  }
  static void TearDownTestSuite() { delete work_; }
  static Workspace* work_;
};
Workspace* Usage::work_ = nullptr;

// In an order in which each finds what the ones before it have made.
TEST_F(Usage, ExamplesWorkAsPrinted) {
  const std::vector<std::string> verbs = {"run",
                                          "init",
                                          "data check",
                                          "train",
                                          "compile",
                                          "compile explain",
                                          "compile verify",
                                          "compile bench",
                                          "compile run",
                                          "compile targets",
                                          "compile operators",
                                          "evaluate",
                                          "predict",
                                          "report",
                                          "runs list",
                                          "runs show",
                                          "runs compare",
                                          "study list",
                                          "study show",
                                          "study run",
                                          "study report",
                                          "doctor",
                                          "completion"};
  for (const std::string& verb : verbs) {
    if (verb.rfind("compile", 0) == 0 && !compile::has_code_generator()) continue;
    const auto help = work_->shell("lathe " + verb + " --help");
    ASSERT_TRUE(succeeded(help)) << verb;
    EXPECT_EQ(help.errors, "") << verb;
    const std::string command = example(help.output);
    EXPECT_NE(command.find("lathe " + verb), std::string::npos) << verb << ": " << help.output;
    const bool long_or_in_source_tree = verb == "study run" || verb == "study report";
    if (!long_or_in_source_tree) EXPECT_TRUE(succeeded(work_->shell(command))) << command;
  }
}

TEST_F(Usage, StudiesAreJson) {
  const auto studies = parse_json(work_->lathe({"study", "list", "--json"}));
  EXPECT_TRUE(studies.at("studies").is_array()) << studies;
}

TEST_F(Usage, DoctorChecksWhatItSays) {
  std::map<std::string, nlohmann::json> checks;
  const auto healthy = parse_json(
      work_->shell("unset LATHE_ENVIRONMENT OPENBLAS_CORETYPE OMP_WAIT_POLICY; lathe doctor --json"));
  for (const auto& row : healthy.at("checks")) checks[row.at("check")] = row;
  for (const char* check :
       {"processor", "vector sets", "processors", "load", "memory", "libtorch", "matrix kernels", "CUDA"})
    EXPECT_TRUE(checks.count(check)) << check;
  EXPECT_EQ(checks.at("run store").at("value"), (*work_ / "home" / "runs.db").string());
  EXPECT_EQ(checks.at("run store").at("hint"), "");
  EXPECT_EQ(checks.at("matrix kernels").at("hint"), "");
  EXPECT_EQ(checks.at("OMP_WAIT_POLICY").at("value"), "passive");
  EXPECT_EQ(checks.at("large blocks").at("value"), "kept by malloc");
  EXPECT_GT(std::stod(checks.at("matrix product").at("value").get<std::string>()), 1);

  work_->write("not-a-directory", "");
  const auto broken =
      parse_json(work_->shell("LATHE_HOME=not-a-directory OMP_WAIT_POLICY=active lathe doctor --json"));
  for (const auto& row : broken.at("checks"))
    if (row.at("check") == "run store" || row.at("check") == "OMP_WAIT_POLICY")
      EXPECT_NE(row.at("hint"), "") << row;
}

TEST_F(Usage, MistakesAreNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> mistakes = {
      {{}, {"lathe --help"}},
      {{"rnu"}, {"rnu", "did you mean run?"}},
      {{"run"}, {"pipeline", "lathe run --help"}},
      {{"run", "--bundel", "x"}, {"--bundel", "did you mean --bundle?"}},
      {{"runs", "lst"}, {"lst", "did you mean list?", "lathe runs --help"}},
      {{"runs"}, {"lathe runs --help"}},
      {{"runs", "show", "777"}, {"777"}},
      {{"run", "p.toml", "--threads", "0"}, {"--threads", "0"}},
      {{"init"}, {"--images", "--csv"}},
      {{"study", "show", "nothing"}, {"nothing"}},
  };
  for (const auto& [arguments, parts] : mistakes)
    EXPECT_TRUE(failed_with(work_->lathe(arguments), 2, parts))
        << fmt::format("{}", fmt::join(arguments, " "));
}

TEST_F(Usage, ShellCompletes) {
  const auto result = work_->shell(
      "eval \"$(lathe completion bash)\"\n"
      "complete_words() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _lathe; echo \" "
      "${COMPREPLY[*]} \"; }\n"
      "complete_words lathe ru\n"
      "complete_words lathe runs ''\n"
      "complete_words lathe run --\n"
      "complete_words lathe run --bundle x exam\n");
  ASSERT_TRUE(succeeded(result));
  std::istringstream lines(result.output);
  std::string verbs, methods, options, files;
  std::getline(lines, verbs);
  std::getline(lines, methods);
  std::getline(lines, options);
  std::getline(lines, files);
  EXPECT_EQ(verbs, " run runs ");
  for (const char* method : {"list", "show", "compare"})
    EXPECT_NE(methods.find(std::string(" ") + method + " "), std::string::npos) << methods;
  for (const char* option : {"--bundle", "--set", "--json", "--help"})
    EXPECT_NE(options.find(std::string(" ") + option + " "), std::string::npos) << options;
  EXPECT_EQ(files, " examples ");
}

}  // namespace
}  // namespace lathe::cli::testing
