#include "lathe/compile/kernel_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "lathe/core/files.h"

namespace lathe::compile {
namespace {

namespace fs = std::filesystem;

TEST(KernelCache, GivesBackWhatItKept) {
  const core::TemporaryDirectory directory;
  const KernelCache cache(directory.path() / "kernels");
  EXPECT_FALSE(cache.find("a"));
  cache.keep("a", "object of a");
  cache.keep("b", std::string("\0object", 7));
  EXPECT_EQ(cache.find("a"), "object of a");
  EXPECT_EQ(KernelCache(directory.path() / "kernels").find("b"), std::string("\0object", 7));
  EXPECT_FALSE(cache.find("c"));
  const auto [files, bytes] = kernel_cache_size(directory.path() / "kernels");
  EXPECT_EQ(files, 2);
  EXPECT_EQ(bytes, 2 * 64 + 11 + 7);
  clear_kernel_cache(directory.path() / "kernels");
  EXPECT_FALSE(cache.find("a"));
}

// Every byte counts, and so does the key that the file was written for.
TEST(KernelCache, TakesNothingDamaged) {
  const core::TemporaryDirectory directory;
  const KernelCache cache(directory.path());
  cache.keep("a", "object");
  const fs::path file = fs::directory_iterator(directory.path())->path();
  const std::string bytes = core::read_file(file);
  const auto with = [&](const std::string& content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    return cache.find("a");
  };
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] ^= 1;
    EXPECT_FALSE(with(altered)) << i;
    EXPECT_FALSE(with(bytes.substr(0, i))) << i;
  }
  EXPECT_EQ(with(bytes), "object");
  cache.keep("b", "other");
  for (const auto& entry : fs::directory_iterator(directory.path()))
    if (entry.path() != file) EXPECT_FALSE(with(core::read_file(entry.path())));
}

TEST(KernelCache, KeepsNothingWhereItCannot) {
  const core::TemporaryDirectory directory;
  std::ofstream(directory.path() / "file") << "in the way";
  const KernelCache blocked(directory.path() / "file" / "kernels"), none("");
  for (const KernelCache* cache : {&blocked, &none}) {
    cache->keep("a", "object");
    EXPECT_FALSE(cache->find("a"));
  }
}

TEST(KernelCache, ForgetsWhatWasNotUsedForLongest) {
  const core::TemporaryDirectory directory;
  const auto now = fs::file_time_type::clock::now();
  for (int i = 0; i < 10; ++i) {  // holes: nothing is written
    const fs::path file = directory.path() / std::to_string(i);
    std::ofstream(file).close();
    fs::resize_file(file, 32 << 20);
    fs::last_write_time(file, now - std::chrono::hours(i));
  }
  const KernelCache cache(directory.path());
  EXPECT_LE(kernel_cache_size(directory.path()).bytes, 192 << 20);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(fs::exists(directory.path() / std::to_string(i)), i < 6) << i;
}

TEST(KernelCache, HasItsPlace) {
  const auto set = [](const char* name, const char* value) {
    value ? setenv(name, value, 1) : unsetenv(name);
  };
  const auto saved = [](const char* name) {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  const auto cache = saved("XDG_CACHE_HOME"), home = saved("HOME");
  set("XDG_CACHE_HOME", "/somewhere");
  EXPECT_EQ(kernel_cache_directory(), "/somewhere/lathe/kernels");
  set("XDG_CACHE_HOME", nullptr), set("HOME", "/home/ada");
  EXPECT_EQ(kernel_cache_directory(), "/home/ada/.cache/lathe/kernels");
  set("HOME", nullptr);
  EXPECT_EQ(kernel_cache_directory(), "");
  set("XDG_CACHE_HOME", cache ? cache->c_str() : nullptr), set("HOME", home ? home->c_str() : nullptr);
}

}  // namespace
}  // namespace lathe::compile
