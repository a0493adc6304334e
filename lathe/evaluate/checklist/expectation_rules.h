#pragma once
#include <optional>

#include "lathe/evaluate/checklist/expectation.h"

// The expectations that suites name; expectation.h says what each of them means. Without a label of their own
// they take the test's.
namespace lathe::evaluate::checklist {

Expectation equal(std::optional<Label> label);
Expectation unequal(std::optional<Label> label);
Expectation invariant(double tolerance);
Expectation changed();
enum class Direction { kIncreasing, kDecreasing };
Expectation monotonic(std::optional<Label> label, Direction direction, double tolerance);
Expectation implied(const Label& label);
Expectation slice_original(const Label& label, Expectation expectation);
Expectation slice_label(const Label& label, Expectation expectation);

}  // namespace lathe::evaluate::checklist
