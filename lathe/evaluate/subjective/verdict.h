#pragma once
#include <optional>
#include <string>
#include <vector>

// Whether a model is what section 7 of the specification asks for.
namespace lathe::evaluate::subjective {

// Undecided: the data do not tell, or the specification does not say. It is no pass.
enum class Decision { met, violated, undecided };
std::string to_string(Decision decision);  // "met", "violated", "not decidable"

struct Verdict {
  std::string criterion;  // "gap of g2 to the others"
  Decision decision = Decision::undecided;
  std::string found, wanted;
  double p_value = 1;  // that it is violated, corrected; 1 where nothing was tested
};
// Violated if any is, met if all are and there is one.
Decision overall(const std::vector<Verdict>& verdicts);

enum class Correction { none, holm, benjamini_hochberg };

// One criterion of several groups: p-values of two one-sided tests, of "it is within the limit" (small where
// it is violated) and of "it is beyond" (small where it is met).
struct Tested {
  Verdict verdict;
  double within = 1, beyond = 1;
};
// estimate against a limit, with a standard error (normal); beyond means above for Side::at_most, below for
// Side::at_least. Estimates and errors that are not finite give 1 and 1; an error of 0 decides.
enum class Side { at_most, at_least };
Tested test_limit(const std::string& criterion, double estimate, double standard_error, double limit,
                  Side side);
// Of k people of n: binomial tests against a largest share.
Tested test_share(const std::string& criterion, int64_t k, int64_t n, double limit);
// A group is violated where `within`, corrected for the number of groups, is at most 1 - confidence; it is
// met where `beyond` is (that all are needs no correction).
std::vector<Verdict> decide(std::vector<Tested> tests, double confidence, Correction correction);

}  // namespace lathe::evaluate::subjective
