#include <fmt/ranges.h>

#include <array>

#include "lathe/core/error.h"
#include "lathe/core/printable.h"
#include "lathe/evaluate/conformal/conformal.h"

namespace lathe::evaluate::conformal {
namespace {

template <typename T, size_t N>
using Names = std::array<std::pair<T, const char*>, N>;

constexpr Names<Method, 5> kMethods = {{{Method::kRaps, "raps"},
                                        {Method::kAps, "aps"},
                                        {Method::kLac, "lac"},
                                        {Method::kTopK, "topk"},
                                        {Method::kNaive, "naive"}}};
constexpr Names<Tune, 4> kTunes = {{{Tune::kSize, "size"},
                                    {Tune::kAdaptiveness, "adaptiveness"},
                                    {Tune::kCross, "cross"},
                                    {Tune::kNone, "none"}}};
constexpr Names<Randomized, 3> kRandomized = {
    {{Randomized::kYes, "yes"}, {Randomized::kNo, "no"}, {Randomized::kCalibrationOnly, "calibration-only"}}};
constexpr Names<Condition, 4> kConditions = {{{Condition::kNone, "none"},
                                              {Condition::kGroup, "group"},
                                              {Condition::kClass, "class"},
                                              {Condition::kCluster, "cluster"}}};

template <typename T, size_t N>
std::string name_of(const Names<T, N>& names, T value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return "?";
}

template <typename T, size_t N>
T parse(const Names<T, N>& names, const char* what, const std::string& text) {
  std::vector<std::string> known;
  for (const auto& [value, name] : names) {
    if (text == name) return value;
    known.push_back(name);
  }
  throw InputError("{} must be one of {}, got '{}'", what, fmt::join(known, ", "), core::printable(text));
}

}  // namespace

std::string to_string(Method method) {
  return name_of(kMethods, method);
}
std::string to_string(Randomized randomized) {
  return name_of(kRandomized, randomized);
}
std::string to_string(Condition condition) {
  return name_of(kConditions, condition);
}
Method parse_method(const std::string& text) {
  return parse(kMethods, "method", text);
}
Tune parse_tune(const std::string& text) {
  return parse(kTunes, "tune", text);
}
Randomized parse_randomized(const std::string& text) {
  return parse(kRandomized, "randomized", text);
}
Condition parse_condition(const std::string& text) {
  return parse(kConditions, "condition", text);
}

}  // namespace lathe::evaluate::conformal
