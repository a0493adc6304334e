#include "studies/conformal_pools.h"

#include <torch/torch.h>

#include "lathe/data/glyphs.h"
#include "lathe/evaluate/logits_file.h"
#include "lathe/nn/classifier.h"
#include "lathe/optim/optimizer.h"
#include "lathe/train/trainer.h"

namespace lathe::studies::conformal {
namespace {

constexpr int64_t kTrainImagesPerLetter = 100, kPoolImagesPerLetter = 20;
const std::string kCnn = "kind = 'cnn'\nstem_channels = 16\nchannels = [32, 64, 128]\npool_every = 1";

std::shared_ptr<nn::Classifier> trained(const data::Dataset& train, double epochs, core::Seed seed,
                                        const core::StopToken& stop) {
  auto model = nn::build(core::Config::parse(kCnn), train.schema, seed.stream("model"));
  model->fit_inputs(train.inputs);
  train::Trainer trainer(model, optim::make_step(model->parameters(), {.lr = 0.1}), {.epochs = epochs},
                         seed.stream("train"));
  trainer.fit(train, {}, {}, stop);
  return model;
}

Pool pool_of(const std::string& name, nn::Classifier& model, const data::Dataset& images) {
  return {name, {.logits = nn::predict(model, images.inputs), .labels = images.targets}};
}

}  // namespace

Pool fashion_pool(core::Seed seed, const core::StopToken& stop) {
  const data::Source source = data::load_source("fashion-mnist");
  const auto model = trained(source.train, 4, seed.stream("fashion-mnist"), stop);
  return pool_of("Fashion-MNIST", *model, source.test);
}

GlyphPools glyph_pools(core::Seed seed, const core::StopToken& stop) {
  seed = seed.stream("glyphs");
  const data::GlyphTask task = data::glyph_task(data::debian_fonts(), {}, seed.stream("faces"));
  const auto images = [&](const std::vector<data::FontFace>& faces, int64_t per_letter,
                          const data::Distortion& distortion, const char* part) {
    return data::glyph_images(faces, task.letters,
                              {.images_per_letter = per_letter, .distortion = distortion}, seed.stream(part));
  };
  const auto model = trained(images(task.train_faces, kTrainImagesPerLetter, data::kGlyphDistortion, "train"),
                             6, seed, stop);
  const auto pool = [&](const std::string& name, const data::Distortion& distortion) {
    return pool_of(name, *model, images(task.unseen_faces, kPoolImagesPerLetter, distortion, "pool"));
  };
  return {pool("glyph-1000", data::kGlyphDistortion), pool("glyph-shift", data::kGlyphShift)};
}

Pool stored_pool(const std::string& name, const std::filesystem::path& logits,
                 const std::filesystem::path& labels) {
  const evaluate::LogitsFile file = evaluate::read_logits(logits, labels);
  return {name, {.logits = file.logits, .labels = file.targets}};
}

}  // namespace lathe::studies::conformal
