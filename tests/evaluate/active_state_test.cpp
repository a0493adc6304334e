#include "lathe/evaluate/active/state.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/process.h"
#include "lathe/evaluate/active/asking.h"
#include "lathe/evaluate/active/journal.h"
#include "lathe/evaluate/active/report.h"
#include "tests/support/child.h"
#include "tests/support/message.h"

namespace lathe::evaluate::active {
namespace {

using testing_support::message_of;
namespace fs = std::filesystem;

constexpr const char* kPool =
    "id,score,prediction\na,1,cat\nb,2,dog\nc,3,cat\nd,4,dog\ne,0.5,cat\nf,2.5,cat\ng,1.5,dog\nh,0,dog\n";

Pool pool() {
  return parse_pool(kPool, "pool.csv");
}

ActiveOptions options() {
  return {.acquisition = Acquisition::kGiven, .start = 2, .budget = 6, .batch = 3, .seed = 5};
}

std::vector<std::string> waiting(const State& state) {
  std::vector<std::string> ids;
  for (const Asked& asked : state.steps)
    if (!asked.answer) ids.push_back(asked.id);
  return ids;
}

std::vector<GivenAnswer> labels(const std::vector<std::string>& ids, const std::string& label) {
  std::string text = "id,label\n";
  for (const std::string& id : ids) text += id + "," + label + "\n";
  return parse_answers(text, "answers.csv");
}

class ActiveState : public ::testing::Test {
 protected:
  fs::path file() const { return directory_.path() / "test.jsonl"; }
  void append(const std::string& text) const {
    std::ofstream(file(), std::ios::app | std::ios::binary) << text;
  }

