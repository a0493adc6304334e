// Texts from a file to a bundle that is used.
#include "lathe/core/seed.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

// 600 opinions on food; a few say "not good" and the like. Some are long, one is empty, one has markup.
std::string opinions() {
  core::Random random(4);
  const auto one_of = [&](const std::vector<std::string>& words) {
    return words[static_cast<size_t>(random.below(static_cast<int64_t>(words.size())))];
  };
  std::string text = "id\topinion\tmood\n";
  for (int i = 0; i < 600; ++i) {
    const bool good = i % 2 == 0;
    const std::string word = good ? one_of({"great", "fine", "lovely"}) : one_of({"awful", "cold", "dull"});
    std::string sentence = "the " + one_of({"soup", "fish", "Café"}) + " was " + word;
    if (i % 100 == 7)
      for (int n = 0; n < 40; ++n) sentence += " and more";
    if (i == 9) sentence = "<b>cold & dull</b>";
    if (i == 11) sentence = "";
    text += std::to_string(i) + "\t" + sentence + "\t" + (good ? "happy" : "sad") + "\n";
  }
  return text;
}

double metric(const Json& run, const std::string& name, const std::string& split) {
  for (const Json& m : run.at("metrics"))
    if (m.at("metric") == name && m.at("split") == split) return m.at("value");
  ADD_FAILURE() << "no " << split << " " << name;
  return -1;
}

class Text : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    work_->write("opinions.tsv", opinions());
    init_ = work_->lathe({"init", "--text", "opinions.tsv", "--text-column", "opinion", "--target", "mood"});
    run_ = work_->lathe({"run", "pipeline.toml", "--set", "train.epochs=8", "--set", "data.length=20",
                         "--threads", "1", "--json", "--quiet"});
  }
  static void TearDownTestSuite() { delete work_; }
  static Workspace* work_;
  static core::ProcessResult init_, run_;
};
Workspace* Text::work_ = nullptr;
core::ProcessResult Text::init_, Text::run_;

TEST_F(Text, AFileBecomesABundle) {
  ASSERT_TRUE(succeeded(init_));
  EXPECT_NE(init_.output.find("600 texts, 2 classes"), std::string::npos) << init_.output;
  ASSERT_TRUE(succeeded(run_));
  EXPECT_GT(metric(parse_json(run_), "accuracy", "test"), 0.95);
  const Json data = Json::parse(core::read_file(*work_ / "opinions.bundle" / "data.json"));
  EXPECT_EQ(data.at("schema").at("fields"), Json({"opinion"}));
  EXPECT_EQ(data.at("schema").at("encoding").at("length"), 20);
  const core::ProcessResult again =
      work_->lathe({"run", "opinions.bundle/pipeline.toml", "--threads", "1", "--json", "--quiet"});
  ASSERT_TRUE(succeeded(again));
  const Json stages = parse_json(again);
  for (const Json& stage : stages.at("stages")) EXPECT_NE(stage.at("state"), "done") << stage;
}

TEST_F(Text, DataIsChecked) {
  const core::ProcessResult check = work_->lathe({"data", "check", "pipeline.toml"});
  ASSERT_TRUE(succeeded(check));
  for (const char* part :
       {"tokens of a text, longest", "distinct words", "1 of 600 training texts are empty"})
    EXPECT_NE(check.output.find(part), std::string::npos) << part << "\n" << check.output;
}

TEST_F(Text, PredictsFromTheCommandLineAndFromFiles) {
  const Json one =
      parse_json(work_->lathe({"predict", "opinions.bundle", "--text", "The café was LOVELY!", "--json"}));
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].at("label"), "happy");
  EXPECT_EQ(one[0].at("input"), "The café was LOVELY!");
  work_->write("new.txt", "the soup was awful\nthe fish was great\n");
  const Json lines = parse_json(work_->lathe({"predict", "opinions.bundle", "new.txt", "--json"}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].at("label"), "sad");
  EXPECT_EQ(lines[0].at("input"), "new.txt:1");
  EXPECT_EQ(lines[1].at("label"), "happy");
  work_->write("new.jsonl", "{\"opinion\": \"awful, cold soup\"}\n");
  EXPECT_EQ(parse_json(work_->lathe({"predict", "opinions.bundle", "new.jsonl", "--json"}))[0].at("label"),
            "sad");
}

