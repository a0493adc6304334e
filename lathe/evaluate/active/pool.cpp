#include "lathe/evaluate/active/pool.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/cells.h"
#include "lathe/data/csv.h"
#include "lathe/data/npy.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/logits_file.h"

namespace lathe::evaluate::active {
namespace {

double parse_score(const std::string& cell, const std::string& where, const std::string& id) {
  const auto score = parse_double(data::trim(cell));
  if (!score || !std::isfinite(*score) || *score < 0)
    throw InputError("{}: the score of id '{}' must be a finite number of at least 0, got '{}'", where,
                     data::excerpt(id), data::excerpt(cell));
  return *score;
}

std::vector<std::string> numbered(int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

Pool read_pool(const std::filesystem::path& file) {
  return parse_pool(core::read_file(file), file.string());
}

Pool parse_pool(std::string_view text, const std::string& name) {
  const data::CsvFile csv = data::parse_csv(text, name);
  const size_t id = data::require_column(csv, name, "id");
  const auto score = data::find_column(csv, "score"), prediction = data::find_column(csv, "prediction");
  Pool pool;
  std::unordered_map<std::string, int64_t> lines;
  for (size_t i = 0; i < csv.rows.size(); ++i) {
    const auto& row = csv.rows[i];
    const std::string where = fmt::format("{}:{}", name, csv.lines[i]);
    if (row[id].empty()) throw InputError("{}: the id is empty; every point needs its own", where);
    const auto [first, is_new] = lines.emplace(row[id], csv.lines[i]);
    if (!is_new)
      throw InputError("{}: id '{}' is there twice, first in line {}", where, data::excerpt(row[id]),
                       first->second);
    pool.ids.push_back(row[id]);
    if (score) pool.scores.push_back(parse_score(row[*score], where, row[id]));
    if (!prediction) continue;
    if (row[*prediction].empty())
      throw InputError("{}: id '{}' has no prediction", where, data::excerpt(row[id]));
    pool.predictions.push_back(row[*prediction]);
  }
  return pool;
}

Pool with_outputs(Pool pool, const std::filesystem::path& file, Outputs outputs) {
  at::Tensor values;
  std::vector<std::string> classes;
  if (file.extension() == ".npy") {
    values = data::read_npy(file);
    if (!values.is_floating_point() || values.dim() < 2 || values.dim() > 3)
      throw InputError(
          "{} must hold floating-point numbers [points, classes], or [members, points, classes], got {} [{}]",
          file.string(), c10::toString(values.scalar_type()), fmt::join(values.sizes(), ", "));
  } else {
    LogitsFile read = read_logits(file);
    values = read.logits;
    classes = std::move(read.classes);
  }
  if (values.size(-2) != pool.size())
    throw InputError("{} has {} rows for the {} points of the pool", file.string(), values.size(-2),
                     pool.size());
  values = values.to(torch::kFloat64);
  try {
    return with_probabilities(std::move(pool), outputs == Outputs::kLogits ? values.softmax(-1) : values,
                              std::move(classes));
  } catch (const InputError& error) {
    throw InputError("{}: {}", file.string(), error.what());
  }
}

Pool with_probabilities(Pool pool, const at::Tensor& probabilities, std::vector<std::string> classes) {
  if (!probabilities.defined() || probabilities.dim() < 2 || probabilities.size(-2) != pool.size())
    throw InputError("the pool of {} points needs as many rows of probabilities", pool.size());
  const at::Tensor mean = probabilities.dim() == 3 ? probabilities.mean(0) : probabilities;
  entropy(mean);  // what is wrong with a row
  pool.probabilities = mean.to(torch::kCPU, torch::kFloat64).contiguous();
  if (probabilities.dim() == 3) pool.members = probabilities;
  pool.classes = classes.empty() ? numbered(mean.size(1)) : std::move(classes);
  const at::Tensor best = pool.probabilities.argmax(1).contiguous();
  pool.predictions.clear();
  for (int64_t i = 0; i < pool.size(); ++i)
    pool.predictions.push_back(pool.classes.at(static_cast<size_t>(best.data_ptr<int64_t>()[i])));
  return pool;
}

std::vector<double> scores_of(const Pool& pool, const ActiveOptions& options) {
  if (options.acquisition == Acquisition::kRandom) return std::vector<double>(pool.ids.size(), 1);
  if (options.acquisition == Acquisition::kGiven) {
    if (pool.scores.empty())
      throw InputError(
          "the pool has no column `score`; add one, give the model's outputs (--logits, --probabilities), or "
          "ask for acquisition random");
    return pool.scores;
  }
  if (!pool.probabilities.defined())
    throw InputError("acquisition {} is made of a model's outputs (--logits or --probabilities)",
                     to_string(options.acquisition));
  if (options.acquisition == Acquisition::kBald && !pool.members.defined())
    throw InputError("acquisition bald is made of several members' outputs, [members, points, classes]");
  return to_vector(options.acquisition == Acquisition::kBald
                       ? bald(pool.members)
                       : score(options.acquisition, pool.probabilities, options.loss));
}

std::string hash_of(const Pool& pool) {
  std::string text;
  for (const std::string& id : pool.ids) text += fmt::format("{} {}\n", id.size(), id);
  return core::sha256(text);
}

}  // namespace lathe::evaluate::active
