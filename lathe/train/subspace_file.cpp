#include "lathe/train/subspace_file.h"

#include "lathe/nn/archive_file.h"

namespace lathe::train {

void save_subspace(const Subspace& subspace, const std::filesystem::path& file) {
  nn::write_archive(file, [&](torch::serialize::OutputArchive& archive) { subspace.save(archive); });
}

void load_subspace(Subspace& subspace, const std::filesystem::path& file) {
  nn::read_archive(file, "train again",
                   [&](torch::serialize::InputArchive& archive) { subspace.load(archive); });
}

}  // namespace lathe::train
