#include "lathe/core/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <regex>
#include <system_error>
#include <vector>

#include "lathe/core/descriptor.h"
#include "lathe/core/error.h"

namespace lathe::core {
namespace fs = std::filesystem;
namespace {

std::string reason(int error = errno) {
  return std::generic_category().message(error);
}

// Calls consume(bytes) for each block of the file.
template <typename Consume>
void read_blocks(const fs::path& file, const Consume& consume) {
  const Descriptor input(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input) throw InputError("cannot read {}: {}", file.string(), reason());
  std::vector<char> block(size_t{1} << 18);
  while (true) {
    const ssize_t size = read(input.get(), block.data(), block.size());
    if (size == 0) return;
    if (size > 0) {
      consume(std::string_view(block.data(), static_cast<size_t>(size)));
    } else if (errno != EINTR) {
      throw InputError("cannot read {}: {}", file.string(), reason());
    }
  }
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void update(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
    std::string text;
    for (unsigned char byte : digest) text += fmt::format("{:02x}", byte);
    return text;
  }

 private:
  static void check(int ok) {
    if (ok != 1) throw Error("SHA-256 failed in OpenSSL");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// A file with a fresh name beside the target, removed unless it was renamed.
class Temporary {
 public:
  explicit Temporary(const fs::path& target) {
    static std::atomic<int> counter{0};
    do {
      name_ = fmt::format("{}.{}.{}.tmp", target.string(), getpid(), counter++);
      descriptor_ = Descriptor(open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    } while (!descriptor_ && errno == EEXIST);
  }
  ~Temporary() {
    if (!renamed_) unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  explicit operator bool() const { return static_cast<bool>(descriptor_); }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (size >= 0) {
        bytes.remove_prefix(static_cast<size_t>(size));
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  }
  bool set_mode(mode_t mode) { return fchmod(descriptor_.get(), mode) == 0; }
  bool sync_and_close() { return fsync(descriptor_.get()) == 0 && descriptor_.close(); }
  bool rename_to(const fs::path& target) {
    return renamed_ = std::rename(name_.c_str(), target.c_str()) == 0;
  }

 private:
  std::string name_;
  Descriptor descriptor_;
  bool renamed_ = false;
};

bool sync_directory(const fs::path& directory) {
  const Descriptor descriptor(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a directory and say EINVAL; their renames are as durable as they get.
  return descriptor && (fsync(descriptor.get()) == 0 || errno == EINVAL);
}

fs::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? fs::path() : fs::path(value);
}

}  // namespace

std::string read_file(const fs::path& file) {
  std::string bytes;
  read_blocks(file, [&](std::string_view block) { bytes += block; });
  return bytes;
}

void write_file(const fs::path& file, std::string_view bytes) {
  const auto fail = [&] { throw Error("cannot write {}: {}", file.string(), reason()); };
  struct stat old {};
  const bool exists = stat(file.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) throw Error("cannot write {}: not a regular file", file.string());
  Temporary temporary(file);
  if (!temporary || !temporary.write(bytes)) fail();
  if (exists && !temporary.set_mode(old.st_mode & 07777)) fail();
  if (!temporary.sync_and_close() || !temporary.rename_to(file)) fail();
  if (!sync_directory(file.has_parent_path() ? file.parent_path() : ".")) fail();
}

void remove_unfinished_writes(const fs::path& directory) {
  static const std::regex kTemporary(R"(.+\.\d+\.\d+\.tmp)");  // as Temporary names them
  std::vector<fs::path> unfinished;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.is_regular_file() && std::regex_match(entry.path().filename().string(), kTemporary))
      unfinished.push_back(entry.path());
  for (const fs::path& file : unfinished) fs::remove(file);
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_file(const fs::path& file) {
  Sha256 hash;
  read_blocks(file, [&](std::string_view block) { hash.update(block); });
  return hash.hex();
}

TemporaryDirectory::TemporaryDirectory(std::string_view prefix, const fs::path& parent) {
  std::error_code error;
  const fs::path base = parent.empty() ? fs::temp_directory_path(error) : parent;
  if (error) throw Error("no directory for temporary files: {}; set TMPDIR", error.message());
  std::string name = (base / prefix).string() + "XXXXXX";
  if (mkdtemp(name.data()) == nullptr)
    throw Error("cannot make a temporary directory in {}: {}", base.string(), reason());
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

FileLock::FileLock(const fs::path& file, std::string_view what) {
  Descriptor descriptor(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!descriptor) throw InputError("cannot lock {}: {}", file.string(), reason());
  if (flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      throw InputError("{} is in use by another process (it holds {})", what, file.string());
    throw InputError("cannot lock {}: {}", file.string(), reason());
  }
  descriptor_ = descriptor.release();
}

FileLock::~FileLock() {
  ::close(descriptor_);
}

fs::path home_directory() {
  fs::path directory = environment_path("LATHE_HOME");
  if (directory.empty()) {
    fs::path data = environment_path("XDG_DATA_HOME");
    if (data.empty()) {
      const fs::path home = environment_path("HOME");
      if (home.empty()) throw InputError("no place for lathe's data: set LATHE_HOME to a directory");
      data = home / ".local" / "share";
    }
    directory = data / "lathe";
  }
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw InputError("cannot create {}: {}", directory.string(), error.message());
  return directory;
}

}  // namespace lathe::core
