#pragma once
#include "lathe/core/table.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

// What is in a data set, for `lathe data check`.
struct Inspection {
  core::Table
      summary;  // property, value: examples, shape, classes, hash, duplicates (within train; train ∩ test), …
  core::Table classes;  // class, train, test
  core::Table columns;  // tables: column, kind, missing, distinct, min, mean, max; empty for images
  std::vector<std::string> warnings;  // one line each: constant column, near-empty class, leak between train
                                      // and test, unreadable file
};
Inspection inspect(const Source& source);

}  // namespace lathe::data
