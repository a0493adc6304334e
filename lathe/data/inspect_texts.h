#pragma once
#include "lathe/data/inspect.h"

namespace lathe::data {

// What inspect() says of texts besides: their tokens, empty ones, words of the test set that training texts
// lack. Rows are added to its summary and warnings.
Inspection inspect_texts(const Source& source, Inspection inspection);

// The fields of each example as one string, different for different examples.
std::vector<std::string> joined_texts(const Dataset& dataset);

}  // namespace lathe::data
