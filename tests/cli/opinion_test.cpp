// Whose opinions a model serves, from the command line: tables, predictions, bundles, pages.
#include <algorithm>

#include "lathe/core/seed.h"
#include "tests/cli/workspace.h"

namespace lathe::cli::testing {
namespace {

using Json = nlohmann::json;

// 60 comments by 24 people in two groups of ten and one of four. Group b says yes to dogs, the others to
// cats.
struct Files {
  std::string annotations = "item,annotator,label\n", items = "item,text,topic\n",
              annotators = "annotator,group\n", model = "item,prob_no,prob_yes\n",
              better = "item,annotator,label\n";
};

Files opinions() {
  Files files;
  core::Random random(5);
  const auto group = [](int person) { return person < 10 ? "a" : person < 20 ? "b" : "rare"; };
  for (int person = 0; person < 24; ++person)
    files.annotators += "w" + std::to_string(person) + "," + group(person) + "\n";
  for (int i = 0; i < 60; ++i) {
    const std::string item = "i" + std::to_string(i);
    const bool cat = i % 2 == 0;
    files.items +=
        item + "," + (cat ? "a cat that sleeps" : "a dog that barks") + "," + (cat ? "cat" : "dog") + "\n";
    files.model += item + "," + (cat ? "0.2,0.8" : "0.9,0.1") + "\n";
    for (int person = i % 3; person < 24; person += 3) {
      const bool yes = (cat == (person < 10 || person >= 20)) != (random.uniform() < 0.1);
      const std::string who = item + ",w" + std::to_string(person) + ",";
      files.annotations += who + (yes ? "yes" : "no") + "\n";
      files.better += who + (cat == (person < 10 || person >= 20) ? "yes" : "no") + "\n";
    }
  }
  return files;
}

class Opinion : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    work_ = new Workspace;
    const Files files = opinions();
    fs::create_directories(*work_ / "opinions");
    work_->write("opinions/annotations.csv", files.annotations);
    work_->write("opinions/items.csv", files.items);
    work_->write("opinions/annotators.csv", files.annotators);
    for (const char* name : {"model.csv", "before.csv"}) work_->write(name, files.model);
    work_->write("after.csv", files.better);
  }
  static void TearDownTestSuite() { delete work_; }
  static core::ProcessResult opinion(std::vector<std::string> arguments) {
    std::vector<std::string> all = {"evaluate", "opinion", arguments[0], "--annotations", "opinions"};
    all.insert(all.end(), arguments.begin() + 1, arguments.end());
    all.insert(all.end(), {"--threads", "1", "--quiet"});
    return work_->lathe(all);
  }
  static Workspace* work_;
};
Workspace* Opinion::work_ = nullptr;

Json row(const Json& table, const std::string& column, const std::string& value) {
  for (const Json& one : table)
    if (one.at(column) == value) return one;
  ADD_FAILURE() << "no " << value << " in " << table.dump();
  return {};
}

TEST_F(Opinion, MeasuresWhoIsServedBadly) {
  const auto result = opinion({"measure", "--predictions", "model.csv", "--attributes", "group", "--metrics",
                               "accuracy,TPR,MAE", "--bootstrap", "200", "-o", "tables", "--json"});
  ASSERT_TRUE(succeeded(result));
  const Json json = parse_json(result);
  EXPECT_GT(row(json.at("demography"), "demography", "a").at("accuracy"), 0.8);
  EXPECT_LT(row(json.at("demography"), "demography", "b").at("accuracy"), 0.2);
  const Json hidden = row(json.at("demography"), "demography", "rare");
  EXPECT_TRUE(hidden.at("accuracy").is_null());
  EXPECT_EQ(hidden.at("note"), "fewer than 5 people");
  EXPECT_EQ(json.at("slices")[0].at("slice").get<std::string>().substr(0, 9), "group = b");
  EXPECT_EQ(json.at("users").size(), 24u);
  EXPECT_EQ(json.at("users")[0].at("group"), "b");
  EXPECT_EQ(json.at("users")[0].at("excluded"), "yes");
  const Json gap = row(json.at("unfairness"), "measure", "group_gap");
  EXPECT_GT(gap.at("low"), 0.5);
  EXPECT_LE(gap.at("value"), gap.at("high"));
  EXPECT_EQ(json.at("scores").size(), 12u);
  EXPECT_EQ(Json::parse(core::read_file(*work_ / "tables" / "users.json")), json.at("users"));
  const std::string csv = core::read_file(*work_ / "tables" / "demography.csv");
  EXPECT_EQ(csv.substr(0, csv.find('\n')),
            "demography,people,annotations,accuracy,accuracy low,accuracy high,TPR,TPR low,TPR high,MAE,MAE "
            "low,MAE high,note");
}

