#pragma once
#include "lathe/core/config.h"
#include "lathe/data/dataset.h"
#include "lathe/pipeline/options.h"

namespace lathe::pipeline {

// Texts as numbers of tokens, as the [data] table says, by an encoding that is fitted to the training part;
// other data as it is.
data::Splits encode_texts(data::Splits splits, const core::Config& config);

// Throws InputError for what a pipeline asks for and texts cannot have.
void check_texts(const core::Config& config, const PipelineOptions& options, const data::Schema& schema);

}  // namespace lathe::pipeline
