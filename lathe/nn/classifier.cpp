#include "lathe/nn/classifier.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/nn/cnn.h"
#include "lathe/nn/mlp.h"
#include "lathe/nn/resnet.h"
#include "lathe/nn/script_model.h"
#include "lathe/nn/text_kinds.h"

namespace lathe::nn {
namespace {

using core::Config;
using core::Range;
using Shape = std::vector<int64_t>;  // of one example, after the input layer

void require_images(const Config& config, const Shape& shape) {
  if (shape.size() != 3) config.fail("kind", "needs images; a table wants kind = \"mlp\"");
}

Body mlp(const Config& config, const Shape& shape, int64_t num_classes) {
  const MlpOptions options{
      .num_inputs = c10::multiply_integers(shape),
      .num_classes = num_classes,
      .hidden = config.integers("hidden", MlpOptions{}.hidden, Range::at_least(1)),
      .dropout = config.number("dropout", 0, {.min = 0, .max = 1, .open_max = true}),
  };
  return {num_weights(options), [options] { return std::make_shared<Mlp>(options); }};
}

Body cnn(const Config& config, const Shape& shape, int64_t num_classes) {
  require_images(config, shape);
  const CnnOptions options{
      .in_channels = shape[0],
      .num_classes = num_classes,
      .stem_channels = config.integer("stem_channels", CnnOptions{}.stem_channels, Range::at_least(0)),
      .channels = config.integers("channels", CnnOptions{}.channels, Range::at_least(1)),
      .pool_every = config.integer("pool_every", CnnOptions{}.pool_every, Range::at_least(1)),
      .dropout = config.number("dropout", 0, {.min = 0, .max = 1, .open_max = true}),
  };
  if (options.channels.empty())
    config.fail("channels", "must name at least one convolution, e.g. [16, 32, 64, 64]");
  const int64_t pools = (static_cast<int64_t>(options.channels.size()) - 1) / options.pool_every;
  const int64_t halvings = pools + (options.stem_channels > 0 ? 1 : 0);
  if (halvings > 60 || std::min(shape[1], shape[2]) >> halvings < 1)
    config.fail("channels",
                fmt::format("with pool_every = {} halves a {}×{} image {} times; name fewer convolutions",
                            options.pool_every, shape[1], shape[2], halvings));
  return {num_weights(options), [options] { return std::make_shared<Cnn>(options); }};
}

Body resnet(const Config& config, const Shape& shape, int64_t num_classes) {
  require_images(config, shape);
  const ResNetOptions options{
      .in_channels = shape[0],
      .num_classes = num_classes,
      .depth = config.integer("depth", ResNetOptions{}.depth),
      .width = config.integer("width", 0, Range::at_least(0)),
  };
  return {least_weights(options), [options] { return std::make_shared<ResNet>(options); }};
}

using Architecture = Body (*)(const Config&, const Shape&, int64_t num_classes);
const std::map<std::string, Architecture> kArchitectures = {{"cnn", cnn}, {"mlp", mlp}, {"resnet", resnet}};
constexpr const char* kScript = "torchscript";

// A module from elsewhere brings its own idea of pixels; ours learn theirs from the data.
std::shared_ptr<InputLayer> build_input_layer(const Config& config, const data::Schema& schema,
                                              const std::string& kind) {
  if (kind != kScript || schema.table() || schema.text()) return make_input_layer(schema);
  const std::string pixels = config.choice("pixels", "unit", {"unit", "standardized", "raw"});
  if (pixels == "standardized") return make_input_layer(schema);
  return std::make_shared<FixedPixelScale>(schema.shape, pixels == "unit" ? 255.0 : 1.0);
}

std::string kind_of(const Config& config, const data::Schema& schema) {
  std::vector<std::string> all = {kScript}, fitting = {kScript};
  const auto add = [&](const std::string& kind, bool for_texts) {
    all.push_back(kind);
    if (for_texts == schema.text()) fitting.push_back(kind);
  };
  for (const auto& [kind, architecture] : kArchitectures) add(kind, false);
  for (const auto& [kind, body] : text_bodies()) add(kind, true);
  const std::string kind = config.choice("kind",
                                         schema.text()    ? "embedding-bag"
                                         : schema.table() ? "mlp"
                                                          : "cnn",
                                         all);
  if (std::find(fitting.begin(), fitting.end(), kind) == fitting.end())
    config.fail("kind", fmt::format("= \"{}\" does not read {}; there are {}", kind,
                                    schema.text() ? "texts" : "images or tables", fmt::join(fitting, ", ")));
  return kind;
}

Body body_of(const Config& config, const std::string& kind, const data::Schema& schema, const Shape& shape) {
  if (schema.text()) return text_bodies().at(kind)(config, schema);
  return kArchitectures.at(kind)(config, shape, schema.num_classes());
}

}  // namespace

Classifier::Classifier(data::Schema schema, std::string architecture, std::shared_ptr<InputLayer> input,
                       std::shared_ptr<Model> body)
    : schema_(std::move(schema)), architecture_(std::move(architecture)) {
  input_ = register_module("input", std::move(input));
  body_ = register_module("body", std::move(body));
}

torch::Tensor Classifier::forward(torch::Tensor inputs) {
  const torch::Tensor logits = body_->forward(input_->forward(inputs));
  return output_weights_.defined() ? logits * output_weights_ + output_biases_ : logits;
}

void Classifier::scale_outputs(const OutputScaling& scaling) {
  for (const torch::Tensor& tensor : {scaling.weights, scaling.biases})
    if (tensor.dim() != 1 || (tensor.size(0) != 1 && tensor.size(0) != schema_.num_classes()))
      throw InputError("an output scaling has 1 or {} weights and biases, got a tensor of {}",
                       schema_.num_classes(), tensor.numel());
  const auto device = device_of(*this);
  const auto keep = [&](const char* name, torch::Tensor& buffer, const torch::Tensor& value) {
    if (!buffer.defined()) buffer = register_buffer(name, torch::empty({0}));
    buffer.set_data(value.detach().to(device, torch::kFloat32, /*non_blocking=*/false, /*copy=*/true));
  };
  keep("output_weights", output_weights_, scaling.weights);
  keep("output_biases", output_biases_, scaling.biases);
}

std::optional<OutputScaling> Classifier::output_scaling() const {
  if (!output_weights_.defined()) return std::nullopt;
  return OutputScaling{output_weights_, output_biases_};
}

double least_weights(const Config& config, const data::Schema& schema) {
  const std::string kind = kind_of(config, schema);
  if (kind == kScript) return 0;
  return body_of(config, kind, schema, make_input_layer(schema)->output_shape()).least_weights;
}

static FeatureModel& with_features(Model& body) {
  auto* model = dynamic_cast<FeatureModel*>(&body);
  if (!model)
    throw InputError(
        "a model of kind \"torchscript\" or \"bag-of-words\" has no features apart from its last layer; use "
        "another model.kind");
  return *model;
}

torch::Tensor Classifier::features(torch::Tensor inputs) {
  return with_features(*body_).features(input_->forward(inputs));
}

torch::nn::LinearImpl& Classifier::head() {
  return with_features(*body_).head();
}

std::shared_ptr<Classifier> build(const Config& config, const data::Schema& schema, core::Seed seed,
                                  const std::optional<torch::jit::Module>& script) {
  const std::string kind = kind_of(config, schema);
  auto input = build_input_layer(config, schema, kind);
  std::shared_ptr<Model> body;
  if (kind == kScript) {
    const std::string path = config.text("path");
    body = script ? std::make_shared<ScriptModel>(*script) : std::make_shared<ScriptModel>(path);
  } else {
    body = body_of(config, kind, schema, input->output_shape()).make();
  }
  auto classifier =
      std::make_shared<Classifier>(schema, config.resolved(), std::move(input), std::move(body));
  classifier->initialize(seed);
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : classifier->parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  return classifier;
}

}  // namespace lathe::nn
