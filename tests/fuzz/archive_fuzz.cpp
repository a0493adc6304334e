// The TorchScript archive of a saved classifier: the whole file, and its description inside of a whole file.
#include <torch/script.h>
#include <torch/torch.h>

#include <sstream>

#include "lathe/nn/archive.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

data::Schema images() {
  return {.shape = {1, 4, 4}, .columns = {}, .target = "", .classes = {"a", "b"}};
}

data::Schema table() {
  return {.shape = {2},
          .columns = {{"x", {}}, {"colour", {"red", "blue"}}},
          .target = "y",
          .classes = {"a", "b", "c"}};
}

std::shared_ptr<nn::Classifier> classifier(const std::string& toml, const data::Schema& schema) {
  return nn::build(core::Config::parse(toml), schema, core::Seed(1));
}

void read_archive(std::string_view bytes) {
  const std::filesystem::path file = scratch() / "model.pt";
  save(file, bytes);
  const auto classifier = nn::load(file);
  require(classifier->schema().num_classes() > 0, "a classifier has classes");
}

std::vector<std::string> archives() {
  return {nn::to_archive(*classifier("kind = 'mlp'\nhidden = [2]", table())),
          nn::to_archive(*classifier("kind = 'cnn'\nchannels = [2]", images()))};
}

constexpr const char* kDescription = "lathe.json";

// Puts the description into an archive of weights that fit the first seed.
void read_description(std::string_view bytes) {
  static const torch::jit::Module module = [] {
    std::istringstream stream(archives().front());
    return torch::jit::load(stream);
  }();
  std::ostringstream stream;
  module.save(stream, {{kDescription, std::string(bytes)}});
  read_archive(stream.str());
}

std::string description_of(const std::string& archive) {
  std::unordered_map<std::string, std::string> extra = {{kDescription, ""}};
  std::istringstream stream(archive);
  torch::jit::load(stream, torch::kCPU, extra);
  return extra.at(kDescription);
}

std::vector<std::string> descriptions() {
  return {description_of(archives().front())};
}

const bool registered = add_target({"archive", read_archive, archives}) &&
                        add_target({"archive_description", read_description, descriptions});

}  // namespace
}  // namespace lathe::fuzz
