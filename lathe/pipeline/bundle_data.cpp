#include "lathe/pipeline/bundle_data.h"

#include "lathe/core/error.h"
#include "lathe/pipeline/job.h"

namespace lathe::pipeline {

data::Splits bundle_splits(const Bundle& bundle, const std::vector<std::string>& overrides) {
  if (!bundle.has("pipeline.toml") || !bundle.has("data.json"))
    throw InputError("{} does not say which data it was made from; `lathe run` writes that",
                     bundle.path().string());
  const PipelineOptions options =
      pipeline_options(core::Config::load(bundle.file("pipeline.toml"), overrides));
  const data::Source source = data::load_source(options.source, options.source_options);
  if (bundle.json("data.json").value("content_hash", "") != source.content_hash)
    throw InputError("{} was made from other data than is now at {}; `lathe run` makes it again",
                     bundle.path().string(), options.source);
  return splits_of(source, options);
}

}  // namespace lathe::pipeline
