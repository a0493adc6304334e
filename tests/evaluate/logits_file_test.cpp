#include "lathe/evaluate/logits_file.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/npy.h"

namespace lathe::evaluate {
namespace {

class LogitsFileTest : public testing::Test {
 protected:
  std::filesystem::path text(const std::string& name, const std::string& content) {
    core::write_file(directory_.path() / name, content);
    return directory_.path() / name;
  }
  std::filesystem::path npy(const std::string& name, const at::Tensor& tensor) {
    data::write_npy(directory_.path() / name, tensor);
    return directory_.path() / name;
  }
  std::string message_of(const std::filesystem::path& logits,
                         const std::optional<std::filesystem::path>& labels = std::nullopt) {
    try {
      read_logits(logits, labels);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }
  void expect_message(const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  core::TemporaryDirectory directory_;
};

const at::Tensor kLogits = torch::tensor({{1.5, -2.0}, {0.25, 1e-3}, {3.0, 4.0}}, torch::kFloat64);
const at::Tensor kTargets = torch::tensor({0, 1, 1}, torch::kInt64);

TEST_F(LogitsFileTest, ReadsNpy) {
  for (auto type : {torch::kFloat32, torch::kFloat64}) {
    const LogitsFile file =
        read_logits(npy("logits.npy", kLogits.to(type)), npy("labels.npy", kTargets.to(torch::kInt32)));
    EXPECT_TRUE(file.logits.equal(kLogits.to(type)));
    EXPECT_TRUE(file.targets.equal(kTargets));
    EXPECT_TRUE(file.classes.empty());
  }
  EXPECT_FALSE(read_logits(npy("logits.npy", kLogits)).targets.defined());
}

TEST_F(LogitsFileTest, ReadsCsvWithNamesOrIndices) {
  const std::string names = "cat,label,dog\n1.5,cat,-2\n0.25,dog,1e-3\n3,dog,4\n";
  const LogitsFile file = read_logits(text("names.csv", names));
  EXPECT_EQ(file.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_TRUE(file.logits.equal(kLogits));
  EXPECT_TRUE(file.targets.equal(kTargets));
  const LogitsFile indices =
      read_logits(text("indices.csv", "cat,dog,label\n1.5,-2,0\n0.25,1e-3,1\n3,4,1\n"));
  EXPECT_TRUE(indices.targets.equal(kTargets));
  EXPECT_FALSE(read_logits(text("none.csv", "cat,dog\n1,2\n")).targets.defined());
}

TEST_F(LogitsFileTest, PrefersNamesWhereBothFit) {
  EXPECT_EQ(read_logits(text("a.csv", "1,0,label\n5,6,1\n5,6,0\n")).targets[0].item<int64_t>(), 0);
  EXPECT_EQ(read_logits(text("b.csv", "1,2,label\n5,6,1\n5,6,0\n")).targets[0].item<int64_t>(), 1);
}

TEST_F(LogitsFileTest, ReadsLabelsFromAFileOfTheirOwn) {
  const auto logits = text("logits.csv", "cat,dog\n1.5,-2\n0.25,1e-3\n3,4\n");
  const auto labels = text("labels.csv", "id,label\n7,cat\n8,dog\n9,dog\n");
  EXPECT_TRUE(read_logits(logits, labels).targets.equal(kTargets));
  EXPECT_TRUE(
      read_logits(npy("logits.npy", kLogits), text("i.csv", "label\n0\n1\n1\n")).targets.equal(kTargets));
}

TEST_F(LogitsFileTest, SaysWhatIsWrongAndWhere) {
  expect_message(message_of(text("a.txt", "")), "must end in .npy or .csv");
  expect_message(message_of(text("a.csv", "cat,dog\n1,2\n1,many\n")),
                 "a.csv:3: column 'dog' must be a number, got 'many'");
  expect_message(message_of(text("a.csv", "cat,dog\n1,\n")), "got ''");
  expect_message(message_of(text("a.csv", "label\n1\n")), "at least one class");
  expect_message(message_of(text("a.csv", "cat,dog,label\n1,2,cat\n1,2,cow\n")),
                 "a.csv:2: label 'cat' must be");
  expect_message(message_of(text("a.csv", "cat,dog,label\n1,2,0\n1,2,2\n")), "it must be in [0, 1]");
  expect_message(message_of(npy("a.npy", kTargets)), "of shape [examples, classes], got Long of shape [3]");
  const auto logits = npy("a.npy", kLogits);
  expect_message(message_of(logits, npy("b.npy", kLogits)), "must hold integers of shape [examples]");
  expect_message(message_of(logits, npy("b.npy", kTargets.slice(0, 0, 2))), "2 labels for 3 rows");
  expect_message(message_of(logits, npy("b.npy", kTargets - 1)), "label 0 (counted from 0)");
  expect_message(message_of(logits, text("b.csv", "truth\n0\n")), "named 'label'");
  EXPECT_NE(message_of(directory_.path() / "missing.npy"), "");
}

}  // namespace
}  // namespace lathe::evaluate
