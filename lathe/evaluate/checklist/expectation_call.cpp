#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/expectation_rules.h"

namespace lathe::evaluate::checklist {
namespace {

// name, name(argument, …), key=argument, "text in quotation marks"
struct Call {
  std::string key, name;
  std::vector<Call> arguments;
  bool has_arguments = false;
};

class CallParser {
 public:
  explicit CallParser(std::string_view text) : text_(text) {}

  Call parse() {
    Call call = argument(0);
    if (at_ < text_.size()) fail("nothing may follow the last ')'");
    if (!call.key.empty()) fail("an expectation is no key=value");
    return call;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw InputError("the expectation '{}': {}", data::excerpt(text_), message);
  }

  void spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  std::string word() {
    spaces();
    if (at_ < text_.size() && text_[at_] == '"') {
      const size_t end = text_.find('"', at_ + 1);
      if (end == text_.npos) fail("a quotation mark is never closed");
      std::string quoted(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      spaces();
      return quoted;
    }
    const size_t end = std::min(text_.find_first_of("(),=\"", at_), text_.size());
    std::string plain(data::trim(text_.substr(at_, end - at_)));
    at_ = end;
    return plain;
  }

  Call argument(int depth) {
    constexpr int kMostDepth = 20;
    if (depth > kMostDepth) fail("it is nested too deep");
    Call call;
    call.name = word();
    if (at_ < text_.size() && text_[at_] == '=') {
      ++at_;
      call.key = std::move(call.name);
      call.name = word();
    }
    if (call.name.empty()) fail("a name or a value is missing");
    if (at_ >= text_.size() || text_[at_] != '(') return call;
    call.has_arguments = true;
    do {
      ++at_;
      call.arguments.push_back(argument(depth + 1));
    } while (at_ < text_.size() && text_[at_] == ',');
    if (at_ >= text_.size() || text_[at_] != ')') fail("')' is missing");
    ++at_;
    spaces();
    return call;
  }

  std::string_view text_;
  size_t at_ = 0;
};

class ExpectationBuilder {
 public:
  ExpectationBuilder(const std::string& text, const std::vector<std::string>& classes)
      : text_(text), classes_(classes) {}

  Expectation build(const Call& call) const {
    const std::string& name = call.name;
    const auto count = [&](size_t least, size_t most) {
      if (call.arguments.size() < least || call.arguments.size() > most)
        fail(name + (most == 0       ? " has no arguments"
                     : least == most ? fmt::format(" has {} arguments", least)
                                     : fmt::format(" has {} to {} arguments", least, most)));
    };
    if (name == "eq" || name == "not") {
      count(0, 1);
      const auto label =
          call.arguments.empty() ? std::nullopt : std::optional(label_of(call.arguments[0], "label"));
      return name == "eq" ? equal(label) : unequal(label);
    }
    if (name == "inv") {
      count(0, 1);
      return invariant(call.arguments.empty() ? kTolerance : tolerance(call.arguments[0]));
    }
    if (name == "changed") {
      count(0, 0);
      return changed();
    }
    if (name == "implies") {
      count(1, 1);
      return implied(label_of(call.arguments[0], "label"));
    }
    if (name == "monotonic") return build_monotonic(call);
    if (name == "combine_and" || name == "combine_or") {
      count(1, 100);
      std::vector<Expectation> parts;
      for (const Call& part : call.arguments) parts.push_back(build(part));
      return name == "combine_and" ? combine_and(std::move(parts)) : combine_or(std::move(parts));
    }
    if (name == "slice_original" || name == "slice_label") {
      count(2, 2);
      const Label label = label_of(call.arguments[0], "label");
      Expectation inner = build(call.arguments[1]);
      return name == "slice_original" ? slice_original(label, std::move(inner))
                                      : slice_label(label, std::move(inner));
    }
    const std::vector<std::string> names = {"eq",          "not",         "inv",        "changed",
                                            "monotonic",   "combine_and", "combine_or", "slice_original",
                                            "slice_label", "implies"};
    const auto near = core::nearest(name, names);
    fail(fmt::format(
        "'{}' is not known{}", data::excerpt(name),
        near ? ", did you mean " + *near + "?" : "; there are " + fmt::format("{}", fmt::join(names, ", "))));
  }

 private:
  static constexpr double kTolerance = 0.1;

  [[noreturn]] void fail(const std::string& message) const {
    throw InputError("the expectation '{}': {}", data::excerpt(text_), message);
  }

  Label label_of(const Call& argument, const std::string& key) const {
    if (argument.has_arguments || (!argument.key.empty() && argument.key != key))
      fail(fmt::format("{} must be a label", data::excerpt(argument.name)));
    return parse_label(argument.name, classes_);
  }

  double tolerance(const Call& argument) const {
    double value = 0;
    const std::string& text = argument.name;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool key = argument.key.empty() || argument.key == "tol";
    if (!key || argument.has_arguments || error != std::errc() || end != text.data() + text.size() ||
        !(value >= 0 && value <= 1))
      fail(fmt::format("the tolerance must be a number in [0, 1], got '{}'", data::excerpt(text)));
    return value;
  }

  Expectation build_monotonic(const Call& call) const {
    std::optional<Label> label;
    std::optional<Direction> direction;
    double tol = kTolerance;
    for (const Call& argument : call.arguments) {
      if (argument.key == "label") {
        if (classes_.empty()) fail("spans of text have no probabilities by class");
        label = label_of(argument, "label");
      } else if (argument.key == "tol") {
        tol = tolerance(argument);
      } else if (argument.key.empty() && (argument.name == "increasing" || argument.name == "decreasing")) {
        direction = argument.name == "increasing" ? Direction::kIncreasing : Direction::kDecreasing;
      } else {
        fail(fmt::format("monotonic takes label=…, increasing or decreasing, and tol=…, got '{}'",
                         data::excerpt(argument.key.empty() ? argument.name : argument.key)));
      }
    }
    if (!direction) fail("monotonic must say increasing or decreasing");
    return monotonic(label, *direction, tol);
  }

  const std::string& text_;
  const std::vector<std::string>& classes_;
};

}  // namespace

Expectation parse_expectation(const std::string& call, const std::vector<std::string>& classes) {
  return ExpectationBuilder(call, classes).build(CallParser(call).parse());
}

}  // namespace lathe::evaluate::checklist
