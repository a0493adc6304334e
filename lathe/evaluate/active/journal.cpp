#include "lathe/evaluate/active/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "lathe/core/error.h"

namespace lathe::evaluate::active {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& file) {
  throw Error("cannot write {}: {}", file.string(), std::generic_category().message(errno));
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(descriptor, bytes.data(), bytes.size());
    if (size < 0 && errno != EINTR) return false;
    if (size > 0) bytes.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

// A new file is there after a crash only when its directory says so.
void sync_directory(const fs::path& file) {
  const fs::path directory = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const core::Descriptor descriptor(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor || (fsync(descriptor.get()) != 0 && errno != EINVAL)) fail(file);
}

}  // namespace

std::vector<std::string> complete_lines(std::string_view bytes) {
  std::vector<std::string> lines;
  for (size_t end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n')) {
    lines.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
  return lines;
}

Journal::Journal(const fs::path& file, const std::string& what)
    : file_(file), lock_(file, what), descriptor_(open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)) {
  if (!descriptor_) fail(file_);
  const std::string bytes = core::read_file(file);
  lines_ = complete_lines(bytes);
  size_ = static_cast<int64_t>(bytes.rfind('\n') + 1);  // npos + 1 is 0
  if (size_ < static_cast<int64_t>(bytes.size()) && ftruncate(descriptor_.get(), size_) != 0) fail(file_);
  if (lines_.empty()) sync_directory(file_);
}

void Journal::append(const std::vector<std::string>& lines) {
  std::string bytes;
  for (const std::string& line : lines) bytes += line + "\n";
  if (!write_all(descriptor_.get(), bytes) || fsync(descriptor_.get()) != 0) {
    const int reason = errno;
    if (ftruncate(descriptor_.get(), size_) == 0) fsync(descriptor_.get());
    errno = reason;
    fail(file_);
  }
  size_ += static_cast<int64_t>(bytes.size());
  lines_.insert(lines_.end(), lines.begin(), lines.end());
}

}  // namespace lathe::evaluate::active
