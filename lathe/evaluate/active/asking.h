#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluate/active/state.h"

// A test that a person drives: ids are asked for, answers come back, over weeks and programs that die.
namespace lathe::evaluate::active {

// The next `count` steps at most, as far as budget and pool go: steps 1 … start are uniform draws, the rest
// by the proposal. What is drawn depends on the seed, the step's number, the scores and what was taken
// before.
struct Drawn {
  std::vector<Asked> steps;
  int64_t num_floored = 0;  // points of the pool whose probability had to be lifted to 1e-300 of the largest
};
Drawn draw_steps(const State& state, const Pool& pool, const std::vector<double>& scores, int64_t count);

// Begins a test, or goes on with one: draws until `batch` steps wait for an answer, and keeps them. Throws
// InputError for another pool than the file's, options that are not those it was begun with (the batch may
// differ), and another process at work on it.
struct Asking {
  State state;
  int64_t num_new = 0, num_floored = 0;
};
Asking ask(const std::filesystem::path& file, const Pool& pool, const ActiveOptions& options);

// A CSV file of answers: columns `id`, and `label` or `loss`; where that is empty there is no answer yet.
struct GivenAnswer {
  std::string id, where;  // where: file:line
  Answer answer;
};
std::vector<GivenAnswer> read_answers(const std::filesystem::path& file);
std::vector<GivenAnswer> parse_answers(std::string_view text, const std::string& name);

// Keeps answers; one that is there already changes nothing. Throws InputError for an id that was never asked
// for, a label outside the classes, labels among losses, and an answer that differs from the one that is
// there, unless it is to take its place.
enum class OldAnswers { kKeep, kReplace };
struct Answering {
  State state;
  int64_t num_new = 0, num_replaced = 0;
};
Answering answer(const std::filesystem::path& file, const std::vector<GivenAnswer>& answers,
                 OldAnswers old = OldAnswers::kKeep);

}  // namespace lathe::evaluate::active
