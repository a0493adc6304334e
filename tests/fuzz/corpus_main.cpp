// Without arguments: every target takes its seeds, and survives each file of its folder in the corpus.
// With two, TARGET DIRECTORY: writes the target's seeds there. With --list: names the targets.
#include <chrono>
#include <cstdio>
#include <exception>

#include "lathe/core/files.h"
#include "tests/fuzz/target.h"

namespace {

namespace fs = std::filesystem;
using lathe::fuzz::Target;

// One input that takes longer is a finding, also under a sanitizer.
constexpr double kMaxSeconds = 10;

int replay(const Target& target, const std::string& what, const std::string& bytes, bool must_take) {
  const auto start = std::chrono::steady_clock::now();
  std::printf("%s %s\n", target.name.c_str(), what.c_str());
  std::fflush(stdout);  // the last line names the input that crashed
  int failures = 0;
  try {
    if (!lathe::fuzz::takes(target, bytes) && must_take) {
      std::printf("  is refused\n");
      ++failures;
    }
  } catch (const std::exception& error) {
    std::printf("  %s\n", error.what());
    ++failures;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (seconds > kMaxSeconds) {
    std::printf("  took %.1f s\n", seconds);
    ++failures;
  }
  return failures;
}

int replay_all() {
  int failures = 0;
  for (const Target& target : lathe::fuzz::targets()) {
    const std::vector<std::string> seeds = target.seeds();
    for (size_t i = 0; i < seeds.size(); ++i)
      failures += replay(target, "seed " + std::to_string(i), seeds[i], /*must_take=*/true);
    const fs::path folder = fs::path(LATHE_SOURCE_DIR) / "tests" / "fuzz" / "corpus" / target.name;
    if (!fs::is_directory(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder))
      failures +=
          replay(target, entry.path().filename(), lathe::core::read_file(entry.path()), /*must_take=*/false);
  }
  return failures;
}

void write_seeds(const Target& target, const fs::path& directory) {
  fs::create_directories(directory);
  const std::vector<std::string> seeds = target.seeds();
  for (size_t i = 0; i < seeds.size(); ++i)
    lathe::fuzz::save(directory / ("seed-" + std::to_string(i)), seeds[i]);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3) {
      write_seeds(lathe::fuzz::find_target(argv[1]), argv[2]);
    } else if (argc == 2) {
      for (const Target& target : lathe::fuzz::targets()) std::printf("%s\n", target.name.c_str());
    } else {
      return replay_all() == 0 ? 0 : 1;
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
