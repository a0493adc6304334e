#include "lathe/evaluate/active/asking.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/seed.h"
#include "lathe/data/cells.h"
#include "lathe/data/csv.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/active/journal.h"

namespace lathe::evaluate::active {
namespace {

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void check_same_test(const State& state, const Pool& pool, const ActiveOptions& options,
                     const std::string& name) {
  if (state.num_pool != pool.size())
    throw InputError("{} is a test of {} points, the pool has {} now; a test needs one pool to its end", name,
                     state.num_pool, pool.size());
  if (state.pool_hash != hash_of(pool))
    throw InputError("{} is a test of another pool: ids, or their order, have changed", name);
  nlohmann::json before = to_json(state.options);
  const nlohmann::json after = to_json(options);
  before.erase("batch");
  before.erase("budget");  // stopping later, or earlier, biases nothing
  for (const auto& [key, value] : before.items())
    if (after.at(key) != value)
      throw InputError("{} was begun with {} = {}, and must go on with that; got {}", name, key, value.dump(),
                       after.at(key).dump());
}

std::string text_of(const Answer& answer) {
  return answer.loss ? fmt::format("{}", *answer.loss) : data::excerpt(answer.label);
}

bool same(const Answer& a, const Answer& b) {
  return a.label == b.label && a.loss == b.loss;
}

}  // namespace

Drawn draw_steps(const State& state, const Pool& pool, const std::vector<double>& scores, int64_t count) {
  if (scores.size() != pool.ids.size())
    throw InputError("{} scores for the {} points of the pool", scores.size(), pool.ids.size());
  const auto done = static_cast<int64_t>(state.steps.size());
  count = std::min(count, std::min(state.options.budget, state.num_pool) - done);
  Drawn drawn;
  if (count < 1) return drawn;
  const NameOf name_of = [&](int64_t i) {
    return fmt::format("id '{}' (step {})", data::excerpt(pool.ids[static_cast<size_t>(i)]), done + 1);
  };
  const auto sampler_of = [&](const ProposalOptions& options) {
    Sampler sampler(scores, options, name_of);
    for (const Asked& asked : state.steps) sampler.remove(asked.index);
    return sampler;
  };
  const core::Seed seed = core::Seed(state.options.seed).stream("draw");
  Sampler uniform = sampler_of({.kind = ProposalKind::kUniform}), chosen = sampler_of(state.options.proposal);
  if (done + count > state.options.start) drawn.num_floored = chosen.num_floored();
  for (int64_t step = done + 1; step <= done + count; ++step) {
    const double u = seed.stream(static_cast<uint64_t>(step)).random().uniform();
    const bool starts = step <= state.options.start;
    const Draw draw = (starts ? uniform : chosen).draw(u);
    (starts ? chosen : uniform).remove(draw.position);
    const auto i = static_cast<size_t>(draw.position);
    Asked asked{.id = pool.ids[i],
                .index = draw.position,
                .q = draw.q,
                .remaining = draw.remaining,
                .score = scores[i]};
    if (!pool.predictions.empty()) asked.prediction = pool.predictions[i];
    if (pool.probabilities.defined()) asked.probabilities = to_vector(pool.probabilities[draw.position]);
    drawn.steps.push_back(std::move(asked));
  }
  return drawn;
}

Asking ask(const std::filesystem::path& file, const Pool& pool, const ActiveOptions& options) {
  Asking asking{.state = begin_state(pool, options)};
  const std::vector<double> scores = scores_of(pool, options);
  check_scores(scores, options.proposal, [&](int64_t i) {
    return fmt::format("id '{}'", data::excerpt(pool.ids[static_cast<size_t>(i)]));
  });
  Journal journal(file, "the test " + file.string());
  std::vector<std::string> lines;
  if (journal.lines().empty()) {
    lines.push_back(header_line(asking.state));
  } else {
    asking.state = parse_state(journal.lines(), file.string());
    check_same_test(asking.state, pool, options, file.string());
    asking.state.options.budget = options.budget;
  }
  const auto waiting = std::count_if(asking.state.steps.begin(), asking.state.steps.end(),
                                     [](const Asked& asked) { return !asked.answer; });
  Drawn drawn = draw_steps(asking.state, pool, scores, options.batch - waiting);
  asking.num_new = static_cast<int64_t>(drawn.steps.size());
  asking.num_floored = drawn.num_floored;
  for (Asked& asked : drawn.steps) {
    asked.time = now();
    asking.state.steps.push_back(std::move(asked));
    lines.push_back(step_line(static_cast<int64_t>(asking.state.steps.size()), asking.state.steps.back()));
  }
  if (!lines.empty()) journal.append(lines);
  return asking;
}

std::vector<GivenAnswer> read_answers(const std::filesystem::path& file) {
  return parse_answers(core::read_file(file), file.string());
}

std::vector<GivenAnswer> parse_answers(std::string_view text, const std::string& name) {
  const data::CsvFile csv = data::parse_csv(text, name);
  const size_t id = data::require_column(csv, name, "id");
  const auto label = data::find_column(csv, "label"), loss = data::find_column(csv, "loss");
  if (label.has_value() == loss.has_value())
    throw InputError("{}:1: answers need one of the columns 'label' and 'loss' beside 'id'", name);
  std::vector<GivenAnswer> answers;
  std::unordered_map<std::string, int64_t> lines;
  for (size_t i = 0; i < csv.rows.size(); ++i) {
    const auto& row = csv.rows[i];
    if (row[label ? *label : *loss].empty()) continue;  // not answered yet
    GivenAnswer given{.id = row[id], .where = fmt::format("{}:{}", name, csv.lines[i]), .answer = {}};
    const auto [first, is_new] = lines.emplace(given.id, csv.lines[i]);
    if (!is_new)
      throw InputError("{}: id '{}' is there twice, first in line {}", given.where, data::excerpt(given.id),
                       first->second);
    if (label) {
      given.answer.label = row[*label];
    } else {
      given.answer.loss = parse_double(row[*loss]);
      if (!given.answer.loss)
        throw InputError("{}: the loss of id '{}' must be a number, got '{}'", given.where,
                         data::excerpt(given.id), data::excerpt(row[*loss]));
    }
    answers.push_back(std::move(given));
  }
  return answers;
}

Answering answer(const std::filesystem::path& file, const std::vector<GivenAnswer>& answers, OldAnswers old) {
  if (!std::filesystem::exists(file))
    throw InputError("there is no test {}; lathe evaluate active next begins one", file.string());
  Journal journal(file, "the test " + file.string());
  Answering result{.state = parse_state(journal.lines(), file.string())};
  std::unordered_map<std::string, Asked*> steps;
  for (Asked& asked : result.state.steps) steps.emplace(asked.id, &asked);
  std::vector<std::string> lines;
  for (const GivenAnswer& given : answers) {
    const auto found = steps.find(given.id);
    if (found == steps.end())
      throw InputError("{}: id '{}' was never asked for", given.where, data::excerpt(given.id));
    Asked& asked = *found->second;
    const std::string where = fmt::format("{}: step {}, id '{}'", given.where,
                                          &asked - result.state.steps.data() + 1, data::excerpt(given.id));
    if (asked.answer && same(*asked.answer, given.answer)) continue;
    try {
      check_answer(result.state, given.answer);
    } catch (const InputError& error) {
      throw InputError("{}: {}", where, error.what());
    }
    if (asked.answer && old == OldAnswers::kKeep)
      throw InputError("{} has another answer already ({}); --replace takes the new one", where,
                       text_of(*asked.answer));
    (asked.answer ? result.num_replaced : result.num_new) += 1;
    asked.answer = given.answer;
    asked.answer->time = now();
    lines.push_back(answer_line(given.id, *asked.answer));
  }
  if (!lines.empty()) journal.append(lines);
  return result;
}

}  // namespace lathe::evaluate::active
