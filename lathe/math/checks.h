#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

namespace lathe::math {

// Arguments at the module's boundary; each throws InputError with one line that begins with `where`.
void check_confidence(std::string_view where, double confidence);  // in (0, 1)
void check_probability(std::string_view where, double probability);
void check_finite(std::string_view where, const std::vector<double>& values);
// Two samples of the same subjects: equally many, at least `min_size`, all finite.
void check_pairs(std::string_view where, const std::vector<double>& x, const std::vector<double>& y,
                 size_t min_size);

}  // namespace lathe::math
