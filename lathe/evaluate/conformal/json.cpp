#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lathe/core/error.h"
#include "lathe/evaluate/conformal/conformal.h"

namespace lathe::evaluate::conformal {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormat = "lathe.conformal";
constexpr int64_t kVersion = 1;

// Members of a JSON object, each checked.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}

  const Json& member(const char* key) const {
    const auto at = json_.find(key);
    if (at == json_.end()) fail(key, "is missing");
    return *at;
  }
  double number(const char* key) const {
    const Json& value = member(key);
    if (!value.is_number()) fail(key, "must be a number");
    return value.get<double>();
  }
  int64_t integer(const char* key, int64_t low, int64_t high) const {
    const Json& value = member(key);
    if (!value.is_number_integer() || value < low || value > high)
      fail(key, fmt::format("must be an integer in [{}, {}]", low, high));
    return value.get<int64_t>();
  }
  std::string text(const char* key) const {
    const Json& value = member(key);
    if (!value.is_string()) fail(key, "must be a string");
    return value.get<std::string>();
  }
  template <typename T>
  std::vector<T> list(const char* key) const {
    return list_of<T>(member(key), key);
  }
  template <typename T>
  std::vector<T> list_of(const Json& value, const char* key) const {
    const auto fits = [](const Json& x) {
      if constexpr (std::is_same_v<T, std::string>) return x.is_string();
      if constexpr (std::is_same_v<T, int64_t>) return x.is_number_integer();
      return x.is_number();
    };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), fits))
      fail(key,
           std::is_same_v<T, std::string> ? "must be an array of strings" : "must be an array of numbers");
    return value.get<std::vector<T>>();
  }
  [[noreturn]] void fail(const char* key, const std::string& message) const {
    throw InputError("this is no fitted conformal object: {} {}", key, message);
  }

 private:
  const Json& json_;
};

// τ̂ = ∞ is null in JSON.
Json thresholds_json(const std::vector<double>& thresholds) {
  Json list = Json::array();
  for (double threshold : thresholds) list.push_back(std::isfinite(threshold) ? Json(threshold) : Json());
  return list;
}

std::vector<std::vector<double>> read_pools(const Reader& reader) {
  const Json& json = reader.member("scores");
  if (!json.is_array()) reader.fail("scores", "must be an array of arrays");
  std::vector<std::vector<double>> pools;
  for (const Json& pool : json) {
    pools.push_back(reader.list_of<double>(pool, "scores"));
    const auto& scores = pools.back();
    if (!std::is_sorted(scores.begin(), scores.end()) || (!scores.empty() && !std::isfinite(scores.back())))
      reader.fail("scores", "must ascend and be finite");
  }
  return pools;
}

void check(const Reader& reader, const Fitted& fitted) {
  const auto num_pools = static_cast<int64_t>(fitted.pools.size());
  const bool by_class = fitted.condition == Condition::kClass || fitted.condition == Condition::kCluster;
  const bool naive = fitted.rule.method == Method::kNaive;
  if (!(fitted.temperature > 0) || std::isinf(fitted.temperature))
    reader.fail("temperature", "must be positive and finite");
  if (!std::isfinite(fitted.alpha)) reader.fail("alpha", "must be finite");
  if (!(fitted.rule.lambda >= 0)) reader.fail("lambda", "must be at least 0");
  if (naive ? num_pools != 0 : num_pools == 0) reader.fail("scores", "must hold what the method needs");
  if (fitted.condition == Condition::kNone && num_pools > 1) reader.fail("scores", "must be one pool");
  if (!fitted.classes.empty() && static_cast<int64_t>(fitted.classes.size()) != fitted.num_classes)
    reader.fail("classes", "must be as many as num_classes");
  if (static_cast<int64_t>(fitted.pool_of_class.size()) != (by_class ? fitted.num_classes : 0))
    reader.fail("pool_of_class", "must name a pool for each class where thresholds are by class");
  for (int64_t pool : fitted.pool_of_class)
    if (pool < 0 || pool >= num_pools) reader.fail("pool_of_class", "names a pool that is not there");
  if (fitted.weights.empty()) return;
  if (fitted.condition != Condition::kNone || naive || fitted.weights.size() != fitted.pools[0].size() ||
      !std::all_of(fitted.weights.begin(), fitted.weights.end(),
                   [](double w) { return w > 0 && std::isfinite(w); }))
    reader.fail("weights", "must be positive, one for each score");
}

}  // namespace

Json to_json(const Conformal& conformal) {
  const Fitted& f = conformal.fitted();
  return {{"format", kFormat},
          {"version", kVersion},
          {"method", to_string(f.rule.method)},
          {"alpha", f.alpha},
          {"temperature", f.temperature},
          {"k_reg", f.rule.k_reg},
          {"lambda", f.rule.lambda},
          {"randomized", to_string(f.rule.randomized)},
          {"allow_empty", f.rule.allow_empty},
          {"condition", to_string(f.condition)},
          {"thresholds", thresholds_json(conformal.thresholds())},
          {"n", conformal.num_calibration()},
          {"num_tuning", f.num_tuning},
          {"num_classes", f.num_classes},
          {"seed", f.seed},
          {"classes", f.classes},
          {"groups", f.groups},
          {"pool_of_class", f.pool_of_class},
          {"weights", f.weights},
          {"scores", f.pools}};
}

Conformal conformal_from_json(const Json& json) {
  if (!json.is_object()) throw InputError("this is no fitted conformal object: it must be a JSON object");
  const Reader reader(json);
  if (reader.text("format") != kFormat) reader.fail("format", fmt::format("must be '{}'", kFormat));
  reader.integer("version", kVersion, kVersion);
  constexpr int64_t kMost = int64_t{1} << 31;
  Fitted fitted;
  fitted.rule = {.method = parse_method(reader.text("method")),
                 .k_reg = reader.integer("k_reg", 0, kMost),
                 .lambda = reader.number("lambda"),
                 .randomized = parse_randomized(reader.text("randomized"))};
  const Json& allow_empty = reader.member("allow_empty");
  if (!allow_empty.is_boolean()) reader.fail("allow_empty", "must be true or false");
  fitted.rule.allow_empty = allow_empty.get<bool>();
  fitted.alpha = reader.number("alpha");
  fitted.temperature = reader.number("temperature");
  fitted.condition = parse_condition(reader.text("condition"));
  fitted.num_tuning = reader.integer("num_tuning", 0, std::numeric_limits<int64_t>::max());
  fitted.num_classes = reader.integer("num_classes", 1, kMost);
  const Json& seed = reader.member("seed");
  if (!seed.is_number_unsigned()) reader.fail("seed", "must be a non-negative integer");
  fitted.seed = seed.get<uint64_t>();
  fitted.classes = reader.list<std::string>("classes");
  fitted.groups = reader.list<std::string>("groups");
  fitted.pool_of_class = reader.list<int64_t>("pool_of_class");
  fitted.weights = reader.list<double>("weights");
  fitted.pools = read_pools(reader);
  check(reader, fitted);
  return Conformal(std::move(fitted));
}

}  // namespace lathe::evaluate::conformal
