#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace lathe::core {

// Whole file as bytes. Throws InputError that names the file and the system's reason.
std::string read_file(const std::filesystem::path& file);

// Writes beside the target, fsyncs, renames, fsyncs the directory: a reader sees the old bytes or the new
// ones. Throws Error with the system's reason ("No space left on device") and leaves no temporary behind.
void write_file(const std::filesystem::path& file, std::string_view bytes);
// Removes what writers that were killed in the middle left beside the files of a directory. Nobody may be
// writing there.
void remove_unfinished_writes(const std::filesystem::path& directory);

// Lower-case hexadecimal SHA-256.
std::string sha256(std::string_view bytes);
std::string sha256_file(const std::filesystem::path& file);

// A fresh directory, removed with its contents when the object dies.
class TemporaryDirectory {
 public:
  // mkdtemp of parent/prefixXXXXXX; parent defaults to the system's directory for temporary files.
  explicit TemporaryDirectory(std::string_view prefix = "lathe-", const std::filesystem::path& parent = {});
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// An exclusive advisory lock (flock) on a file, held for the object's life, released by the kernel if the
// process dies. Throws InputError with `what` when another process holds it.
class FileLock {
 public:
  FileLock(const std::filesystem::path& file, std::string_view what);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

// $LATHE_HOME, else $XDG_DATA_HOME/lathe, else ~/.local/share/lathe. Created if missing.
std::filesystem::path home_directory();

}  // namespace lathe::core
