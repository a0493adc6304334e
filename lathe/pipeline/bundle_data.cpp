#include "lathe/pipeline/bundle_data.h"

#include "lathe/core/error.h"
#include "lathe/pipeline/text_data.h"

namespace lathe::pipeline {
namespace {

core::Config configuration(const Bundle& bundle, const std::vector<std::string>& overrides) {
  if (!bundle.has("pipeline.toml") || !bundle.has("data.json"))
    throw InputError("{} does not say which data it was made from; `lathe run` writes that",
                     bundle.path().string());
  return core::Config::load(bundle.file("pipeline.toml"), overrides);
}

void require_same_data(const Bundle& bundle, const data::Source& source) {
  if (bundle.json("data.json").value("content_hash", "") != source.content_hash)
    throw InputError("{} was made from other data than is now at {}; `lathe run` makes it again",
                     bundle.path().string(), source.name);
}

}  // namespace

data::Splits bundle_splits(const Bundle& bundle, const std::vector<std::string>& overrides) {
  const core::Config config = configuration(bundle, overrides);
  const PipelineOptions options = pipeline_options(config);
  const data::Source source = data::load_source(options.source, options.source_options);
  require_same_data(bundle, source);
  return encode_texts(splits_of(source, options), config);
}

Setup bundle_setup(const Bundle& bundle, JobOptions how, const std::vector<std::string>& overrides) {
  Setup setup(configuration(bundle, overrides), std::move(how));
  require_same_data(bundle, setup.source());
  return setup;
}

}  // namespace lathe::pipeline
