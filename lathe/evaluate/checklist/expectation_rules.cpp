#include "lathe/evaluate/checklist/expectation_rules.h"

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::evaluate::checklist {
namespace {

constexpr double kPass = 1;
constexpr double kRounding = 1e-6;  // of float32 probabilities

bool by_class(const Prediction& prediction) {
  return prediction.confidence.size() > 1;
}

// p[label], or the one number there is, or 1.
double confidence_in(const Prediction& prediction, int64_t label) {
  if (prediction.confidence.empty()) return 1;
  if (!by_class(prediction)) return prediction.confidence[0];
  if (label < 0 || label >= static_cast<int64_t>(prediction.confidence.size())) return 0;
  return prediction.confidence[static_cast<size_t>(label)];
}

bool is(const Prediction& prediction, const Label& label) {
  if (label.index >= 0) return prediction.label == label.index;
  return normalized_answer(prediction.text) == normalized_answer(label.text);
}

bool same_answer(const Prediction& a, const Prediction& b) {
  if (a.label >= 0 || b.label >= 0) return a.label == b.label;
  return a.text == b.text || normalized_answer(a.text) == normalized_answer(b.text);
}

const Label& required(const Label* label, const char* expectation) {
  if (label == nullptr)
    throw InputError("the expectation {} needs labels, or a label of its own, as in {}(positive)",
                     expectation, expectation);
  return *label;
}

}  // namespace

Expectation equal(std::optional<Label> fixed) {
  return single([fixed](const Prediction& prediction, const Label* of_case) -> Outcome {
    const Label& label = fixed ? *fixed : required(of_case, "eq");
    if (is(prediction, label)) return kPass;
    return by_class(prediction) ? -(1 - confidence_in(prediction, label.index))
                                : -(1 + confidence_in(prediction, label.index));
  });
}

Expectation unequal(std::optional<Label> fixed) {
  return single([fixed](const Prediction& prediction, const Label* of_case) -> Outcome {
    const Label& label = fixed ? *fixed : required(of_case, "not");
    return is(prediction, label) ? -confidence_in(prediction, label.index) : kPass;
  });
}

Expectation invariant(double tolerance) {
  return pairwise(
      [tolerance](const Prediction& original, const Prediction& changed, const Label*) -> Outcome {
        if (same_answer(original, changed)) return kPass;
        const double before = confidence_in(original, original.label),
                     after = confidence_in(changed, original.label);
        const double distance = by_class(original) ? std::abs(after - before) : after + before;
        return distance <= tolerance + kRounding ? kPass : -distance;
      });
}

// The original itself never changes: only what follows it is asked.
Expectation changed() {
  return pairwise([](const Prediction& original, const Prediction& changed, const Label*) -> Outcome {
    if (&original == &changed) return std::nullopt;
    return same_answer(original, changed) ? -confidence_in(changed, original.label) : kPass;
  });
}

Expectation monotonic(std::optional<Label> fixed, Direction direction, double tolerance) {
  return pairwise([=](const Prediction& original, const Prediction& changed, const Label*) -> Outcome {
    if (original.confidence.empty() || (fixed && !by_class(original))) return std::nullopt;
    const int64_t label = fixed ? fixed->index : original.label;
    const double before = confidence_in(original, label), change = confidence_in(changed, label) - before;
    if (direction == Direction::kIncreasing) {
      if (before <= tolerance + kRounding) return std::nullopt;
      return change + tolerance + kRounding >= 0 ? kPass : change + tolerance;
    }
    if (before >= 1 - tolerance - kRounding) return std::nullopt;
    return change - tolerance - kRounding <= 0 ? kPass : -(change - tolerance);
  });
}

// As in (a = b) ∧ (a = c) ⇒ (b = c).
Expectation implied(const Label& label) {
  return testcase([label](const CaseView& view) -> Outcome {
    const Prediction* last = view.predictions + view.size - 1;
    if (!std::all_of(view.predictions, last, [&](const Prediction& given) { return is(given, label); }))
      return {};
    return is(*last, label) ? 1 : -1;
  });
}

Expectation slice_original(const Label& label, Expectation expectation) {
  return slice_testcase(std::move(expectation),
                        [label](const CaseView& view) { return is(view.predictions[0], label); });
}

Expectation slice_label(const Label& label, Expectation expectation) {
  return slice_testcase(std::move(expectation), [label](const CaseView& view) {
    return required(view.label(0), "slice_label") == label;
  });
}

}  // namespace lathe::evaluate::checklist
