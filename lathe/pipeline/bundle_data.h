#pragma once
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/setup.h"

namespace lathe::pipeline {

// The examples of a bundle's model, read again as its pipeline.toml says; the bundle is only read. Overrides
// ("data.source=idx:elsewhere") are for data that has moved. Throws InputError when the data is not there, or
// is not what data.json describes.
data::Splits bundle_splits(const Bundle& bundle, const std::vector<std::string>& overrides = {});

// What its pipeline.toml asks for, with the data; refuses as bundle_splits does.
Setup bundle_setup(const Bundle& bundle, JobOptions how, const std::vector<std::string>& overrides = {});

}  // namespace lathe::pipeline