TEST_F(Opinion, ExplainsAndCompares) {
  const auto explained = opinion(
      {"explain", "--predictions", "model.csv", "--attributes", "group", "--bootstrap", "100", "--json"});
  ASSERT_TRUE(succeeded(explained));
  const Json json = parse_json(explained);
  EXPECT_GT(row(json.at("steps"), "step", "knowing the group").at("low"), 0.1);
  EXPECT_EQ(json.at("causes")[0].at("value"), 1);
  EXPECT_FALSE(json.at("regression").empty());
  const auto compared = opinion({"compare", "--predictions", "before.csv", "--predictions", "after.csv",
                                 "--bootstrap", "100", "--json"});
  ASSERT_TRUE(succeeded(compared));
  const Json accuracy = row(parse_json(compared).at("comparison"), "measure", "accuracy");
  EXPECT_GT(accuracy.at("low"), 0.2);
  EXPECT_NEAR(accuracy.at("difference").get<double>(),
              accuracy.at("second").get<double>() - accuracy.at("first").get<double>(), 1e-9);
}

TEST_F(Opinion, WritesAPageWithoutSmallGroups) {
  ASSERT_TRUE(succeeded(
      opinion({"plot", "--predictions", "single=model.csv", "--predictions", "after.csv", "--attributes",
               "group", "--bootstrap", "50", "--html", "page.html", "-o", "page_tables"})));
  const std::string page = core::read_file(*work_ / "page.html");
  for (const char* text :
       {"Whose opinions single serves", "Who is served badly", "Which slice hides it", "How unequally",
        "Users from the worst served to the best", "Annotator disagreement", "Map of opinions",
        "Share of wrong predictions", "Popularity of the opinions", "Fairness and performance",
        "Where it comes from", "after (not beaten)"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  EXPECT_EQ(page.find("group = rare"), std::string::npos);
  EXPECT_NE(page.find("(fewer than 5 people)"), std::string::npos);
  for (const char* name :
       {"users", "slices", "unfairness", "scores", "annotator_disagreement", "causes", "steps", "regression"})
    for (const char* extension : {".csv", ".json"})
      EXPECT_TRUE(fs::exists(*work_ / "page_tables" / (std::string(name) + extension))) << name;
}

TEST_F(Opinion, MeasuresABundle) {
  std::string texts = "text\tmood\n";
  for (int i = 0; i < 200; ++i) texts += (i % 2 == 0 ? "a cat that sleeps\tyes\n" : "a dog that barks\tno\n");
  work_->write("texts.tsv", texts);
  ASSERT_TRUE(
      succeeded(work_->lathe({"init", "--text", "texts.tsv", "--text-column", "text", "--target", "mood"})));
  const std::string pipeline = core::read_file(*work_ / "pipeline.toml") + "\n[evaluate.opinion]\n";
  work_->write("pipeline.toml",
               pipeline + "annotations = \"opinions\"\nattributes = [\"group\"]\nreplicates = 50\n");
  const std::vector<std::string> run = {"run", "pipeline.toml", "--set", "train.epochs=8", "--threads",
                                        "1",   "--quiet"};
  ASSERT_TRUE(succeeded(work_->lathe(run)));
  const auto of_bundle = opinion({"measure", "--predictions", "texts.bundle", "--bootstrap", "0", "--json"});
  ASSERT_TRUE(succeeded(of_bundle));
  const auto of_file = opinion({"measure", "--predictions", "model.csv", "--bootstrap", "0", "--json"});
  EXPECT_EQ(row(parse_json(of_bundle).at("unfairness"), "measure", "accuracy").at("value"),
            row(parse_json(of_file).at("unfairness"), "measure", "accuracy").at("value"));
  const fs::path bundle = *work_ / "texts.bundle";
  EXPECT_NE(core::read_file(bundle / "report.html").find("Whose opinions the model serves"),
            std::string::npos);
  EXPECT_NE(core::read_file(bundle / "evaluate" / "opinion" / "report.html").find("Which slice hides it"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(bundle / "evaluate" / "opinion" / "users.csv"));
  bool seen = false;
  for (const Json& metric : Json::parse(core::read_file(bundle / "metrics.json")))
    seen |= metric.at("split") == "opinions" && metric.at("name") == "worst_decile";
  EXPECT_TRUE(seen);

  work_->write("pipeline.toml", pipeline + "annotations = \"opinions\"\nmetrics = [\"acuracy\"]\n");
  EXPECT_TRUE(failed_with(work_->lathe(run), 2, {"evaluate.opinion.metrics", "did you mean accuracy"}));
  work_->write("pipeline.toml", pipeline + "annotations = \"opinions\"\nattributes = [\"grup\"]\n");
  EXPECT_TRUE(failed_with(work_->lathe(run), 2, {"grup", "group"}));
  work_->write("pipeline.toml", pipeline + "annotations = \"opinions/annotations.csv\"\n");
  EXPECT_TRUE(failed_with(work_->lathe(run), 2, {"no texts"}));
  EXPECT_TRUE(failed_with(work_->lathe({"evaluate", "opinion", "measure", "--annotations",
                                        "opinions/annotations.csv", "--predictions", "texts.bundle"}),
                          2, {"no texts"}));
}

// Models that know the person are right about groups who say opposite things; one answer for all is not.
TEST_F(Opinion, MitigatesAndTrains) {
  const Json mitigated = parse_json(opinion({"mitigate", "--strategies", "majority,person", "--bootstrap",
                                             "0", "--num-features", "50", "-o", "remedies", "--json"}));
  ASSERT_EQ(mitigated.at("strategies").size(), 2U);
  const auto accuracy = [](const Json& row) { return std::stod(row.at("accuracy").get<std::string>()); };
  const Json &majority = mitigated.at("strategies")[0], &person = mitigated.at("strategies")[1];
  EXPECT_GT(accuracy(person), accuracy(majority) + 0.15);
  EXPECT_EQ(person.at("front"), "*");
  const Json trained = parse_json(work_->lathe(
      {"evaluate", "subjective", "train", "--annotations", "opinions", "--models", "majority,group",
       "--num-features", "50", "-o", "models", "--threads", "1", "--quiet", "--json"}));
  EXPECT_GT(trained.at("models")[1].at("accuracy").get<double>(),
            trained.at("models")[0].at("accuracy").get<double>() + 0.15);
  for (const char* file : {"remedies/person.csv", "models/group.csv", "models/group.pt"})
    EXPECT_TRUE(fs::exists(*work_ / file)) << file;
  const Json measured =
      parse_json(opinion({"measure", "--predictions", "models/group.csv", "--bootstrap", "0", "--json"}));
  EXPECT_FALSE(measured.empty());
  EXPECT_TRUE(failed_with(opinion({"mitigate", "--strategies", "persn"}), 2,
                          {"no strategy 'persn'; did you mean 'person'?"}));
}

TEST_F(Opinion, OpinionsAreMadeUpWithMajoritiesToTrainOn) {
  const Json made = parse_json(work_->lathe({"data", "opinions", "made", "--items", "200", "--people", "20",
                                             "--training", "made/train.csv", "--quiet", "--json"}));
  EXPECT_EQ(made.at("opinions")[0].at("items"), 100);
  EXPECT_EQ(made.at("opinions")[0].at("annotations"), 1000);
  const std::string train = core::read_file(*work_ / "made/train.csv");
  EXPECT_EQ(train.rfind("text,label\n", 0), 0U);
  EXPECT_EQ(std::count(train.begin(), train.end(), '\n'), 101);
  EXPECT_TRUE(failed_with(work_->lathe({"data", "opinions", "made", "--groups", "0.5,0.6"}), 2,
                          {"the groups' shares must sum to 1, got 1.1"}));
}

TEST_F(Opinion, SaysWhatIsWrong) {
  work_->write("aggregated.csv", "item,annotator,label\ni0,w0,yes\ni1,w1,no\n");
  EXPECT_TRUE(failed_with(work_->lathe({"evaluate", "opinion", "measure", "--annotations", "aggregated.csv",
                                        "--predictions", "model.csv"}),
                          2, {"aggregated", "each annotator"}));
  const auto refused = [&](const std::string& predictions, const std::vector<std::string>& parts) {
    work_->write("wrong.csv", predictions);
    EXPECT_TRUE(failed_with(opinion({"measure", "--predictions", "wrong.csv"}), 2, parts)) << predictions;
  };
  refused("item,label\ni0,yes\nnowhere,no\n", {"wrong.csv:3", "nowhere"});
  refused("item,label\ni0,perhaps\n", {"wrong.csv:2", "perhaps"});
  refused("item,prob_no,prob_yes\ni0,0.9,0.9\n", {"wrong.csv:2"});

  work_->write("some.csv", "item,label\ni0,yes\ni1,no\n");
  const auto some =
      opinion({"measure", "--predictions", "some.csv", "--bootstrap", "0", "--min-count", "1", "--json"});
  ASSERT_TRUE(succeeded(some));
  EXPECT_NE(some.errors.find("464 annotations (item i2"), std::string::npos) << some.errors;

  const auto wrong = [&](std::vector<std::string> more, const std::vector<std::string>& parts) {
    more.insert(more.begin(), {"measure", "--predictions", "model.csv"});
    EXPECT_TRUE(failed_with(opinion(more), 2, parts));
  };
  wrong({"--metrics", "acuracy"}, {"acuracy", "did you mean accuracy"});
  wrong({"--criteria", "demografy"}, {"did you mean demography"});
  wrong({"--attributes", "grup"}, {"grup", "group"});
  wrong({"--bins", "0"}, {"bins", "1"});
  wrong({"--min-count", "0"}, {"min_count"});
  wrong({"--bootstrap", "1"}, {"at least 2"});
  wrong({"--min-agreement", "2"}, {"min_agreement"});
  wrong({"--predictions", "after.csv"}, {"one model"});
  EXPECT_TRUE(failed_with(opinion({"compare", "--predictions", "model.csv"}), 2, {"two models"}));
  const auto other = opinion({"compare", "--predictions", "model.csv", "--predictions", "some.csv"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.errors.find("predicts 480 annotations and the second 16, not the same ones"),
            std::string::npos)
      << other.errors;
}

TEST_F(Opinion, ExamplesWorkAsPrinted) {
  for (const std::string method : {"measure", "explain", "plot", "compare"}) {
    const auto help = work_->lathe({"evaluate", "opinion", method, "--help"});
    ASSERT_TRUE(succeeded(help));
    const std::string heading = "Example:\n  ";
    const size_t begin = help.output.find(heading) + heading.size();
    const std::string command = help.output.substr(begin, help.output.find('\n', begin) - begin);
    EXPECT_NE(command.find("lathe evaluate opinion " + method), std::string::npos) << help.output;
    EXPECT_TRUE(succeeded(work_->shell(command + " --bootstrap 20"))) << command;
  }
}

}  // namespace
}  // namespace lathe::cli::testing