 private:
  core::TemporaryDirectory directory_;
};

TEST_F(ActiveState, AsksAgainUntilThereAreAnswers) {
  const Asking first = ask(file(), pool(), options());
  EXPECT_EQ(first.num_new, 3);
  const auto ids = waiting(first.state);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 3u);
  const Asking again = ask(file(), pool(), options());
  EXPECT_EQ(again.num_new, 0);
  EXPECT_EQ(waiting(again.state), ids);
  EXPECT_EQ(answer(file(), labels({ids[1]}, "cat")).num_new, 1);
  EXPECT_EQ(ask(file(), pool(), options()).num_new, 1);
  // The budget is 6 labels.
  answer(file(), labels(waiting(read_state(file())), "dog"));
  EXPECT_EQ(ask(file(), pool(), options()).num_new, 2);
  answer(file(), labels(waiting(read_state(file())), "dog"));
  EXPECT_EQ(ask(file(), pool(), options()).num_new, 0);
  EXPECT_EQ(read_state(file()).num_answered(), 6);
}

TEST_F(ActiveState, StartIsUniformAndWeighsOne) {
  ask(file(), pool(), options());
  const State state = read_state(file());
  EXPECT_EQ(state.steps[0].q, 1.0 / 8);
  EXPECT_EQ(state.steps[1].q, 1.0 / 7);
  EXPECT_NE(state.steps[2].q, 1.0 / 6);
  const std::vector<double> w = lure_weights({state.steps[0].q, state.steps[1].q, state.steps[2].q}, 8);
  EXPECT_NEAR(w[0], 1, 1e-12);
  EXPECT_NEAR(w[1], 1, 1e-12);
}

// Whatever the batches are, and however often the program was started in between: the same steps to the bit.
TEST_F(ActiveState, ResumesBitForBit) {
  ActiveOptions all = options();
  all.batch = 6;
  const State at_once = ask(file(), pool(), all).state;
  const fs::path other = fs::path(file()).replace_filename("other.jsonl");
  ActiveOptions one = options();
  one.batch = 1;
  for (int i = 0; i < 6; ++i) {
    const Asking asking = ask(other, pool(), one);
    answer(other, labels(waiting(asking.state), "cat"));
  }
  const State step_by_step = read_state(other);
  ASSERT_EQ(step_by_step.steps.size(), at_once.steps.size());
  for (size_t i = 0; i < at_once.steps.size(); ++i) {
    EXPECT_EQ(step_by_step.steps[i].id, at_once.steps[i].id);
    EXPECT_EQ(step_by_step.steps[i].q, at_once.steps[i].q);
    EXPECT_EQ(step_by_step.steps[i].remaining, at_once.steps[i].remaining);
  }
}

// Cut anywhere: what was complete is there, nothing else, and the test goes on as if it had not been cut.
TEST_F(ActiveState, SurvivesATornLastLine) {
  ask(file(), pool(), options());
  answer(file(), labels({waiting(read_state(file()))[0]}, "cat"));
  const std::string bytes = core::read_file(file());
  ask(file(), pool(), options());
  const std::string goal = core::read_file(file());
  const auto without_times = [](const std::string& text) {
    std::string result;
    for (const Asked& asked : parse_state(complete_lines(text), "").steps)
      result += fmt::format("{} {} {} {}\n", asked.id, asked.q, asked.remaining, asked.answer.has_value());
    return result;
  };
  const size_t first = bytes.find('\n') + 1;
  for (size_t size = 0; size <= bytes.size(); size += 7) {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
    if (size >= first) {
      const State state = read_state(file());
      EXPECT_EQ(state.steps.size() + (state.num_answered() > 0) + 1,
                complete_lines(bytes.substr(0, size)).size());
    }
    const auto ids = waiting(ask(file(), pool(), options()).state);
    if (!read_state(file()).steps[0].answer) {
      ASSERT_EQ(ids.size(), 3u) << size;
      answer(file(), labels({ids[0]}, "cat"));
      ask(file(), pool(), options());
    }
    ASSERT_EQ(without_times(core::read_file(file())), without_times(goal)) << size;
  }
}

// A process of its own asks and answers for as long as it lives.
TEST(ActiveStateChild, DISABLED_WorksUntilItIsKilled) {
  const fs::path file = std::getenv("LATHE_ACTIVE_STATE");
  std::string text = "id,score\n";
  for (int i = 0; i < 3000; ++i) text += fmt::format("p{},{}\n", i, 1 + i % 7);
  const Pool large = parse_pool(text, "pool.csv");
  const ActiveOptions how = {.acquisition = Acquisition::kGiven, .start = 1, .budget = 3000, .batch = 2};
  while (true) {
    const Asking asking = ask(file, large, how);
    for (const std::string& id : waiting(asking.state)) std::cout << id << std::endl;  // shown
    answer(file, labels(waiting(asking.state), "yes"));
  }
}

// kill -9 at any moment: every id that was shown is in the file, and the file goes on as an undisturbed one.
TEST_F(ActiveState, LosesNothingToKill) {
  std::string text = "id,score\n";
  for (int i = 0; i < 3000; ++i) text += fmt::format("p{},{}\n", i, 1 + i % 7);
  const Pool large = parse_pool(text, "pool.csv");
  ActiveOptions how = {.acquisition = Acquisition::kGiven, .start = 1, .budget = 3000, .batch = 2};
  const fs::path shown = fs::path(file()).replace_filename("shown.txt");
  for (int round = 0; round < 3; ++round) {
    core::ProcessOptions child;
    child.arguments = {
        "bash", "-c",
        fmt::format(
            "touch '{1}'; '{0}' --gtest_filter=ActiveStateChild.* --gtest_also_run_disabled_tests "
            "--gtest_brief=1 >> '{1}' 2>/dev/null & pid=$!; "
            "until [ $(wc -l < '{1}') -ge {2} ]; do sleep 0.01; done; sleep 0.0{3}; kill -9 $pid; wait $pid",
            fs::read_symlink("/proc/self/exe").string(), shown.string(), 9 * (round + 1), round * 2)};
    child.environment = {{"LATHE_ACTIVE_STATE", file().string()}};
    child.timeout_seconds = 30;
    core::run_process(child);
  }
  const State state = read_state(file());
  std::set<std::string> kept;
  for (const Asked& asked : state.steps) kept.insert(asked.id);
  std::istringstream ids(core::read_file(shown));
  int64_t num_shown = 0;
  for (std::string id; std::getline(ids, id);) {
    if (id.empty() || id[0] != 'p') continue;
    ++num_shown;
    EXPECT_EQ(kept.count(id), 1u) << id;
  }
  EXPECT_GE(num_shown, 27);
  how.batch = static_cast<int64_t>(state.steps.size());
  const Drawn undisturbed = draw_steps(begin_state(large, how), large, large.scores, how.batch);
  for (size_t i = 0; i < state.steps.size(); ++i) {
    ASSERT_EQ(state.steps[i].id, undisturbed.steps[i].id);
    ASSERT_EQ(state.steps[i].q, undisturbed.steps[i].q);
  }
}

TEST_F(ActiveState, OneProcessAtATime) {
  const Journal journal(file(), "the test");
  EXPECT_NE(message_of<InputError>([&] { ask(file(), pool(), options()); }).find("in use by another process"),
            std::string::npos);
}

TEST_F(ActiveState, RefusesAnotherPoolAndOtherOptions) {
  ask(file(), pool(), options());
  EXPECT_NE(message_of<InputError>([&] {
              ask(file(), parse_pool(std::string(kPool) + "i,1,cat\n", ""), options());
            }).find("is a test of 8 points, the pool has 9 now"),
            std::string::npos);
  Pool renamed = pool();
  std::swap(renamed.ids[0], renamed.ids[1]);
  EXPECT_NE(message_of<InputError>([&] { ask(file(), renamed, options()); }).find("another pool"),
            std::string::npos);
  ActiveOptions other = options();
  other.proposal.floor = 0.5;
  EXPECT_NE(message_of<InputError>([&] { ask(file(), pool(), other); }).find("was begun with floor = 0.1"),
            std::string::npos);
}

TEST_F(ActiveState, RefusesWrongAnswers) {
  const auto ids = waiting(ask(file(), pool(), options()).state);
  EXPECT_EQ(message_of<InputError>([&] { answer(file(), labels({"nobody"}, "cat")); }),
            "answers.csv:2: id 'nobody' was never asked for");
  EXPECT_EQ(message_of<InputError>([&] { parse_answers("id,label\na,cat\na,dog\n", "answers.csv"); }),
            "answers.csv:3: id 'a' is there twice, first in line 2");
  answer(file(), labels({ids[0]}, "cat"));
  EXPECT_EQ(answer(file(), labels({ids[0]}, "cat")).num_new, 0);  // the same again changes nothing
  EXPECT_NE(message_of<InputError>([&] {
              answer(file(), labels({ids[0]}, "dog"));
            }).find("another answer already (cat)"),
            std::string::npos);
  EXPECT_EQ(answer(file(), labels({ids[0]}, "dog"), OldAnswers::kReplace).num_replaced, 1);
  EXPECT_EQ(read_state(file()).steps[0].answer->label, "dog");
  EXPECT_NE(message_of<InputError>([&] {
              answer(file(), parse_answers("id,loss\n" + ids[1] + ",0.5\n", "answers.csv"));
            }).find("answers so far are labels"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { parse_answers("id,loss\na,x\n", "a.csv"); }).find("a.csv:2"),
            std::string::npos);
  EXPECT_NE(
      message_of<InputError>([&] { parse_answers("id,points\na,x\n", "a.csv"); }).find("'label' and 'loss'"),
      std::string::npos);
  EXPECT_NE(message_of<InputError>([&] { answer("nowhere.jsonl", {}); }).find("there is no test"),
            std::string::npos);
}

TEST_F(ActiveState, LabelsAreOfTheClasses) {
  Pool with = with_probabilities(pool(), torch::full({8, 2}, 0.5), {"cat", "dog"});
  const auto ids = waiting(ask(file(), with, options()).state);
  EXPECT_EQ(message_of<InputError>([&] { answer(file(), labels({ids[0]}, "dogg")); }),
            "answers.csv:2: step 1, id '" + ids[0] +
                "': label 'dogg' is none of the 2 classes; did you mean 'dog'?");
}

TEST_F(ActiveState, DamagedFilesSayWhere) {
  ask(file(), pool(), options());
  const std::string bytes = core::read_file(file());
  const auto complaint = [&](const std::string& text) {
    return message_of<InputError>([&] { parse_state(complete_lines(text), "test.jsonl"); });
  };
  const std::string second = complete_lines(bytes)[1];
  EXPECT_NE(complaint(bytes + second + "\n").find("test.jsonl:5: step 1 must be step 4"), std::string::npos);
  std::string twice = second;
  twice.replace(twice.find("\"step\":1"), 8, "\"step\":4");
  twice.replace(twice.find("\"remaining\":8"), 13, "\"remaining\":5");
  EXPECT_NE(complaint(bytes + twice + "\n").find("was taken before, at step 1"), std::string::npos);
  std::string impossible = bytes;
  impossible.replace(impossible.find("\"q\":0.125"), 9, "\"q\":1.125");
  EXPECT_NE(complaint(impossible).find("q must lie in (0, 1]"), std::string::npos);
  EXPECT_NE(complaint("{}\n").find("test.jsonl:1"), std::string::npos);
  EXPECT_NE(complaint(bytes + "garbage\n").find("test.jsonl:5"), std::string::npos);
  EXPECT_NE(complaint(bytes + "[1]\n").find("test.jsonl:5"), std::string::npos);
  EXPECT_NE(complaint("").find("is empty"), std::string::npos);
}

TEST(ActivePool, RefusesWhatCannotBeScored) {
  const auto complaint = [](const std::string& text) {
    return message_of<InputError>([&] { parse_pool(text, "pool.csv"); });
  };
  for (const std::string score : {"-1", "nan", "inf", "", "much"})
    EXPECT_EQ(complaint("id,score\na,1\nb," + score + "\n"),
              "pool.csv:3: the score of id 'b' must be a finite number of at least 0, got '" + score + "'");
  EXPECT_EQ(complaint("id,score\na,1\nb,2\na,3\n"), "pool.csv:4: id 'a' is there twice, first in line 2");
  EXPECT_NE(complaint("name,score\na,1\n").find("no column 'id'"), std::string::npos);
  EXPECT_NE(complaint("id,score\n\"\",1\n").find("the id is empty"), std::string::npos);
  const Pool zeros = parse_pool("id,score\na,0\nb,0\n", "");
  core::TemporaryDirectory directory;
  EXPECT_NE(message_of<InputError>([&] {
              ask(directory.path() / "s", zeros, options());
            }).find("all 2 scores are 0"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(directory.path() / "s"));
  ActiveOptions greedy = options();
  greedy.proposal.kind = ProposalKind::kGreedy;
  EXPECT_NE(
      message_of<InputError>([&] { begin_state(pool(), greedy); }).find("other points had probability 0"),
      std::string::npos);
}

TEST(ActiveReport, UsesAnswersUpToTheFirstGap) {
  const Pool p = pool();
  State state = begin_state(p, options());
  state.steps = draw_steps(state, p, p.scores, 6).steps;
  for (size_t i : {0u, 1u, 2u, 4u}) state.steps[i].answer = Answer{.label = "cat"};
  const Report r = report(state);
  EXPECT_EQ(r.num_used, 3);
  EXPECT_EQ(r.num_waiting, 1);
  EXPECT_EQ(r.steps.size(), 3u);
  ASSERT_FALSE(r.notes.empty());
  EXPECT_NE(r.notes[0].find("step 4"), std::string::npos);
}

// All labels: the estimates are the truth, and the intervals a point.
TEST(ActiveReport, OfAllLabelsIsTheTruth) {
  torch::manual_seed(3);
  const int64_t n = 120;
  std::string text = "id\n";
  for (int64_t i = 0; i < n; ++i) text += std::to_string(i) + "\n";
  const Pool p = with_probabilities(parse_pool(text, ""),
                                    (2 * torch::randn({n, 3}, torch::kFloat64)).softmax(1), {"x", "y", "z"});
  std::vector<int64_t> truth;
  for (int64_t i = 0; i < n; ++i) truth.push_back(p.probabilities[i].multinomial(1).item<int64_t>());
  const Truth known{p, truth};
  const State all = simulate(p, truth, {.start = 5, .budget = n});
  for (const EstimateRow& row : report(all, {}, &known).estimates) {
    ASSERT_TRUE(row.truth.has_value()) << row.name;
    if (std::isnan(*row.truth)) continue;
    EXPECT_NEAR(row.value, *row.truth, 1e-12) << row.name << row.of_class;
    EXPECT_NEAR(row.interval.low, row.interval.high, 1e-12);
  }
  // Some: every estimate within four errors, and the followed one is the last point of its curve.
  const Report some = report(simulate(p, truth, {.start = 5, .budget = 60}), {}, &known);
  EXPECT_EQ(some.followed, "accuracy");
  EXPECT_NEAR(some.trajectory.back().value, some.estimates[0].value, 1e-12);
  for (const EstimateRow& row : some.estimates)
    if (row.of_class.empty()) EXPECT_NEAR(row.value, *row.truth, 4 * row.standard_error) << row.name;
  double shares = 0;
  for (const ClassBalance& c : some.classes) shares += c.share_of_labels;
  EXPECT_NEAR(shares, 1, 1e-12);
}

TEST(ActiveReport, OfLosses) {
  const Pool p = parse_pool("id,score\na,1\nb,2\nc,3\nd,4\n", "");
  State state = begin_state(p, {.acquisition = Acquisition::kGiven, .proposal = {}, .start = 0, .budget = 4});
  state.steps = draw_steps(state, p, p.scores, 2).steps;
  for (Asked& asked : state.steps) asked.answer = Answer{.loss = p.scores[static_cast<size_t>(asked.index)]};
  const Report r = report(state, {.loss_range = math::Interval{0, 4}});
  ASSERT_EQ(r.estimates.size(), 1u);
  // q ∝ loss: the first draw alone has no variance, and the mean of both neither where nothing was left out.
  const double w0 = r.steps[0].weight, w1 = r.steps[1].weight;
  EXPECT_NEAR(r.estimates[0].value, (w0 * r.steps[0].loss + w1 * r.steps[1].loss) / 2, 1e-12);
  ASSERT_TRUE(r.estimates[0].anytime.has_value());
  EXPECT_LE(r.estimates[0].anytime->low, 2.5);
  EXPECT_GE(r.estimates[0].anytime->high, 2.5);
}

}  // namespace
}  // namespace lathe::evaluate::active
