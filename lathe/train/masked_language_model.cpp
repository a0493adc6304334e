#include "lathe/train/masked_language_model.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/json.h"
#include "lathe/nn/archive_file.h"
#include "lathe/train/trainer.h"

namespace lathe::train {
namespace {

constexpr const char* kAdvice = "train the masked language model again";
constexpr const char* kFormat = "lathe-masked-language-model/1";

}  // namespace

MaskedLanguageModel::MaskedLanguageModel(std::shared_ptr<const data::TextEncoding> encoding, int64_t layers,
                                         const nn::TransformerOptions& layer)
    : encoding_(std::move(encoding)) {
  encoder_ = register_module("encoder", std::make_shared<nn::TextEncoder>(
                                            nn::TextEncoderOptions{.num_tokens = encoding_->num_tokens() + 1,
                                                                   .length = encoding_->length(),
                                                                   .layers = layers,
                                                                   .layer = layer}));
  bias_ = register_parameter("bias", torch::zeros({encoding_->num_tokens() + 1}));
}

torch::Tensor MaskedLanguageModel::logits_of(const torch::Tensor& states) const {
  return states.matmul(encoder_->embedding().t()) + bias_;
}

torch::Tensor MaskedLanguageModel::forward(torch::Tensor rows) {
  return logits_of(encoder_->forward(rows));
}

void MaskedLanguageModel::initialize(core::Seed seed) {
  encoder_->initialize(seed.stream("encoder"));
  const torch::NoGradGuard no_grad;
  bias_.zero_();
}

std::vector<std::string> MaskedLanguageModel::vocabulary() const {
  std::vector<std::string> tokens;
  for (int64_t i = 0; i < encoding_->num_tokens(); ++i) tokens.push_back(encoding_->token(i));
  tokens.emplace_back("<mask>");
  return tokens;
}

torch::Tensor MaskedLanguageModel::log_probabilities(const torch::Tensor& rows,
                                                     const torch::Tensor& positions) {
  const nn::EvaluationMode evaluation(*this);
  const torch::NoGradGuard no_grad;
  const torch::Device device = nn::device_of(*this);
  const torch::Tensor states = encoder_->forward(rows.to(device));
  const torch::Tensor index = positions.to(device).view({-1, 1, 1}).expand({-1, 1, states.size(2)});
  torch::Tensor logits = logits_of(states.gather(1, index).squeeze(1));
  for (const torch::Tensor& special : {logits.slice(1, 0, data::kNumSpecialWords), logits.slice(1, mask())})
    special.fill_(-std::numeric_limits<float>::infinity());
  return logits.log_softmax(1).cpu();
}

torch::Tensor MaskedLanguageModel::loss(const torch::Tensor& rows, double masked) {
  const auto draw = [&] { return torch::rand(rows.sizes(), rows.options().dtype(torch::kFloat32)); };
  // Special tokens never; the smallest draw always, so that there is something to predict.
  const torch::Tensor chance = draw().masked_fill(rows.lt(data::kNumSpecialWords), 2);
  const torch::Tensor hidden = chance.le(chance.min().clamp_min(masked));
  const torch::Tensor fate = draw();
  const torch::Tensor random = torch::randint(data::kNumSpecialWords, mask(), rows.sizes(), rows.options());
  torch::Tensor seen = torch::where(hidden.logical_and(fate.lt(0.8)), torch::full_like(rows, mask()), rows);
  seen = torch::where(hidden.logical_and(fate.ge(0.9)), random, seen);
  const torch::Tensor where = hidden.flatten().nonzero().flatten();
  const torch::Tensor states = encoder_->forward(seen).flatten(0, 1).index_select(0, where);
  return torch::cross_entropy_loss(logits_of(states), rows.flatten().index_select(0, where));
}

std::shared_ptr<MaskedLanguageModel> train_masked_language_model(const std::vector<std::string>& sentences,
                                                                 const MaskedLanguageModelOptions& options,
                                                                 const core::StopToken& stop) {
  if (!(options.masked > 0 && options.masked < 1))
    throw InputError("the share of masked tokens must be between 0 and 1, got {}", options.masked);
  data::Dataset examples;
  examples.texts = {sentences};
  examples.targets = torch::zeros({static_cast<int64_t>(sentences.size())}, torch::kInt64);
  examples.schema.fields = {"text"};
  examples.schema.classes = {"text"};
  const auto encoding = std::make_shared<const data::TextEncoding>(
      data::TextEncodingOptions{.vocabulary = options.vocabulary, .length = options.length}, examples.texts);
  examples = data::encode(std::move(examples), encoding);

  const core::Seed seed(options.seed);
  auto model = std::make_shared<MaskedLanguageModel>(encoding, options.layers, options.layer);
  model->initialize(seed.stream("model"));
  Trainer trainer(
      model, optim::make_step(model->parameters(), {.kind = "adamw", .lr = options.lr, .weight_decay = 0.01}),
      {.epochs = options.epochs, .batch_size = options.batch_size}, seed.stream("train"));
  trainer.set_objective([masked = options.masked](nn::Model& trained, const data::Batch& batch) {
    return dynamic_cast<MaskedLanguageModel&>(trained).loss(batch.inputs, masked);
  });
  trainer.fit(examples, {}, {}, stop);
  model->eval();
  return model;
}

void save_masked_language_model(const MaskedLanguageModel& model, const std::filesystem::path& file) {
  const nn::TextEncoderOptions& options = model.encoder_options();
  const nlohmann::json description = {{"format", kFormat},
                                      {"layers", options.layers},
                                      {"width", options.layer.width},
                                      {"heads", options.layer.num_heads},
                                      {"feed_forward", options.layer.feed_forward},
                                      {"encoding", model.encoding().to_json()}};
  nn::write_archive(file, [&](torch::serialize::OutputArchive& archive) {
    archive.write("description", c10::IValue(description.dump()));
    model.save(archive);
  });
}

std::shared_ptr<MaskedLanguageModel> load_masked_language_model(const std::filesystem::path& file) {
  std::shared_ptr<MaskedLanguageModel> model;
  nn::read_archive(file, kAdvice, [&](torch::serialize::InputArchive& archive) {
    c10::IValue text;
    archive.read("description", text);
    const nlohmann::json description = core::parse_json(text.toStringRef(), file.string(), kAdvice);
    if (description.at("format") != kFormat) throw Error("it is no masked language model");
    const auto size = [&](const char* key) {
      const auto value = description.at(key).get<int64_t>();
      if (value < 1) throw Error("{} is {}", key, value);
      return value;
    };
    const nn::TransformerOptions layer{size("width"), size("heads"), size("feed_forward")};
    const auto encoding = std::make_shared<const data::TextEncoding>(description.at("encoding"));
    // What is made before its weights are read must not take more memory than they do.
    if (nn::num_weights(nn::TextEncoderOptions{
            .num_tokens = encoding->num_tokens(), .layers = size("layers"), .layer = layer}) >
        static_cast<double>(std::filesystem::file_size(file)))
      throw Error("its description asks for more weights than the file can hold");
    model = std::make_shared<MaskedLanguageModel>(encoding, size("layers"), layer);
    model->load(archive);
  });
  model->eval();
  return model;
}

}  // namespace lathe::train
