#pragma once
#include <filesystem>

#include "lathe/train/subspace.h"

namespace lathe::train {

// A subspace's endpoints as a file. Loading throws InputError for a file that is damaged, or of another
// subspace.
void save_subspace(const Subspace& subspace, const std::filesystem::path& file);
void load_subspace(Subspace& subspace, const std::filesystem::path& file);

}  // namespace lathe::train
