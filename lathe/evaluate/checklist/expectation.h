#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluate/checklist/prediction.h"

// What a test expects of predictions. An expectation gives one outcome for every example: above 0 is a pass,
// the rest a failure, the more negative the worse; kNotApplicable says nothing about the example.
namespace lathe::evaluate::checklist {

inline constexpr double kNotApplicable = std::numeric_limits<double>::quiet_NaN();

struct Test;

// A case as an expectation sees it: the original first, then what was made of it.
struct CaseView {
  const Prediction* predictions = nullptr;
  size_t size = 0;
  const Label* labels = nullptr;  // nullptr: the test has none
  size_t label_stride = 0;        // 0: one label for the case
  const Test* test = nullptr;     // for texts and meta
  int64_t index = 0;              // of the case in the test
  const Label* label(size_t example) const {
    return labels == nullptr ? nullptr : labels + example * label_stride;
  }
};

// Over all cases of a test (which makes it Ribeiro et al.'s `test` level): outcomes in order, one an example.
using Expectation = std::function<std::vector<double>(const std::vector<CaseView>&)>;

// By name, as suites write them. `classes` are the suite's, empty where answers are texts; a LABEL is a
// class's name or index, or a text.
//   eq, eq(LABEL)   the prediction is the test's label, or that label. Fails with -(1 - p[label]), without
//                   probabilities by class with -(1 + p)
//   not, not(LABEL) the prediction is not the label. Fails with -p[label]
//   inv, inv(0.1)   the prediction is the original's, or p[original's class] moved by no more than the
//                   tolerance. Fails with -|change|, where p is one number with -(p + p_original)
//   changed         the prediction is another than the original's. Fails with -p[original's class]
//   monotonic(label=LABEL, increasing, tol=0.1)
//                   p[label] does not fall (or, decreasing: rise) by more than the tolerance; without a
//                   label: p of the original's class. Not applicable where it cannot fail, or where there is
//                   no such p. Fails with the excess, negative
//   implies(LABEL)  where all inputs of the case but the last are LABEL, so is the last; else not applicable
//   combine_and(A, B, …), combine_or(A, B, …)
//                   the smallest, or the largest outcome; not applicable where all of them are not
//   slice_original(LABEL, A), slice_label(LABEL, A)
//                   A where the original is predicted as LABEL, or the case's label is LABEL; else not
//                   applicable
// Tolerances default to 0.1, as in Ribeiro et al.'s experiments; 1e-6 is added for rounding. Texts are
// compared as SQuAD does. Throws InputError for an unknown name with the nearest one.
Expectation parse_expectation(const std::string& call, const std::vector<std::string>& classes);

// Functions of your own. An outcome of nullopt is "not applicable".
using Outcome = std::optional<double>;
Expectation single(std::function<Outcome(const Prediction&, const Label*)> function);
Expectation pairwise(
    std::function<Outcome(const Prediction& original, const Prediction& changed, const Label*)> function);
Expectation testcase(
    std::function<Outcome(const CaseView&)> function);  // one outcome for all examples of the case
Expectation combine_and(std::vector<Expectation> expectations);
Expectation combine_or(std::vector<Expectation> expectations);
// Applicable only where `keep` says so: to the example, to the pair with its original, to the case.
Expectation slice_single(Expectation expectation, std::function<bool(const Prediction&, const Label*)> keep);
Expectation slice_pairwise(Expectation expectation,
                           std::function<bool(const Prediction& original, const Prediction& changed)> keep);
Expectation slice_testcase(Expectation expectation, std::function<bool(const CaseView&)> keep);

// A label as text: a class's name or index, or with no classes the text itself. Throws InputError with the
// nearest class.
Label parse_label(std::string_view text, const std::vector<std::string>& classes);

// As SQuAD compares answers: lower case, without ASCII punctuation, the words a, an, the, and doubled spaces.
std::string normalized_answer(std::string_view text);

}  // namespace lathe::evaluate::checklist
