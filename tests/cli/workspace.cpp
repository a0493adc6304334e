#include "tests/cli/workspace.h"

#include <torch/torch.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "lathe/data/inputs.h"

namespace lathe::cli::testing {
namespace {

constexpr int64_t kSide = 8, kClasses = 3;

// Without the fsync of core::write_file.
void save(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string big_endian(uint32_t number) {
  std::string bytes(4, '\0');
  for (int i = 0; i < 4; ++i) bytes[static_cast<size_t>(i)] = static_cast<char>(number >> (24 - 8 * i));
  return bytes;
}

void write_idx_pair(const fs::path& directory, const std::string& prefix, uint32_t count, uint64_t seed) {
  std::string images =
      std::string("\0\0\x08\x03", 4) + big_endian(count) + big_endian(kSide) + big_endian(kSide);
  std::string labels = std::string("\0\0\x08\x01", 4) + big_endian(count);
  for (uint32_t i = 0; i < count; ++i) {
    const int64_t label = i % kClasses;
    const torch::Tensor image = image_of_class(label, seed + i);
    images.append(static_cast<const char*>(image.data_ptr()), static_cast<size_t>(image.numel()));
    labels += static_cast<char>(label);
  }
  save(directory / (prefix + "-images-idx3-ubyte"), images);
  save(directory / (prefix + "-labels-idx1-ubyte"), labels);
}

std::string quoted(const std::string& text) {
  return "\n--- stderr\n" + text + "---\n";
}

}  // namespace

std::string lathe_program() {
  return LATHE_BINARY_DIR "/bin/lathe";
}

void Workspace::write(const std::string& name, const std::string& text) const {
  fs::create_directories((path() / name).parent_path());
  save(path() / name, text);
}

core::ProcessOptions Workspace::command(const std::vector<std::string>& arguments) const {
  core::ProcessOptions options;
  options.arguments = {lathe_program()};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.directory = path();
  // As it is, so that the program does not start itself again with a better one: a fifth of a start's time.
  options.environment = {{"LATHE_HOME", path() / "home"},
                         {"XDG_CACHE_HOME", path() / "cache"},
                         {"LATHE_ENVIRONMENT", "prepared"}};
  options.timeout_seconds = 60;
  return options;
}

core::ProcessResult Workspace::lathe(const std::vector<std::string>& arguments) const {
  return core::run_process(command(arguments));
}

core::ProcessResult Workspace::shell(const std::string& script) const {
  core::ProcessOptions options = command({});
  options.arguments = {"bash", "-c", script};
  options.environment["PATH"] = fs::path(lathe_program()).parent_path().string() + ":" + std::getenv("PATH");
  return core::run_process(options);
}

torch::Tensor image_of_class(int64_t label, uint64_t seed) {
  std::mt19937_64 random(seed);
  torch::Tensor image = torch::zeros({1, kSide, kSide}, torch::kUInt8);
  auto* pixels = image.data_ptr<uint8_t>();
  for (int64_t i = 0; i < kSide * kSide; ++i) {
    const bool bright = i / kSide / 2 == label;
    const bool noise = random() % 5 == 0;
    pixels[i] = static_cast<uint8_t>((bright != noise ? 180 : 10) + random() % 60);
  }
  return image;
}

void write_idx_data(const fs::path& directory) {
  fs::create_directories(directory);
  write_idx_pair(directory, "train", 240, 0);
  write_idx_pair(directory, "t10k", 60, 1000);
}

std::string table_text() {
  std::mt19937_64 random(3);
  const char* colors[] = {"red", "green", "blue"};
  const char* species[] = {"setosa", "virginica", "versicolor"};
  std::string text = "length,width,color,species\n";
  for (int i = 0; i < 150; ++i) {
    const int k = i % 3;
    const double noise = static_cast<double>(random() % 1000) / 1000;
    text += fmt::format("{:.3f},{},{},{}\n", k + 0.5 * noise,
                        i % 17 == 0 ? "" : fmt::format("{:.2f}", 5 - k + noise),
                        colors[random() % 10 == 0 ? 0 : k], species[k]);
  }
  return text;
}

void write_image_folders(const fs::path& directory) {
  const char* names[] = {"top", "middle", "low"};
  for (int64_t label = 0; label < kClasses; ++label) {
    const fs::path folder = directory / names[label];
    fs::create_directories(folder);
    for (uint64_t i = 0; i < 10; ++i)
      save(folder / fmt::format("{}.png", i),
           data::encode_png(image_of_class(label, 100 * static_cast<uint64_t>(label) + i)));
  }
}

std::string pipeline_text(const std::string& name, const std::string& source) {
  return "name = \"" + name + "\"\n\n[data]\nsource = \"" + source +
         "\"\n\n[model]\nkind = \"mlp\"\nhidden = [32]\ndropout = 0.1\n\n[optim]\nlr = 0.02\n\n"
         "[train]\nsteps = 80\nbatch_size = 32\n";
}

std::map<std::string, std::string> contents(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) files[fs::relative(entry.path(), directory)] = core::read_file(entry.path());
  return files;
}

std::vector<std::string> differences(const std::map<std::string, std::string>& before,
                                     const std::map<std::string, std::string>& after) {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : before)
    if (after.count(name) == 0 || after.at(name) != bytes) names.push_back(name);
  for (const auto& [name, bytes] : after)
    if (before.count(name) == 0) names.push_back(name);
  return names;
}

nlohmann::json parse_json(const core::ProcessResult& result) {
  const auto json = nlohmann::json::parse(result.output, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(succeeded(result));
  EXPECT_FALSE(json.is_discarded()) << "not JSON: " << result.output;
  return json;
}

::testing::AssertionResult failed_with(const core::ProcessResult& result, int exit_code,
                                       const std::vector<std::string>& parts) {
  if (result.exit_code != exit_code)
    return ::testing::AssertionFailure()
           << "exit code " << result.exit_code << ", not " << exit_code << quoted(result.errors);
  if (result.errors.find('\n') != result.errors.size() - 1 || result.errors.rfind("lathe: ", 0) != 0)
    return ::testing::AssertionFailure() << "not one line that begins with lathe:" << quoted(result.errors);
  for (const std::string& part : parts)
    if (result.errors.find(part) == std::string::npos)
      return ::testing::AssertionFailure() << "'" << part << "' is missing" << quoted(result.errors);
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult succeeded(const core::ProcessResult& result) {
  if (result.exit_code == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "exit code " << result.exit_code << quoted(result.errors);
}

}  // namespace lathe::cli::testing
