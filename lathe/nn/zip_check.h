#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace lathe::nn {

// Compares the checksums that a zip file keeps of its entries with their bytes: libtorch does not, and
// crashes on some damaged archives. Returns what is damaged; nothing if all is as it was
// written.
std::optional<std::string> zip_damage(std::string_view bytes);

}  // namespace lathe::nn
