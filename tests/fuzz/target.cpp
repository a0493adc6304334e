#include "tests/fuzz/target.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

// libtorch does not free its reader of an archive that is broken.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libtorch_cpu\n";
}

namespace lathe::fuzz {
namespace {

constexpr std::string_view kSeparator = "\n=====\n";

std::vector<Target>& registry() {
  static std::vector<Target> targets;
  return targets;
}

bool is_one_line(std::string_view text) {
  return !text.empty() &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

bool add_target(Target target) {
  auto& all = registry();
  all.insert(std::upper_bound(all.begin(), all.end(), target,
                              [](const Target& a, const Target& b) { return a.name < b.name; }),
             target);
  return true;
}

const std::vector<Target>& targets() {
  return registry();
}

const Target& find_target(const std::string& name) {
  std::vector<std::string> names;
  for (const Target& target : targets()) {
    if (target.name == name) return target;
    names.push_back(target.name);
  }
  throw InputError("there is no fuzz target '{}'; there are {}", name, fmt::join(names, ", "));
}

bool takes(const Target& target, std::string_view bytes) {
  try {
    target.read(bytes);
    return true;
  } catch (const Error& refusal) {
    if (!is_one_line(refusal.what())) throw std::logic_error(std::string("not one line: ") + refusal.what());
    return false;
  }
}

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

std::string join(const std::vector<std::string>& files) {
  return fmt::format("{}", fmt::join(files, kSeparator));
}

std::vector<std::string_view> split(std::string_view bytes, size_t count) {
  std::vector<std::string_view> files;
  while (files.size() + 1 < count) {
    const size_t end = bytes.find(kSeparator);
    files.push_back(bytes.substr(0, end));
    bytes = end == bytes.npos ? std::string_view() : bytes.substr(end + kSeparator.size());
  }
  files.push_back(bytes);
  return files;
}

const std::filesystem::path& scratch() {
  static const core::TemporaryDirectory directory("lathe-fuzz-");
  return directory.path();
}

void save(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream stream(file, std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace lathe::fuzz
