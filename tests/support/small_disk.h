#pragma once
#include <sys/mount.h>

#include <string>

#include "lathe/core/files.h"

namespace lathe::testing_support {

// A small file system in memory, for one scope; only root may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const char* size)
      : mounted_(mount("none", directory_.path().c_str(), "tmpfs", 0,
                       (std::string("size=") + size).c_str()) == 0) {}
  ~SmallDisk() {
    if (mounted_) umount2(path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  core::TemporaryDirectory directory_;
  bool mounted_;
};

#define SKIP_UNLESS_MOUNTED(disk) \
  if (!(disk).mounted())          \
  GTEST_SKIP() << "needs the right to mount a small file system (root): " << std::strerror(errno)

}  // namespace lathe::testing_support
