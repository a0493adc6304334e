#include "lathe/pipeline/text_data.h"

#include "lathe/data/text_encoding.h"

namespace lathe::pipeline {

data::Splits encode_texts(data::Splits splits, const core::Config& config) {
  if (!splits.train.schema.text()) return splits;
  return data::encode(std::move(splits), data::text_encoding_options(config.section("data")));
}

void check_texts(const core::Config& config, const PipelineOptions& options, const data::Schema& schema) {
  if (!schema.text()) return;
  const core::Config train = config.section("train");
  if (options.train.augment.any())
    train.fail("augment", "changes images; the data is texts: leave the table out");
  if (options.continual)
    train.fail("continual", "takes images and tables; the data is texts: leave the table out");
  if (options.multitask)
    config.section("optim").fail("multitask",
                                 "takes images and tables; the data is texts: leave the table out");
}

}  // namespace lathe::pipeline
