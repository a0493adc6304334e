#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "lathe/core/config.h"
#include "lathe/data/dataset.h"
#include "lathe/nn/model.h"

namespace lathe::nn {

// A classifier's body as described: how many weights at least, and how to make it.
struct Body {
  double least_weights = 0;
  std::function<std::shared_ptr<Model>()> make;
};

// The bodies that read texts, by model.kind: each reads its keys of the [model] table.
using TextBody = Body (*)(const core::Config& model, const data::Schema& schema);
const std::map<std::string, TextBody>& text_bodies();

}  // namespace lathe::nn
