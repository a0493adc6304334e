#include "lathe/evaluate/active/state.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/active/journal.h"
#include "lathe/evaluate/active/json_integer.h"

namespace lathe::evaluate::active {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;
constexpr const char* kAdvice = "lathe evaluate active next begins a new file";

std::string text_of(const json& line) {
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

void read_header(const json& line, State& state) {
  if (!line.contains("active") || line.at("active") != kFormat)
    throw InputError("the first line must begin a test of format {}; {}", kFormat, kAdvice);
  state.options = options_from_json(line.at("options"));
  state.pool_hash = line.at("pool_hash").get<std::string>();
  state.num_pool = json_integer(line, "num_pool");
  state.classes = line.at("classes").get<std::vector<std::string>>();
  if (state.num_pool < 1) throw InputError("num_pool must be at least 1, got {}", state.num_pool);
}

Asked read_step(const json& line, const State& state) {
  const auto step = static_cast<int64_t>(state.steps.size()) + 1;
  if (json_integer(line, "step") != step)
    throw InputError("step {} must be step {}", json_integer(line, "step"), step);
  Asked asked{.id = line.at("id").get<std::string>(),
              .index = json_integer(line, "index"),
              .q = line.at("q").get<double>(),
              .remaining = json_integer(line, "remaining"),
              .score = line.at("score").get<double>(),
              .time = line.at("time").get<std::string>()};
  if (line.contains("prediction")) asked.prediction = line.at("prediction").get<std::string>();
  if (line.contains("probabilities"))
    asked.probabilities = line.at("probabilities").get<std::vector<double>>();
  if (!(asked.q > 0 && asked.q <= 1))
    throw InputError("step {}, id '{}': q must lie in (0, 1], got {}", step, data::excerpt(asked.id),
                     asked.q);
  if (asked.remaining != state.num_pool - step + 1)
    throw InputError("step {}, id '{}': of {} points {} remained, not {}", step, data::excerpt(asked.id),
                     state.num_pool, state.num_pool - step + 1, asked.remaining);
  if (asked.index < 0 || asked.index >= state.num_pool)
    throw InputError("step {}, id '{}': the pool has no point {}", step, data::excerpt(asked.id),
                     asked.index);
  if (!asked.probabilities.empty() && asked.probabilities.size() != state.classes.size())
    throw InputError("step {}, id '{}': {} probabilities for {} classes", step, data::excerpt(asked.id),
                     asked.probabilities.size(), state.classes.size());
  return asked;
}

Answer read_answer(const json& line) {
  Answer answer{.time = line.at("time").get<std::string>()};
  if (line.contains("loss"))
    answer.loss = line.at("loss").get<double>();
  else
    answer.label = line.at("label").get<std::string>();
  return answer;
}

// A state that is read line by line.
class Reader {
 public:
  State state;

  void read(const json& line) {
    if (line.contains("step"))
      add_step(read_step(line, state));
    else
      add_answer(line.at("id").get<std::string>(), read_answer(line));
  }

 private:
  void add_step(Asked asked) {
    const auto [known, is_new] = steps_.emplace(asked.id, state.steps.size());
    if (!is_new)
      throw InputError("step {}: id '{}' was taken before, at step {}", state.steps.size() + 1,
                       data::excerpt(asked.id), known->second + 1);
    state.steps.push_back(std::move(asked));
  }
  void add_answer(const std::string& id, Answer answer) {
    const auto found = steps_.find(id);
    if (found == steps_.end()) throw InputError("id '{}' was never asked for", data::excerpt(id));
    check_answer(state, answer);
    state.steps[found->second].answer = std::move(answer);
  }

  std::unordered_map<std::string, size_t> steps_;  // by id
};

}  // namespace

int64_t State::num_answered() const {
  return std::find_if(steps.begin(), steps.end(), [](const Asked& asked) { return !asked.answer; }) -
         steps.begin();
}

State begin_state(const Pool& pool, const ActiveOptions& options) {
  check(options);
  if (pool.size() < 1) throw InputError("the pool has no points");
  return {.options = options, .pool_hash = hash_of(pool), .num_pool = pool.size(), .classes = pool.classes};
}

std::string header_line(const State& state) {
  return text_of({{"active", kFormat},
                  {"options", to_json(state.options)},
                  {"pool_hash", state.pool_hash},
                  {"num_pool", state.num_pool},
                  {"classes", state.classes}});
}

std::string step_line(int64_t step, const Asked& asked) {
  json line = {{"step", step},
               {"id", asked.id},
               {"index", asked.index},
               {"q", asked.q},
               {"remaining", asked.remaining},
               {"score", asked.score},
               {"time", asked.time}};
  if (!asked.prediction.empty()) line["prediction"] = asked.prediction;
  if (!asked.probabilities.empty()) line["probabilities"] = asked.probabilities;
  return text_of(line);
}

std::string answer_line(const std::string& id, const Answer& answer) {
  json line = {{"id", id}, {"time", answer.time}};
  if (answer.loss)
    line["loss"] = *answer.loss;
  else
    line["label"] = answer.label;
  return text_of(line);
}

void check_answer(const State& state, const Answer& answer) {
  const auto first = std::find_if(state.steps.begin(), state.steps.end(),
                                  [](const Asked& asked) { return asked.answer.has_value(); });
  if (first != state.steps.end() && first->answer->loss.has_value() != answer.loss.has_value())
    throw InputError("the answers so far are {}, and must stay that",
                     first->answer->loss ? "losses" : "labels");
  if (answer.loss) {
    if (!std::isfinite(*answer.loss)) throw InputError("the loss must be finite, got {}", *answer.loss);
    return;
  }
  if (answer.label.empty()) throw InputError("the label is empty");
  const auto& classes = state.classes;
  if (classes.empty() || std::find(classes.begin(), classes.end(), answer.label) != classes.end()) return;
  const auto meant = core::nearest(answer.label, classes);
  throw InputError("label '{}' is none of the {} classes{}", data::excerpt(answer.label), classes.size(),
                   meant ? "; did you mean '" + data::excerpt(*meant) + "'?" : "");
}

State parse_state(const std::vector<std::string>& lines, const std::string& name) {
  if (lines.empty()) throw InputError("{} is empty; {}", name, kAdvice);
  Reader reader;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string where = fmt::format("{}:{}", name, i + 1);
    const json line = core::parse_json(lines[i], where, kAdvice);
    try {
      if (i == 0)
        read_header(line, reader.state);
      else
        reader.read(line);
    } catch (const json::exception& error) {
      throw InputError("{} is no line of a test: {}", where, data::excerpt(error.what()));
    } catch (const InputError& error) {
      throw InputError("{}: {}", where, error.what());
    }
  }
  return reader.state;
}

State read_state(const std::filesystem::path& file) {
  return parse_state(complete_lines(core::read_file(file)), file.string());
}

}  // namespace lathe::evaluate::active
