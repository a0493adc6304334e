#include <torch/serialize.h>

#include <fmt/format.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/core/table.h"
#include "lathe/nn/archive_file.h"
#include "lathe/train/opinion/fit.h"

namespace lathe::train::opinion {
namespace {

constexpr const char* kDescription = "description";

std::string describe(const OpinionModel& model) {
  nlohmann::json json{{"kind", to_string(model.kind)}, {"epochs", model.epochs}};
  if (model.network) {
    const OpinionNetworkOptions& options = model.network->options();
    json["num_features"] = options.num_features;
    json["num_classes"] = options.num_classes;
    json["num_annotators"] = options.num_annotators;
    json["attribute_sizes"] = options.attribute_sizes;
    json["person"] = static_cast<int>(options.person);
    json["rank"] = options.rank;
  }
  return json.dump();
}

// Sizes that a file may ask for.
int64_t size_of(const nlohmann::json& json, const char* key, int64_t least) {
  constexpr int64_t kMost = int64_t{1} << 30;
  const int64_t size = json.at(key).get<int64_t>();
  if (size < least || size > kMost) throw InputError("{} = {}", key, size);
  return size;
}

OpinionNetworkOptions network_options(const nlohmann::json& json) {
  OpinionNetworkOptions options{.num_features = size_of(json, "num_features", 1),
                                .num_classes = size_of(json, "num_classes", 1),
                                .num_annotators = size_of(json, "num_annotators", 0),
                                .attribute_sizes = json.at("attribute_sizes").get<std::vector<int64_t>>(),
                                .rank = size_of(json, "rank", 0)};
  const int person = json.at("person").get<int>();
  if (person < 0 || person > static_cast<int>(Person::crowd)) throw InputError("person = {}", person);
  options.person = static_cast<Person>(person);
  double weights = static_cast<double>(options.num_features) * options.num_classes * (options.rank + 1.0) +
                   static_cast<double>(options.num_annotators) * (options.rank + 1.0) * options.num_classes *
                       (options.person == Person::heads ? options.num_features : options.num_classes);
  for (const int64_t size : options.attribute_sizes) {
    if (size < 1) throw InputError("attribute_sizes has {}", size);
    weights += static_cast<double>(size) * (options.rank + options.num_classes);
  }
  constexpr double kMostWeights = 1e9;
  if (weights > kMostWeights) throw InputError("{:.3g} weights", weights);
  return options;
}

}  // namespace

void save(const OpinionModel& model, const std::filesystem::path& file) {
  nn::write_archive(file, [&](torch::serialize::OutputArchive& archive) {
    archive.write(kDescription, c10::IValue(describe(model)));
    if (model.network)
      model.network->save(archive);
    else
      archive.write("prior", model.prior);
  });
}

OpinionModel load(const std::filesystem::path& file) {
  OpinionModel model;
  nn::read_archive(file, "train again", [&](torch::serialize::InputArchive& archive) {
    c10::IValue description;
    archive.read(kDescription, description);
    const nlohmann::json json =
        core::parse_json(description.toStringRef(), file.string(), "a saved opinion model");
    model.kind = parse_kind(json.at("kind").get<std::string>());
    model.epochs = json.at("epochs").get<int64_t>();
    if (!json.contains("person")) {
      archive.read("prior", model.prior);
      return;
    }
    model.network = std::make_shared<OpinionNetwork>(network_options(json), core::Seed(0));
    std::vector<std::vector<int64_t>> shapes;
    for (const torch::Tensor& parameter : model.network->parameters())
      shapes.push_back(parameter.sizes().vec());
    model.network->load(archive);
    for (size_t p = 0; p < shapes.size(); ++p)
      if (model.network->parameters()[p].sizes() != c10::IntArrayRef(shapes[p]))
        throw InputError("a parameter has another shape than the description says");
  });
  return model;
}

void write_predictions(const evaluate::OpinionPredictions& predictions, const data::Annotations& annotations,
                       const std::filesystem::path& file) {
  std::string text = "item,annotator";
  for (int64_t c = 0; c < predictions.num_classes; ++c) text += fmt::format(",prob_{}", c);
  text += '\n';
  std::pair<int32_t, int32_t> before{-1, -1};
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    const auto row = static_cast<size_t>(predictions.rows[i]);
    const std::pair cell{annotations.item[row], annotations.annotator[row]};
    if (cell == before) continue;  // asked again: one answer for all times
    before = cell;
    text += core::csv_cell(annotations.items[static_cast<size_t>(cell.first)]) + ',' +
            core::csv_cell(annotations.annotators[static_cast<size_t>(cell.second)]);
    for (int64_t c = 0; c < predictions.num_classes; ++c)
      text += fmt::format(",{}", predictions.of(static_cast<int64_t>(i))[c]);
    text += '\n';
  }
  core::write_file(file, text);
}

}  // namespace lathe::train::opinion