TEST_F(Text, TheReportShowsTexts) {
  ASSERT_TRUE(succeeded(work_->lathe({"report", "opinions.bundle"})));
  const std::string html = core::read_file(*work_ / "opinions.bundle" / "report.html");
  for (const char* part :
       {"Training texts by their tokens", "texts are longer than 20 tokens and were cut", "lovely"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
  EXPECT_EQ(html.find("<b>cold"), std::string::npos);
}

TEST_F(Text, ABundleOfPairs) {
  core::Random random(5);
  const std::vector<std::string> things = {"soup", "fish", "bread", "cake"};
  std::string csv = "first,second,same\n";
  for (int i = 0; i < 400; ++i) {
    const auto a = static_cast<size_t>(random.below(4)),
               b = i % 2 == 0 ? a : (a + 1 + static_cast<size_t>(random.below(3))) % 4;
    csv += "is there " + things[a] + "?,do you have " + things[b] + "?," + (a == b ? "yes" : "no") + "\n";
  }
  work_->write("pairs.csv", csv);
  work_->write("pairs.toml", R"(name = "pairs"
[data]
source = "text:pairs.csv?text=first,second&target=same"
[model]
kind = "bag-of-words"
[optim]
kind = "adamw"
lr = 0.05
[train]
epochs = 10
batch_size = 16
)");
  const core::ProcessResult good = work_->lathe({"run", "pairs.toml", "--threads", "1", "--json", "--quiet"});
  ASSERT_TRUE(succeeded(good));
  EXPECT_GT(metric(parse_json(good), "accuracy", "test"), 0.95);
  const auto predict = [&](const std::string& first, const std::string& second) {
    return parse_json(
               work_->lathe({"predict", "pairs.bundle", "--text", first, "--text", second, "--json"}))[0]
        .at("label");
  };
  EXPECT_EQ(predict("is there cake?", "do you have cake?"), "yes");
  EXPECT_EQ(predict("is there cake?", "do you have fish?"), "no");
  EXPECT_TRUE(failed_with(work_->lathe({"predict", "pairs.bundle", "--text", "one"}), 2,
                          {"2 texts at once (first, second), got 1"}));
}

TEST_F(Text, MistakesAreNamed) {
  const auto refused = [&](const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
    return failed_with(work_->lathe(arguments), 2, parts);
  };
  EXPECT_TRUE(
      refused({"init", "--text", "opinions.tsv", "--output", "n.toml"}, {"--text wants --target COLUMN"}));
  EXPECT_TRUE(refused({"init", "--text", "opinions.tsv", "--target", "mod", "--output", "n.toml"},
                      {"did you mean 'mood'?"}));
  EXPECT_TRUE(refused({"init", "--text", "opinions.tsv", "--target", "mood", "--output", "n.toml"},
                      {"no column is named text"}));
  EXPECT_TRUE(
      refused({"run", "pipeline.toml", "--set", "model.kind=cnn"}, {"model.kind", "does not read texts"}));
  EXPECT_TRUE(refused({"run", "pipeline.toml", "--set", "train.augment.flip=true"},
                      {"train.augment", "the data is texts"}));
  EXPECT_TRUE(refused({"run", "pipeline.toml", "--set", "data.tokens=letters"}, {"data.tokens"}));
  EXPECT_TRUE(refused({"run", "pipeline.toml", "--set", "data.lenght=3"}, {"data.lenght", "data.length"}));
  EXPECT_TRUE(refused({"predict", "opinions.bundle"}, {"wants files or --text"}));
  work_->write("bad.txt", "caf\xe9\n");
  EXPECT_TRUE(refused({"predict", "opinions.bundle", "bad.txt"}, {"bad.txt:1: not UTF-8"}));
}

}  // namespace
}  // namespace lathe::cli::testing
