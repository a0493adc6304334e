#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lathe::compile {

// Kernels' object files between runs, one file each, at most 256 MB: what was not used for longest goes
// first. A file that is damaged counts as none; one that cannot be written is not kept.
class KernelCache {
 public:
  explicit KernelCache(std::filesystem::path directory);  // empty: keeps nothing
  // `key` says all that determines the object.
  std::optional<std::string> find(std::string_view key) const;
  void keep(std::string_view key, std::string_view object) const;

 private:
  std::filesystem::path file(std::string_view key) const;
  std::filesystem::path directory_;
};

// $XDG_CACHE_HOME/lathe/kernels, else ~/.cache/lathe/kernels; empty where there is no home directory.
std::filesystem::path kernel_cache_directory();

struct KernelCacheSize {
  int64_t files = 0, bytes = 0;
};
KernelCacheSize kernel_cache_size(const std::filesystem::path& directory);
void clear_kernel_cache(const std::filesystem::path& directory);

}  // namespace lathe::compile
