#include "lathe/evaluate/checklist/expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

double or_not_applicable(const Outcome& outcome) {
  return outcome ? *outcome : kNotApplicable;
}

Expectation combine(std::vector<Expectation> expectations,
                    const double& (*better)(const double&, const double&)) {
  return [expectations = std::move(expectations), better](const std::vector<CaseView>& cases) {
    std::vector<double> combined = expectations.front()(cases);
    for (size_t e = 1; e < expectations.size(); ++e) {
      const std::vector<double> outcomes = expectations[e](cases);
      for (size_t i = 0; i < combined.size(); ++i)
        if (!std::isnan(outcomes[i]))
          combined[i] = std::isnan(combined[i]) ? outcomes[i] : better(combined[i], outcomes[i]);
    }
    return combined;
  };
}

// Outcomes of each example; `outcome(case, example)`.
template <typename Function>
std::vector<double> for_each_example(const std::vector<CaseView>& cases, const Function& outcome) {
  std::vector<double> outcomes;
  for (const CaseView& view : cases)
    for (size_t i = 0; i < view.size; ++i) outcomes.push_back(outcome(view, i));
  return outcomes;
}

template <typename Keep>
Expectation slice(Expectation expectation, Keep keep) {
  return [expectation = std::move(expectation), keep = std::move(keep)](const std::vector<CaseView>& cases) {
    std::vector<double> outcomes = expectation(cases);
    size_t at = 0;
    for (const CaseView& view : cases)
      for (size_t i = 0; i < view.size; ++i, ++at)
        if (!keep(view, i)) outcomes[at] = kNotApplicable;
    return outcomes;
  };
}

}  // namespace

Expectation single(std::function<Outcome(const Prediction&, const Label*)> function) {
  return [function = std::move(function)](const std::vector<CaseView>& cases) {
    return for_each_example(cases, [&](const CaseView& view, size_t i) {
      return or_not_applicable(function(view.predictions[i], view.label(i)));
    });
  };
}

Expectation pairwise(std::function<Outcome(const Prediction&, const Prediction&, const Label*)> function) {
  return [function = std::move(function)](const std::vector<CaseView>& cases) {
    return for_each_example(cases, [&](const CaseView& view, size_t i) {
      return or_not_applicable(function(view.predictions[0], view.predictions[i], view.label(i)));
    });
  };
}

Expectation testcase(std::function<Outcome(const CaseView&)> function) {
  return [function = std::move(function)](const std::vector<CaseView>& cases) {
    std::vector<double> outcomes;
    for (const CaseView& view : cases)
      outcomes.insert(outcomes.end(), view.size, or_not_applicable(function(view)));
    return outcomes;
  };
}

Expectation combine_and(std::vector<Expectation> expectations) {
  return combine(std::move(expectations), &std::min<double>);
}

Expectation combine_or(std::vector<Expectation> expectations) {
  return combine(std::move(expectations), &std::max<double>);
}

Expectation slice_single(Expectation expectation, std::function<bool(const Prediction&, const Label*)> keep) {
  return slice(std::move(expectation), [keep = std::move(keep)](const CaseView& view, size_t i) {
    return keep(view.predictions[i], view.label(i));
  });
}

Expectation slice_pairwise(Expectation expectation,
                           std::function<bool(const Prediction&, const Prediction&)> keep) {
  return slice(std::move(expectation), [keep = std::move(keep)](const CaseView& view, size_t i) {
    return keep(view.predictions[0], view.predictions[i]);
  });
}

Expectation slice_testcase(Expectation expectation, std::function<bool(const CaseView&)> keep) {
  return slice(std::move(expectation),
               [keep = std::move(keep)](const CaseView& view, size_t) { return keep(view); });
}

Label parse_label(std::string_view text, const std::vector<std::string>& classes) {
  if (classes.empty()) return {.text = std::string(text)};
  const auto found = std::find(classes.begin(), classes.end(), text);
  if (found != classes.end()) return {.index = found - classes.begin()};
  int64_t index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error == std::errc() && end == text.data() + text.size() && index >= 0 &&
      index < static_cast<int64_t>(classes.size()))
    return {.index = index};
  const auto near = core::nearest(text, classes);
  throw InputError("'{}' is no class of the suite ({}){}", data::excerpt(text), fmt::join(classes, ", "),
                   near ? ", did you mean " + *near + "?" : "");
}

std::string normalized_answer(std::string_view text) {
  std::string result, word;
  const auto end_word = [&] {
    if (!word.empty() && word != "a" && word != "an" && word != "the")
      result += (result.empty() ? "" : " ") + word;
    word.clear();
  };
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte)) {
      end_word();
    } else if (!std::ispunct(byte)) {
      word += static_cast<char>(std::tolower(byte));
    }
  }
  end_word();
  return result;
}

}  // namespace lathe::evaluate::checklist
