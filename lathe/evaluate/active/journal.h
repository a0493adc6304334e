#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/core/descriptor.h"
#include "lathe/core/files.h"

namespace lathe::evaluate::active {

// Complete lines; what follows the last line's end was being written when the writer died, and is left out.
std::vector<std::string> complete_lines(std::string_view bytes);

// A file of lines that grows at its end only, held by one process at a time.
class Journal {
 public:
  // Created where it is missing. Throws InputError, beginning with `what`, when another process holds it.
  Journal(const std::filesystem::path& file, const std::string& what);
  const std::vector<std::string>& lines() const { return lines_; }
  // Returns when the lines are on the disk, all of them; throws Error with the system's reason else, and
  // takes back what was written.
  void append(const std::vector<std::string>& lines);

 private:
  std::filesystem::path file_;
  core::FileLock lock_;
  core::Descriptor descriptor_;
  int64_t size_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace lathe::evaluate::active
