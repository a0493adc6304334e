// Pools, answers and the file of an active test, as somebody else may have written them.
#include "lathe/evaluate/active/asking.h"
#include "lathe/evaluate/active/journal.h"
#include "lathe/evaluate/active/report.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

namespace active = evaluate::active;

constexpr const char* kPool = "id,score,prediction\na,1,cat\nb,2,dog\n\"c,1\",0.5,cat\n";

void read_state(std::string_view bytes) {
  const active::State state = active::parse_state(active::complete_lines(bytes), "test.jsonl");
  require(state.num_answered() <= static_cast<int64_t>(state.steps.size()), "answers belong to steps");
  std::vector<std::string> written = {active::header_line(state)};
  for (const active::Asked& asked : state.steps)
    written.push_back(active::step_line(static_cast<int64_t>(written.size()), asked));
  for (const active::Asked& asked : state.steps)
    if (asked.answer) written.push_back(active::answer_line(asked.id, *asked.answer));
  const active::State again = active::parse_state(written, "again.jsonl");
  require(again.num_answered() == state.num_answered() && again.steps.size() == state.steps.size(),
          "what was written reads back the same");
  if (state.classes.size() > 100 || state.steps.size() > 1000) return;
  const active::Report report = active::report(state);
  require(report.num_used == state.num_answered(), "every answer before a gap is used");
}

void read_pool(std::string_view bytes) {
  const active::Pool pool = active::parse_pool(bytes, "pool.csv");
  require(pool.size() > 0, "a pool has points");
  require(pool.scores.empty() || pool.scores.size() == pool.ids.size(), "each point has a score");
  if (pool.scores.empty()) return;
  const active::ActiveOptions options = {.acquisition = active::Acquisition::kGiven,
                                         .proposal = {.zero_scores = active::ZeroScores::kUniform},
                                         .start = 1,
                                         .budget = 5};
  for (const active::Asked& asked :
       active::draw_steps(active::begin_state(pool, options), pool, pool.scores, 5).steps)
    require(asked.q > 0 && asked.q <= 1, "q is a probability");
}

void read_answers(std::string_view bytes) {
  for (const active::GivenAnswer& given : active::parse_answers(bytes, "answers.csv"))
    require(given.answer.loss.has_value() != !given.answer.label.empty(), "an answer is a label or a loss");
}

std::vector<std::string> state_seeds() {
  const active::Pool pool = active::parse_pool(kPool, "pool.csv");
  active::State state =
      active::begin_state(pool, {.acquisition = active::Acquisition::kGiven, .start = 1, .budget = 3});
  state.steps = active::draw_steps(state, pool, pool.scores, 3).steps;
  std::string text = active::header_line(state) + "\n", losses;
  for (size_t i = 0; i < state.steps.size(); ++i)
    text += active::step_line(static_cast<int64_t>(i) + 1, state.steps[i]) + "\n";
  losses = text;
  for (const active::Asked& asked : state.steps) {
    text += active::answer_line(asked.id, {.label = "cat"}) + "\n";
    losses += active::answer_line(asked.id, {.loss = 0.5}) + "\n";
  }
  return {text, losses};
}

std::vector<std::string> pool_seeds() {
  return {kPool, "id,score\nx,0\ny,1e-300\n", "id\n1\n2\n"};
}

std::vector<std::string> answer_seeds() {
  return {"id,label\na,cat\nb,\n", "loss,id\n0.5,a\n-1e9,b\n"};
}

const bool registered = add_target({"active_state", read_state, state_seeds}) &&
                        add_target({"active_pool", read_pool, pool_seeds}) &&
                        add_target({"active_answers", read_answers, answer_seeds});

}  // namespace
}  // namespace lathe::fuzz
