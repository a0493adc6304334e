#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// What the fuzz targets share. A target is one reader and some inputs that it takes; NAME_fuzz.cpp registers
// it.
namespace lathe::fuzz {

struct Target {
  std::string name;
  // Hands the bytes to the reader. lathe::Error is a refusal; whatever else leaves it is a finding.
  void (*read)(std::string_view bytes);
  std::vector<std::string> (*seeds)();  // valid inputs: read() takes them all
};

// Called while the program starts:  static const bool registered = add_target({"npy", read, seeds});
bool add_target(Target target);
const std::vector<Target>& targets();
const Target& find_target(const std::string& name);  // throws InputError naming those there are

// Whether the target takes the bytes. A refusal that is not one line of text throws std::logic_error.
bool takes(const Target& target, std::string_view bytes);

// What must hold of anything that was read; throws std::logic_error with the text.
void require(bool holds, const char* what);

// Several files in one input, parted by a line of its own. split() gives exactly `count`; missing ones are
// empty.
std::string join(const std::vector<std::string>& files);
std::vector<std::string_view> split(std::string_view bytes, size_t count);

// This process's directory below TMPDIR, for readers that want files.
const std::filesystem::path& scratch();
void save(const std::filesystem::path& file, std::string_view bytes);  // no fsync

}  // namespace lathe::fuzz
