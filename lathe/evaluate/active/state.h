#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluate/active/pool.h"

// What was asked and answered, as a file of JSON lines that only grows: the first says what the test is, then
// one for each step and one for each answer. Steps are on the disk before anybody sees their ids. A last line
// without an end was being written when a process died, and counts for nothing.
namespace lathe::evaluate::active {

struct Answer {
  std::string label = {};  // one of them
  std::optional<double> loss = {};
  std::string time = {};
};

struct Asked {
  std::string id;
  int64_t index = 0;  // in the pool
  double q = 1;
  int64_t remaining = 0;
  double score = 0;
  std::string time = {};
  std::string prediction = {};             // of the model under test, where there is one …
  std::vector<double> probabilities = {};  // … and its probabilities
  std::optional<Answer> answer = {};
};

struct State {
  ActiveOptions options = {};
  std::string pool_hash = {};
  int64_t num_pool = 0;
  std::vector<std::string> classes = {};  // labels can only be these; empty: any
  std::vector<Asked> steps = {};

  int64_t num_answered() const;  // steps before the first that has no answer: what an estimate may use
};

State begin_state(const Pool& pool, const ActiveOptions& options);

std::string header_line(const State& state);
std::string step_line(int64_t step, const Asked& asked);  // steps count from 1
std::string answer_line(const std::string& id, const Answer& answer);
// Throws InputError with name:line for what is none of these, or cannot follow what is before it.
State parse_state(const std::vector<std::string>& lines, const std::string& name);
State read_state(const std::filesystem::path& file);

// Throws InputError for a label outside the classes, a loss that is not finite, a loss among labels or the
// other way round.
void check_answer(const State& state, const Answer& answer);

}  // namespace lathe::evaluate::active
