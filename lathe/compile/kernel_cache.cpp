#include "lathe/compile/kernel_cache.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::compile {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMostBytes = int64_t{256} << 20;
constexpr size_t kDigest = 64;  // characters of a SHA-256, before the object

std::string digest(std::string_view key, std::string_view object) {
  return core::sha256(std::string(key) + '\n' + std::string(object));
}

struct Entry {
  fs::path file;
  fs::file_time_type used;
  int64_t bytes = 0;
};

// Other processes may remove files meanwhile.
std::vector<Entry> entries(const fs::path& directory) {
  std::vector<Entry> result;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    const Entry entry{at->path(), at->last_write_time(gone), static_cast<int64_t>(at->file_size(gone))};
    if (!gone) result.push_back(entry);
  }
  return result;
}

// Down to three quarters of what is allowed, so that not every run has to.
void trim(const fs::path& directory) {
  std::vector<Entry> all = entries(directory);
  int64_t bytes = 0;
  for (const Entry& entry : all) bytes += entry.bytes;
  if (bytes <= kMostBytes) return;
  std::sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : all) {
    if (bytes <= kMostBytes / 4 * 3) break;
    std::error_code ignored;
    fs::remove(entry.file, ignored);
    bytes -= entry.bytes;
  }
}

}  // namespace

KernelCache::KernelCache(fs::path directory) : directory_(std::move(directory)) {
  if (!directory_.empty()) trim(directory_);
}

fs::path KernelCache::file(std::string_view key) const {
  return directory_ / (core::sha256(key).substr(0, 32) + ".kernel");
}

std::optional<std::string> KernelCache::find(std::string_view key) const {
  if (directory_.empty()) return std::nullopt;
  const fs::path path = file(key);
  std::string bytes;
  try {
    bytes = core::read_file(path);
  } catch (const InputError&) {
    return std::nullopt;
  }
  if (bytes.size() <= kDigest) return std::nullopt;
  std::string object = bytes.substr(kDigest);
  if (bytes.compare(0, kDigest, digest(key, object)) != 0) return std::nullopt;
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
  return object;
}

void KernelCache::keep(std::string_view key, std::string_view object) const {
  if (directory_.empty()) return;
  try {
    fs::create_directories(directory_);
    core::write_file(file(key), digest(key, object) + std::string(object));
  } catch (const std::exception&) {
    // A full disk or somebody else's directory costs time, not the result.
  }
}

fs::path kernel_cache_directory() {
  const auto variable = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  const fs::path cache = variable("XDG_CACHE_HOME"), home = variable("HOME");
  if (!cache.empty()) return cache / "lathe" / "kernels";
  return home.empty() ? fs::path() : home / ".cache" / "lathe" / "kernels";
}

KernelCacheSize kernel_cache_size(const fs::path& directory) {
  KernelCacheSize size;
  for (const Entry& entry : entries(directory)) ++size.files, size.bytes += entry.bytes;
  return size;
}

void clear_kernel_cache(const fs::path& directory) {
  for (const Entry& entry : entries(directory)) {
    std::error_code ignored;
    fs::remove(entry.file, ignored);
  }
}

}  // namespace lathe::compile
